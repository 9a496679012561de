//! Unpacks verified archives.

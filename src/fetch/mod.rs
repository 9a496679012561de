//! Brings sources here and proves that they are the pinned bytes.

mod verified;

pub use verified::{VerifiedFile, VerifyError};

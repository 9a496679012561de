//! What `muslchain::unpack` promises: well-formed archives come back as they were, hostile ones are refused and leave
//! nothing behind.

mod accepted;
mod archives;
mod limits;
mod random;
mod refused;

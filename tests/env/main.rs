//! What `env` promises to a shell: evaluated, quoted or not, its line sets what Go needs and nothing else, wherever the
//! store is; and when there is nothing to set, the evaluation fails.

#[path = "../support/mod.rs"]
mod support;

mod refused;
mod shells;
mod values;

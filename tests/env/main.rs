//! What `env` promises to a shell: evaluated, quoted or not, its line sets what Go needs and nothing else, wherever the
//! store is; it can be evaluated again, give way to another and be undone; and when there is nothing to set, the evaluation
//! fails. What `run`, other formats and the scripts in PATH do with the same environment.

#[path = "../support/mod.rs"]
mod support;

mod conventions;
mod formats;
mod refused;
mod run;
mod shells;
mod shims;
mod switching;
mod values;

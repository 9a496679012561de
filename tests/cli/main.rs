//! What the command line says when it is not told what it needs to know, and where settings come from.

#[path = "../support/mod.rs"]
mod support;

mod output;
mod refused;
mod settings;

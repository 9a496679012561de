//! What `install` promises: the road from sources to the store, what is done when a part of it fails, that nothing
//! is done twice or left half done, and what a stage can see.

#[path = "../support/mod.rs"]
mod support;

mod account;
mod additions;
mod archive;
mod bootstrap;
mod crash;
mod failures;
mod host_compiler;
mod kept;
mod launcher;
mod room;
mod store;
mod together;
mod verify;

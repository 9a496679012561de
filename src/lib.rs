//! Builds, verifies, caches and hands out musl cross-toolchains, so that a Go program with cgo
//! becomes one fully static binary for any Linux port of Go.
//!
//! The modules stand in the order in which data flows: a module uses what stands before it in
//! this list, never what stands after it. None of them prints, reads the environment or exits;
//! that is [`cli`]'s part.

pub mod digest;
pub mod event;
pub mod whole;
pub mod lock;
pub mod jobs;
pub mod scratch;
pub mod source;
pub mod target;
pub mod elf;
pub mod check;
pub mod recipe;
pub mod plan;
pub mod lockfile;
pub mod http;
pub mod fetch;
pub mod unpack;
pub mod sandbox;
pub mod launcher;
pub mod host;
pub mod contents;
pub mod store;
pub mod pack;
pub mod trust;
pub mod artifact;
pub mod remote;
pub mod cache;
pub mod advisory;
pub mod provenance;
pub mod shim;
pub mod snapshot;
pub mod kept;
pub mod build;
pub mod choice;
pub mod install;
pub mod rebuild;
pub mod env;
pub mod config;
pub mod cli;

//! What `cache` and `key` promise, and `install` where remotes are asked: toolchains go from one machine to another, nobody is
//! believed who is not trusted, and no remote keeps a toolchain from being built.

#[path = "../support/mod.rs"]
mod support;

mod bench;
mod commands;
mod crash;
mod exchange;
mod grades;
mod lock;
mod nginx;
mod registry;
mod s3;
mod settings;
mod trust;

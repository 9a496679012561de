//! What `env` and `run` have in common: a toolchain, chosen by a port, and the environment that belongs to it.

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

use super::context::Context;
use super::{recipes, store};
use crate::env::{Convention, Environment, Toolchain};
use crate::shim;
use crate::store::{Manifest, Store, StoreError};
use crate::target::{Port, Target};

/// Options of both.
#[derive(Args)]
pub struct EnvironmentOptions {
    /// Have Go make position-independent executables, static ones too: adds -buildmode=pie to GOFLAGS and sets
    /// GO_EXTLINK_ENABLED
    #[arg(long)]
    pub pie: bool,
    /// Leave PATH as it is: CC and the others become absolute paths. `go run` and `go test` then need -exec for
    /// a foreign port
    #[arg(long)]
    pub no_path: bool,
    /// Follow the convention of another build system than Go's; CMake's and Meson's is a file, which only `env` writes
    #[arg(long = "for", value_name = "SYSTEM", conflicts_with = "pie")]
    pub system: Option<System>,
}

/// A build system that is not Go's.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum System {
    /// CARGO_TARGET_..._LINKER, CC_... and so on, for cargo build --target
    Cargo,
    /// A toolchain file for CMake
    Cmake,
    /// A cross file for Meson
    Meson,
    /// CC, AR, host_alias (as --host) and so on, for ./configure
    Autotools,
}

impl EnvironmentOptions {
    /// The environment for `chosen`. Those systems that read a file have none.
    pub fn environment(&self, context: &Context, chosen: &Chosen) -> Result<Environment> {
        let convention = match self.system {
            None => Convention::Go,
            Some(System::Cargo) => Convention::Cargo,
            Some(System::Autotools) => Convention::Autotools,
            Some(System::Cmake | System::Meson) => {
                bail!("CMake and Meson read a file, no environment: muslchain env --for SYSTEM PORT > FILE")
            }
        };
        let options = crate::env::Options { convention, pie: self.pie, path: !self.no_path };
        Ok(Environment::of(&chosen.toolchain(), options, &context.variables)?)
    }
}

/// A toolchain of the store with the port that it is used for.
pub struct Chosen {
    store: Store,
    target: Target,
    port: Port,
    manifest: Manifest,
}

impl Chosen {
    /// The toolchain for the port that is called `name`, with its shims in place.
    pub fn find(context: &Context, name: &str) -> Result<Self> {
        let targets = recipes(context)?.targets()?;
        let (target, port) = targets.find(name)?;
        let Some(port) = port else { bail!("{}", which_port(target)) };
        let store = store(context)?;
        let manifest = match store.current(&target.triple) {
            Err(StoreError::NotInstalled(triple)) => {
                bail!("no toolchain for {triple} is installed; run `muslchain install {}`", target.short_name())
            }
            manifest => manifest?,
        };
        shim::ensure(&store, target, &manifest)?;
        Ok(Self { target: target.clone(), port: port.clone(), store, manifest })
    }

    /// It, in its place.
    pub fn toolchain(&self) -> Toolchain<'_> {
        Toolchain {
            manifest: &self.manifest,
            target: &self.target,
            port: &self.port,
            folder: self.store.toolchain(&self.manifest.name),
            shims: self.store.shims(&self.manifest.name),
        }
    }
}

fn which_port(target: &Target) -> String {
    let ports: Vec<&str> = target.ports.iter().map(|port: &Port| port.name.as_str()).collect();
    if ports.is_empty() {
        format!("{} serves no port of Go", target.triple)
    } else {
        format!("{} serves several ports; say which: {}", target.triple, ports.join(", "))
    }
}

//! `muslchain env`.

use anyhow::{Result, bail};
use clap::Args;

use super::context::Context;
use super::{print, recipes, store};
use crate::env::{changes, to_sh};
use crate::store::StoreError;
use crate::target::{Port, Target};

/// Options of `env`.
#[derive(Args)]
pub struct Options {
    /// The port of Go, or a target that serves one port only
    #[arg(value_name = "TARGET|PORT")]
    target: String,
}

impl Options {
    /// Runs the command.
    pub fn run(self, context: &Context) -> Result<()> {
        let targets = recipes(context)?.targets()?;
        let (target, port) = targets.find(&self.target)?;
        let Some(port) = port else { bail!("{}", which_port(target)) };
        let store = store(context)?;
        let manifest = match store.current(&target.triple) {
            Err(StoreError::NotInstalled(triple)) => {
                bail!("no toolchain for {triple} is installed; run `muslchain install {}`", target.short_name())
            }
            manifest => manifest?,
        };
        let changes = changes(&manifest, &store.toolchain(&manifest.name), port, &context.variables);
        Ok(print(&format!("{}\n", to_sh(&changes)?))?)
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

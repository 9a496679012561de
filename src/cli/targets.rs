//! `muslchain targets`.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::context::Context;
use super::{print_json, print_table, recipes, store};
use crate::target::Target;

/// Options of `targets`.
#[derive(Args)]
pub struct Options {
    /// Print a document for programs
    #[arg(long)]
    json: bool,
}

impl Options {
    /// Runs the command.
    pub fn run(self, context: &Context) -> Result<()> {
        let targets = recipes(context)?.targets()?;
        let store = store(context)?;
        let is_installed = |target: &Target| store.current(&target.triple).is_ok();
        let ports = |target: &Target| target.ports.iter().map(|port| port.name.clone()).collect::<Vec<_>>();
        if self.json {
            let rows: Vec<_> = targets
                .iter()
                .map(|target| {
                    json!({
                        "triple": target.triple,
                        "names": target.names,
                        "ports": ports(target),
                        "installed": is_installed(target),
                    })
                })
                .collect();
            return print_json(&json!({ "schema": 1, "targets": rows }));
        }
        let row = |target: &Target| {
            let installed = if is_installed(target) { "installed" } else { "" };
            vec![target.triple.clone(), ports(target).join(" "), target.names.join(" "), installed.to_owned()]
        };
        Ok(print_table(&targets.iter().map(row).collect::<Vec<_>>())?)
    }
}

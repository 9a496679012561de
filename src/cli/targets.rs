//! `muslchain targets`.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::context::Context;
use super::{print_list, recipes, store};
use crate::store::StoreError;
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
        let is_installed =
            |target: &Target| matches!(store.current(&target.triple), Ok(_) | Err(StoreError::NoneMeant(_)));
        let ports = |target: &Target| target.ports.iter().map(|port| port.name.clone()).collect::<Vec<_>>();
        let document = |target: &&Target| {
            json!({
                "triple": target.triple,
                "names": target.names,
                "ports": ports(target),
                "installed": is_installed(target),
            })
        };
        let row = |target: &&Target| {
            let installed = if is_installed(target) { "installed" } else { "" };
            vec![target.triple.clone(), ports(target).join(" "), target.names.join(" "), installed.to_owned()]
        };
        print_list(self.json, "targets", &targets.iter().collect::<Vec<_>>(), document, row)
    }
}

//! `muslchain list`.

use std::io::{self, Write};

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::context::Context;
use super::{print_json, print_table, store};

/// Options of `list`.
#[derive(Args)]
pub struct Options {
    /// Print a document for programs
    #[arg(long)]
    json: bool,
}

impl Options {
    /// Runs the command.
    pub fn run(self, context: &Context) -> Result<()> {
        let store = store(context)?;
        let installed = store.list()?;
        let is_current = |name: &str, triple: &str| store.current(triple).is_ok_and(|current| current.name == name);
        if self.json {
            let toolchains: Vec<_> = installed
                .iter()
                .map(|manifest| {
                    json!({
                        "name": manifest.name,
                        "triple": manifest.triple,
                        "recipe": manifest.recipe,
                        "languages": manifest.languages,
                        "key": manifest.key,
                        "current": is_current(&manifest.name, &manifest.triple),
                        "folder": store.toolchain(&manifest.name),
                    })
                })
                .collect();
            return print_json(&json!({ "schema": 1, "toolchains": toolchains }));
        }
        if installed.is_empty() {
            // Not on stdout, which has the list: an empty one.
            return Ok(writeln!(io::stderr(), "no toolchain is installed; `muslchain install TARGET` builds one")?);
        }
        let row = |manifest: &crate::store::Manifest| {
            let current = is_current(&manifest.name, &manifest.triple);
            vec![
                if current { "*" } else { "" }.to_owned(),
                manifest.triple.clone(),
                manifest.recipe.clone(),
                manifest.languages.join(","),
                manifest.name.clone(),
            ]
        };
        Ok(print_table(&installed.iter().map(row).collect::<Vec<_>>())?)
    }
}

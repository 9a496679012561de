//! `muslchain list`.

use std::io::{self, Write};

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::context::Context;
use super::{print_list, store};
use crate::store::Manifest;

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
        let is_current = |it: &Manifest| store.current(&it.triple).is_ok_and(|current| current.name == it.name);
        if !self.json {
            // Not on stdout, which has the list.
            for name in store.unfinished()? {
                writeln!(
                    io::stderr(),
                    "{name} is not finished; `muslchain uninstall {name}` removes what there is of it"
                )?;
            }
            if installed.is_empty() {
                return Ok(writeln!(io::stderr(), "no toolchain is installed; `muslchain install TARGET` builds one")?);
            }
        }
        let document = |manifest: &Manifest| {
            json!({
                "name": manifest.name,
                "triple": manifest.triple,
                "recipe": manifest.recipe,
                "languages": manifest.languages,
                "key": manifest.key,
                "current": is_current(manifest),
                "folder": store.toolchain(&manifest.name),
            })
        };
        let row = |manifest: &Manifest| {
            vec![
                if is_current(manifest) { "*" } else { "" }.to_owned(),
                manifest.triple.clone(),
                manifest.recipe.clone(),
                manifest.languages.join(","),
                manifest.name.clone(),
            ]
        };
        print_list(self.json, "toolchains", &installed, document, row)
    }
}

//! `muslchain dir`.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::context::Context;
use super::{print, print_json, show, store};

/// Options of `dir`.
#[derive(Args)]
pub struct Options {
    /// A target, a port, or a toolchain's full name; the store's folder if not said
    #[arg(value_name = "TARGET|PORT|NAME")]
    name: Option<String>,
    /// Print a document for programs
    #[arg(long)]
    json: bool,
}

impl Options {
    /// Runs the command.
    pub fn run(self, context: &Context) -> Result<()> {
        let store = store(context)?;
        let folder = match &self.name {
            None => store.root().to_owned(),
            Some(name) => store.toolchain(&show::find(context, &store, name)?.name),
        };
        if self.json {
            return print_json(&json!({ "schema": 1, "folder": folder }));
        }
        Ok(print(&format!("{}\n", folder.display()))?)
    }
}

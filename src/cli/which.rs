//! `muslchain which`.

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;

use super::context::Context;
use super::{print, print_json, recipes, show, store};
use crate::shim;

/// Options of `which`.
#[derive(Args)]
pub struct Options {
    /// A target, a port, or a toolchain's full name
    #[arg(value_name = "TARGET|PORT|NAME")]
    name: String,
    /// The program, such as c++ or ar
    #[arg(default_value = "cc")]
    program: String,
    /// Print a document for programs
    #[arg(long)]
    json: bool,
}

impl Options {
    /// Runs the command.
    pub fn run(self, context: &Context) -> Result<()> {
        let store = store(context)?;
        let manifest = show::find(context, &store, &self.name)?;
        // What stands for its programs has this machine's paths in it, which another folder or an update may have changed.
        if manifest.host_compiler.is_some() {
            let targets = recipes(context)?.targets()?;
            shim::ensure(&store, targets.find(&manifest.triple)?.0, &manifest)?;
        }
        let bin = store.toolchain(&manifest.name).join("bin");
        let prefix = format!("{}-", manifest.triple);
        // The name that its file has will do as well.
        let program = self.program.strip_prefix(&prefix).unwrap_or(&self.program);
        let name = prefix.clone() + program;
        let places = [bin.join(&name), store.shims(&manifest.name).join(&name)];
        let Some(path) = places.into_iter().find(|path| path.is_file()) else {
            bail!(
                "the toolchain {} has no program `{program}`; those that it has are in {}",
                manifest.name,
                if manifest.host_compiler.is_some() { store.shims(&manifest.name) } else { bin }.display()
            );
        };
        if self.json {
            return print_json(&json!({ "schema": 1, "path": path }));
        }
        Ok(print(&format!("{}\n", path.display()))?)
    }
}

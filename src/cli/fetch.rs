//! `muslchain fetch`.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::context::Context;
use super::install::Preparation;
use super::settings::Flags;
use super::{OutputOptions, print_json, print_table};
use crate::fetch::VerifiedFile;
use crate::source::Source;

/// Options of `fetch`.
#[derive(Args)]
pub struct Options {
    /// What to fetch for: a target or a port of Go
    #[arg(required = true, value_name = "TARGET|PORT")]
    targets: Vec<String>,
    #[command(flatten)]
    flags: Flags,
    /// Print a document for programs
    #[arg(long)]
    json: bool,
}

impl Options {
    /// Runs the command.
    pub fn run(self, context: &Context, output: OutputOptions) -> Result<()> {
        let preparation = Preparation::new(context, self.flags, output)?;
        let targets = preparation.find(&self.targets)?;
        let fetcher = preparation.fetcher();
        let fetched = preparation.installer(context, &fetcher).fetch_only(&targets)?;
        preparation.progress.finish();
        if self.json {
            let files: Vec<_> = fetched
                .iter()
                .map(|(source, file)| {
                    json!({
                        "component": source.name,
                        "version": source.version,
                        "sha256": source.sha256,
                        "size": file.size(),
                        "path": file.path(),
                    })
                })
                .collect();
            return print_json(&json!({ "schema": 1, "sources": files }));
        }
        let row = |(source, file): &(Source, VerifiedFile)| {
            let path = file.path().display().to_string();
            vec![source.name.clone(), source.version.clone(), source.sha256.to_string(), path]
        };
        Ok(print_table(&fetched.iter().map(row).collect::<Vec<_>>())?)
    }
}

//! `muslchain verify`.

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;

use super::context::Context;
use super::install::{Order, Preparation};
use super::settings::Means;
use super::show::find_all;
use super::{OutputOptions, print, print_json, store};
use crate::contents::{CONTENTS_FILE, Difference};
use crate::digest::Sha256;
use crate::rebuild::{Rebuilt, rebuild};
use crate::store::{Manifest, StoreError};

/// Options of `verify`.
#[derive(Args)]
pub struct Options {
    /// Targets, ports, or toolchains' full names; all toolchains if none is given
    #[arg(value_name = "TARGET|PORT|NAME")]
    names: Vec<String>,
    /// Build them once more, from nothing, and compare what comes out
    #[arg(long, requires = "names")]
    rebuild: bool,
    /// Print a document for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    means: Means,
}

/// What was found of one toolchain.
struct Found {
    name: String,
    contents: Sha256,
    files: usize,
    differences: Vec<Difference>,
    rebuilt: Option<Rebuilt>,
}

impl Options {
    /// Runs the command.
    pub fn run(self, context: &Context, output: OutputOptions) -> Result<()> {
        let store = store(context)?;
        let manifests = find_all(context, &store, &self.names)?;
        let mut all = Vec::new();
        for manifest in manifests {
            // A list that is damaged is a finding too, so that the others are looked at.
            let (files, differences) = match store.contents(&manifest) {
                Ok(contents) => (contents.files(), store.changes(&manifest)?),
                Err(StoreError::Damaged { message, .. }) => {
                    (0, vec![Difference::Changed { path: CONTENTS_FILE.to_owned(), what: message }])
                }
                Err(error) => return Err(error.into()),
            };
            let mut found =
                Found { contents: manifest.contents, files, differences, rebuilt: None, name: manifest.name.clone() };
            if self.rebuild && found.differences.is_empty() {
                found.rebuilt = Some(self.rebuild(context, output, &manifest)?);
            }
            if !self.json {
                print(&found.described())?;
            }
            all.push(found);
        }
        if self.json {
            let documents: Vec<_> = all.iter().map(Found::document).collect();
            print_json(&json!({ "schema": 1, "toolchains": documents }))?;
        }
        let [changed, other] = [Found::is_changed, Found::is_other].map(|is| all.iter().filter(|it| is(it)).count());
        match (changed, other) {
            (0, 0) => Ok(()),
            (0, other) => bail!("{other} of {} came out otherwise when they were built once more", all.len()),
            (changed, _) => bail!(
                "{changed} of {} are not as they were published: `muslchain uninstall` and `install` replace them",
                all.len()
            ),
        }
    }

    fn rebuild(&self, context: &Context, output: OutputOptions, manifest: &Manifest) -> Result<Rebuilt> {
        let order = Order { targets: vec![manifest.triple.clone()], flags: self.means.clone().into() };
        let preparation = Preparation::new(context, order, output)?;
        let contents = preparation.store.contents(manifest)?;
        let folder = preparation.store.toolchain(&manifest.name);
        let rebuilt = preparation
            .run(context, |installer, targets| rebuild(installer, targets[0], manifest, &contents, &folder))?;
        preparation.progress.finish();
        Ok(rebuilt)
    }
}

impl Found {
    fn is_changed(&self) -> bool {
        !self.differences.is_empty()
    }

    fn is_other(&self) -> bool {
        self.rebuilt.as_ref().is_some_and(|rebuilt| !rebuilt.differences.is_empty())
    }

    fn described(&self) -> String {
        let lines = |differences: &[Difference]| -> String {
            differences.iter().map(|difference| format!("  {difference}\n")).collect()
        };
        let Self { name, contents, files, differences, rebuilt } = self;
        if self.is_changed() {
            return format!("{name} is not as it was published\n{}", lines(differences));
        }
        let whole = format!("{name} is as it was published: {files} files, sha256:{contents}\n");
        match rebuilt {
            None => whole,
            Some(Rebuilt { kept: None, .. }) => {
                format!("{whole}{name} came out the same when it was built once more\n")
            }
            Some(Rebuilt { differences, kept: Some(kept) }) => format!(
                "{whole}{name} came out otherwise when it was built once more: {}\n{}",
                kept.display(),
                lines(differences)
            ),
        }
    }

    fn document(&self) -> serde_json::Value {
        let mut document = json!({
            "name": self.name,
            "contents": self.contents,
            "files": self.files,
            "differences": self.differences,
        });
        if let Some(rebuilt) = &self.rebuilt {
            document["rebuilt"] = json!({ "differences": rebuilt.differences, "kept": rebuilt.kept });
        }
        document
    }
}

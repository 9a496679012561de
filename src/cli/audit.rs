//! `muslchain audit`.

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;

use super::context::Context;
use super::show::find_all;
use super::{print, print_json, recipes, store};
use crate::advisory::{Advisories, Finding};
use crate::store::Manifest;

/// Options of `audit`.
#[derive(Args)]
pub struct Options {
    /// Targets, ports, or toolchains' full names; all toolchains if none is given
    #[arg(value_name = "TARGET|PORT|NAME")]
    names: Vec<String>,
    /// Print a document for programs
    #[arg(long)]
    json: bool,
}

impl Options {
    /// Runs the command.
    pub fn run(self, context: &Context) -> Result<()> {
        let store = store(context)?;
        let table = Advisories::of(&recipes(context)?)?;
        let manifests = find_all(context, &store, &self.names)?;
        let audited: Vec<(&Manifest, Vec<Finding>)> =
            manifests.iter().map(|manifest| (manifest, table.findings(manifest))).collect();
        if self.json {
            let document = |(manifest, findings): &(&Manifest, Vec<Finding>)| {
                let rebuild = is_affected(findings).then(|| rebuild(manifest));
                json!({ "name": manifest.name, "findings": findings, "rebuild": rebuild })
            };
            let toolchains: Vec<_> = audited.iter().map(document).collect();
            print_json(&json!({ "schema": 1, "as_of": table.as_of, "toolchains": toolchains }))?;
        } else {
            let texts: Vec<String> = audited.iter().map(|(manifest, findings)| described(manifest, findings)).collect();
            print(&format!("{}what was published after {} is not known here\n", texts.concat(), table.as_of))?;
        }
        match audited.iter().filter(|(_, findings)| is_affected(findings)).count() {
            0 => Ok(()),
            affected => bail!("{affected} of {} have known vulnerabilities", audited.len()),
        }
    }
}

fn is_affected(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.mended_by.is_empty())
}

/// What builds the toolchain again, from what its recipe holds today.
fn rebuild(manifest: &Manifest) -> String {
    let languages = manifest.languages.join(",");
    let grade = manifest.grade.as_ref().map(|grade| format!("--grade {grade} ")).unwrap_or_default();
    let defaults = if manifest.defaults { "" } else { "--no-defaults " };
    let bootstrap = if manifest.bootstrap.is_some() { "--bootstrap " } else { "" };
    format!(
        "muslchain install --recipe {} --languages {languages} {grade}{bootstrap}{defaults}{}",
        manifest.recipe, manifest.triple
    )
}

fn described(manifest: &Manifest, findings: &[Finding]) -> String {
    let mut text = format!("{}\n", manifest.name);
    if findings.is_empty() {
        text.push_str("  nothing is known of its components' versions\n");
    }
    for finding in findings {
        let Finding { id, component, version, summary, mended_by } = finding;
        let state = match &mended_by[..] {
            [] => "has it".to_owned(),
            patches => format!("mended by {}", patches.join(", ")),
        };
        text.push_str(&format!("  {id}  {component} {version}: {summary}\n    {state}\n"));
    }
    if is_affected(findings) {
        text.push_str(&format!("  -> {}\n", rebuild(manifest)));
    }
    text
}

//! `muslchain show`.

use anyhow::{Result, bail};
use clap::Args;
use std::collections::BTreeMap;
use std::fmt::Write;

use super::context::Context;
use super::{print, print_json, recipes, store};
use crate::launcher;
use crate::provenance;
use crate::store::{Manifest, Store};
use crate::target::{Target, Targets};

/// Options of `show`.
#[derive(Args)]
pub struct Options {
    /// A target, a port, or a toolchain's full name
    #[arg(value_name = "TARGET|PORT|NAME")]
    name: String,
    /// Print the toolchain's manifest
    #[arg(long)]
    json: bool,
    /// Print its provenance: an in-toto statement with a SLSA v1 predicate
    #[arg(long, conflicts_with = "json")]
    provenance: bool,
    /// Print the list of its components with their licences and patches, in CycloneDX 1.6
    #[arg(long, conflicts_with_all = ["json", "provenance"])]
    sbom: bool,
}

impl Options {
    /// Runs the command.
    pub fn run(self, context: &Context) -> Result<()> {
        let store = store(context)?;
        let manifest = find(context, &store, &self.name)?;
        if self.json {
            return print_json(&serde_json::to_value(&manifest)?);
        }
        if self.provenance {
            return print_json(&provenance::statement(&manifest));
        }
        if self.sbom {
            return print_json(&provenance::bill_of_materials(&manifest));
        }
        Ok(print(&described(&store, &manifest)?)?)
    }
}

/// The toolchains that the names mean; all of the store if there is none.
pub fn find_all(context: &Context, store: &Store, names: &[String]) -> Result<Vec<Manifest>> {
    match names {
        [] => Ok(store.list()?),
        names => names.iter().map(|name| find(context, store, name)).collect(),
    }
}

/// The toolchain of that name, or the one that a target or port means.
pub fn find(context: &Context, store: &Store, name: &str) -> Result<Manifest> {
    // A slash is in ports only, and a name goes into a path.
    if !name.contains('/')
        && let Some(manifest) = store.manifest(name)?
    {
        return Ok(manifest);
    }
    let targets = recipes(context)?.targets()?;
    Ok(store.current(&find_target(&targets, name)?.triple)?)
}

/// The target of that name or port, where a toolchain's full name would have done too.
pub fn find_target<'a>(targets: &'a Targets, name: &str) -> Result<&'a Target> {
    if targets.iter().any(|target| name.starts_with(&format!("{}-", target.triple))) {
        bail!("no toolchain is called `{name}`; `muslchain list` shows those that are installed");
    }
    Ok(targets.find(name)?.0)
}

fn described(store: &Store, manifest: &Manifest) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let linked = if manifest.host_static { "static, runs on any Linux" } else { "needs the host's C library" };
    for (what, value) in [
        ("name", manifest.name.clone()),
        ("folder", store.toolchain(&manifest.name).display().to_string()),
        ("triple", manifest.triple.clone()),
        ("languages", manifest.languages.join(", ")),
        ("recipe", manifest.recipe.clone()),
        ("defaults", if manifest.defaults { "static, 8 MiB thread stacks" } else { "upstream's" }.to_owned()),
        ("grade", manifest.grade.clone().unwrap_or_default()),
        ("key", manifest.key.to_string()),
        ("host", format!("{} ({linked})", manifest.host)),
        ("bootstrap", manifest.bootstrap.as_ref().map(|bootstrap| bootstrap.name.clone()).unwrap_or_default()),
        ("isolation", manifest.isolation.clone()),
        ("launcher", manifest.launcher.map(told).unwrap_or_default()),
    ] {
        if !value.is_empty() {
            writeln!(text, "{what:<10} {value}")?;
        }
    }
    writeln!(text, "sources")?;
    for (name, component) in &manifest.components {
        writeln!(text, "  {name:<16} {:<24} sha256:{}  {}", component.version, component.sha256, component.licence)?;
    }
    writeln!(text, "stages")?;
    for stage in &manifest.stages {
        writeln!(text, "  {:<16} {:>8.1} s", stage.name, stage.seconds)?;
    }
    writeln!(text, "patches")?;
    for patch in &manifest.patches {
        writeln!(text, "  {:<16} {:<44} sha256:{}", patch.component, patch.file, patch.sha256)?;
    }
    writeln!(text, "host tools")?;
    for (version, names) in by_version(manifest) {
        writeln!(text, "  {:<44} {version}", names.join(" "))?;
    }
    Ok(text)
}

fn told(launcher: launcher::Kind) -> String {
    let network = if launcher.needs_network() { ", for which stages had the network" } else { "" };
    format!("{}{network}", launcher.name())
}

/// The programs of the host, those of one package together: what their version lines have in common follows their names.
fn by_version(manifest: &Manifest) -> BTreeMap<&str, Vec<&str>> {
    let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, program) in &manifest.host_tools {
        let line = program.version.trim();
        let version = line.strip_prefix(&**name).unwrap_or(line).trim();
        names.entry(version).or_default().push(name);
    }
    names
}

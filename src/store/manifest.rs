//! What a toolchain says of itself.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::digest::Sha256;
use crate::host::Program;
use crate::launcher;
use crate::plan::{FoundCompiler, Key};
use crate::recipe::HostCompiler;
use crate::source::Source;

/// Version of the manifest's format.
pub const MANIFEST_SCHEMA: u32 = 1;

/// What a toolchain is made of. `manifest.json` in the toolchain's folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_SCHEMA`].
    pub schema: u32,
    /// The folder's name.
    pub name: String,
    /// The toolchain's key.
    pub key: Key,
    /// What it compiles for.
    pub triple: String,
    /// The recipe that built it.
    pub recipe: String,
    /// The languages it compiles.
    pub languages: Vec<String>,
    /// The triple of the machines it runs on.
    pub host: String,
    /// Whether its programs are linked statically, so that they run on any Linux.
    pub host_static: bool,
    /// GCC's options for the target.
    pub gcc_options: Vec<String>,
    /// Whether the compiler has muslchain's defaults, or behaves as upstream's.
    pub defaults: bool,
    /// How well its own programs were compiled, where the recipe has grades.
    pub grade: Option<String>,
    /// The recipe's variables, and its grade's.
    pub environment: BTreeMap<String, String>,
    /// What went into it.
    pub components: BTreeMap<String, Source>,
    /// The recipe's files that had a part in it, and what mended its components.
    pub recipe_files: BTreeMap<String, Sha256>,
    /// The patches that were applied to them.
    pub patches: BTreeSet<PatchRecord>,
    /// The host's programs that its stages could call by name, and those that its compilers call in turn.
    pub host_tools: BTreeMap<String, Program>,
    /// The host's compiler that it calls, where it has none of its own.
    pub host_compiler: Option<CompilerRecord>,
    /// The toolchain that its programs were compiled with, where it was not the host's compiler.
    pub bootstrap: Option<BootstrapRecord>,
    /// What the host's compilers were called through.
    pub launcher: Option<launcher::Kind>,
    /// How the stages were kept from the rest of the machine.
    pub isolation: String,
    /// The stages, in order.
    pub stages: Vec<StageRecord>,
    /// The version of muslchain that built it.
    pub muslchain: String,
    /// The digest of the list of its contents.
    pub contents: Sha256,
}

impl Manifest {
    /// The name in its list of the recipe's files of what mends a component.
    pub fn fixup_of(component: &str) -> String {
        format!("fixup of {component}")
    }
}

/// A compiler of the host that a toolchain calls.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CompilerRecord {
    /// What it was when the toolchain was built.
    #[serde(flatten)]
    pub found: FoundCompiler,
    /// What the toolchain makes of it.
    #[serde(flatten)]
    pub commands: HostCompiler,
}

/// A toolchain that another one's programs were compiled with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootstrapRecord {
    /// Its name.
    pub name: String,
    /// Its key.
    pub key: Key,
    /// The digest of the list of its contents.
    pub contents: Sha256,
}

/// A patch that was applied.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PatchRecord {
    /// The component.
    pub component: String,
    /// The patch's file.
    pub file: String,
    /// The file's digest.
    pub sha256: Sha256,
}

/// One stage of a build.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StageRecord {
    /// Its name.
    pub name: String,
    /// Its key.
    pub key: Key,
    /// Its wall time; that of the run that did the work, where a later one took the result over.
    pub seconds: f64,
}

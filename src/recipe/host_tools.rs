//! The table of the host's programs that stages may call.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The table of host programs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HostTools {
    /// One entry per program.
    #[serde(rename = "tool")]
    pub tools: Vec<HostTool>,
    /// What static linking needs.
    pub static_libc: StaticLibc,
}

/// Programs of the host and the packages that have them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HostTool {
    /// What recipes call it.
    pub name: String,
    /// What it is for.
    pub purpose: String,
    /// The commands' names; the tool's own if there are none.
    #[serde(default)]
    programs: Vec<String>,
    /// Where it is of use in some versions only.
    #[serde(default)]
    pub versions: Option<Versions>,
    /// Whether a toolchain has these programs too, under its triple, so that one for the host can take their place.
    #[serde(default)]
    pub in_toolchains: bool,
    /// Package manager to package names, separated by blanks.
    pub packages: BTreeMap<String, String>,
}

/// Versions of a tool and the names that packages give to the programs of each.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Versions {
    /// The lowest that will do.
    pub at_least: u32,
    /// What stands behind the programs' names, the best version first.
    pub suffixes: Vec<String>,
}

/// The libraries for static host binaries and the packages that have them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaticLibc {
    /// Package manager to package names, separated by blanks.
    pub packages: BTreeMap<String, String>,
}

impl HostTools {
    /// The tool that recipes call so.
    pub fn get(&self, name: &str) -> Option<&HostTool> {
        self.tools.iter().find(|tool| tool.name == name)
    }

    /// The names of the commands of a tool: its own where the table has none of that name.
    pub fn programs_of<'a>(&'a self, tool: &'a String) -> &'a [String] {
        self.get(tool).map_or(std::slice::from_ref(tool), HostTool::programs)
    }
}

impl HostTool {
    fn programs(&self) -> &[String] {
        match self.programs.is_empty() {
            true => std::slice::from_ref(&self.name),
            false => &self.programs,
        }
    }
}

//! Targets and ports: what a toolchain compiles for, and how users name it.
//!
//! The table is `recipes/targets.toml`. Names are compared without regard to case.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// A musl target: one row of the table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Target {
    /// What GCC is configured for, such as `aarch64-linux-musl`.
    pub triple: String,
    /// What users call it beside its triple and its ports.
    pub names: Vec<String>,
    /// The Go platforms it serves.
    #[serde(default)]
    pub ports: Vec<Port>,
    /// GCC's configure options for this target.
    #[serde(default)]
    pub gcc_options: Vec<String>,
    /// The kernel's name for the architecture, as `headers_install` takes it.
    pub kernel_arch: String,
    /// The distribution's name for the folder of the architecture's own headers.
    pub multiarch: String,
}

/// A Go platform with its variant.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// `GOOS/GOARCH`, with the variant as Docker writes it: `linux/arm64`, `linux/arm/v7`.
    pub name: String,
    /// Other spellings that are understood.
    #[serde(default)]
    pub spellings: Vec<String>,
    /// What Go needs to be told: `GOARCH`, and the variant (`GOARM` and the like).
    pub env: BTreeMap<String, String>,
}

/// The table of all targets.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Targets {
    #[serde(rename = "target")]
    entries: Vec<Target>,
}

/// A name that no target has.
#[derive(Debug, PartialEq, Eq)]
pub enum UnknownTarget {
    /// A platform of Go outside Linux.
    OtherSystem {
        /// What the user wrote.
        name: String,
        /// Its first part, such as `windows`.
        system: String,
    },
    /// Nothing of that name.
    NoSuchName {
        /// What the user wrote.
        name: String,
        /// The names that come nearest, best first.
        nearest: Vec<String>,
    },
}

impl fmt::Display for UnknownTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherSystem { name, system } => write!(
                f,
                "`{name}` is no target: musl is a C library for Linux, and {system} programs need {system}'s own"
            ),
            Self::NoSuchName { name, nearest } if nearest.is_empty() => {
                write!(f, "no target is called `{name}`; `muslchain targets` lists all")
            }
            Self::NoSuchName { name, nearest } => {
                write!(f, "no target is called `{name}`; did you mean {}? `muslchain targets` lists all", {
                    let quoted: Vec<String> = nearest.iter().map(|near| format!("`{near}`")).collect();
                    quoted.join(" or ")
                })
            }
        }
    }
}

impl std::error::Error for UnknownTarget {}

/// The systems of Go that are not Linux (`go tool dist list`, Go 1.27).
const OTHER_SYSTEMS: &[&str] = &[
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "illumos",
    "ios",
    "js",
    "macos",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "wasip1",
    "windows",
];

impl Targets {
    /// All targets, in the table's order.
    pub fn iter(&self) -> impl Iterator<Item = &Target> {
        self.entries.iter()
    }

    /// The target that the user means, and the port where the name is a port's or fits only one.
    pub fn find(&self, name: &str) -> Result<(&Target, Option<&Port>), UnknownTarget> {
        let wanted = name.trim().to_ascii_lowercase();
        for target in &self.entries {
            if target.triple == wanted || target.names.contains(&wanted) {
                let only = if target.ports.len() == 1 { target.ports.first() } else { None };
                return Ok((target, only));
            }
            if let Some(port) = target.ports.iter().find(|port| port.is_called(&wanted)) {
                return Ok((target, Some(port)));
            }
        }
        let system = wanted.split('/').next().unwrap_or_default();
        if OTHER_SYSTEMS.contains(&system) {
            return Err(UnknownTarget::OtherSystem { name: name.to_owned(), system: system.to_owned() });
        }
        Err(UnknownTarget::NoSuchName { name: name.to_owned(), nearest: self.nearest(&wanted) })
    }

    fn nearest(&self, wanted: &str) -> Vec<String> {
        const ALIKE: f64 = 0.75;
        const SHOWN: usize = 3;
        let mut scored: Vec<(f64, &str)> = self
            .entries
            .iter()
            .flat_map(Target::all_names)
            .map(|name| (strsim::jaro_winkler(wanted, name), name))
            .filter(|(score, _)| *score >= ALIKE)
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        scored.iter().take(SHOWN).map(|(_, name)| (*name).to_owned()).collect()
    }
}

impl Target {
    /// Every name by which the target is found.
    pub fn all_names(&self) -> impl Iterator<Item = &str> {
        let ports = self.ports.iter().flat_map(|port| std::iter::once(&port.name).chain(&port.spellings));
        std::iter::once(&self.triple).chain(&self.names).chain(ports).map(String::as_str)
    }

    /// The name that users will type: the first of its names.
    pub fn short_name(&self) -> &str {
        self.names.first().unwrap_or(&self.triple)
    }
}

impl Port {
    fn is_called(&self, wanted: &str) -> bool {
        self.name == wanted || self.spellings.iter().any(|spelling| spelling == wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Targets {
        toml::from_str(include_str!("../recipes/targets.toml")).unwrap()
    }

    #[test]
    fn every_way_to_say_it_finds_the_target() {
        let table = table();
        for name in ["aarch64", "arm64", "linux/arm64", "aarch64-linux-musl", "linux/arm64/v8", "ARM64"] {
            let (target, port) = table.find(name).unwrap();
            assert_eq!(target.triple, "aarch64-linux-musl", "{name}");
            assert_eq!(port.unwrap().name, "linux/arm64", "{name}");
        }
        let (target, port) = table.find("linux/arm/v7").unwrap();
        assert_eq!(target.triple, "armv7-linux-musleabihf");
        assert_eq!(port.unwrap().env["GOARM"], "7");
    }

    #[test]
    fn no_name_means_two_targets() {
        let table = table();
        let mut names: Vec<&str> = table.iter().flat_map(Target::all_names).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn a_name_that_is_nearly_right_gets_the_nearest() {
        let error = table().find("aarch46").unwrap_err();
        let UnknownTarget::NoSuchName { nearest, .. } = &error else { panic!("{error:?}") };
        assert_eq!(nearest[0], "aarch64");
        assert!(error.to_string().contains("did you mean `aarch64`"), "{error}");
        assert!(table().find("zzzz").unwrap_err().to_string().contains("muslchain targets"));
    }

    #[test]
    fn other_systems_are_refused_with_the_reason() {
        for name in ["windows/amd64", "darwin/arm64", "windows"] {
            assert!(matches!(table().find(name), Err(UnknownTarget::OtherSystem { .. })), "{name}");
        }
    }
}

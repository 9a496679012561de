//! Targets and ports: what a toolchain compiles for, and how users name it.
//!
//! The table is `recipes/targets.toml`. Names are compared without regard to case.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

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
    /// The triple of the target whose compiler proper serves this one too; its own where absent.
    #[serde(default)]
    pub compiler_of: Option<String>,
    /// What that compiler's driver must be told for this target beside what `gcc_options` say, in the
    /// format of GCC's specs files.
    #[serde(default)]
    pub driver_specs: String,
    /// What compilers of the host that serve many targets are told to compile for this one, or why they cannot, by their
    /// names among the host tools.
    #[serde(default)]
    pub host_compilers: BTreeMap<String, Served>,
    /// The kernel's name for the architecture, as `headers_install` takes it.
    pub kernel_arch: String,
    /// The distribution's name for the folder of the architecture's own headers.
    pub multiarch: String,
    /// qemu-user's name for the architecture: its program is `qemu-NAME` or `qemu-NAME-static`.
    pub qemu: String,
    /// What a right binary for it shows.
    pub elf: ElfFacts,
    /// First parts of the triples of hosts whose kernel runs such programs itself.
    #[serde(default)]
    pub runs_on: Vec<String>,
    /// Rust's triple, where Rust has a target of this ABI.
    #[serde(default)]
    pub rust: Option<String>,
    /// How other build systems call the machine.
    #[serde(default)]
    pub machine: Option<Machine>,
}

/// How a compiler of the host serves a target.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Served {
    /// With these arguments.
    With(Vec<String>),
    /// Not at all.
    Not(Refused),
}

/// Why a compiler of the host does not serve a target.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// The reason, as a sentence without its stop.
    pub refused: String,
}

/// What the ELF file of a right binary shows. A fact that a file does not state is no fault.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ElfFacts {
    /// 32 or 64.
    pub class: u8,
    /// The order of bytes.
    pub endian: Endian,
    /// `e_machine`, by the name that src/elf/machine.rs has for it.
    pub machine: String,
    /// Parts of `e_flags`.
    #[serde(default)]
    pub flags: Vec<FlagsFact>,
    /// The largest Tag_CPU_arch of `.ARM.attributes` (Addenda to the ABI for the Arm architecture).
    #[serde(default)]
    pub cpu_arch_at_most: Option<u64>,
    /// The highest x86-64 level that GNU_PROPERTY_X86_ISA_1_NEEDED may name; 1 is the baseline.
    #[serde(default)]
    pub isa_at_most: Option<u32>,
    /// How floating-point numbers are computed and passed, where the ABI has two ways.
    #[serde(default)]
    pub float: Option<Float>,
}

/// A part of `e_flags` and what it may be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FlagsFact {
    /// The bits that are looked at.
    pub mask: u32,
    /// The values that they may have.
    pub one_of: Vec<u32>,
    /// What these values mean, in words.
    pub says: String,
}

/// The order of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Endian {
    /// The least significant byte first.
    Little,
    /// The most significant byte first.
    Big,
}

/// How floating-point numbers are computed and passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Float {
    /// In registers of their own.
    Hard,
    /// By functions, in the registers of integers.
    Soft,
}

/// A machine as CMake and Meson call it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// `CMAKE_SYSTEM_PROCESSOR`, and Meson's `cpu`.
    pub name: String,
    /// Meson's `cpu_family`.
    pub family: String,
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
    /// What of the table cannot be what it should: triples are names of files, and variables are written into the
    /// commands of shells.
    pub fn find_fault(&self) -> Option<String> {
        let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        let is_variable = |text: &str| {
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                && !text.starts_with(|first: char| first.is_ascii_digit())
        };
        for target in &self.entries {
            let triple = &target.triple;
            if triple.is_empty() || !is_word(triple) {
                return Some(format!("`{triple}` is no triple: it may have letters, digits, `-`, `_` and `.`"));
            }
            for (name, value) in target.ports.iter().flat_map(|port| &port.env) {
                if name.is_empty() || !is_variable(name) {
                    return Some(format!("{triple}: `{name}` is no name of a variable"));
                }
                if name == "GOARCH" && !is_word(value) {
                    return Some(format!("{triple}: `{value}` is no GOARCH"));
                }
            }
        }
        None
    }

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

    /// Whether the kernel of a host with this triple runs the target's programs itself.
    pub fn runs_on(&self, host: &str) -> bool {
        let machine = host.split('-').next().unwrap_or_default();
        self.runs_on.iter().any(|other| other == machine)
    }

    /// The GOARCH of each of its ports, once.
    pub fn go_architectures(&self) -> BTreeSet<&str> {
        self.ports.iter().filter_map(|port| port.env.get("GOARCH")).map(String::as_str).collect()
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
        assert_eq!(port.unwrap().env["GOARM"], "7,hardfloat");
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
    fn a_compiler_is_shared_with_a_target_that_has_its_own() {
        let table = table();
        for target in table.iter() {
            let Some(owner) = &target.compiler_of else { continue };
            let owner = table.iter().find(|other| other.triple == *owner).unwrap();
            assert_eq!(owner.compiler_of, None, "{}", target.triple);
        }
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
    fn other_build_systems_know_every_row() {
        let rustc = std::process::Command::new("rustc").args(["--print", "target-list"]).output().unwrap();
        let known = String::from_utf8(rustc.stdout).unwrap();
        for target in table().iter() {
            assert!(target.machine.is_some(), "{}", target.triple);
            assert_eq!(target.go_architectures().len(), 1, "{}", target.triple);
            if let Some(rust) = &target.rust {
                assert!(known.lines().any(|line| line == rust), "{rust}");
            }
        }
    }

    #[test]
    fn a_kernel_runs_its_own_programs_and_those_of_its_smaller_kin() {
        let table = table();
        let runs = |name: &str, host: &str| table.find(name).unwrap().0.runs_on(host);
        assert!(runs("amd64", "x86_64-linux-gnu") && runs("386", "x86_64-linux-gnu") && runs("arm64", "aarch64-linux"));
        assert!(
            !runs("arm64", "x86_64-linux-gnu") && !runs("amd64", "i686-linux-gnu") && !runs("ppc64", "ppc64le-linux")
        );
    }

    #[test]
    fn other_systems_are_refused_with_the_reason() {
        for name in ["windows/amd64", "darwin/arm64", "windows"] {
            assert!(matches!(table().find(name), Err(UnknownTarget::OtherSystem { .. })), "{name}");
        }
    }
}

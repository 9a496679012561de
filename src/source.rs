//! Sources: upstream files, each pinned by its SHA-256.
//!
//! The table is `recipes/sources.toml`. A file that a distribution repacked is a version of its
//! own (`14.2.0-debian`) with its own digest, so which host answered never changes a key.

use serde::Deserialize;

use crate::digest::Sha256;

/// How many bytes an archive may unpack to when its entry in the table does not say.
pub const DEFAULT_UNPACKED_BOUND: u64 = 4 << 30;

/// One upstream file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Source {
    /// The component, such as `gcc`.
    pub name: String,
    /// The version as `--set` names it, such as `14.2.0` or `14.2.0-debian`.
    pub version: String,
    /// The upstream version where `version` names a repack of it.
    #[serde(default)]
    pub upstream: Option<String>,
    /// The file's name at its origin.
    pub file: String,
    /// The file's size in bytes, where it is known.
    #[serde(default)]
    pub size: Option<u64>,
    /// The digest that every byte of it must give.
    pub sha256: Sha256,
    /// SPDX expression of its licence.
    pub licence: String,
    /// Official addresses first.
    #[serde(default)]
    pub urls: Vec<String>,
    /// Where a Debian archive has exactly these bytes.
    #[serde(default)]
    pub distribution: Option<Distribution>,
    /// The archive within this archive that holds the tree, where the file is a wrapper.
    #[serde(default)]
    pub nested: Option<String>,
    /// A script of `recipes/fixups` that runs in the unpacked tree.
    #[serde(default)]
    pub fixup: Option<String>,
    /// Most bytes that the archive may unpack to; [`DEFAULT_UNPACKED_BOUND`] if absent.
    #[serde(default)]
    pub unpacked_bound: Option<u64>,
}

/// A file's place in a Debian archive.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Distribution {
    /// The release that has it, such as `trixie`.
    pub suite: String,
    /// The source package's name; the binary package's where `binary` is true.
    pub package: String,
    /// The file is a binary package (`.deb`), not a part of a source package.
    #[serde(default)]
    pub binary: bool,
    /// The path below the archive's root. A mirror of the archive may be given with `--mirror`.
    pub path: String,
}

impl Source {
    /// The upstream version: what the unpacked tree calls itself.
    pub fn upstream_version(&self) -> &str {
        self.upstream.as_deref().unwrap_or(&self.version)
    }

    /// Most bytes that the archive may unpack to.
    pub fn unpacked_bound(&self) -> u64 {
        self.unpacked_bound.unwrap_or(DEFAULT_UNPACKED_BOUND)
    }
}

/// The table of all sources.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sources {
    #[serde(rename = "source")]
    entries: Vec<Source>,
}

impl Sources {
    /// The source of this component in this version.
    pub fn get(&self, name: &str, version: &str) -> Option<&Source> {
        self.entries.iter().find(|source| source.name == name && source.version == version)
    }

    /// Every version of a component, in the table's order.
    pub fn versions<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Source> {
        self.entries.iter().filter(move |source| source.name == name)
    }

    /// All sources, in the table's order.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.entries.iter()
    }
}

//! Sources: upstream files, each pinned by its SHA-256.
//!
//! The table is `recipes/sources.toml`. A file that a distribution repacked is a version of its
//! own (`14.2.0-debian`) with its own digest, so which host answered never changes a key.

use serde::{Deserialize, Serialize};

use crate::digest::Sha256;

/// How many bytes an archive may unpack to when its entry in the table does not say.
pub const DEFAULT_UNPACKED_BOUND: u64 = 4 << 30;

/// One upstream file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// A version that names no bytes of its own: the newest package of a distribution's release.
///
/// It is resolved once, through the distribution's signed index, to a [`Source`] with a digest;
/// that one is recorded in the store and is what a key covers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moving {
    /// The component, such as `linux`.
    pub name: String,
    /// The version as `--set` names it, such as `debian`.
    pub version: String,
    /// The release, such as `trixie`.
    pub suite: String,
    /// The binary package.
    pub package: String,
    /// SPDX expression of its licence.
    pub licence: String,
}

impl Moving {
    /// The source that this version stands for, as the distribution's signed index describes it.
    pub fn resolved(&self, package_version: &str, path: &str, size: u64, sha256: Sha256) -> Source {
        Source {
            name: self.name.clone(),
            version: format!("{}-{package_version}", self.version),
            upstream: None,
            file: path.rsplit('/').next().unwrap_or(path).to_owned(),
            size: Some(size),
            sha256,
            licence: self.licence.clone(),
            urls: Vec::new(),
            distribution: Some(Distribution {
                suite: self.suite.clone(),
                package: self.package.clone(),
                binary: true,
                path: path.to_owned(),
            }),
            nested: None,
            fixup: None,
            unpacked_bound: None,
        }
    }

    /// What this version was resolved to when `source` was recorded, made of its version, place, size and digest alone.
    pub fn resolved_as(&self, source: &Source) -> Option<Source> {
        let package_version = source.version.strip_prefix(&self.version)?.strip_prefix('-')?;
        Some(self.resolved(package_version, &source.distribution.as_ref()?.path, source.size?, source.sha256))
    }

    /// Whether `source` came from resolving this version.
    pub fn stands_for(&self, source: &Source) -> bool {
        let same_package = |place: &Distribution| place.suite == self.suite && place.package == self.package;
        source.name == self.name && source.distribution.as_ref().is_some_and(same_package)
    }
}

/// The table of all sources.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sources {
    #[serde(rename = "source")]
    entries: Vec<Source>,
    #[serde(rename = "moving", default)]
    moving: Vec<Moving>,
}

impl Sources {
    /// The source of this component in this version.
    pub fn get(&self, name: &str, version: &str) -> Option<&Source> {
        self.entries.iter().find(|source| source.name == name && source.version == version)
    }

    /// The moving version of this component that is called so.
    pub fn moving(&self, name: &str, version: &str) -> Option<&Moving> {
        self.moving.iter().find(|moving| moving.name == name && moving.version == version)
    }

    /// The moving version that `source` came from, if it did.
    pub fn moving_behind(&self, source: &Source) -> Option<&Moving> {
        self.moving.iter().find(|moving| moving.stands_for(source))
    }

    /// The names of every version of a component, in the table's order.
    pub fn versions(&self, name: &str) -> Vec<&str> {
        let pinned = self.entries.iter().filter(|source| source.name == name).map(|source| source.version.as_str());
        let moving = self.moving.iter().filter(|moving| moving.name == name).map(|moving| moving.version.as_str());
        pinned.chain(moving).collect()
    }

    /// All sources, in the table's order.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.entries.iter()
    }
}

//! Which distributions have which glibc.

use serde::Serialize;

use crate::elf::GlibcVersion;

/// Distributions and their glibc, from the packages `glibc` at vault.centos.org, tracker.debian.org
/// and packages.ubuntu.com; a release keeps the version for its life.
const DISTRIBUTIONS: &[(&str, GlibcVersion)] = &[
    ("CentOS 7", GlibcVersion(2, 17, 0)),
    ("Debian 10", GlibcVersion(2, 28, 0)),
    ("Debian 11", GlibcVersion(2, 31, 0)),
    ("Debian 12", GlibcVersion(2, 36, 0)),
    ("Debian 13", GlibcVersion(2, 41, 0)),
    ("Ubuntu 18.04", GlibcVersion(2, 27, 0)),
    ("Ubuntu 20.04", GlibcVersion(2, 31, 0)),
    ("Ubuntu 22.04", GlibcVersion(2, 35, 0)),
    ("Ubuntu 24.04", GlibcVersion(2, 39, 0)),
    ("Ubuntu 26.04", GlibcVersion(2, 43, 0)),
];

/// The one of the well-known that has musl in glibc's place.
const WITHOUT_GLIBC: &str = "Alpine";

/// The distributions on which a version of glibc is to be had, and those on which it is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Distributions {
    /// They have it or a newer one.
    pub with: Vec<&'static str>,
    /// They have an older one, or none.
    pub without: Vec<&'static str>,
}

impl Distributions {
    /// Those for a program that needs `version`.
    pub fn for_glibc(version: GlibcVersion) -> Self {
        let (with, mut without): (Vec<_>, Vec<_>) = DISTRIBUTIONS.iter().partition(|(_, theirs)| *theirs >= version);
        without.push(&(WITHOUT_GLIBC, GlibcVersion(0, 0, 0)));
        let names = |rows: Vec<&(&'static str, GlibcVersion)>| rows.into_iter().map(|(name, _)| *name).collect();
        Self { with: names(with), without: names(without) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_runs_where_glibc_is_as_new() {
        let found = Distributions::for_glibc(GlibcVersion(2, 36, 0));
        assert_eq!(found.with, ["Debian 12", "Debian 13", "Ubuntu 24.04", "Ubuntu 26.04"]);
        assert!(found.without.contains(&"Ubuntu 22.04") && found.without.ends_with(&["Alpine"]));
        assert_eq!(Distributions::for_glibc(GlibcVersion(2, 2, 5)).without, ["Alpine"]);
        assert!(Distributions::for_glibc(GlibcVersion(2, 99, 0)).with.is_empty());
    }
}

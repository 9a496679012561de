//! Everything that a toolchain's folder holds, as a list that can be kept and held against another.
//!
//! It says of each entry what counts for whoever uses the folder: content, and whether a file can be executed. Owners, times
//! and other permissions are the machine's. What muslchain itself writes into the folder is no part of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use fs_err::File;
use serde::{Deserialize, Serialize};

use crate::digest::Sha256;
use crate::elf::input::Input;
use crate::elf::parts;

/// The manifest's file in a toolchain's folder.
pub const MANIFEST_FILE: &str = "manifest.json";

/// The list's own file in a toolchain's folder.
pub const CONTENTS_FILE: &str = "contents.json";

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Entry {
    /// A folder.
    Folder,
    /// A symlink and what it points to.
    Symlink(String),
    /// A file.
    File {
        /// The digest of its content.
        sha256: Sha256,
        /// Its size in bytes.
        size: u64,
        /// Whether its owner may execute it.
        executable: bool,
    },
}

/// A folder's entries, by their paths in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents(BTreeMap<String, Entry>);

/// What two folders do not have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Difference {
    /// Only the second has it.
    Added {
        /// The path.
        path: String,
    },
    /// Only the first has it.
    Missing {
        /// The path.
        path: String,
    },
    /// Both have it, and not the same.
    Changed {
        /// The path.
        path: String,
        /// In words, what of it.
        what: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added { path } => write!(f, "added    {path}"),
            Self::Missing { path } => write!(f, "missing  {path}"),
            Self::Changed { path, what } => write!(f, "changed  {path}: {what}"),
        }
    }
}

impl Contents {
    /// Those of `folder`: every file is read. A name that is not UTF-8 is an error, and so is what is neither file,
    /// folder nor symlink.
    pub fn of(folder: &Path) -> io::Result<Self> {
        let mut entries = BTreeMap::new();
        for entry in walkdir::WalkDir::new(folder).min_depth(1) {
            let entry = entry?;
            let refused = |why| io::Error::other(format!("{}: {why}", entry.path().display()));
            let path = entry.path().strip_prefix(folder).map_err(io::Error::other)?;
            let path = path.to_str().ok_or_else(|| refused("its name is not UTF-8"))?;
            if [MANIFEST_FILE, CONTENTS_FILE].contains(&path) {
                continue;
            }
            let kind = entry.file_type();
            let content = if kind.is_file() {
                let (sha256, size) = Sha256::of_file(entry.path())?;
                let executable = entry.metadata()?.permissions().mode() & 0o100 != 0;
                Entry::File { sha256, size, executable }
            } else if kind.is_symlink() {
                let target = fs_err::read_link(entry.path())?;
                Entry::Symlink(target.to_str().ok_or_else(|| refused("its target is not UTF-8"))?.to_owned())
            } else if kind.is_dir() {
                Entry::Folder
            } else {
                return Err(refused("neither a file, a folder nor a symlink"));
            };
            entries.insert(path.to_owned(), content);
        }
        Ok(Self(entries))
    }

    /// The list as its file holds it: the same bytes for the same entries.
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The entries with their paths, in the order of paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.0.iter().map(|(path, entry)| (path.as_str(), entry))
    }

    /// How many files there are.
    pub fn files(&self) -> usize {
        self.0.values().filter(|entry| matches!(entry, Entry::File { .. })).count()
    }

    /// What this list and `other` do not have in common, by path.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let paths: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        let difference = |path: &String| match (self.0.get(path), other.0.get(path)) {
            (Some(one), Some(other)) if one != other => {
                Some(Difference::Changed { path: path.clone(), what: change(one, other) })
            }
            (Some(_), None) => Some(Difference::Missing { path: path.clone() }),
            (None, Some(_)) => Some(Difference::Added { path: path.clone() }),
            _ => None,
        };
        paths.into_iter().filter_map(difference).collect()
    }
}

fn change(one: &Entry, other: &Entry) -> String {
    match (one, other) {
        (
            Entry::File { sha256, size, .. },
            Entry::File { sha256: other_sha256, size: other_size, executable: other_executable },
        ) => {
            if sha256 == other_sha256 {
                return if *other_executable { "is executable" } else { "is not executable any more" }.to_owned();
            }
            match size == other_size {
                true => format!("other content, {size} bytes as before"),
                false => format!("{other_size} bytes, not {size}"),
            }
        }
        (Entry::Symlink(target), Entry::Symlink(other)) => format!("points to {other}, not to {target}"),
        _ => format!("is {}, not {}", kind(other), kind(one)),
    }
}

fn kind(entry: &Entry) -> &'static str {
    match entry {
        Entry::Folder => "a folder",
        Entry::Symlink(_) => "a symlink",
        Entry::File { .. } => "a file",
    }
}

/// Which parts of a file are not the same in another one: sections of ELF files, members of archives and their
/// sections. Empty where the files have no parts that can be named, or differ between them only.
pub fn differing_parts(one: &Path, other: &Path) -> io::Result<Vec<String>> {
    let digests = |path: &Path| -> io::Result<_> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(parts::digests(Input::new(file.file(), length)))
    };
    let (one, other) = (digests(one)?, digests(other)?);
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    Ok(names.into_iter().filter(|name| one.get(*name) != other.get(*name)).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = folder.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, content).unwrap();
        }
        folder
    }

    #[test]
    fn a_list_survives_being_written_and_says_nothing_of_muslchains_own_files() {
        let folder = folder(&[("bin/gcc", "x"), ("manifest.json", "{}"), ("lib/manifest.json", "its own")]);
        std::os::unix::fs::symlink("gcc", folder.path().join("bin/cc")).unwrap();
        let contents = Contents::of(folder.path()).unwrap();
        let read: Contents = serde_json::from_slice(&contents.to_bytes().unwrap()).unwrap();
        assert_eq!(read, contents);
        let paths: Vec<&str> = contents.0.keys().map(String::as_str).collect();
        assert_eq!(paths, ["bin", "bin/cc", "bin/gcc", "lib", "lib/manifest.json"]);
        assert_eq!(contents.files(), 2);
    }

    #[test]
    fn every_kind_of_difference_is_told() {
        let [one, other] = [
            folder(&[
                ("same", "x"),
                ("other", "abc"),
                ("longer", "abc"),
                ("gone", "x"),
                ("bin/run", "x"),
                ("kind", "x"),
            ]),
            folder(&[("same", "x"), ("other", "abd"), ("longer", "abcd"), ("bin/run", "x"), ("kind/new", "x")]),
        ];
        for (folder, target) in [(&one, "a"), (&other, "b")] {
            std::os::unix::fs::symlink(target, folder.path().join("link")).unwrap();
        }
        fs_err::set_permissions(other.path().join("bin/run"), PermissionsExt::from_mode(0o755)).unwrap();
        let [one, other] = [one, other].map(|folder| Contents::of(folder.path()).unwrap());
        let told: Vec<String> = one.differences(&other).iter().map(ToString::to_string).collect();
        let expected = [
            "changed  bin/run: is executable",
            "missing  gone",
            "changed  kind: is a folder, not a file",
            "added    kind/new",
            "changed  link: points to b, not to a",
            "changed  longer: 4 bytes, not 3",
            "changed  other: other content, 3 bytes as before",
        ];
        assert_eq!(told, expected);
        assert_eq!(one.differences(&one), []);
    }

    #[test]
    fn the_parts_that_differ_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let header = |name: &str, size: usize| format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 644);
        let archive = |name: &str, second: &str| {
            let path = folder.path().join(name);
            let text = format!("!<arch>\n{}1234{}{second}", header("one.o/", 4), header("two.o/", second.len()));
            fs_err::write(&path, text).unwrap();
            path
        };
        let [one, other] = [archive("one.a", "abcd"), archive("other.a", "abcx")];
        assert_eq!(differing_parts(&one, &other).unwrap(), ["two.o"]);
        assert!(differing_parts(&one, &one).unwrap().is_empty());
    }
}

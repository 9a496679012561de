//! What becomes of PATH: other programs change it too, while an environment is in force.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{Change, EnvError, OUR_PATH, Variables};

/// A folder as it can stand in PATH.
pub fn entry(folder: &Path) -> Result<String, EnvError> {
    let refused = |what| EnvError::Path { path: folder.to_string_lossy().into_owned(), what };
    let path = folder.to_str().ok_or_else(|| refused("byte in it that is no UTF-8"))?;
    if path.contains(':') {
        return Err(refused("colon in it, which parts the folders of PATH"));
    }
    if path.contains(['\n', '\r']) {
        return Err(refused("line break in it, which no shell can evaluate"));
    }
    Ok(path.to_owned())
}

/// What puts `folders` before PATH, in place of those that an earlier environment put there.
pub fn changes(folders: &[String], present: &Variables) -> Vec<(String, Change)> {
    let new = (!folders.is_empty()).then(|| folders.join(":"));
    let path = present.get("PATH").map_or(OsStr::new(""), |path| path.as_os_str());
    let change = match present.get(OUR_PATH) {
        Some(ours) if begins_with(path, ours) => match &new {
            Some(new) if ours.as_os_str() == OsStr::new(new) => return Vec::new(),
            None if path == ours => Some(Change::Unset),
            _ => Some(Change::Instead(new.clone())),
        },
        // Somebody put folders of his own before ours.
        Some(ours) => match (without(path, ours), &new) {
            (Some(rest), None) => Some(Change::Set(rest)),
            (Some(rest), Some(new)) => Some(Change::Set(format!("{new}:{rest}"))),
            (None, new) => new.clone().map(Change::Before),
        },
        // They are there already, and nobody knows who put them there.
        None if new.as_ref().is_some_and(|new| begins_with(path, OsStr::new(new))) => return Vec::new(),
        None => new.clone().map(Change::Before),
    };
    let record = match new {
        Some(new) => Some(Change::Set(new)),
        None => present.contains_key(OUR_PATH).then_some(Change::Unset),
    };
    let named = |name: &str, change: Option<Change>| change.map(|change| (name.to_owned(), change));
    named("PATH", change).into_iter().chain(named(OUR_PATH, record)).collect()
}

/// What follows `prefix`.
pub fn after<'a>(text: &'a OsStr, prefix: &OsStr) -> Option<&'a OsStr> {
    text.as_bytes().strip_prefix(prefix.as_bytes()).map(OsStr::from_bytes)
}

fn begins_with(path: &OsStr, folders: &OsStr) -> bool {
    after(path, folders).is_some_and(|rest| rest.is_empty() || rest.as_bytes().starts_with(b":"))
}

/// The folders of `path` but for the first of each of `ours`. None if it cannot be written in one line.
fn without(path: &OsStr, ours: &OsStr) -> Option<String> {
    let mut ours: Vec<&str> = ours.to_str()?.split(':').collect();
    let mut rest = Vec::new();
    for folder in path.to_str()?.split(':') {
        match ours.iter().position(|other| *other == folder) {
            Some(place) => drop(ours.remove(place)),
            None => rest.push(folder),
        }
    }
    let rest = rest.join(":");
    (!rest.contains(['\n', '\r'])).then_some(rest)
}

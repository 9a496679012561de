//! Names and link targets as bytes: what they may be, decided without looking at the disk.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::error::Refusal;

/// How many folders deep an entry may be. Removing a tree takes a descriptor for each level.
const MAX_DEPTH: usize = 128;

/// The components of an entry's name: none for the root itself (`.`), never `..`.
pub(super) fn components(name: &[u8]) -> Result<Vec<&[u8]>, Refusal> {
    sound(name)?;
    if name.starts_with(b"/") {
        return Err(Refusal::Absolute);
    }
    let components: Vec<_> = named(name).collect();
    if components.contains(&&b".."[..]) {
        return Err(Refusal::Parent);
    }
    if components.len() > MAX_DEPTH {
        return Err(Refusal::TooDeep { limit: MAX_DEPTH });
    }
    Ok(components)
}

/// Refuses the target of a symlink that lies `depth` folders below the root, unless it stays inside.
///
/// A `..` may stand at the start only. The folders above an entry are no links, so those are counted exactly;
/// after a name, which may be a link to anywhere in the tree, a count would prove nothing.
pub(super) fn check_symlink(target: &[u8], depth: usize) -> Result<(), Refusal> {
    sound(target)?;
    if target.starts_with(b"/") {
        return Err(Refusal::SymlinkAbsolute { target: path(target) });
    }
    let up = named(target).take_while(|component| component == b"..").count();
    if up > depth {
        return Err(Refusal::SymlinkLeaves { target: path(target) });
    }
    if named(target).skip(up).any(|component| component == b"..") {
        return Err(Refusal::SymlinkWinds { target: path(target) });
    }
    Ok(())
}

/// Bytes as a path, for the system and for messages.
pub(super) fn path(name: &[u8]) -> PathBuf {
    OsStr::from_bytes(name).into()
}

fn sound(name: &[u8]) -> Result<(), Refusal> {
    if name.is_empty() {
        return Err(Refusal::Empty);
    }
    if name.contains(&0) {
        return Err(Refusal::Nul);
    }
    Ok(())
}

fn named(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    name.split(|byte| *byte == b'/').filter(|component| !component.is_empty() && component != b".")
}

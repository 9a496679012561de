//! Random trees, and random sequences of hostile entries.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use crate::archives::{Node, Place, Tar, packed, snapshot};

#[derive(Debug, Clone)]
enum Planned {
    Folder(BTreeMap<Vec<u8>, Planned>),
    File { content: Vec<u8>, executable: bool, modified: u32 },
    Symlink { up: usize, down: Vec<Vec<u8>> },
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    let byte = any::<u8>().prop_filter("no separator", |byte| !matches!(byte, 0 | b'/'));
    let any_bytes = vec(byte, 1..12).prop_filter("a name", |name| name != b"." && name != b"..");
    prop_oneof![4 => any_bytes, 1 => "[a-z]{100,255}".prop_map(String::into_bytes)]
}

fn planned() -> impl Strategy<Value = Planned> {
    let file = (vec(any::<u8>(), 0..1500), any::<bool>(), any::<u32>())
        .prop_map(|(content, executable, modified)| Planned::File { content, executable, modified });
    let symlink = (0..4usize, vec(name(), 0..3)).prop_map(|(up, down)| Planned::Symlink { up, down });
    let leaf = prop_oneof![3 => file, 1 => symlink];
    leaf.prop_recursive(4, 40, 6, |inner| btree_map(name(), inner, 0..6).prop_map(Planned::Folder))
}

fn path(name: &[u8]) -> PathBuf {
    OsString::from_vec(name.to_vec()).into()
}

/// Writes the tree into the archive, and what should come of it into `expected`.
fn plant(
    tree: &BTreeMap<Vec<u8>, Planned>,
    at: &Path,
    depth: usize,
    archive: &mut tar::Builder<Vec<u8>>,
    expected: &mut BTreeMap<PathBuf, Node>,
) {
    for (name, planned) in tree {
        let at = at.join(path(name));
        let stored = Path::new("top").join(&at);
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o640);
        let node = match planned {
            Planned::Folder(below) => {
                header.set_entry_type(tar::EntryType::Directory);
                header.set_size(0);
                archive.append_data(&mut header, stored, std::io::empty()).unwrap();
                plant(below, &at, depth + 1, archive, expected);
                Node::Folder { mode: 0o755 }
            }
            Planned::File { content, executable, modified } => {
                header.set_size(content.len() as u64);
                header.set_mtime(u64::from(*modified));
                header.set_mode(if *executable { 0o750 } else { 0o640 });
                archive.append_data(&mut header, stored, &content[..]).unwrap();
                let mode = if *executable { 0o755 } else { 0o644 };
                Node::File { mode, modified: i64::from(*modified), content: content.clone() }
            }
            Planned::Symlink { up, down } => {
                let mut target: PathBuf = std::iter::repeat_n("..", (*up).min(depth)).collect();
                target.extend(down.iter().map(|name| path(name)));
                if target.as_os_str().is_empty() {
                    target.push(".");
                }
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_size(0);
                archive.append_link(&mut header, stored, &target).unwrap();
                Node::Symlink(target)
            }
        };
        expected.insert(at, node);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_trees_come_back_as_they_were(
        tree in btree_map(name(), planned(), 1..6),
        format in prop::sample::select(vec!["x.tar", "x.tar.gz", "x.tar.xz", "x.tar.zst"]),
    ) {
        let mut archive = tar::Builder::new(Vec::new());
        let mut expected = BTreeMap::new();
        plant(&tree, Path::new(""), 0, &mut archive, &mut expected);
        let archive = packed(format, &archive.into_inner().unwrap());
        prop_assert_eq!(Place::new().unpacked(format, &archive, ""), expected);
    }
}

/// A name of few components, so that entries meet each other, `..` and what lies outside.
fn hostile_name() -> impl Strategy<Value = String> {
    let component =
        prop::sample::select(vec!["a", "a", "b", "b", "c", "..", ".", "", "t", "victim", "outside", "work"]);
    let start = prop::sample::select(vec!["t/", "t/", "t/", "./t/", "", "../"]);
    (start, vec(component, 0..4)).prop_map(|(start, components)| format!("{start}{}", components.join("/")))
}

fn hostile_target() -> impl Strategy<Value = String> {
    let component = prop::sample::select(vec!["a", "b", "c", "..", "..", ".", "victim", "outside"]);
    vec(component, 1..5).prop_map(|components| components.join("/"))
}

/// One entry that is likely to be accepted, or one that is likely to be refused.
fn hostile_entry() -> impl Strategy<Value = (u8, String, String)> {
    let kind = prop::sample::select(vec![b'0', b'1', b'2', b'2', b'5']);
    (kind, hostile_name(), prop_oneof![hostile_target(), hostile_name()])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_hostile_entries_never_get_out(entries in vec(hostile_entry(), 1..8), package in any::<bool>()) {
        let mut tar = Tar::new();
        // What an entry adds is left out again if it is refused, so that a sequence grows beyond its first refusal.
        for (kind, name, target) in entries {
            let data: &[u8] = if kind == b'0' { b"attack" } else { b"" };
            let longer = tar.clone().raw(kind, name.as_bytes(), target.as_bytes(), data, |_| ());
            let archive = longer.clone().end();
            let (file, archive) =
                if package { ("x.deb", crate::archives::deb("data.tar", &archive)) } else { ("x.tar", archive) };
            let place = Place::new();
            let before = snapshot(place.path());
            let unpacked = place.unpack(file, &archive, "").is_ok();
            let after = snapshot(place.path());
            let outside: BTreeMap<_, _> =
                after.iter().filter(|(path, _)| !path.starts_with("work/tree")).map(|(p, n)| (p.clone(), n.clone())).collect();
            prop_assert_eq!(&outside, &before);
            prop_assert_eq!(place.tree().exists(), unpacked);
            let root = place.path().canonicalize().unwrap().join("work/tree");
            for (path, _) in after.iter().filter(|(path, _)| path.starts_with("work/tree")) {
                if let Ok(real) = place.path().join(path).canonicalize() {
                    prop_assert!(real.starts_with(&root), "{path:?} leads to {real:?}");
                }
            }
            if unpacked {
                tar = longer;
            }
        }
    }
}

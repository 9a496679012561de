//! Toolchains as files: what is packed comes out as it was, and nothing else does.

use std::io::Write;
use std::path::{Path, PathBuf};

use muslchain::digest::Sha256;
use muslchain::pack::frames::FRAME;
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

use crate::support::{Place, entries};

/// A place with the toolchain tiny, which has a symlink and a file of two names, and the file that it was exported to.
fn exported() -> (Place, PathBuf) {
    let place = Place::new();
    place.before(
        "last",
        "mkdir -p out/bin; echo one > out/lib/one; ln out/lib/one out/lib/two; cp out/lib/one out/same",
    );
    place.before("last", "mkdir -p out/empty out/lib");
    let last = place.recipes.join("toolchains/tiny/last.sh");
    let text = std::fs::read_to_string(&last).unwrap();
    std::fs::write(
        &last,
        format!("{text}\nln out/lib/one out/lib/three\nln -s . out/usr\nln -s ../lib/one out/empty/up\n"),
    )
    .unwrap();
    place.edit("host-tools.toml", "\"cat\"", "\"cat\", \"ln\"");
    place.install(&["tiny"]).succeeds();
    let file = place.path().join("tiny.tar.zst");
    place.run(&["export", "tiny", file.to_str().unwrap()]).succeeds().says(&["sha256:"]);
    (place, file)
}

fn import(place: &Place, file: &Path) -> crate::support::process::Ran {
    place.run(&["import", file.to_str().unwrap()])
}

/// An entry of an archive: header, path and content.
type Packed = (Header, PathBuf, Vec<u8>);

/// The archive's entries.
fn unpacked(file: &Path) -> Vec<Packed> {
    let mut archive = tar::Archive::new(zstd::Decoder::new(std::fs::File::open(file).unwrap()).unwrap());
    let read = |entry: std::io::Result<tar::Entry<'_, _>>| {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        (entry.header().clone(), entry.path().unwrap().into_owned(), content)
    };
    archive.entries().unwrap().map(read).collect()
}

fn packed(entries: &[Packed]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (header, path, content) in entries {
        let mut header = header.clone();
        header.set_size(content.len() as u64);
        match header.entry_type() {
            EntryType::Symlink | EntryType::Link => {
                let target = header.link_name().unwrap().unwrap().into_owned();
                builder.append_link(&mut header, path, target).unwrap();
            }
            _ => builder.append_data(&mut header, path, content.as_slice()).unwrap(),
        }
    }
    framed(&builder.into_inner().unwrap())
}

/// In frames, with their lengths before them.
fn framed(content: &[u8]) -> Vec<u8> {
    let frame = |content: &[u8]| {
        let frame = zstd::bulk::compress(content, 1).unwrap();
        let length = u32::try_from(frame.len()).unwrap().to_le_bytes();
        [&[0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0], &length[..], &frame].concat()
    };
    content.chunks(FRAME).flat_map(frame).collect()
}

#[test]
fn a_toolchain_goes_to_another_machine_as_a_file() {
    let (place, file) = exported();
    let before = place.run(&["verify", "tiny"]).succeeds().stdout;
    let name = place.toolchains()[0].file_name().unwrap().to_owned();
    let elsewhere = Place::new();
    import(&elsewhere, &file).succeeds().says(&["tiny-linux-musl installed: "]);
    let [toolchain] = &elsewhere.toolchains()[..] else { panic!("{:?}", elsewhere.toolchains()) };
    assert_eq!(toolchain.file_name().unwrap(), name);
    assert_eq!(elsewhere.run(&["verify", "tiny"]).succeeds().stdout, before);
    let inode = |path: &str| std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(toolchain.join(path)).unwrap());
    assert_eq!(inode("lib/one"), inode("lib/three"));
    assert_ne!(inode("lib/one"), inode("same"));
    assert!(toolchain.join("empty").is_dir());
    for link in ["usr/lib/one", "empty/up"] {
        assert_eq!(std::fs::read_to_string(toolchain.join(link)).unwrap(), "one\n", "{link}");
    }
    let said = elsewhere.run(&["run", "tiny", "--", "tiny-linux-musl-cc"]).succeeds().stdout;
    assert_eq!(said, "this is cc\n");
    assert!(elsewhere.works().is_empty(), "{:?}", elsewhere.works());
    // Again, it is there; and the same toolchain packs to the same bytes anywhere.
    import(&elsewhere, &file).succeeds().says(&["tiny-linux-musl is installed: "]);
    elsewhere.run(&["export", "tiny"]).succeeds();
    let again = elsewhere.project.join(format!("{}.tar.zst", name.to_str().unwrap()));
    assert!(std::fs::read(again).unwrap() == std::fs::read(&file).unwrap());
}

#[test]
fn what_was_changed_is_not_exported() {
    let (place, file) = exported();
    std::fs::write(place.toolchains()[0].join("lib/evil"), "").unwrap();
    let before = std::fs::read(&file).unwrap();
    place.run(&["export", "tiny", file.to_str().unwrap()]).refuses(&["not as it was published", "muslchain verify"]);
    assert!(std::fs::read(&file).unwrap() == before);
}

#[test]
fn an_archive_that_was_cut_or_changed_leaves_nothing() {
    let (_place, file) = exported();
    let whole = std::fs::read(&file).unwrap();
    let entries_of = unpacked(&file);
    let digest = |content: &[u8]| Sha256::of(content).to_string();

    let with = |change: &dyn Fn(&mut Vec<Packed>)| {
        let mut entries = entries_of.clone();
        change(&mut entries);
        packed(&entries)
    };
    let at = |name: &str| entries_of.iter().position(|(_, path, _)| path.ends_with(name)).expect(name);
    // With a list of contents that says so, and a manifest that names that list.
    let with_list = |change: &dyn Fn(&mut Value, &mut Vec<Packed>)| {
        let mut entries = entries_of.clone();
        let mut list: Value = serde_json::from_slice(&entries[1].2).unwrap();
        change(&mut list, &mut entries);
        entries[1].2 = serde_json::to_vec(&list).unwrap();
        let mut manifest: Value = serde_json::from_slice(&entries[0].2).unwrap();
        manifest["contents"] = json!(digest(&entries[1].2));
        entries[0].2 = serde_json::to_vec(&manifest).unwrap();
        packed(&entries)
    };
    let beta = at("lib/beta");
    let top = entries_of[0].1.parent().unwrap().to_owned();
    let link = |target: &str| {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Symlink);
        header.set_link_name(target).unwrap();
        header
    };
    for (what, bytes, says) in [
        ("empty", Vec::new(), "no archive that `muslchain export` made"),
        ("not one", b"something else".to_vec(), "no archive that `muslchain export` made"),
        ("a cut one", whole[..whole.len() / 2].to_vec(), "tiny.tar.zst"),
        ("without its last entry", with(&|all| drop(all.pop())), "it ends without `"),
        ("another content", with(&|all| all[beta].2 = b"beta 6.6\n".to_vec()), "not what its digest says"),
        ("another length", with(&|all| all[beta].2.push(b'!')), "of another size"),
        ("twice the same", with(&|all| all.push(all[beta].clone())), "twice in it"),
        (
            "more than the list",
            with(&|all| all.push((all[beta].0.clone(), top.join("more"), vec![]))),
            "not in its list",
        ),
        ("elsewhere", with(&|all| all[beta].1 = "elsewhere/lib/beta".into()), "is not below `"),
        ("another manifest", with(&|all| all[0].2 = b"{}".to_vec()), "no archive that"),
        ("another list", with(&|all| all[1].2.push(b'\n')), "not the one that its manifest names"),
        ("no list", with(&|all| drop(all.remove(1))), "no list of contents"),
        (
            "a way out",
            with_list(&|list, _| {
                let file = list["lib/beta"].clone();
                list["../beta"] = file;
            }),
            "`../beta`: its path leads out",
        ),
        (
            "a symlink that leads out",
            with_list(&|list, all| {
                list["lib/out"] = json!({ "symlink": "../../../etc" });
                all.push((link("../../../etc"), top.join("lib/out"), vec![]));
            }),
            "`lib/out`: it points out",
        ),
        (
            "a name that would fill the memory",
            with(&|all| {
                let mut header = Header::new_gnu();
                header.set_entry_type(EntryType::GNULongName);
                all.insert(2, (header, "././@LongLink".into(), vec![b'a'; 8 << 20]));
            }),
            "header",
        ),
        (
            "a symlink that leads out through another one",
            with_list(&|list, all| {
                list["lib/up"] = json!({ "symlink": ".." });
                list["lib/out"] = json!({ "symlink": "up/../../etc" });
                all.push((link("up/../../etc"), top.join("lib/out"), vec![]));
            }),
            "`lib/out`: it points out",
        ),
        (
            "commands for programs of this machine",
            with(&|all| {
                let mut manifest: Value = serde_json::from_slice(&all[0].2).unwrap();
                let program = json!({ "program": "sh" });
                manifest["host_compiler"] = json!({
                    "path": "/bin/sh", "version": "1", "sha256": digest(b""), "tool": "x",
                    "programs": { "x/../../../../.bashrc": program },
                });
                all[0].2 = serde_json::to_vec(&manifest).unwrap();
            }),
            "a compiler of the machine that it is from",
        ),
        (
            "a file below a symlink",
            with_list(&|list, all| {
                let file = list["lib/beta"].clone();
                list["way"] = json!({ "symlink": "lib" });
                list["way/beta"] = file;
                all.push((link("lib"), top.join("way"), vec![]));
            }),
            "`way/beta`: it is in no folder",
        ),
        (
            "a symlink in a file's place",
            with(&|all| {
                all[beta].0 = link("/etc/passwd");
                all[beta].2.clear();
            }),
            "its list says otherwise",
        ),
    ] {
        let place = Place::new();
        let file = place.path().join("tiny.tar.zst");
        std::fs::File::create(&file).unwrap().write_all(&bytes).unwrap();
        let ran = import(&place, &file).refuses(&[]);
        assert!(ran.stderr.contains(says), "{what}: {}", ran.stderr);
        assert!(place.toolchains().is_empty() && place.works().is_empty(), "{what}");
        assert!(entries(&place.store().join("current")).is_empty(), "{what}");
    }
}

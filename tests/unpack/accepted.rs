//! Archives as they are made.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use muslchain::recipe::Selection;
use muslchain::unpack::Unpacked;

use crate::archives::{Node, Place, Tar, content, deb, gz, packed, xz, zst};

#[test]
fn every_format_gives_the_same_tree() {
    let tar = Tar::new().folder("t/").file("t/a", "one").folder("t/sub/").symlink("t/sub/l", "../a").end();
    let expected = Place::new().unpacked("x.tar", &tar, "");
    assert_eq!(expected.len(), 3);
    for name in ["x.tar.gz", "x.tgz", "x.tar.xz", "x.tar.zst"] {
        assert_eq!(Place::new().unpacked(name, &packed(name, &tar), ""), expected, "{name}");
    }
    // Several streams one after the other are one.
    let (first, rest) = tar.split_at(700);
    for (name, pack) in [("x.tar.gz", gz as fn(&[u8]) -> Vec<u8>), ("x.tar.xz", xz), ("x.tar.zst", zst)] {
        let parts = [pack(first), pack(rest)].concat();
        assert_eq!(Place::new().unpacked(name, &parts, ""), expected, "{name} in two streams");
    }
}

#[test]
fn a_package_keeps_its_whole_tree() {
    let tar = Tar::new().folder("./").folder("./usr/").file("./usr/include/a.h", "x").file("./b", "y").end();
    for data in ["data.tar", "data.tar.gz", "data.tar.xz", "data.tar.zst", "data.tar.gz/"] {
        let package = if data.ends_with('/') {
            crate::archives::ar(&[("debian-binary/", b"2.0\n"), ("_odd/", b"odd"), (data, &gz(&tar))])
        } else {
            deb(data, &tar)
        };
        let tree = Place::new().unpacked("x.deb", &package, "");
        assert_eq!(content(&tree, "usr/include/a.h"), "x", "{data}");
        assert_eq!(content(&tree, "b"), "y", "{data}");
        assert_eq!(tree.len(), 4);
    }
}

#[test]
fn a_nested_archive_is_all_that_is_unpacked() {
    let inner = Tar::new().folder("gcc-1/").file("gcc-1/README", "inner").end();
    for nested in ["w/inner.tar", "w/inner.tar.gz", "w/inner.tar.xz", "w/inner.tar.zst"] {
        for prefix in ["", "./"] {
            let outer = Tar::new()
                .folder("w/")
                .file("w/other", "x".repeat(3000))
                .symlink("w/escape", "/etc")
                .file(format!("{prefix}{nested}"), packed(nested, &inner))
                .file("w/after", "x")
                .end();
            let place = Place::new();
            let tree = place.unpacked("x.tar.gz", &gz(&outer), &format!("nested = '{nested}'"));
            assert_eq!(tree.keys().collect::<Vec<_>>(), [Path::new("README")]);
            assert_eq!(content(&tree, "README"), "inner");
        }
    }
}

#[test]
fn the_result_counts_entries_and_bytes() {
    let tar = Tar::new().pax(b'g', &[("comment", "x")]).folder("t").file("t/a", "12345").symlink("t/b", "a");
    let unpacked = Place::new().unpack("x.tar", &tar.hard_link("t/c", "t/a").end(), "").unwrap();
    assert_eq!(unpacked, Unpacked { entries: 4, bytes: 5 });
}

#[test]
fn the_top_level_folder_is_stripped_however_it_is_written() {
    for (first, second) in [("t/", "t/a"), ("./t/", "./t/a"), ("./", "./t/a"), ("t", ".//t/./a"), ("t/sub/", "t/a")] {
        let tree = Place::new().unpacked("x.tar", &Tar::new().folder(first).file(second, "x").end(), "");
        assert_eq!(content(&tree, "a"), "x", "{first} {second}");
    }
    // A folder from before POSIX is a file whose name ends with a slash.
    let old = Tar::new().file("t/", "").file("t/sub/", "").file("t/sub/a", "x").end();
    assert_eq!(content(&Place::new().unpacked("x.tar", &old, ""), "sub/a"), "x");
}

#[test]
fn long_and_strange_names_come_through() {
    let long = format!("t/{}", "sub/".repeat(60) + &"n".repeat(255));
    let strange = b"t/\xff\xfe \\\n*";
    let pax_long = format!("t/{}", "pax/".repeat(60) + "end");
    let tree = Place::new().unpacked(
        "x.tar",
        &Tar::new()
            .long_name(long.as_bytes())
            .file("t/cut", "gnu")
            .pax(b'x', &[("path", &pax_long)])
            .file("t/cut", "pax")
            .file(strange, "bytes")
            .end(),
        "",
    );
    assert_eq!(content(&tree, &long[2..]), "gnu");
    assert_eq!(content(&tree, &pax_long[2..]), "pax");
    assert!(tree.keys().any(|path| path.as_os_str().as_bytes() == &strange[2..]));
}

#[test]
fn links_inside_the_tree_are_kept_as_they_are() {
    let tar = Tar::new().file("t/a", "x").symlink("t/s/up", "../a").symlink("t/s/root", "..").symlink("t/gone", "none");
    let tree = Place::new().unpacked("x.tar", &tar.symlink("t/gone", "none").hard_link("t/s/h", "./t/a").end(), "");
    assert_eq!(tree[Path::new("s/up")], Node::Symlink("../a".into()));
    assert_eq!(tree[Path::new("s/root")], Node::Symlink("..".into()));
    assert_eq!(tree[Path::new("gone")], Node::Symlink("none".into()));
    assert_eq!(content(&tree, "s/h"), "x");
}

#[test]
fn the_last_of_two_files_wins_and_the_first_is_not_written_through() {
    let tar = Tar::new().file("t/a", "the first").hard_link("t/b", "t/a").file("t/a", "last").end();
    let place = Place::new();
    let tree = place.unpacked("x.tar", &tar, "");
    assert_eq!((content(&tree, "a"), content(&tree, "b")), ("last".into(), "the first".into()));
}

#[test]
fn a_hard_link_is_one_file_under_two_names() {
    let place = Place::new();
    place.unpacked("x.tar", &Tar::new().file("t/a", "x").hard_link("t/sub/b", "t/a").end(), "");
    let inode = |name| place.tree().join(name).metadata().unwrap().ino();
    assert_eq!(inode("a"), inode("sub/b"));
}

#[test]
fn only_the_executable_bit_is_kept_whatever_the_umask() {
    let old = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let mut tar = Tar::new().raw(b'5', b"t/locked", b"", b"", |header| header.set_mode(0));
    for mode in [0o644, 0o600, 0o444, 0o755, 0o700, 0o4755, 0o777, 0o000, 0o011] {
        tar = tar.raw(b'0', format!("t/locked/implied/{mode:o}").as_bytes(), b"", b"", |header| header.set_mode(mode));
    }
    let place = Place::new();
    let tree = place.unpacked("x.tar", &tar.end(), "");
    assert_eq!(place.tree().metadata().unwrap().mode() & 0o7777, 0o755);
    for (path, node) in tree {
        let name = path.file_name().unwrap().to_str().unwrap();
        match node {
            Node::Folder { mode } => assert_eq!(mode, 0o755, "{path:?}"),
            Node::File { mode, .. } => {
                let executable = matches!(name, "755" | "700" | "4755" | "777");
                assert_eq!(mode, if executable { 0o755 } else { 0o644 }, "{path:?}");
            }
            Node::Symlink(_) => unreachable!(),
        }
    }
    rustix::process::umask(old);
}

#[test]
fn files_keep_their_time_stamps() {
    let at = |name: &'static [u8], time| Tar::new().raw(b'0', name, b"", b"x", move |header| header.set_mtime(time));
    let tar = [
        at(b"t/configure.ac", 1_700_000_000).0,
        at(b"t/configure", 1_700_000_001).0,
        at(b"t/far", 10_000_000_000).0,
        Tar::new().pax(b'x', &[("mtime", "1700000002.25")]).file("t/fine", "x").0,
        Tar::new().pax(b'x', &[("mtime", "-1.5")]).file("t/early", "x").0,
    ];
    let place = Place::new();
    place.unpacked("x.tar", &Tar(tar.concat()).end(), "");
    let time = |name: &str| {
        let metadata = place.tree().join(name).metadata().unwrap();
        (metadata.mtime(), metadata.mtime_nsec())
    };
    assert_eq!(time("configure.ac"), (1_700_000_000, 0));
    assert_eq!(time("configure"), (1_700_000_001, 0));
    assert_eq!(time("far"), (10_000_000_000, 0));
    assert_eq!(time("fine"), (1_700_000_002, 250_000_000));
    assert_eq!(time("early"), (-2, 500_000_000));
}

#[test]
fn what_follows_the_end_marker_is_ignored() {
    let place = Place::new();
    let mut tar = Tar::new().file("t/a", "x").end();
    tar.extend_from_slice(&Tar::new().file("../victim", "x").0);
    tar.extend_from_slice(b"garbage");
    assert_eq!(place.unpacked("x.tar.gz", &gz(&tar), "").len(), 1);
}

#[test]
fn a_gnu_sparse_file_is_written_out() {
    let tar = Tar::new().raw(b'S', b"t/sparse", b"", &[b'x'; 512], |header| {
        let fields = header.as_gnu_mut().unwrap();
        fields.set_real_size(2048);
        fields.sparse[0].set_offset(1024);
        fields.sparse[0].set_length(512);
        fields.sparse[1].set_offset(2048);
        fields.sparse[1].set_length(0);
    });
    let tree = Place::new().unpacked("x.tar", &tar.end(), "");
    let expected = ["\0".repeat(1024), "x".repeat(512), "\0".repeat(512)].concat();
    assert_eq!(content(&tree, "sparse"), expected);
}

#[test]
fn an_empty_folder_in_the_trees_place_and_leftovers_are_no_obstacle() {
    let place = Place::new();
    std::fs::create_dir(place.tree()).unwrap();
    std::fs::create_dir_all(place.path().join("work/tree.partial/old")).unwrap();
    let tree = place.unpacked("x.tar", &Tar::new().file("t/a", "x").end(), "");
    assert_eq!(tree.into_keys().collect::<Vec<_>>(), [PathBuf::from("a")]);
}

#[test]
fn parts_of_a_tree_are_unpacked_without_the_rest() {
    let tar = Tar::new()
        .folder("t/")
        .file("t/README", "x")
        .folder("t/lib/")
        .file("t/lib/one/a", "a")
        .symlink("t/lib/one/b", "a")
        .file("t/lib/onerous", "x")
        .hard_link("t/lib/two", "t/lib/one/a")
        .symlink("t/escape", "/etc")
        .file("t/bin/tool", "tool")
        .end();
    let place = Place::new();
    let only =
        |parts: &[&str]| Selection { only: parts.iter().map(|part| (*part).to_owned()).collect(), without: vec![] };
    let unpacked = place.unpack_selected(&only(&["lib/one", "bin/tool"]), "x.tar", &tar, "").unwrap();
    assert_eq!(unpacked, Unpacked { entries: 3, bytes: 5 });
    let tree = crate::archives::snapshot(&place.tree());
    let paths: Vec<&Path> = tree.keys().map(PathBuf::as_path).collect();
    assert_eq!(paths, ["bin", "bin/tool", "lib", "lib/one", "lib/one/a", "lib/one/b"].map(Path::new));
    // All but some, of everything and of a part.
    let two = Tar::new().folder("t/").file("t/lib/one/a", "a").symlink("t/lib/one/b", "a").file("t/c", "c").end();
    let without = vec!["lib/one/b".to_owned(), "none".to_owned()];
    for (only, left) in
        [(only(&[]), &["c", "lib", "lib/one", "lib/one/a"][..]), (only(&["lib"]), &["lib", "lib/one", "lib/one/a"])]
    {
        let place = Place::new();
        place.unpack_selected(&Selection { without: without.clone(), ..only }, "x.tar", &two, "").unwrap();
        let tree = crate::archives::snapshot(&place.tree());
        assert_eq!(tree.keys().collect::<Vec<_>>(), left.iter().map(Path::new).collect::<Vec<_>>());
    }
    // What is not there is told, and nothing is left; and names elsewhere are still looked at.
    let place = Place::new();
    let error = place.unpack_selected(&only(&["lib/one", "lib/three"]), "x.tar", &tar, "").unwrap_err().to_string();
    assert!(error.ends_with("has nothing at `lib/three`"), "{error}");
    assert!(!place.tree().exists());
    let hostile = Tar::new().folder("t/").file("t/a", "a").file("t/../../victim", "x").end();
    assert!(Place::new().unpack_selected(&only(&["a"]), "x.tar", &hostile, "").is_err());
}

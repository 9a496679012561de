//! Hostile and broken archives.

use std::path::Path;

use muslchain::unpack::{Refusal, UnpackError};

use crate::archives::{Place, Tar, ar, deb, gz, packed, snapshot, xz, zst};

/// Each case: what the archive holds, the entry that is refused, why.
#[test]
fn hostile_archives_are_refused_and_leave_nothing() {
    let place = Place::new();
    let outside = place.path().join("outside");
    let victim = outside.join("victim");
    let start = || Tar::new().folder("t/").file("t/file", "content").folder("t/sub");
    let linked = || start().symlink("t/link", "sub");
    let absolute = victim.to_str().unwrap();
    let target = |target: &str| target.into();
    let device = |kind| start().raw(kind, b"t/special", b"", b"", |_| ());
    let deep = format!("t{}", "/d".repeat(200));

    #[rustfmt::skip]
    let cases: Vec<(Tar, &str, Refusal)> = vec![
        // Names.
        (start().long_name(absolute.as_bytes()).file("", "x"), absolute, Refusal::Absolute),
        (start().file("/t/x", "x"), "/t/x", Refusal::Absolute),
        (start().file("t/../../victim", "x"), "t/../../victim", Refusal::Parent),
        (start().file("../victim", "x"), "../victim", Refusal::Parent),
        (start().folder(".."), "..", Refusal::Parent),
        (start().file("t/sub/../x", "x"), "t/sub/../x", Refusal::Parent),
        (start().symlink("../link", "t"), "../link", Refusal::Parent),
        (start().hard_link("../link", "t/file"), "../link", Refusal::Parent),
        (start().file("", "x"), "", Refusal::Empty),
        (start().long_name(b"t/a\0b").file("t/a", "x"), "t/a\0b", Refusal::Nul),
        (start().pax(b'x', &[("path", "../victim")]).file("t/a", "x"), "../victim", Refusal::Parent),
        (start().long_name(deep.as_bytes()).folder("t"), &deep, Refusal::TooDeep { limit: 128 }),
        // The top-level folder.
        (start().file("u/x", "x"), "u/x", Refusal::SecondTop { top: "t".into() }),
        (start().symlink("u", "t"), "u", Refusal::SecondTop { top: "t".into() }),
        (Tar::new().file("t", "x"), "t", Refusal::TopIsNoFolder),
        (Tar::new().symlink("t", "u"), "t", Refusal::TopIsNoFolder),
        (Tar::new().symlink(".", "u"), ".", Refusal::TopIsNoFolder),
        // Through links.
        (linked().file("t/link/x", "x"), "t/link/x", Refusal::ThroughSymlink { link: "link".into() }),
        (linked().folder("t/link/x"), "t/link/x", Refusal::ThroughSymlink { link: "link".into() }),
        (linked().symlink("t/link/x", "y"), "t/link/x", Refusal::ThroughSymlink { link: "link".into() }),
        (linked().hard_link("t/link/x", "t/file"), "t/link/x", Refusal::ThroughSymlink { link: "link".into() }),
        (start().symlink("t/loop", "loop").file("t/loop/x", "x"), "t/loop/x", Refusal::ThroughSymlink { link: "loop".into() }),
        // Symlinks that lead out.
        (start().symlink("t/l", absolute), "t/l", Refusal::SymlinkAbsolute { target: target(absolute) }),
        (start().symlink("t/l", "/"), "t/l", Refusal::SymlinkAbsolute { target: target("/") }),
        (start().symlink("t/l", "../victim"), "t/l", Refusal::SymlinkLeaves { target: target("../victim") }),
        (start().symlink("t/l", "../t/file"), "t/l", Refusal::SymlinkLeaves { target: target("../t/file") }),
        (start().symlink("t/sub/l", "../../victim"), "t/sub/l", Refusal::SymlinkLeaves { target: target("../../victim") }),
        (start().symlink("t/sub/l", ".././/../victim"), "t/sub/l", Refusal::SymlinkLeaves { target: target(".././/../victim") }),
        (start().symlink("t/sub/up", "..").symlink("t/l", "sub/up/../victim"), "t/l", Refusal::SymlinkWinds { target: target("sub/up/../victim") }),
        (start().symlink("t/l", ""), "t/l", Refusal::Empty),
        (start().pax(b'x', &[("linkpath", "../victim")]).symlink("t/l", "file"), "t/l", Refusal::SymlinkLeaves { target: target("../victim") }),
        // Hard links to what the archive did not make.
        (start().hard_link("t/l", absolute), "t/l", Refusal::HardLinkLeaves { target: target(absolute) }),
        (start().hard_link("t/l", "../victim"), "t/l", Refusal::HardLinkLeaves { target: target("../victim") }),
        (start().hard_link("t/l", "t/../../victim"), "t/l", Refusal::HardLinkLeaves { target: target("t/../../victim") }),
        (start().hard_link("t/l", "victim"), "t/l", Refusal::HardLinkLeaves { target: target("victim") }),
        (start().hard_link("t/l", "t/later").file("t/later", "x"), "t/l", Refusal::HardLinkMissing { target: target("t/later") }),
        (start().hard_link("t/l", "t/none/later"), "t/l", Refusal::HardLinkMissing { target: target("t/none/later") }),
        (start().hard_link("t/l", "t/sub"), "t/l", Refusal::HardLinkMissing { target: target("t/sub") }),
        (start().hard_link("t/l", "t"), "t/l", Refusal::HardLinkMissing { target: target("t") }),
        (start().hard_link("t/l", "."), "t/l", Refusal::HardLinkMissing { target: target(".") }),
        (linked().hard_link("t/l", "t/link"), "t/l", Refusal::HardLinkMissing { target: target("t/link") }),
        (linked().file("t/sub/x", "").hard_link("t/l", "t/link/x"), "t/l", Refusal::HardLinkMissing { target: target("t/link/x") }),
        (start().hard_link("t/l", ""), "t/l", Refusal::Empty),
        // Special files, and kinds of entries that are not understood.
        (device(b'3'), "t/special", Refusal::Special { kind: "character device" }),
        (device(b'4'), "t/special", Refusal::Special { kind: "block device" }),
        (device(b'6'), "t/special", Refusal::Special { kind: "named pipe" }),
        (device(b'V'), "t/special", Refusal::Unsupported { kind: "type `V`".into() }),
        (device(b'M'), "t/special", Refusal::Unsupported { kind: "type `M`".into() }),
        (start().pax(b'x', &[("GNU.sparse.major", "1")]).file("t/a", "x"), "t/a", Refusal::Unsupported { kind: "a sparse file in the pax form".into() }),
        // One kind in the place of another.
        (linked().file("t/link", "x"), "t/link", Refusal::Replaces { was: "symlink" }),
        (linked().folder("t/link"), "t/link", Refusal::Replaces { was: "symlink" }),
        (linked().symlink("t/link", "file"), "t/link", Refusal::Replaces { was: "symlink" }),
        (linked().hard_link("t/link", "t/file"), "t/link", Refusal::Replaces { was: "symlink" }),
        (start().file("t/sub", "x"), "t/sub", Refusal::Replaces { was: "folder" }),
        (start().symlink("t/sub", "file"), "t/sub", Refusal::Replaces { was: "folder" }),
        (start().hard_link("t/sub", "t/file"), "t/sub", Refusal::Replaces { was: "folder" }),
        (start().folder("t/file"), "t/file", Refusal::Replaces { was: "file" }),
        (start().symlink("t/file", "sub"), "t/file", Refusal::Replaces { was: "file" }),
        (start().hard_link("t/file", "t/file"), "t/file", Refusal::Replaces { was: "file" }),
        (start().file("t/file/x", "x"), "t/file/x", Refusal::Replaces { was: "file" }),
    ];
    for (tar, entry, refusal) in cases {
        let (refused, why) = place.refuses("x.tar", &tar.end(), "");
        assert_eq!((String::from_utf8_lossy(&refused).as_ref(), &why), (entry, &refusal));
    }
}

#[test]
fn a_package_is_held_to_the_same_rules() {
    let place = Place::new();
    let cases = [
        (Tar::new().file("./../victim", "x"), Refusal::Parent),
        (Tar::new().symlink("./a", "/etc"), Refusal::SymlinkAbsolute { target: "/etc".into() }),
        (Tar::new().symlink("./a", "../outside"), Refusal::SymlinkLeaves { target: "../outside".into() }),
        (Tar::new().symlink("./a", ".").file("./a/x", "x"), Refusal::ThroughSymlink { link: "a".into() }),
        (Tar::new().hard_link("./a", "./b"), Refusal::HardLinkMissing { target: "./b".into() }),
        (Tar::new().file("./", "x").raw(b'6', b".", b"", b"", |_| ()), Refusal::TopIsNoFolder),
    ];
    for (tar, refusal) in cases {
        assert_eq!(place.refuses("x.deb", &deb("data.tar.xz", &tar.end()), "").1, refusal);
    }
}

#[test]
fn a_link_is_never_followed() {
    // Neither one that stands where the partial tree goes,
    let place = Place::new();
    std::os::unix::fs::symlink(place.path().join("outside"), place.path().join("work/tree.partial")).unwrap();
    let outside = snapshot(&place.path().join("outside"));
    place.unpacked("x.tar", &Tar::new().file("t/victim", "x").end(), "");
    assert_eq!(snapshot(&place.path().join("outside")), outside);

    // nor one in the place of the tree, even to an empty folder,
    let place = Place::new();
    std::fs::create_dir(place.path().join("empty")).unwrap();
    std::os::unix::fs::symlink(place.path().join("empty"), place.tree()).unwrap();
    let error = place.fails("x.tar", &Tar::new().file("t/x", "x").end(), "");
    assert!(matches!(error, UnpackError::Taken { .. }), "{error}");

    // nor one in an earlier run's leftovers when they are removed.
    let place = Place::new();
    std::fs::create_dir(place.path().join("work/tree.partial")).unwrap();
    std::os::unix::fs::symlink("../../outside", place.path().join("work/tree.partial/link")).unwrap();
    place.unpacked("x.tar", &Tar::new().file("t/x", "x").end(), "");
    assert!(place.path().join("outside/victim").exists());
    assert!(!place.tree().join("link").is_symlink());
}

#[test]
fn what_is_there_already_stays() {
    let place = Place::new();
    std::fs::create_dir(place.tree()).unwrap();
    std::fs::write(place.tree().join("mine"), "mine").unwrap();
    let error = place.fails("x.tar", &Tar::new().file("t/mine", "x").end(), "");
    assert!(matches!(&error, UnpackError::Taken { path } if *path == place.tree()), "{error}");
}

#[test]
fn a_cut_archive_is_no_tree() {
    let place = Place::new();
    let tar = Tar::new().folder("t").file("t/a", vec![7; 700]).long_name(b"t/b").file("t/b", "x");
    let length = tar.0.len();
    let whole = tar.end();
    for cut in (0..length).step_by(128).chain([length, length + 1, length + 511]) {
        let error = place.fails("x.tar", &whole[..cut], "");
        assert!(matches!(error, UnpackError::Truncated { .. }), "{cut}: {error}");
    }
    for name in ["x.tar.gz", "x.tar.xz", "x.tar.zst"] {
        let whole = packed(name, &whole);
        for cut in [0, 3, 20, whole.len() / 2, whole.len() - whole.len() / 3] {
            let error = place.fails(name, &whole[..cut], "");
            assert!(matches!(error, UnpackError::Truncated { .. }), "{name} {cut}: {error}");
        }
    }
    let package = deb("data.tar.gz", &whole);
    for cut in [0, 7, 30, 70, 100, 200, package.len() - 40] {
        let error = place.fails("x.deb", &package[..cut], "");
        assert!(matches!(error, UnpackError::Truncated { .. }), "deb {cut}: {error}");
    }
}

#[test]
fn a_broken_archive_is_no_tree() {
    let place = Place::new();
    let good = Tar::new().file("t/a", vec![7; 700]).end();
    let mut checksum = Tar::new().folder("t").file("t/a", "x").end();
    checksum[512 + 10] ^= 1;
    let mut damaged = xz(&good);
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0xff;
    let no_data = ar(&[("debian-binary", b"2.0\n"), ("control.tar", b"")]);
    let not_first = ar(&[("data.tar", &good)]);
    let version = ar(&[("debian-binary", b"3.0\n"), ("data.tar", &good)]);
    let mut size = deb("data.tar", &good);
    size[8 + 48] = b'-';
    let mut magic = deb("data.tar", &good);
    magic[0] = b'?';
    let mut header = deb("data.tar", &good);
    header[8 + 58] = b'?';
    let pax = Tar::new().raw(b'x', b"pax", b"", b"99 mtime=1\n", |_| ()).file("t/a", "").end();
    let time = Tar::new().pax(b'x', &[("mtime", "yesterday")]).file("t/a", "").end();
    for (name, bytes) in [
        ("x.tar", &checksum),
        ("x.tar", &pax),
        ("x.tar", &time),
        ("x.tar.gz", &good),
        ("x.tar.xz", &gz(&good)),
        ("x.tar.xz", &damaged),
        ("x.tar.zst", &xz(&good)),
        ("x.deb", &good),
        ("x.deb", &no_data),
        ("x.deb", &not_first),
        ("x.deb", &version),
        ("x.deb", &size),
        ("x.deb", &magic),
        ("x.deb", &header),
    ] {
        let error = place.fails(name, bytes, "");
        assert!(matches!(error, UnpackError::Corrupt { .. }), "{name}: {error}");
    }
}

#[test]
fn formats_that_are_not_known_are_named() {
    let place = Place::new();
    let bzip = ar(&[("debian-binary", b"2.0\n"), ("data.tar.bz2", b"x")]);
    for (name, bytes, named) in
        [("x.zip", &b"x"[..], "x.zip"), ("x.tar.bz2", b"x", "x.tar.bz2"), ("x.deb", &bzip, "data.tar.bz2")]
    {
        let error = place.fails(name, bytes, "");
        assert!(matches!(&error, UnpackError::Format { name } if name == named), "{error}");
    }
}

#[test]
fn a_nested_archive_that_is_missing_is_named() {
    let place = Place::new();
    let inner = gz(&Tar::new().file("t/a", "x").end());
    let outer = Tar::new().folder("w/inner.tar.gz").file("w/other.tar.gz", &inner).end();
    let error = place.fails("x.tar.zst", &zst(&outer), "nested = 'w/inner.tar.gz'");
    assert!(matches!(&error, UnpackError::NestedMissing { nested, .. } if nested == "w/inner.tar.gz"), "{error}");
    assert!(error.to_string().contains("`w/inner.tar.gz`"), "{error}");
}

#[test]
fn a_refusal_names_archive_and_entry_and_hides_no_control_character() {
    let place = Place::new();
    let inner = Tar::new().file(b"t/\x1b[2J/../x\xff", "x").end();
    let outer = Tar::new().file("w/i.tar", inner).end();
    let error = place.fails("x.tar", &outer, "nested = 'w/i.tar'").to_string();
    let archive = place.path().join("archive/w/i.tar");
    assert_eq!(error, format!("{}: refused entry \"t/\\u{{1b}}[2J/../x\\xFF\": `..` in a name", archive.display()));
}

#[test]
fn a_component_that_is_too_long_is_the_systems_error_with_the_path() {
    let place = Place::new();
    let name = format!("t/sub/{}", "n".repeat(256));
    let error = place.fails("x.tar", &Tar::new().long_name(name.as_bytes()).file("t/n", "x").end(), "");
    let UnpackError::Write { path, source } = error else { panic!("{error}") };
    assert!(path.starts_with(place.path()) && path.ends_with(Path::new("sub").join("n".repeat(256))), "{path:?}");
    assert_eq!(source.kind(), std::io::ErrorKind::InvalidFilename);
}

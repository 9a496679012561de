//! toolchains.lock: what a project's toolchains are to be.

use std::path::PathBuf;

use crate::bench::Bench;
use crate::support::Place;

/// A project that wants tiny.
fn project(place: &Place) -> PathBuf {
    std::fs::write(place.project.join("toolchains.toml"), "targets = ['tiny']\n").unwrap();
    place.project.join("toolchains.lock")
}

fn lock(place: &Place, options: &[&str]) -> crate::support::process::Ran {
    let mirror = place.mirror.to_str().unwrap();
    place.run(&[&["lock", "--mirror", mirror], options].concat())
}

#[test]
fn what_was_locked_is_installed_or_nothing() {
    let place = Place::new();
    place.run(&["lock", "tiny"]).refuses(&["no toolchains.toml"]);
    let path = project(&place);
    place.install(&["--locked"]).refuses(&["no toolchains.lock", "muslchain lock"]);
    lock(&place, &["--check"]).refuses(&["is missing"]);
    lock(&place, &[]).succeeds().says(&["toolchains.lock written"]);
    let text = std::fs::read_to_string(&path).unwrap();
    for part in ["recipe = \"tiny\"", "[target.tiny-linux-musl.", "key = \"", "name = \"beta\"", "sha256 = \""] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("contents"), "nobody has seen any: {text}");
    lock(&place, &["--check"]).succeeds();
    place.install(&["--locked"]).succeeds();
    // What it holds is known now.
    lock(&place, &[]).succeeds();
    assert!(std::fs::read_to_string(&path).unwrap().contains("contents = \""));
    lock(&place, &[]).succeeds().says(&["is up to date"]);
    place.install(&["--locked"]).succeeds();

    let before = std::fs::read(&path).unwrap();
    std::fs::write(place.project.join("toolchains.toml"), "targets = ['tiny']\nversions = { beta = '2.0' }\n").unwrap();
    let parts = ["its key is ", "beta: 2.0 (sha256:", "locked is 1.0 (sha256:", "muslchain lock"];
    place.install(&["--locked"]).refuses(&parts);
    lock(&place, &["--check"]).refuses(&["is not up to date", "beta: 2.0"]);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    place.run_with(&[("MUSLCHAIN_LOCKED", "1")], &["install", "other"]).refuses(&["other-linux-musl is not in it"]);
    lock(&place, &[]).succeeds();
    place.install(&["--locked"]).succeeds();
}

#[test]
fn a_script_that_changed_is_told() {
    let place = Place::new();
    project(&place);
    lock(&place, &[]).succeeds();
    place.before("last", "true");
    place.install(&["--locked"]).refuses(&["the recipe's scripts are others"]);
}

#[test]
fn other_hosts_toolchains_stay_locked_while_the_sources_do() {
    let place = Place::new();
    let path = project(&place);
    lock(&place, &[]).succeeds();
    let text = std::fs::read_to_string(&path).unwrap();
    let here = muslchain::plan::host_triple();
    let elsewhere = text.replace(&here, "vax-pc-linux-gnu");
    std::fs::write(&path, &elsewhere).unwrap();
    place.install(&["--locked"]).refuses(&[&format!("tiny-linux-musl is not in it for {here}")]);
    lock(&place, &[]).succeeds();
    let both = std::fs::read_to_string(&path).unwrap();
    assert!(both.contains(&here) && both.contains("vax-pc-linux-gnu"), "{both}");
    lock(&place, &["--set", "beta=2.0"]).succeeds();
    assert!(!std::fs::read_to_string(&path).unwrap().contains("vax"));
}

#[test]
fn a_signature_does_not_stand_above_the_lock() {
    let bench = Bench::new();
    let path = project(&bench.user);
    let remote = bench.remote.to_str().unwrap();
    // What the remote has is locked without being installed.
    lock(&bench.user, &["--remote", remote]).succeeds();
    let text = std::fs::read_to_string(&path).unwrap();
    let contents = bench.artifact().toolchain.contents.to_string();
    assert!(text.contains(&contents), "{text}");
    std::fs::write(&path, text.replace(&contents, &"0".repeat(64))).unwrap();
    let order = ["install", "--locked", "--no-build", "--remote", remote];
    bench.user.run(&order).refuses(&["refused: ", "toolchains.lock says sha256:000"]);
    let ran = bench.user.install(&["--locked"]).refuses(&["holds sha256:", "toolchains.lock says sha256:000"]);
    assert!(ran.stderr.contains(&contents), "{ran:#?}");
}

#[test]
fn a_lock_that_is_none_is_refused_and_stays() {
    let place = Place::new();
    let path = project(&place);
    for (text, says) in
        [("schema = 99\n", "a newer muslchain"), ("schema = 1\nsurprise = 1\n", "muslchain lock"), ("", "schema")]
    {
        std::fs::write(&path, text).unwrap();
        place.install(&[]).refuses(&["toolchains.lock", says]);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn what_does_not_move_is_not_upgraded() {
    let place = Place::new();
    project(&place);
    lock(&place, &["--upgrade", "beta"]).refuses(&["beta has no moving version", "--set beta=VERSION"]);
    lock(&place, &["--upgrade"]).succeeds();
}

/// Has a place's beta move; what it is resolved to, if anybody says so.
pub fn moving(place: &Place) -> String {
    let table = place.recipes.join("sources.toml");
    let moving =
        "[[moving]]\nname = 'beta'\nversion = 'newest'\nsuite = 'nowhere'\npackage = 'beta'\nlicence = 'MIT'\n";
    std::fs::write(&table, std::fs::read_to_string(&table).unwrap() + moving).unwrap();
    place.edit("toolchains/tiny/recipe.toml", "beta = \"1.0\"", "beta = \"newest\"");
    let content = crate::support::recipes::archive(&[("content", "beta 7\n")]);
    std::fs::write(place.mirror.join("beta-7.tar"), &content).unwrap();
    let (digest, size) = (muslchain::digest::Sha256::of(&content), content.len());
    format!(
        r#"{{ "name": "beta", "version": "newest-7", "file": "beta-7.tar", "size": {size}, "sha256": "{digest}", "licence": "MIT",
        "urls": [], "distribution": {{ "suite": "nowhere", "package": "beta", "binary": true, "path": "pool/beta-7.tar" }} }}"#
    )
}

#[test]
fn what_a_moving_version_means_is_the_lock_s_to_say_and_nothing_else() {
    let place = Place::new();
    let path = project(&place);
    let resolved = moving(&place);
    std::fs::create_dir_all(place.store()).unwrap();
    std::fs::write(place.store().join("resolved.json"), format!("[{resolved}]")).unwrap();
    lock(&place, &[]).succeeds();
    let text = std::fs::read_to_string(&path).unwrap();
    // Another machine has never heard of it.
    let other = Place::new();
    let lock_there = project(&other);
    moving(&other);
    std::fs::write(&lock_there, &text).unwrap();
    other.install(&["--locked"]).succeeds();
    let content = std::fs::read_to_string(other.toolchains()[0].join("lib/beta")).unwrap();
    assert_eq!(content, "beta 7\n");
    let beta = text.find("\"newest-7\"").unwrap();
    for (old, new) in [
        ("file = \"beta-7.tar\"", "file = \"/dev/zero\""),
        ("urls = []", "urls = [\"http://evil.example/\"]"),
        ("licence = \"MIT\"", "licence = \"MIT\"\nfixup = \"mend.sh\""),
    ] {
        let place = beta + text[beta..].find(old).unwrap();
        let evil = format!("{}{new}{}", &text[..place], &text[place + old.len()..]);
        std::fs::write(&lock_there, evil).unwrap();
        other.install(&[]).refuses(&["toolchains.lock", "its source beta newest-7 is none"]);
    }
}

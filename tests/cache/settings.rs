//! Remotes and targets in files.

use crate::bench::Bench;
use crate::support::Place;

#[test]
fn a_project_names_its_targets_and_remotes() {
    let bench = Bench::new();
    let project = bench.user.project.join("toolchains.toml");
    // A path is counted from the file's own folder.
    std::os::unix::fs::symlink(&bench.remote, bench.user.project.join("cache")).unwrap();
    std::fs::write(&project, "targets = ['linux/arm64']\n[[remote]]\nurl = 'cache'\n").unwrap();
    bench.user.run(&["install", "--no-build"]).succeeds().says(&["tiny-linux-musl installed from", "project/cache"]);
    bench.user.run(&["install"]).succeeds().says(&["is installed"]);
}

#[test]
fn without_targets_nothing_is_guessed() {
    let place = Place::new();
    place.run(&["install"]).refuses(&["no target is named", "toolchains.toml"]);
}

#[test]
fn a_project_may_not_ask_for_secrets() {
    let place = Place::new();
    let project = place.project.join("toolchains.toml");
    for key in ["password-variable", "token-variable", "access"] {
        let value = if key == "access" { "read-write" } else { "GITHUB_TOKEN" };
        let text = format!("[[remote]]\nurl = 'https://evil.example'\n{key} = '{value}'\n");
        std::fs::write(&project, text).unwrap();
        place.run_with(&[("GITHUB_TOKEN", "x")], &["install", "tiny"]).refuses(&["not a project's to say"]);
    }
}

#[test]
fn what_is_no_remote_is_refused() {
    let place = Place::new();
    for (wrong, says) in [("ftp://x/", "ftp is not known"), ("http://", "no address"), ("file://host/x", "no folder")] {
        place.run(&["install", "--remote", wrong, "tiny"]).refuses(&[wrong, says]);
    }
    let config = place.home.join(".config/muslchain");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "[[remote]]\nurl = 'http://x'\ntoken-variable = 'NOT_SET'\n").unwrap();
    // What nobody asks does not matter, and one that cannot be asked keeps nothing from being built.
    let ran = place.run(&["env", "tiny"]);
    assert!(!ran.stderr.contains("NOT_SET"), "{ran:?}");
    place.install(&["tiny"]).succeeds().says(&["refused: http://x", "the variable NOT_SET", "is not set"]);
    for (limit, says) in [("0", "may be from 1"), ("9223372036854775807", "may be from 1")] {
        std::fs::write(config.join("config.toml"), format!("[[remote]]\nurl = 'http://x'\ntime-limit = {limit}\n"))
            .unwrap();
        place.install(&["other"]).refuses(&[says]);
    }
    let two = ["install", "--remote", "http://a.example", "--remote", "http://b.example", "tiny"];
    place.run_with(&[("MUSLCHAIN_REMOTE_TOKEN", "x")], &two).refuses(&["is for one remote"]);
    let ran = place.run(&["install", "--remote", "ftp://me:secret@x/", "tiny"]).refuses(&["ftp://x/"]);
    assert!(!ran.stderr.contains("secret"), "{ran:?}");
}

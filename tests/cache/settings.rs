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
    for key in ["password-variable", "token-variable"] {
        let text = format!("[[remote]]\nurl = 'https://evil.example'\nuser = 'me'\n{key} = 'GITHUB_TOKEN'\n");
        std::fs::write(&project, text).unwrap();
        place.run_with(&[("GITHUB_TOKEN", "x")], &["install", "tiny"]).refuses(&["a variable with a secret"]);
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
    place.run(&["install", "tiny"]).refuses(&["the variable NOT_SET", "is not set"]);
}

//! What makes the evaluation fail.

use crate::shells::{FISH, SHELLS, both_ways, installed, path};
use crate::support::Place;
use crate::support::process::Ran;

/// Runs a line in all shells: it has to fail, to change nothing, and to say each of `parts`.
#[track_caller]
fn fails_in_all_shells(place: &Place, prepare: &str, arguments: &str, parts: &[&str]) {
    for shell in SHELLS {
        for line in both_ways(arguments) {
            let script = format!(
                "{prepare}\nset +e; CC=mine\n{line}\ncode=$?\necho \"CC=$CC code=$code\"\nset -e\n{line}\necho 'went on'"
            );
            let ran = Ran::of(shell.command(place, &path(), &script));
            assert_eq!(ran.stdout, "CC=mine code=1\n", "{:?} {line}: {ran:#?}", shell.words);
            assert_ne!(ran.code, 0, "{:?} {line}", shell.words);
            ran.says(parts);
        }
    }
}

#[test]
fn a_missing_toolchain_fails_with_the_command_to_run() {
    let place = Place::new();
    let run = "no toolchain for tiny-linux-musl is installed; run `muslchain install tiny`";
    fails_in_all_shells(&place, "", "linux/arm64", &[run]);
    assert!(!place.store().exists());
}

#[test]
fn an_unknown_target_fails_with_the_nearest_names() {
    let place = Place::new();
    fails_in_all_shells(&place, "", "linux/amr64", &["no target is called `linux/amr64`", "`linux/arm64`"]);
    fails_in_all_shells(&place, "", "windows/amd64", &["musl is a C library for Linux"]);
}

#[test]
fn a_usage_error_fails() {
    let place = Place::new();
    installed(&place, "tiny");
    fails_in_all_shells(&place, "", "--nonsense linux/arm64", &["--nonsense"]);
    fails_in_all_shells(&place, "", "", &["TARGET|PORT"]);
    fails_in_all_shells(&place, "", "tiny other", &["other"]);
    fails_in_all_shells(&place, "", "--no-progress --nonsense tiny", &["--nonsense"]);
    fails_in_all_shells(&place, "", "--format sh --unset tiny", &["--unset"]);
    fails_in_all_shells(&place, "", "--format=ksh tiny", &["ksh", "[possible values: sh, fish,"]);
    fails_in_all_shells(&place, "", "--pie --for autotools tiny", &["--pie", "--for"]);
}

#[test]
fn fish_fails_too() {
    let place = Place::new();
    for (arguments, part) in [("tiny", "no toolchain for tiny"), ("--nonsense tiny", "--nonsense"), ("", "TARGET|PORT")]
    {
        let script = format!("muslchain env --format fish {arguments} | source; or echo failed");
        let ran = Ran::of(FISH.command(&place, &path(), &script));
        assert_eq!(ran.stdout, "failed\n", "{ran:#?}");
        ran.says(&[part]);
    }
}

#[test]
fn what_is_not_evaluated_prints_nothing_when_it_fails() {
    let place = Place::new();
    for arguments in [
        &["--json", "tiny"][..],
        &["--format", "json", "tiny"],
        &["--format=nu", "tiny"],
        &["--format", "dotenv", "tiny"],
        &["--format", "make", "tiny"],
        &["--format", "github", "tiny"],
        &["--for", "cmake", "tiny"],
        &["--for=meson", "tiny"],
    ] {
        place.run(&[&["env"], arguments].concat()).refuses(&["no toolchain for tiny-linux-musl is installed"]);
    }
    let ran = place.run(&["env", "--format", "pwsh", "tiny"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, "throw 'muslchain env failed'\n"));
}

#[test]
fn a_target_with_several_ports_asks_which() {
    let place = Place::new();
    installed(&place, "other");
    fails_in_all_shells(&place, "", "other", &["serves several ports; say which: linux/arm/v7, linux/arm/v6"]);
}

#[test]
fn wrong_settings_fail() {
    let place = Place::new();
    installed(&place, "tiny");
    std::fs::write(place.project.join("toolchains.toml"), "flavour = 1\n").unwrap();
    fails_in_all_shells(&place, "", "tiny", &["toolchains.toml", "`flavour`"]);
}

#[test]
fn a_store_that_no_shell_can_name_fails() {
    let place = Place::with_home("a\nb");
    installed(&place, "tiny");
    fails_in_all_shells(&place, "", "tiny", &["line break", "MUSLCHAIN_HOME"]);
    // A colon parts the folders of PATH.
    let place = Place::with_home("a:b");
    installed(&place, "tiny");
    fails_in_all_shells(&place, "", "tiny", &["colon", "MUSLCHAIN_HOME"]);
}

#[test]
fn a_folder_that_is_gone_fails() {
    let place = Place::new();
    installed(&place, "tiny");
    // The line has to fail even where the program cannot so much as start.
    let gone = "mkdir -p gone; cd gone; rmdir ../gone";
    for shell in SHELLS {
        let script = format!("{gone}\nset +e\neval $(muslchain env tiny)\necho \"code=$?\"");
        let ran = Ran::of(shell.command(&place, &path(), &script));
        assert_eq!(ran.stdout, "code=1\n", "{:?}: {ran:#?}", shell.words);
        ran.says(&["muslchain: ", "folder"]);
    }
}

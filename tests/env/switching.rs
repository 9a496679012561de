//! One environment after another, and the way back.

use crate::shells::{FISH, SHELLS, all, folders, installed, path, without_records};
use crate::support::Place;
use crate::support::process::Ran;
use crate::values::ODD;

/// Values that are hard to write down, beside what is not set and what is empty.
const OWN: &[(&str, &str)] = &[
    ("CC", ""),
    ("AR", "my 'own' \"ar\"  $HOME `id` \\ \\\\ *[x]? ~ # ! ÄÖ\u{201a}\u{2019}"),
    ("CGO_CFLAGS", " -DA='b  c'\n\t-DB\n\n"),
    ("CGO_LDFLAGS", "=-lm"),
    ("GOARM", "-"),
    ("GOFLAGS", "-v"),
];

#[test]
fn evaluated_again_nothing_more_changes() {
    let place = Place::with_home(ODD[1]);
    installed(&place, "tiny");
    for shell in all() {
        for line in shell.ways("tiny") {
            let once = shell.environment(&place, &path(), OWN, &line);
            assert_eq!(shell.environment(&place, &path(), OWN, &format!("{line}\n{line}\n{line}")), once, "{line}");
        }
    }
}

#[test]
fn another_port_takes_the_place_of_the_first() {
    for (home, own) in [("home", &[][..]), (ODD[1], OWN)] {
        let place = Place::with_home(home);
        let tiny = installed(&place, "tiny");
        installed(&place, "other");
        for shell in all() {
            for (line, first) in shell.ways("tiny").iter().zip(shell.ways("--pie linux/arm/v7")) {
                let script = format!("{first}\n{line}");
                let found = shell.environment(&place, &path(), own, &script);
                assert_eq!(found["PATH"], format!("{}:{}", folders(&tiny), path()), "{:?}: {script}", shell.words);
                // GOARM is the user's own again, or gone.
                let alone = shell.environment(&place, &path(), own, line);
                assert_eq!(without_records(found), without_records(alone), "{:?}: {script}", shell.words);
            }
        }
    }
}

#[test]
fn undone_the_shell_is_as_it_was() {
    for (home, own) in [("home", &[][..]), (ODD[1], OWN)] {
        let place = Place::with_home(home);
        installed(&place, "tiny");
        installed(&place, "other");
        for shell in all() {
            let before = shell.environment(&place, &path(), own, "true");
            for ports in
                [&[][..], &["tiny"], &["--pie linux/arm/v7", "linux/arm/v6", "tiny"], &["--for autotools tiny"]]
            {
                let ways = ports.iter().chain([&"--unset"]).map(|port| shell.ways(port));
                let ways: Vec<Vec<String>> = ways.collect();
                for way in 0..ways[0].len() {
                    let script = ways.iter().map(|ways| ways[way].clone()).collect::<Vec<_>>().join("\n");
                    let after = shell.environment(&place, &path(), own, &script);
                    assert_eq!(after, before, "{:?} {}: {script}", shell.words, shell.options);
                }
            }
        }
    }
}

#[test]
fn bytes_that_are_no_text_survive() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    installed(&place, "tiny");
    for shell in SHELLS {
        let script = "eval $(muslchain env tiny)\neval $(muslchain env tiny)\nprintf %s \"$CGO_CFLAGS|\"\n\
                      eval $(muslchain env --unset)\nprintf %s \"$CGO_CFLAGS|\"; /usr/bin/env | grep -c MUSLCHAIN_S || :";
        let mut command = shell.command(&place, &path(), script);
        command.env("CGO_CFLAGS", OsStr::from_bytes(b"-DA=\xff\xfe"));
        let output = command.output().unwrap();
        assert_eq!(output.stdout, b"-DA=\xff\xfe -static|-DA=\xff\xfe|0\n", "{:?}: {output:?}", shell.words);
    }
    let mut command = place.command(&["env", "--json", "tiny"]);
    command.env("CGO_CFLAGS", OsStr::from_bytes(b"\xff"));
    Ran::of(command).refuses(&["CGO_CFLAGS holds bytes that are no UTF-8", "json"]);
}

#[test]
fn folders_that_came_before_path_meanwhile_stay() {
    let place = Place::with_home(ODD[1]);
    let [tiny, other] = ["tiny", "other"].map(|target| folders(&installed(&place, target)));
    for shell in all() {
        let ways = |arguments: &str| shell.ways(arguments).pop().unwrap();
        let more = if shell.words == FISH.words { "set -gx PATH '/my  own' $PATH" } else { "PATH=\"/my  own:$PATH\"" };
        let script = [ways("tiny"), more.to_owned(), ways("linux/arm/v7")].join("\n");
        let found = shell.environment(&place, &path(), &[], &script);
        assert_eq!(found["PATH"], format!("{other}:/my  own:{}", path()), "{:?}", shell.words);
        assert!(!found["PATH"].contains(&tiny));
        let found = shell.environment(&place, &path(), &[], &[script, more.to_owned(), ways("--unset")].join("\n"));
        assert_eq!(found["PATH"], format!("/my  own:/my  own:{}", path()), "{:?}", shell.words);
    }
}

#[test]
fn what_is_no_name_of_a_variable_is_no_record() {
    let place = Place::new();
    let ran = place.run_with(&[("MUSLCHAIN_SAVED_x;id", "=1"), ("MUSLCHAIN_SAVED_", "=")], &["env", "--unset"]);
    assert_eq!(ran.succeeds().stdout, ":\n");
}

#[test]
fn only_shells_that_keep_an_environment_give_it_back() {
    let place = Place::new();
    for format in ["nu", "json", "dotenv", "github", "make"] {
        place.run(&["env", "--unset", "--format", format]).refuses(&["sh, fish or pwsh"]);
    }
}

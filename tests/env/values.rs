//! What is set.

use std::collections::BTreeMap;
use std::path::Path;

use crate::shells::{SHELLS, all, folders, installed, path, without_records};
use crate::support::Place;

/// Everything that a shell could take for something else.
pub const ODD: &[&str] =
    &["my  höme", "a  b' \"*[x]?$HOME\\n\t`id`$(id)ÄÖ\u{201a}!#&;|<>(y){1,2}~=%^", "  -e  \\\\ \\\\* [!a] ", "~root"];

/// Files that patterns could match.
fn litter(place: &Place) {
    for name in ["x", "a", "n", "b*", "[x]", "export", "PATH=", "CC=", "-static", "-g}", "*", "?", "\\"] {
        std::fs::write(place.project.join(name), "").unwrap();
        std::fs::write(place.path().join(name), "").unwrap();
    }
}

#[test]
fn any_shell_sets_what_go_needs_wherever_the_store_is() {
    for home in ["home"].iter().chain(ODD) {
        let place = Place::with_home(home);
        litter(&place);
        let toolchain = installed(&place, "tiny");
        let expected = BTreeMap::from(
            [
                ("CC", "tiny-linux-musl-cc"),
                ("CXX", "tiny-linux-musl-c++"),
                ("AR", "tiny-linux-musl-ar"),
                ("GOOS", "linux"),
                ("GOARCH", "arm64"),
                ("CGO_ENABLED", "1"),
                ("CGO_CFLAGS", "-O2 -g -static"),
                ("CGO_LDFLAGS", "-O2 -g -static"),
                ("PKG_CONFIG", "tiny-linux-musl-pkg-config"),
                ("PATH", &format!("{}:{}", folders(&toolchain), path())),
                ("HOME", place.home.to_str().unwrap()),
                ("MUSLCHAIN_RECIPES", place.recipes.to_str().unwrap()),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        for shell in all() {
            for line in shell.ways("linux/arm64") {
                let found = without_records(shell.environment(&place, &path(), &[], &line));
                assert_eq!(found, expected, "{:?} {}: {line} in {home}", shell.words, shell.options);
            }
        }
    }
}

#[test]
fn the_compiler_is_found_through_path() {
    for home in ["home", ODD[1]] {
        let place = Place::with_home(home);
        installed(&place, "tiny");
        for shell in SHELLS {
            let mut command = shell.command(&place, &path(), "eval $(muslchain env tiny)\n$CC; ${CXX}; \"$AR\" x");
            let output = command.output().unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            assert_eq!(said, "this is cc\nthis is c++\nthis is ar\n", "{:?}", shell.words);
        }
    }
}

#[test]
fn a_ports_variant_is_set() {
    let place = Place::new();
    installed(&place, "other");
    for shell in all() {
        for (port, variant) in [("linux/arm/v7", "7"), ("linux/arm/v6", "6")] {
            for line in shell.ways(port) {
                let found = shell.environment(&place, &path(), &[], &line);
                let of = |name: &str| found[name].clone();
                assert_eq!(
                    [of("GOOS"), of("GOARCH"), of("GOARM"), of("CC")],
                    ["linux", "arm", variant, "other-linux-musl-cc"]
                );
            }
        }
    }
}

#[test]
fn what_the_user_has_stays() {
    let place = Place::with_home(ODD[1]);
    litter(&place);
    let folders = folders(&installed(&place, "tiny"));
    let odd = "-DA='b  c' -I\"/x y\" -D*[x]?$HOME\\n\t`id`ÄÖ\u{201a}";
    let users_path = format!("/my  'own'/*[x]?/b\\in:{}", path());
    let more = [("CGO_CFLAGS", odd), ("CGO_LDFLAGS", "-L/my  libs  -lm"), ("GOFLAGS", "-v"), ("CC", "mine")];
    for shell in all() {
        for line in shell.ways("tiny") {
            let found = shell.environment(&place, &users_path, &more, &line);
            assert_eq!(found["CGO_CFLAGS"], format!("{odd} -static"), "{:?}", shell.words);
            assert_eq!(found["CGO_LDFLAGS"], "-L/my  libs  -lm -static");
            assert_eq!(found["PATH"], format!("{folders}:{users_path}"));
            assert_eq!(found["GOFLAGS"], "-v");
            assert_eq!(found["CC"], "tiny-linux-musl-cc");
        }
    }
}

#[test]
fn the_last_installed_toolchain_is_meant() {
    let place = Place::new();
    installed(&place, "tiny");
    place.install(&["tiny", "--set", "beta=2.0"]).succeeds();
    let current = place.run(&["dir", "tiny"]).succeeds().stdout;
    assert!(current.contains("beta2.0"));
    let found = SHELLS[0].environment(&place, &path(), &[], "eval $(muslchain env tiny)");
    assert!(found["PATH"].starts_with(&folders(current.trim().as_ref())), "{found:?}");
}

#[test]
fn position_independence_is_asked_for_beside_the_users_own_flags() {
    let place = Place::new();
    installed(&place, "tiny");
    for shell in all() {
        for (own, expected) in
            [("", "-buildmode=pie"), ("-v", "-v -buildmode=pie"), ("-buildmode=pie", "-buildmode=pie")]
        {
            for line in shell.ways("--pie tiny") {
                let found = shell.environment(&place, &path(), &[("GOFLAGS", own)], &line);
                assert_eq!(found["GOFLAGS"], expected, "{:?} {line}", shell.words);
                assert_eq!(found["GO_EXTLINK_ENABLED"], "1");
            }
        }
    }
}

#[test]
fn without_a_change_to_path_programs_are_told_by_their_place() {
    let place = Place::new();
    let toolchain = installed(&place, "tiny");
    for shell in all() {
        for line in shell.ways("--no-path tiny") {
            let found = shell.environment(&place, &path(), &[], &line);
            assert_eq!(found["PATH"], path());
            assert_eq!(Path::new(&found["CC"]), toolchain.join("bin/tiny-linux-musl-cc"));
            assert!(Path::new(&found["PKG_CONFIG"]).is_file());
            assert!(!found.contains_key("MUSLCHAIN_PATH"));
        }
    }
    let place = Place::with_home("a b");
    installed(&place, "tiny");
    let ran = place.run(&["env", "--no-path", "tiny"]);
    assert_eq!(ran.stdout, "false\n");
    ran.says(&["blank", "MUSLCHAIN_HOME"]);
}

//! What is set.

use std::collections::BTreeMap;

use crate::shells::{SHELLS, both_ways, installed, path};
use crate::support::Place;

/// Everything that a shell could take for something else.
const ODD: &[&str] =
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
        let bin = toolchain.join("bin");
        let expected = BTreeMap::from(
            [
                ("CC", "tiny-linux-musl-gcc"),
                ("CXX", "tiny-linux-musl-g++"),
                ("AR", "tiny-linux-musl-ar"),
                ("GOOS", "linux"),
                ("GOARCH", "arm64"),
                ("CGO_ENABLED", "1"),
                ("CGO_CFLAGS", "-O2 -g -static"),
                ("CGO_LDFLAGS", "-O2 -g -static"),
                ("PKG_CONFIG_LIBDIR", toolchain.join("tiny-linux-musl/lib/pkgconfig").to_str().unwrap()),
                ("PATH", &format!("{}:{}", bin.display(), path())),
                ("HOME", place.home.to_str().unwrap()),
                ("MUSLCHAIN_RECIPES", place.recipes.to_str().unwrap()),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        for shell in SHELLS {
            for line in both_ways("linux/arm64") {
                let found = shell.environment(&place, &path(), &[], &line);
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
            assert_eq!(said, "this is gcc\nthis is g++\nthis is ar\n", "{:?}", shell.words);
        }
    }
}

#[test]
fn a_ports_variant_is_set() {
    let place = Place::new();
    installed(&place, "other");
    for shell in SHELLS {
        for (port, variant) in [("linux/arm/v7", "7"), ("linux/arm/v6", "6")] {
            for line in both_ways(port) {
                let found = shell.environment(&place, &path(), &[], &line);
                let of = |name: &str| found[name].clone();
                assert_eq!(
                    [of("GOOS"), of("GOARCH"), of("GOARM"), of("CC")],
                    ["linux", "arm", variant, "other-linux-musl-gcc"]
                );
            }
        }
    }
}

#[test]
fn what_the_user_has_stays() {
    let place = Place::with_home(ODD[1]);
    litter(&place);
    let bin = installed(&place, "tiny").join("bin");
    let odd = "-DA='b  c' -I\"/x y\" -D*[x]?$HOME\\n\t`id`ÄÖ\u{201a}";
    let users_path = format!("/my  'own'/*[x]?/b\\in:{}", path());
    let more = [("CGO_CFLAGS", odd), ("CGO_LDFLAGS", "-L/my  libs  -lm"), ("GOFLAGS", "-v"), ("CC", "mine")];
    for shell in SHELLS {
        for line in both_ways("tiny") {
            let found = shell.environment(&place, &users_path, &more, &line);
            assert_eq!(found["CGO_CFLAGS"], format!("{odd} -static"), "{:?}", shell.words);
            assert_eq!(found["CGO_LDFLAGS"], "-L/my  libs  -lm -static");
            assert_eq!(found["PATH"], format!("{}:{users_path}", bin.display()));
            assert_eq!(found["GOFLAGS"], "-v");
            assert_eq!(found["CC"], "tiny-linux-musl-gcc");
        }
    }
}

#[test]
fn evaluated_again_nothing_more_changes() {
    let place = Place::with_home(ODD[1]);
    installed(&place, "tiny");
    for shell in SHELLS {
        for line in both_ways("tiny") {
            let more = [("CGO_CFLAGS", "-DMINE")];
            let once = shell.environment(&place, &path(), &more, &line);
            assert_eq!(shell.environment(&place, &path(), &more, &format!("{line}\n{line}\n{line}")), once);
        }
    }
}

#[test]
fn from_one_toolchain_to_another() {
    let place = Place::new();
    let [tiny, other] = ["tiny", "other"].map(|target| installed(&place, target).join("bin"));
    for shell in SHELLS {
        let script = "eval $(muslchain env linux/arm/v7)\neval $(muslchain env tiny)";
        let found = shell.environment(&place, &path(), &[], script);
        assert_eq!(found["PATH"], format!("{}:{}:{}", tiny.display(), other.display(), path()));
        assert_eq!((found["CC"].as_str(), found["GOARCH"].as_str()), ("tiny-linux-musl-gcc", "arm64"));
        assert_eq!(found["CGO_LDFLAGS"], "-O2 -g -static");
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
    assert!(found["PATH"].starts_with(&format!("{}/bin:", current.trim())), "{found:?}");
}

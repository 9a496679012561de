//! What is written for those who are no sh.

use std::process::Command;

use crate::shells::{folders, installed, path};
use crate::support::Place;
use crate::support::process::Ran;
use crate::values::ODD;

/// A value with everything but a line break.
const OWN: &str = "  -DA='b  c' \"$HOME\" `id` \\# # \\\\# ${x} %y% ÄÖ\u{2019} \\";

fn env(place: &Place, format: &str, own: &str) -> Ran {
    place.run_with(&[("PATH", &path()), ("CGO_CFLAGS", own)], &["env", "--format", format, "linux/arm64"])
}

#[test]
fn a_document_for_programs() {
    for home in ["home", ODD[1]] {
        let place = Place::with_home(home);
        let folders = folders(&installed(&place, "tiny"));
        let document = env(&place, "json", &format!("{OWN}\n")).succeeds().json();
        assert_eq!(document["schema"], 1);
        assert_eq!(document["path"], serde_json::json!(folders.split(':').collect::<Vec<_>>()));
        let expected = serde_json::json!({
            "AR": "tiny-linux-musl-ar", "CC": "tiny-linux-musl-cc", "CXX": "tiny-linux-musl-c++",
            "CGO_CFLAGS": format!("{OWN}\n -static"), "CGO_LDFLAGS": "-O2 -g -static", "CGO_ENABLED": "1",
            "GOOS": "linux", "GOARCH": "arm64", "PKG_CONFIG": "tiny-linux-musl-pkg-config",
            "PATH": format!("{folders}:{}", path()),
        });
        assert_eq!(document["env"], expected);
        assert_eq!(document["unset"], serde_json::json!([]));
        assert_eq!(place.run_with(&[("PATH", "/x")], &["env", "--json", "tiny"]).succeeds().json()["schema"], 1);
    }
}

#[test]
fn inside_of_another_environment_a_document_says_what_holds() {
    let place = Place::new();
    let folders = folders(&installed(&place, "tiny"));
    installed(&place, "other");
    let run = |port: &str, target: &str| {
        let mut command = place.command(&["run", port, crate::support::PROGRAM, "env", "--json", target]);
        command.env("PATH", path());
        Ran::of(command).succeeds().json()
    };
    let (switched, same) = (run("linux/arm/v7", "tiny"), run("tiny", "tiny"));
    assert_eq!(switched["unset"], serde_json::json!(["GOARM"]));
    assert_eq!(switched["env"]["PATH"], format!("{folders}:{}", path()));
    assert_eq!(same["env"], switched["env"]);
    assert_eq!(same["path"], switched["path"]);
}

/// A run of a script in nu, which is wherever the PATH of the tests has it.
fn in_nu(place: &Place, script: &str) -> Ran {
    let outer = std::env::var("PATH").unwrap();
    let folder = std::env::split_paths(&outer).find(|folder| folder.join("nu").is_file());
    let folder = folder.expect("the shell nu is not installed; ci/setup gets it");
    let mut command = place.command(&[]);
    let mut nu = Command::new(folder.join("nu"));
    nu.args(["--no-config-file", "-c", script]).env_clear();
    nu.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    nu.env("PATH", path()).env("CGO_CFLAGS", OWN);
    nu.current_dir(command.current_dir(&place.project).get_current_dir().unwrap());
    Ran::of(nu)
}

#[test]
fn a_record_for_nu() {
    let place = Place::with_home(ODD[0]);
    installed(&place, "tiny");
    let said = env(&place, "json", OWN).succeeds().json();
    let record = "muslchain env --format nu linux/arm64 | from nuon";
    for script in [
        format!("with-env ({record}) {{ ^env -0; tiny-linux-musl-cc --version }}"),
        format!("{record} | load-env; ^env -0; tiny-linux-musl-cc --version"),
    ] {
        let ran = in_nu(&place, &script).succeeds();
        let exported: Vec<&str> = ran.stdout.split('\0').collect();
        for (name, value) in said["env"].as_object().unwrap() {
            let line = format!("{name}={}", value.as_str().unwrap());
            assert!(exported.contains(&line.as_str()), "{line}\n{ran:#?}");
        }
        assert!(ran.stdout.ends_with("this is cc\n"), "the compiler did not run: {ran:#?}");
    }
}

#[test]
fn nu_stops_where_there_is_no_environment() {
    let place = Place::new();
    for script in [
        "with-env (muslchain env --format nu tiny | from nuon) { print went on }",
        "muslchain env --format nu tiny | from nuon | load-env; print went on",
    ] {
        let ran = in_nu(&place, script).says(&["muslchain install tiny"]);
        assert!(ran.code != 0 && !ran.stdout.contains("went on"), "{ran:#?}");
    }
}

#[test]
fn commands_for_powershell() {
    let place = Place::with_home("it's");
    let folders = folders(&installed(&place, "tiny")).replace('\'', "''");
    let said = env(&place, "pwsh", "-DA='\u{2019}$x`").succeeds().stdout;
    for line in [
        "$env:CC = 'tiny-linux-musl-cc'".to_owned(),
        "$env:CGO_CFLAGS = '-DA=''\u{2019}\u{2019}$x` -static'".to_owned(),
        format!("$env:PATH = '{folders}:{}'", path()),
        "$env:MUSLCHAIN_SAVED_CC = '-'".to_owned(),
        "$env:MUSLCHAIN_SAVED_CGO_CFLAGS = '=-DA=''\u{2019}\u{2019}$x`'".to_owned(),
    ] {
        assert!(said.lines().any(|other| other == line), "{line}\n{said}");
    }
    let variables = [("CC", "x"), ("CXX", "y"), ("MUSLCHAIN_SAVED_CC", "-"), ("MUSLCHAIN_SAVED_CXX", "=z")];
    let said = place.run_with(&variables, &["env", "--unset", "--format", "pwsh"]).succeeds().stdout;
    let lines: Vec<&str> = said.lines().collect();
    let removed = |name: &str| format!("Remove-Item -ErrorAction Ignore Env:{name}");
    assert_eq!(
        lines,
        [removed("CC"), "$env:CXX = 'z'".to_owned(), removed("MUSLCHAIN_SAVED_CC"), removed("MUSLCHAIN_SAVED_CXX")]
    );
}

#[test]
fn a_file_of_variables_that_sh_reads() {
    for home in ["home", ODD[0]] {
        let place = Place::with_home(home);
        let folders = folders(&installed(&place, "tiny"));
        for own in ["-DA=\"b  c\" $HOME `id` # \\ *", OWN, "-DA\n-DB\n"] {
            let text = env(&place, "dotenv", own).succeeds().stdout;
            assert!(text.contains("\nGOARCH=arm64\n") && text.contains("\nCGO_LDFLAGS='-O2 -g -static'\n"), "{text}");
            assert!(!text.contains("MUSLCHAIN_"));
            std::fs::write(place.project.join(".env"), text).unwrap();
            let mut command = Command::new("sh");
            command
                .args(["-c", "set -a; . ./.env; printf '%s|%s' \"$CGO_CFLAGS\" \"$PATH\""])
                .current_dir(&place.project);
            assert_eq!(Ran::of(command).succeeds().stdout, format!("{own} -static|{folders}:{}", path()));
        }
    }
}

#[test]
fn lines_that_make_includes() {
    for home in ["home", ODD[0]] {
        let place = Place::with_home(home);
        let folders = folders(&installed(&place, "tiny"));
        for own in [OWN, "-DA=\\#\\", "#", "a  "] {
            let text = env(&place, "make", own).succeeds().stdout;
            std::fs::write(place.project.join("env.mk"), text).unwrap();
            let rules = "include env.mk\nall:\n\t@printf '%s|%s' \"$$CGO_CFLAGS\" \"$$PATH\"\n";
            std::fs::write(place.project.join("Makefile"), rules).unwrap();
            let mut command = Command::new("make");
            command.arg("-s").env("PATH", path()).current_dir(&place.project);
            assert_eq!(Ran::of(command).succeeds().stdout, format!("{own} -static|{folders}:{}", path()));
        }
    }
    let place = Place::new();
    installed(&place, "tiny");
    env(&place, "make", "a\nb").refuses(&["CGO_CFLAGS holds a line break", "make"]);
}

#[test]
fn files_of_a_step_on_github() {
    let place = Place::with_home("a b");
    let folders = folders(&installed(&place, "tiny"));
    let [variables, paths] = ["variables", "paths"].map(|name| place.path().join(name));
    std::fs::write(&variables, "MINE=1\n").unwrap();
    let given = [
        ("PATH", path()),
        ("CGO_CFLAGS", "-DA\n-DB".to_owned()),
        ("GITHUB_ENV", variables.display().to_string()),
        ("GITHUB_PATH", paths.display().to_string()),
    ];
    let given: Vec<(&str, &str)> = given.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let ran = place.run_with(&given, &["env", "--format", "github", "tiny"]).succeeds();
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    let text = std::fs::read_to_string(&variables).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("MINE=1"));
    let mut found = std::collections::BTreeMap::new();
    while let Some(line) = lines.next() {
        let (name, delimiter) = line.split_once("<<").unwrap();
        let value: Vec<&str> = lines.by_ref().take_while(|line| *line != delimiter).collect();
        found.insert(name, value.join("\n"));
    }
    assert_eq!((found["CGO_CFLAGS"].as_str(), found["CC"].as_str()), ("-DA\n-DB -static", "tiny-linux-musl-cc"));
    assert!(!found.contains_key("PATH") && !text.contains("MUSLCHAIN_"));
    // The runner puts each line before what is there already.
    let last_first: Vec<String> = std::fs::read_to_string(&paths).unwrap().lines().rev().map(str::to_owned).collect();
    assert_eq!(last_first.join(":"), folders);
    place.run(&["env", "--format", "github", "tiny"]).refuses(&["GITHUB_ENV is not set"]);
}

#[test]
fn a_pipe_gets_sh_whatever_the_login_shell_is() {
    let place = Place::new();
    installed(&place, "tiny");
    for shell in ["/usr/bin/fish", "/usr/bin/nu", "/usr/bin/pwsh", "/bin/sh"] {
        let said = place.run_with(&[("SHELL", shell)], &["env", "tiny"]).succeeds();
        assert!(said.stdout.contains("; export ") && said.stderr.is_empty(), "{said:#?}");
    }
}

#[test]
fn a_person_sees_the_words_of_the_login_shell_and_how_to_evaluate_them() {
    let place = Place::new();
    installed(&place, "tiny");
    for (shell, part, taking) in [
        ("/usr/bin/fish", "set -gx CC 'tiny-linux-musl-cc'", "muslchain env tiny --format fish | source"),
        ("/opt/pwsh", "$env:CC = 'tiny-linux-musl-cc'", "Invoke-Expression"),
        ("/usr/bin/nu", "\"CC\":\"tiny-linux-musl-cc\"", "load-env"),
        ("/bin/zsh", "CC=tiny-linux-musl-cc;", "eval $(muslchain env tiny)"),
    ] {
        let mut command = Command::new("script");
        let plain = place.command(&[]);
        command.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        // `script` itself runs $SHELL.
        let line = format!("stty cols 10000; SHELL={shell} {} env tiny", crate::support::PROGRAM);
        command.args(["-qec", &line, "/dev/null"]).env("SHELL", "/bin/sh").current_dir(&place.project);
        let ran = Ran::of(command).succeeds();
        assert!(ran.stdout.contains(part) && ran.stdout.contains(taking), "{shell}: {ran:#?}");
    }
}

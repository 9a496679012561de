//! Help, documents for programs, pipes.

use std::process::Stdio;

use crate::support::Place;
use crate::support::process::Ran;

const COMMANDS: &[&str] =
    &["install", "uninstall", "list", "targets", "env", "run", "fetch", "show", "check", "which", "dir"];

#[test]
fn every_command_has_help() {
    let place = Place::new();
    let overview = place.run(&["--help"]).succeeds().stdout;
    for command in COMMANDS {
        let help = place.run(&[command, "--help"]).succeeds();
        assert!(help.stdout.contains(&format!("Usage: muslchain {command}")), "{help:#?}");
        assert_eq!(help.stderr, "");
        assert!(overview.contains(&format!("\n  {command} ")), "{overview}");
        let lines: Vec<&str> = help.stdout.lines().map(str::trim).collect();
        for (place, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("--")) {
            // The words stand beside the option, or below it where the help is a long one.
            let below = lines.get(place + 1).is_some_and(|next| !next.is_empty() && !next.starts_with('-'));
            assert!(line.contains("  ") || below, "an option without words: {line}");
        }
    }
    assert!(!overview.contains("__room"), "{overview}");
    assert_eq!(place.run(&["--version"]).succeeds().stdout, concat!("muslchain ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn the_variables_that_help_names_are_those_that_count() {
    let place = Place::new();
    let help = place.run(&["install", "--help"]).succeeds().stdout;
    for name in ["RECIPE", "RECIPES", "SET", "LANGUAGES", "JOBS", "OFFLINE", "MIRROR", "KEEP_WORK", "ISOLATION"] {
        assert!(help.contains(&format!("MUSLCHAIN_{name}]")), "{name}: {help}");
    }
}

#[test]
fn documents_for_programs_have_a_schema() {
    let place = Place::new();
    place.install(&["tiny", "--languages", "c"]).succeeds();

    let targets = place.run(&["targets", "--json"]).succeeds().json();
    assert_eq!(targets["schema"], 1);
    assert_eq!(targets["targets"][0]["triple"], "tiny-linux-musl");
    assert_eq!(targets["targets"][0]["installed"], true);
    assert_eq!(targets["targets"][1]["installed"], false);
    assert_eq!(targets["targets"][1]["ports"], serde_json::json!(["linux/arm/v7", "linux/arm/v6"]));

    let list = place.run(&["list", "--json"]).succeeds().json();
    assert_eq!((&list["schema"], list["toolchains"].as_array().unwrap().len()), (&1.into(), 1));
    let toolchain = &list["toolchains"][0];
    assert_eq!(toolchain["current"], true);
    assert_eq!(toolchain["folder"], place.toolchains()[0].to_str().unwrap());

    let shown = place.run(&["show", "linux/arm64", "--json"]).succeeds().json();
    assert_eq!(shown["schema"], 1);
    assert_eq!((&shown["triple"], &shown["name"]), (&"tiny-linux-musl".into(), &toolchain["name"]));
    assert_eq!(shown["languages"], serde_json::json!(["c"]));
    assert_eq!(shown["components"]["beta"]["version"], "1.0");
    let archive = std::fs::read(place.mirror.join("beta-1.0.tar")).unwrap();
    let digest = muslchain::digest::Sha256::of(&archive).to_string();
    assert_eq!(shown["components"]["beta"]["sha256"], digest.as_str());
    let stages: Vec<_> = shown["stages"].as_array().unwrap().iter().map(|stage| stage["name"].clone()).collect();
    assert_eq!(stages, ["first", "second", "last"]);

    let people = place.run(&["show", "tiny"]).succeeds().stdout;
    for part in ["beta", &digest, "second", "isolation", toolchain["key"].as_str().unwrap()] {
        assert!(people.contains(part), "{part}: {people}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let place = Place::new();
    place.install(&["tiny"]).succeeds();
    for arguments in [
        &["targets"][..],
        &["targets", "--json"],
        &["list"],
        &["show", "tiny"],
        &["dir"],
        &["which", "tiny"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = place.command(arguments);
        let child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        // The command holds the writing end, too.
        drop(command);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), said.as_ref()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn quiet_prints_nothing_but_errors() {
    let place = Place::new();
    let silent = |ran: Ran| assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""));
    silent(place.install(&["tiny", "--quiet"]));
    silent(place.install(&["-q", "tiny"]));
    silent(place.run(&["uninstall", "-q", "tiny"]));
    place.run(&["uninstall", "-q", "tiny"]).refuses(&["no toolchain for tiny is installed"]);
}

#[test]
fn messages_go_to_stderr_and_data_to_stdout() {
    let place = Place::new();
    assert_eq!(place.install(&["tiny"]).succeeds().stdout, "");
    for arguments in [&["list"][..], &["targets"], &["dir", "tiny"], &["which", "tiny", "ar"], &["env", "tiny"]] {
        let ran = place.run(arguments).succeeds();
        assert!(ran.stderr.is_empty() && !ran.stdout.is_empty(), "{arguments:?}: {ran:#?}");
    }
}

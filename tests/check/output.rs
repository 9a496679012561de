//! Several files, files that are no programs, and how it ends.

use std::process::Command;

use serde_json::json;

use crate::made::Made;
use crate::support::process::Ran;
use crate::{Checks, copy, run};

const EM_AARCH64: u16 = 183;

#[test]
fn each_file_is_checked_although_another_cannot_be() {
    let checks = Checks::new();
    checks.write("good", &Made::new(true, false, EM_AARCH64, 0).bytes());
    checks.write("script", b"#!/bin/sh\n");
    checks.write("empty", b"");
    std::fs::create_dir(checks.file("folder")).unwrap();
    let files = ["missing", "script", "empty", "folder", "/dev/zero", "good"];
    let ran = checks.check(&files).says(&[
        "muslchain: missing: No such file",
        "muslchain: script: a script, not an ELF file",
        "muslchain: empty: an empty file, not an ELF file",
        "muslchain: folder: it is a folder",
        "muslchain: /dev/zero: it is no regular file",
        "muslchain: 5 of 6 files did not pass the check",
    ]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.starts_with("good: ok, runs on any linux/arm64\n"), "{}", ran.stdout);

    let document = checks.check(&[&["--json"], &files[..]].concat());
    assert_eq!(document.code, 1);
    let document = document.json();
    assert_eq!(document["ok"], false);
    let told: Vec<_> = document["files"].as_array().unwrap().iter().map(|file| file["ok"].clone()).collect();
    assert_eq!(told, [json!(false), json!(false), json!(false), json!(false), json!(false), json!(true)]);
    assert_eq!(document["files"][1]["error"], "a script, not an ELF file");
    assert_eq!(checks.check(&["--json", "good"]).succeeds().json()["ok"], true);
}

#[test]
fn the_verdict_counts_although_nobody_reads_on() {
    let checks = Checks::new();
    checks.write("good", &Made::new(true, false, EM_AARCH64, 0).bytes());
    checks.write("script", b"#!/bin/sh\n");
    for (files, code) in [(&["good", "script"][..], 1), (&["good"], 0)] {
        for format in [&[][..], &["--json"]] {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            let mut command = checks.place.command(&[&["check"], format, files].concat());
            let status = command.stdout(writer).stderr(std::process::Stdio::null()).status().unwrap();
            assert_eq!(status.code(), Some(code), "{files:?} {format:?}");
        }
    }
}

#[test]
fn a_program_of_another_system_is_told() {
    let checks = Checks::new();
    let mut bytes = Made::new(true, false, EM_AARCH64, 0).bytes();
    for (os_abi, system) in [(9, "FreeBSD"), (2, "NetBSD"), (12, "OpenBSD")] {
        bytes[7] = os_abi;
        checks.write("other", &bytes);
        let ran = checks.check(&["other"]);
        assert_eq!(ran.code, 1);
        assert!(ran.stdout.contains(&format!("it is a program for {system}, not for Linux")), "{}", ran.stdout);
    }
    for os_abi in [0, 3] {
        bytes[7] = os_abi;
        checks.write("own", &bytes);
        checks.check(&["own"]).succeeds();
    }
}

#[test]
fn a_pipe_is_not_waited_for() {
    let checks = Checks::new();
    run(Command::new("mkfifo").arg(checks.file("pipe")));
    checks.check(&["pipe"]).refuses(&["pipe: it is no regular file"]);
}

#[test]
fn the_users_own_recipes_say_what_ports_there_are() {
    let checks = Checks::new();
    checks.write("good", &Made::new(true, false, EM_AARCH64, 0).bytes());
    Ran::of(checks.place.command(&["check", "good", "--port", "tiny"])).succeeds();
    Ran::of(checks.place.command(&["check", "good", "--port", "linux/amd64"])).refuses(&["linux/amd64"]);
}

#[test]
fn a_file_that_was_cut_is_told() {
    let checks = Checks::new();
    let bytes = Made::new(true, false, EM_AARCH64, 0).bytes();
    checks.write("cut", &bytes[..bytes.len() - 70]);
    let ran = checks.check(&["cut"]);
    assert_eq!(ran.code, 1);
    for part in ["will not do: damaged", "its segments go up to", "the table of sections is not in the file"] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
}

#[test]
fn a_program_whose_name_is_not_utf_8_is_checked() {
    use std::os::unix::ffi::OsStrExt;
    let checks = Checks::new();
    checks.write("good", &Made::new(true, false, EM_AARCH64, 0).bytes());
    let name = std::ffi::OsStr::from_bytes(b"go\xffod");
    copy(&checks.file("good"), &checks.place.project.join(name));
    let mut command = checks.place.command(&["check"]);
    command.arg(name).env_remove("MUSLCHAIN_RECIPES");
    Ran::of(command).succeeds();
}

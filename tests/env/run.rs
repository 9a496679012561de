//! One command in the environment.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::shells::{SHELLS, folders, installed, path, without_records};
use crate::support::Place;
use crate::support::process::Ran;
use crate::values::ODD;

#[test]
fn the_command_has_the_environment_that_a_shell_would_have() {
    for home in ["home", ODD[1]] {
        let place = Place::with_home(home);
        let toolchain = installed(&place, "tiny");
        let own = [("CGO_CFLAGS", "-DA\n"), ("PATH", &path())];
        for arguments in [&["run", "tiny", "--", "/usr/bin/env", "-0"][..], &["run", "--pie", "tiny", "env", "-0"]] {
            let ran = place.run_with(&own, arguments).succeeds();
            let pairs = ran.stdout.split_terminator('\0').map(|pair| pair.split_once('=').unwrap());
            let found = without_records(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect());
            let line = format!("eval $(muslchain env {} tiny)", if arguments[1] == "--pie" { "--pie" } else { "" });
            let shells = SHELLS[0].environment(&place, &path(), &own, &line);
            assert_eq!(found, without_records(shells));
            assert_eq!(found["PATH"], format!("{}:{}", folders(&toolchain), path()));
        }
    }
}

#[test]
fn a_program_of_the_toolchain_is_found_and_arguments_stay_as_they_are() {
    let place = Place::with_home(ODD[0]);
    installed(&place, "tiny");
    assert_eq!(place.run(&["run", "tiny", "tiny-linux-musl-cc"]).succeeds().stdout, "this is cc\n");
    let ran = place.run(&["run", "tiny", "--", "printf", "%s|", "a  b", "--pie", "", "*", "--help"]);
    assert_eq!(ran.succeeds().stdout, "a  b|--pie||*|--help|");
    let ran = place.run(&["run", "--for", "autotools", "tiny", "sh", "-c", "echo $host_alias"]);
    assert_eq!(ran.succeeds().stdout, "tiny-linux-musl\n");
}

#[test]
fn the_exit_code_is_the_commands_own() {
    let place = Place::new();
    installed(&place, "tiny");
    let code = |command: &[&str]| place.run(&[&["run", "tiny", "--"], command].concat());
    for number in ["0", "1", "2", "42", "255"] {
        assert_eq!(code(&["sh", "-c", &format!("exit {number}")]).code.to_string(), number);
    }
    let missing = code(&["muslchain-test-nothing"]);
    assert_eq!((missing.code, missing.stdout.as_str()), (127, ""));
    missing.says(&["muslchain-test-nothing", "No such file"]);
    std::fs::write(place.project.join("data"), "").unwrap();
    assert_eq!(code(&["./data"]).code, 126);
    place.run(&["run", "linux/amr64", "true"]).refuses(&["no target is called"]);
    place.run(&["run", "other", "true"]).refuses(&["serves several ports"]);
    place.run(&["run", "tiny"]).refuses(&["<COMMAND>"]);
    place.run(&["run", "--for", "cmake", "tiny", "true"]).refuses(&["muslchain env --for"]);
}

#[test]
fn a_signal_reaches_the_command_and_is_seen_by_who_waits() {
    let place = Place::new();
    installed(&place, "tiny");
    let start = |script: &str| {
        let mut command = place.command(&["run", "tiny", "--", "sh", "-c", script]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.as_mut().unwrap()), &mut line).unwrap();
        assert_eq!(line, "ready\n");
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        child.wait().unwrap()
    };
    assert_eq!(start("echo ready; exec sleep 60").signal(), Some(15));
    assert_eq!(start("trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done").code(), Some(7));
}

#[test]
fn a_reader_that_goes_away_ends_the_command_as_usual() {
    let place = Place::new();
    installed(&place, "tiny");
    let mut command = place.command(&["run", "tiny", "--", "sh", "-c", "yes; kill -l $? >&2"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    drop(command);
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "PIPE\n");
}

#[test]
fn an_environment_inside_of_another_gives_way() {
    let place = Place::new();
    let tiny = folders(&installed(&place, "tiny"));
    installed(&place, "other");
    let mut command = place.command(&["run", "linux/arm/v7", "--"]);
    command.arg(crate::support::PROGRAM).args(["run", "tiny", "sh", "-c", "echo \"$PATH ${GOARM-none}\""]);
    command.env("PATH", path());
    assert_eq!(Ran::of(command).succeeds().stdout, format!("{tiny}:{} none\n", path()));
}

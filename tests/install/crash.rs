//! kill -9 in each phase of an install: nothing half done is left in sight, no process of the room
//! goes on, and the same command again ends well without doing twice what was complete.

use std::io::Write;
use std::mem::MaybeUninit;
use std::path::Path;
use std::path::PathBuf;
use std::process::Stdio;

use muslchain::lock::FileLock;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use crate::support::process::{Ran, Running, is_running, unmistakable, until};
use crate::support::recipes::{add_source, archive};
use crate::support::server::Server;
use crate::support::{Place, entries};

/// What the store must look like after a kill: a toolchain is there as a whole, or not at all.
fn assert_nothing_is_half_done(place: &Place) {
    for toolchain in place.toolchains() {
        let manifest = std::fs::read(toolchain.join("manifest.json")).expect("published without its manifest");
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
        assert_eq!(manifest["stages"].as_array().unwrap().len(), 3);
        for file in ["bin/tiny-linux-musl-cc", "lib/alpha", "lib/beta"] {
            assert!(toolchain.join(file).exists(), "{file} is missing");
        }
    }
}

fn assert_ends_well(place: &Place, ran: Ran, reused: &[&str], run: &[&str]) {
    let ran = ran.succeeds();
    assert_eq!((ran.reused().as_slice(), ran.stages().as_slice()), (reused, run), "{ran:#?}");
    assert_nothing_is_half_done(place);
    assert_eq!(place.toolchains().len(), 1);
    assert!(place.works().is_empty(), "{:?}", place.works());
    place.run(&["dir", "tiny"]).succeeds();
}

/// Sleeps the first time it runs in a work tree.
fn sleep_once(seconds: &str) -> String {
    format!("[ -e slept ] || {{ touch slept; sleep {seconds}; }}")
}

/// Kills an install while the process that sleeps for `seconds` runs in its room.
fn kill_in_room(place: &Place, line: &str, seconds: &str, options: &[&str]) {
    let mut running = place.begin_install(&[&["tiny", "--verbose"], options].concat());
    running.wait_for(line);
    until("the stage sleeps", || is_running(seconds));
    running.kill();
    until("the room is gone", || !is_running(seconds));
    assert!(place.toolchains().is_empty());
}

#[test]
fn killed_while_downloading() {
    let place = Place::new();
    let server = Server::of(&place.mirror);
    server.stall(true);
    let arguments = ["install", "tiny", "--mirror", &server.address, "--set", "alpha=1.0"];
    let mut running = Running::of(place.command(&arguments));
    running.wait_for("downloading");
    let partial = place.store().join("sources/partial");
    let has_bytes = |path: &Path| path.extension().is_none() && path.metadata().is_ok_and(|it| it.len() > 0);
    until("bytes arrive", || entries(&partial).iter().any(|path| has_bytes(path)));
    running.kill();
    assert!(place.toolchains().is_empty());
    assert!(entries(&place.store().join("sources/sha256")).is_empty());

    server.stall(false);
    let ran = place.run(&arguments);
    assert_ends_well(&place, ran, &[], &["first", "second", "last"]);
    assert!(server.bodies() >= 3, "{}", server.bodies());
}

#[test]
fn killed_while_unpacking() {
    let place = Place::new();
    let names: Vec<String> = (0..8000).map(|number| number.to_string()).collect();
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    files.push(("content", "alpha of many files\n"));
    add_source(&place.recipes, &place.mirror, "alpha", "many", &archive(&files), "");
    let options = ["tiny", "--verbose", "--set", "alpha=many"];
    let mut running = place.begin_install(&options);
    running.wait_for("unpacking alpha-many.tar");
    let is_scratch = |work: &PathBuf| work.file_name().unwrap().to_str().unwrap().starts_with("unpack-");
    let unpacking = || place.works().into_iter().find(is_scratch).map(|work| entries(&work)).unwrap_or_default();
    until("files appear", || unpacking().iter().any(|folder| entries(folder).len() > 10));
    running.kill();
    assert!(!unpacking().is_empty(), "it was too fast to be killed");
    assert!(entries(&place.store().join("unpacked")).is_empty());

    let ran = place.install(&options[..]);
    assert_ends_well(&place, ran, &[], &["first", "second", "last"]);
}

#[test]
fn killed_in_a_fixup() {
    let place = Place::new();
    let seconds = unmistakable();
    // Where nothing is shared, what it finds outside of its folder outlives a kill.
    let text =
        format!("[ -e ../../slept ] || {{ touch ../../slept; exec sleep {seconds}; }}\necho mended >> content\n");
    std::fs::write(place.recipes.join("fixups/mend.sh"), text).unwrap();
    let options = ["--set", "beta=1.0-mended", "--isolation", "none"];
    kill_in_room(&place, "unpacking beta-1.0-mended.tar", &seconds, &options);
    let ran = place.install(&[&["tiny"], &options[..]].concat());
    assert_ends_well(&place, ran, &["first"], &["second", "last"]);
    assert_eq!(std::fs::read_to_string(place.toolchains()[0].join("lib/beta")).unwrap(), "beta 1.0-mended\nmended\n");
}

#[test]
fn killed_in_the_fixup_of_a_shared_source() {
    let place = Place::new();
    let seconds = unmistakable();
    std::fs::write(place.recipes.join("fixups/mend.sh"), format!("echo half >> content; sleep {seconds}")).unwrap();
    let options = ["--set", "beta=1.0-mended", "--isolation", "namespaces"];
    kill_in_room(&place, "unpacking beta-1.0-mended.tar", &seconds, &options);
    // alpha and its size; and nothing stays of what was half done.
    assert_eq!(entries(&place.store().join("unpacked")).len(), 2);
    place.run(&["gc"]).succeeds();
    assert!(place.works().iter().all(|work| !work.to_str().unwrap().contains("unpack-")), "{:?}", place.works());
}

#[test]
fn killed_in_the_first_stage() {
    let place = Place::new();
    let seconds = unmistakable();
    place.before("first", &sleep_once(&seconds));
    kill_in_room(&place, "stage 1 of 3, first", &seconds, &[]);
    assert_ends_well(&place, place.install(&["tiny"]), &[], &["first", "second", "last"]);
}

#[test]
fn killed_in_the_second_stage() {
    let place = Place::new();
    let seconds = unmistakable();
    place.before("second", &sleep_once(&seconds));
    kill_in_room(&place, "stage 2 of 3, second", &seconds, &[]);
    assert_ends_well(&place, place.install(&["tiny"]), &["first"], &["second", "last"]);
}

#[test]
fn killed_in_a_stage_whose_processes_left_their_session() {
    let place = Place::new();
    let seconds = unmistakable();
    let away = format!("[ -e slept ] || {{ touch slept; PATH=/usr/bin:/bin; setsid nohup sleep {seconds} & wait; }}");
    place.before("second", &away);
    kill_in_room(&place, "stage 2 of 3, second", &seconds, &["--isolation", "namespaces"]);
    assert_ends_well(&place, place.install(&["tiny"]), &["first"], &["second", "last"]);
}

#[test]
fn a_room_whose_owner_is_gone_before_it_is_entered_runs_nothing() {
    let place = Place::new();
    let room = serde_json::json!({
        "isolation": "none",
        "work": place.project,
        "shown": [],
        "tools": place.project,
        "read_only": [],
        "network": false,
        "folder": "",
        "script": "script.sh",
        "environment": { "PATH": "/usr/bin:/bin" },
    });
    std::fs::write(place.project.join("script.sh"), ": > ran").unwrap();
    for arguments in [&["__room"][..], &["__room", "inner"]] {
        for owner_lives in [false, true] {
            let mut child = place.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
            let mut stdin = child.stdin.take().unwrap();
            // One that lives says nothing more, and keeps its end.
            stdin.write_all(room.to_string().as_bytes()).unwrap();
            let held = owner_lives.then_some(stdin);
            let status = child.wait().unwrap();
            drop(held);
            assert_eq!(
                (status.success(), place.project.join("ran").exists()),
                (owner_lives, owner_lives),
                "{arguments:?}"
            );
        }
        std::fs::remove_file(place.project.join("ran")).unwrap();
    }
}

#[test]
fn killed_after_the_last_stage() {
    // Where exactly the kill strikes differs from run to run: each place must be a good one.
    for round in 0..8 {
        let place = Place::new();
        // More files, so that publishing takes a moment.
        place.before("last", "mkdir -p out/share; i=0; while [ $i -lt 500 ]; do : > out/share/$i; i=$((i + 1)); done");
        let mut running = place.begin_install(&["tiny"]);
        running.wait_for("tiny-linux-musl: last took");
        if round > 3 {
            until("it is published", || !place.toolchains().is_empty());
        }
        running.kill();
        assert_nothing_is_half_done(&place);
        let published = !place.toolchains().is_empty();
        let reused: &[&str] = if published { &[] } else { &["first", "second", "last"] };
        assert_ends_well(&place, place.install(&["tiny"]), reused, &[]);
    }
}

#[test]
fn a_toolchain_is_complete_from_the_moment_that_it_is_seen() {
    let place = Place::new();
    place.before("last", "while [ ! -e go ]; do sleep 0.02; done");
    let mut running = place.begin_install(&["tiny"]);
    running.wait_for("stage 3 of 3");
    // The kernel tells in which order it happens to the folder, wherever that is.
    let tree = place.works()[0].join("tree");
    let watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap();
    let flags = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVED_TO | WatchFlags::MOVE_SELF;
    inotify::add_watch(&watch, tree.join("out"), flags).unwrap();
    std::fs::write(tree.join("go"), "").unwrap();
    running.end().succeeds();

    let mut happened = Vec::new();
    let mut buffer = [const { MaybeUninit::uninit() }; 4096];
    let mut reader = inotify::Reader::new(&watch, &mut buffer);
    while let Ok(event) = reader.next() {
        let name = event.file_name().map(|name| name.to_string_lossy().into_owned());
        happened.push(name.unwrap_or_else(|| format!("{:?}", event.events())));
    }
    let [.., manifest, moved] = &happened[..] else { panic!("{happened:?}") };
    assert_eq!((manifest.as_str(), moved.as_str()), ("manifest.json", "ReadFlags(MOVE_SELF)"), "{happened:?}");
    assert_nothing_is_half_done(&place);
}

#[test]
fn killed_where_nothing_ends_the_stage_the_next_run_waits_for_it() {
    let place = Place::new();
    let goes_on = "touch begun; while [ ! -e stop ]; do sleep 0.02; done; touch stopped";
    place.before("first", &format!("[ -e begun ] || {{ sh -c '{goes_on}'; exit 1; }}\n[ -e stopped ]"));
    let options = ["tiny", "--isolation", "none"];
    let mut running = place.begin_install(&options);
    running.wait_for("stage 1 of 3");
    let tree = place.works()[0].join("tree");
    until("the stage begins", || tree.join("begun").exists());
    running.kill();
    let mut next = place.begin_install(&options);
    next.wait_for(&format!("process {} has it", running.id()));
    std::fs::write(tree.join("stop"), "").unwrap();
    assert_ends_well(&place, next.end(), &[], &["first", "second", "last"]);
}

/// Makes a kept work tree what a kill between publishing and tidying up leaves.
fn as_if_killed(place: &Place) {
    std::fs::remove_file(place.works()[0].join("kept")).unwrap();
}

#[test]
fn killed_after_publishing_then_removed() {
    let place = Place::new();
    place.install(&["tiny", "--keep-work"]).succeeds();
    as_if_killed(&place);
    std::fs::remove_dir_all(place.store().join("toolchains")).unwrap();
    assert_ends_well(&place, place.install(&["tiny"]), &["first"], &["second", "last"]);
}

#[test]
fn killed_after_publishing_the_work_tree_goes_with_the_next_run() {
    let place = Place::new();
    place.install(&["tiny", "--keep-work"]).succeeds();
    as_if_killed(&place);
    assert_ends_well(&place, place.install(&["tiny"]), &[], &[]);
}

#[test]
fn killed_in_uninstall_the_triple_means_what_is_there() {
    for _ in 0..6 {
        let place = Place::new();
        place.install(&["tiny"]).succeeds();
        let first = place.toolchains().remove(0);
        place.install(&["tiny", "--set", "beta=2.0"]).succeeds();
        let second = place.toolchains().into_iter().find(|toolchain| *toolchain != first).unwrap();
        let name = second.file_name().unwrap().to_str().unwrap();
        let mut running = Running::of(place.command(&["uninstall", name]));
        until("it begins", || {
            let current = std::fs::canonicalize(place.store().join("current/tiny-linux-musl"));
            current.is_ok_and(|current| current != second.canonicalize().unwrap_or_default()) || !second.exists()
        });
        running.kill();
        assert_eq!(place.run(&["dir", "tiny"]).succeeds().stdout, format!("{}\n", first.display()));
        place.run(&["uninstall", "tiny"]).succeeds();
        assert!(place.toolchains().is_empty());
    }
}

#[test]
fn killed_in_uninstall() {
    for _ in 0..4 {
        let place = Place::new();
        // More files, so that removing them takes a moment.
        place.before("last", "mkdir -p out/share; i=0; while [ $i -lt 500 ]; do : > out/share/$i; i=$((i + 1)); done");
        place.install(&["tiny"]).succeeds();
        let mut running = Running::of(place.command(&["uninstall", "tiny"]));
        until("it is gone", || place.toolchains().is_empty());
        running.kill();
        place.run(&["list"]).succeeds();
        place.run(&["dir", "tiny"]).refuses(&["no toolchain for"]);
        assert!(entries(&place.store().join("logs")).is_empty());
        assert_ends_well(&place, place.install(&["tiny"]), &["first"], &["second", "last"]);
    }
}

#[test]
fn what_a_kill_left_of_folders_of_a_moment_goes_unless_it_is_in_use() {
    let place = Place::new();
    place.install(&["tiny", "other"]).succeeds();
    let work = place.store().join("work");
    let leave = || {
        for left in ["trash-7-0/toolchain/lib", "room-7-0", "switch-7-3"] {
            std::fs::create_dir_all(work.join(left)).unwrap();
        }
    };
    leave();
    place.install(&["tiny"]).succeeds();
    assert!(place.works().is_empty(), "{:?}", place.works());

    leave();
    let lock = FileLock::acquire(&place.store().join("locks/trash-7-0.lock"), |_| ()).unwrap();
    place.run(&["uninstall", "tiny"]).succeeds();
    assert_eq!(place.works(), [work.join("trash-7-0")]);
    place.install(&["tiny"]).succeeds();
    assert!(work.join("trash-7-0/toolchain/lib").exists());
    drop(lock);
    place.run(&["uninstall", "tiny"]).succeeds();
    assert!(place.works().is_empty(), "{:?}", place.works());
}

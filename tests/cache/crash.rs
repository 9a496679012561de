//! kill -9 and a full disk while artifacts come and go.

use std::path::Path;
use std::process::Command;

use crate::bench::Bench;
use crate::support::process::{Ran, Running, until};
use crate::support::server::Server;
use crate::support::{PROGRAM, entries};

#[test]
fn killed_while_an_artifact_comes() {
    let bench = Bench::new();
    let server = Server::of(&bench.remote);
    for stall in ["GET /ac/", "GET /cas/"] {
        server.stall_at(Some(stall));
        let bodies = server.bodies();
        let order = ["cache", "pull", "--remote", &server.address, "tiny"];
        let mut running = Running::of(bench.user.command(&order));
        until("the server sends", || server.bodies() > bodies);
        running.kill();
        server.stall(false);
        assert!(bench.user.toolchains().is_empty());
        bench.user.run(&order).succeeds().says(&["installed from"]);
        assert!(bench.user.works().is_empty(), "{:?}", bench.user.works());
        bench.user.run(&["verify", "tiny"]).succeeds();
        bench.user.run(&["uninstall", "tiny"]).succeeds();
    }
}

#[test]
fn killed_while_an_artifact_goes() {
    let bench = Bench::without_artifact();
    for folder in ["ac", "cas"] {
        std::fs::create_dir_all(bench.remote.join(folder)).unwrap();
    }
    let server = Server::of(&bench.remote);
    let order = ["cache", "push", "--remote", &server.address, "tiny"];
    for stall in ["PUT /cas/", "PUT /ac/"] {
        server.stall_at(Some(stall));
        let requests = server.requests();
        let mut running = Running::of(bench.builder.command(&order));
        // One for the document, one for the blob's size, then the one that stalls.
        until("the server is sent something", || server.requests() >= requests + 3);
        running.kill();
        server.stall(false);
        assert!(entries(&bench.remote.join("ac")).is_empty());
        bench.pull().refuses(&["has none"]);
    }
    bench.builder.run(&order).succeeds();
    assert!(bench.builder.works().is_empty(), "{:?}", bench.builder.works());
    bench.pull().succeeds();
}

/// Runs a script in which `folder` is a disk of its own with room for so many bytes; `muslchain` is the program.
fn on_a_small_disk(bench: &Bench, folder: &Path, bytes: usize, script: &str) -> Ran {
    std::fs::create_dir_all(folder).unwrap();
    let script = format!(
        "set -eu; muslchain() {{ {PROGRAM} \"$@\"; }}; disk={}; mount -t tmpfs -o size={bytes} disk \"$disk\"; {script}",
        folder.display()
    );
    let mut command = bench.user.command(&[]);
    let mut outer = Command::new("unshare");
    outer.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script]);
    outer.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    outer.current_dir(&bench.user.project);
    command = outer;
    Ran::of(command)
}

#[test]
fn a_full_disk_while_an_artifact_comes() {
    let bench = Bench::large();
    let order = format!("muslchain cache pull --remote {} tiny", bench.remote.display());
    let ran = on_a_small_disk(
        &bench,
        &bench.user.store(),
        2 << 20,
        &format!(
            "if {order}; then exit 9; fi; find $disk/toolchains $disk/work -mindepth 1 2>&1 || true; echo no toolchain; \
             mount -o remount,size=64m $disk; {order}; muslchain verify tiny"
        ),
    );
    let ran = ran.succeeds().says(&["No space left on device", "installed from"]);
    assert!(ran.stdout.contains("no toolchain") && ran.stdout.contains("is as it was published"), "{ran:#?}");
    assert!(!ran.stdout.split("no toolchain").next().unwrap().contains("tiny-linux-musl"), "{ran:#?}");
    assert!(!ran.stderr.contains("refused"), "{ran:#?}");
}

#[test]
fn a_full_disk_while_an_artifact_goes() {
    let bench = Bench::large();
    bench.pull().succeeds();
    bench.user.run(&["key", "new"]).succeeds();
    let remote = bench.user.path().join("small");
    let order = format!("muslchain cache push --remote {} tiny", remote.display());
    let ran = on_a_small_disk(
        &bench,
        &remote,
        1 << 20,
        &format!(
            "if {order}; then exit 9; fi; ls $disk/ac || echo no document; \
             mount -o remount,size=64m $disk; {order}; ls $disk/ac"
        ),
    );
    let ran = ran.succeeds().says(&["No space left on device", "is there now"]);
    assert!(ran.stdout.starts_with("no document\n"), "{ran:#?}");
}

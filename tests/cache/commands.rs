//! The rest of `cache`.

use std::fs::File;
use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::bench::{Bench, now};
use crate::support::entries;
use crate::support::server::Server;

#[test]
fn what_the_remotes_have_is_listed() {
    let bench = Bench::new();
    let remote = bench.remote.to_str().unwrap();
    let ran = bench.user.run(&["cache", "ls", "--remote", remote]).succeeds();
    let name = bench.builder.toolchains()[0].file_name().unwrap().to_str().unwrap().to_owned();
    assert!(ran.stdout.starts_with(&format!("{name}  {remote}  ")) && ran.stdout.lines().count() == 1, "{ran:?}");
    let listed = bench.user.run(&["cache", "ls", "--json", "--remote", remote, "tiny"]).json();
    let artifact = bench.artifact();
    let expected = json!({
        "name": name, "remote": remote, "digest": artifact.digest, "size": artifact.size,
        "sequence": artifact.sequence, "expires": artifact.expires,
    });
    assert_eq!(listed, json!({ "schema": 1, "artifacts": [expected] }));
    assert!(artifact.expires - now() > 364 * 24 * 60 * 60 && artifact.expires - now() < 366 * 24 * 60 * 60);
    bench.change(&bench.signer(), |payload| payload["expires"] = json!(now()));
    let ran = bench.user.run(&["cache", "ls", "--remote", remote, "tiny"]).succeeds();
    assert!(ran.stdout.contains("refused: ") && ran.stdout.contains("expired"), "{ran:?}");
}

#[test]
fn what_a_remote_has_is_verified_without_being_installed() {
    let bench = Bench::new();
    let remote = bench.remote.to_str().unwrap();
    let ran = bench.user.run(&["cache", "verify", "--remote", remote, "tiny"]).succeeds();
    assert!(ran.stdout.contains("is as it was signed: "), "{ran:?}");
    assert!(bench.user.toolchains().is_empty() && bench.user.works().is_empty());
    bench.user.run(&["cache", "verify", "--remote", remote, "other"]).refuses(&["no remote has any"]);
}

#[test]
fn what_a_remote_has_is_built_and_compared() {
    let bench = Bench::new();
    let (remote, mirror) = (bench.remote.to_str().unwrap(), bench.user.mirror.to_str().unwrap());
    let order = ["cache", "verify", "--rebuild", "--remote", remote, "--mirror", mirror, "tiny"];
    let ran = bench.user.run(&order).succeeds();
    assert!(ran.stdout.contains("came out the same when it was built here"), "{ran:?}");
    assert!(bench.user.toolchains().is_empty() && bench.user.works().is_empty());
}

#[test]
fn what_came_out_otherwise_is_told_file_by_file() {
    let bench = Bench::without_artifact();
    // What two machines do not have in common gets into the toolchain.
    for place in [&bench.builder, &bench.user] {
        place.before("second", "uname -n > out/lib/machine; cat /proc/sys/kernel/random/uuid >> out/lib/machine");
    }
    bench.builder.install(&["tiny"]).succeeds();
    bench.push(&[]).succeeds();
    let (remote, mirror) = (bench.remote.to_str().unwrap(), bench.user.mirror.to_str().unwrap());
    let order = ["cache", "verify", "--rebuild", "--remote", remote, "--mirror", mirror, "tiny"];
    bench.user.run(&order).finds(&["came out otherwise", "changed  lib/machine"]);
    // So it is not put in the other's place unasked.
    bench.user.install(&["tiny"]).succeeds();
    bench.user.run(&["key", "new"]).succeeds();
    let push = ["cache", "push", "--remote", remote, "tiny"];
    bench.user.run(&push).refuses(&["has another tiny-linux-musl-", "--replace"]);
    bench.user.run(&[&push[..], &["--replace"]].concat()).succeeds();
}

#[test]
fn what_was_changed_or_cannot_be_signed_goes_nowhere() {
    let bench = Bench::without_artifact();
    std::fs::remove_file(bench.builder.home.join(".config/muslchain/signing.key")).unwrap();
    bench.push(&[]).refuses(&["has to be signed", "muslchain key new"]);
    bench.builder.run(&["key", "new"]).succeeds();
    bench.builder.run(&["cache", "push", "tiny"]).refuses(&["no remote to put anything at"]);
    std::fs::write(bench.builder.toolchains()[0].join("lib/evil"), "").unwrap();
    bench.push(&[]).refuses(&["not as it was published", "muslchain verify"]);
    assert!(entries(&bench.remote).is_empty());
}

#[test]
fn artifacts_go_to_the_remotes_that_are_named_and_no_others() {
    let bench = Bench::without_artifact();
    let [named, by_variable, read, written] =
        ["named", "by-variable", "read", "written"].map(|name| bench.builder.path().join(name));
    let config = format!(
        "[[remote]]\nurl = '{}'\n[[remote]]\nurl = '{}'\naccess = 'read-write'\n",
        read.display(),
        written.display()
    );
    std::fs::write(bench.builder.home.join(".config/muslchain/config.toml"), config).unwrap();
    let variables = [("MUSLCHAIN_REMOTE", by_variable.to_str().unwrap())];
    bench.builder.run_with(&variables, &["cache", "push", "--remote", named.to_str().unwrap(), "tiny"]).succeeds();
    let there = |folder: &std::path::PathBuf| folder.join("ac").exists();
    assert_eq!([&named, &by_variable, &read, &written].map(there), [true, false, false, false]);
    bench.builder.run_with(&variables, &["cache", "push", "tiny"]).succeeds();
    assert_eq!([&by_variable, &read, &written].map(there), [true, false, false]);
    bench.builder.run(&["cache", "push", "tiny"]).succeeds();
    assert_eq!([&read, &written].map(there), [false, true]);
}

#[test]
fn a_key_may_have_a_password_and_come_from_a_variable() {
    let bench = Bench::without_artifact();
    let file = bench.builder.home.join(".config/muslchain/signing.key");
    std::fs::remove_file(&file).unwrap();
    bench.builder.run(&["key", "new", "--password"]).refuses(&["MUSLCHAIN_KEY_PASSWORD"]);
    let password = ("MUSLCHAIN_KEY_PASSWORD", "secret");
    bench.builder.run_with(&[password], &["key", "new", "--password"]).succeeds();
    bench.push(&[]).refuses(&["has a password", "MUSLCHAIN_KEY_PASSWORD"]);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let key = text.lines().last().unwrap();
    let order = ["cache", "push", "--remote", bench.remote.to_str().unwrap(), "tiny"];
    bench.builder.run_with(&[password, ("MUSLCHAIN_SIGNING_KEY", key)], &order).succeeds();
}

#[test]
fn artifacts_are_removed_from_folders_and_servers() {
    let bench = Bench::new();
    let server = Server::of(&bench.remote);
    for remote in [bench.remote.to_str().unwrap(), &server.address] {
        bench.push(&[]).succeeds();
        let order = ["cache", "rm", "--remote", remote, "tiny"];
        bench.builder.run(&order).succeeds().says(&[" removed"]);
        assert!(entries(&bench.remote.join("ac")).is_empty() && entries(&bench.remote.join("cas")).is_empty());
        bench.builder.run(&order).refuses(&["has any of them"]);
    }
}

#[test]
fn what_nothing_belongs_to_is_removed_from_a_folder() {
    let bench = Bench::new();
    let remote = bench.remote.to_str().unwrap();
    let (document, blob) = (bench.document(), bench.blob());
    let [left, fresh] = ["a", "b"].map(|digit| bench.remote.join("cas").join(digit.repeat(64)));
    let long_ago = SystemTime::now() - Duration::from_secs(30 * 24 * 60 * 60);
    for file in [&left, &fresh] {
        std::fs::write(file, "").unwrap();
    }
    for file in [&left, &blob] {
        File::options().append(true).open(file).unwrap().set_modified(long_ago).unwrap();
    }
    let gc = |options: &[&str]| {
        bench.builder.run(&[&["cache", "gc", "--remote", remote], options].concat()).succeeds().stdout
    };
    assert_eq!(gc(&["--dry-run"]), format!("{}\n", left.display()));
    assert!(left.exists());
    assert_eq!(gc(&[]), format!("{}\n", left.display()));
    assert!(!left.exists() && fresh.exists() && blob.exists() && document.exists());
    bench.change(&bench.signer(), |payload| payload["expires"] = json!(now()));
    assert_eq!(gc(&[]), format!("{}\n{}\n", document.display(), blob.display()));
    let server = Server::of(&bench.remote);
    bench.builder.run(&["cache", "gc", "--remote", &server.address]).refuses(&["only what is in a folder"]);
}

#[test]
fn what_is_not_the_remote_s_is_left_alone() {
    let bench = Bench::new();
    let others = bench.builder.path().join("others");
    std::fs::create_dir(&others).unwrap();
    let long_ago = SystemTime::now() - Duration::from_secs(30 * 24 * 60 * 60);
    for file in [others.join("f".repeat(64)), bench.remote.join("cas/notes.txt")] {
        std::fs::write(&file, "").unwrap();
        File::options().append(true).open(&file).unwrap().set_modified(long_ago).unwrap();
    }
    let remote = bench.builder.path().join("linked");
    std::fs::create_dir(&remote).unwrap();
    std::os::unix::fs::symlink(&others, remote.join("cas")).unwrap();
    for remote in [&bench.remote, &remote] {
        let ran = bench.builder.run(&["cache", "gc", "--remote", remote.to_str().unwrap()]).succeeds();
        assert_eq!(ran.stdout, "", "{ran:?}");
    }
}

#[test]
fn the_key_for_a_ci_changes_with_what_would_be_installed() {
    let bench = Bench::without_artifact();
    let key = |arguments: &[&str]| bench.user.run(&[&["cache", "key"], arguments].concat()).succeeds().stdout;
    let one = key(&["tiny"]);
    assert!(one.starts_with("muslchain-") && one.ends_with('\n') && one.lines().count() == 1, "{one}");
    assert_eq!(key(&["linux/arm64"]), one);
    for other in [&["other"][..], &["tiny", "other"], &["tiny", "--set", "beta=2.0"], &["tiny", "--languages", "c"]] {
        assert_ne!(key(other), one, "{other:?}");
    }
    assert!(bench.user.toolchains().is_empty());
}

#[test]
fn where_the_store_is_and_what_it_takes() {
    let bench = Bench::new();
    let store = bench.builder.store();
    assert_eq!(bench.builder.run(&["cache", "dir"]).succeeds().stdout, format!("{}\n", store.display()));
    let sizes = bench.builder.run(&["cache", "size", "--json"]).succeeds().json();
    assert!(sizes["parts"]["toolchains"].as_u64().unwrap() > 0 && sizes["bytes"].as_u64().unwrap() > 0, "{sizes}");
    assert!(bench.builder.run(&["cache", "size"]).succeeds().stdout.contains(" in all\n"));
}

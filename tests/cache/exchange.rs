//! From one machine's store to another's.

use crate::bench::Bench;
use crate::support::Place;
use crate::support::server::Server;

#[test]
fn what_one_machine_built_another_one_takes() {
    let bench = Bench::new();
    let ran = bench.pull().succeeds().says(&["tiny-linux-musl installed from "]);
    assert!(ran.stages().is_empty(), "{ran:#?}");
    let [theirs, ours] = [&bench.builder, &bench.user].map(|place| place.toolchains()[0].clone());
    assert_eq!(theirs.file_name(), ours.file_name());
    let manifest = |folder: &std::path::Path| std::fs::read_to_string(folder.join("manifest.json")).unwrap();
    assert_eq!(manifest(&theirs), manifest(&ours));
    let verified = bench.user.run(&["verify", "tiny"]).succeeds().stdout;
    assert_eq!(bench.builder.run(&["verify", "tiny"]).succeeds().stdout, verified);
    let said = bench.user.run(&["run", "tiny", "--", "tiny-linux-musl-cc"]).succeeds().stdout;
    assert_eq!(said, "this is cc\n");
    assert!(bench.user.works().is_empty(), "{:?}", bench.user.works());
    bench.pull().succeeds().says(&["tiny-linux-musl is installed: "]);
}

#[test]
fn install_asks_the_remotes_before_it_builds() {
    let bench = Bench::new();
    // Sources cannot be had, and the machine lacks what builds: nobody asks.
    bench.user.edit("host-tools.toml", "\"cat\"", "\"cat\", \"muslchain-test-hammer\"");
    bench.builder.edit("host-tools.toml", "\"cat\"", "\"cat\", \"muslchain-test-hammer\"");
    let other = Place::new();
    other.run(&["key", "trust", &bench.key]).succeeds();
    std::fs::remove_dir_all(&other.mirror).unwrap();
    let remote = bench.remote.to_str().unwrap();
    other.run(&["install", "--remote", remote, "tiny"]).succeeds().says(&["installed from "]);
    let third = Place::new();
    third.run(&["key", "trust", &bench.key]).succeeds();
    let ran = third.install(&["--no-remote", "tiny"]).succeeds();
    assert_eq!(ran.stages(), ["first", "second", "last"]);
}

#[test]
fn the_same_content_is_the_same_archive_whoever_built_it() {
    let bench = Bench::new();
    let first = bench.blob();
    // Another machine builds it too, at another time: what it records of that is its own.
    bench.user.install(&["tiny"]).succeeds();
    bench.user.run(&["key", "new"]).succeeds();
    let remote = bench.user.path().join("remote");
    bench.user.run(&["cache", "push", "--remote", remote.to_str().unwrap(), "tiny"]).succeeds();
    let name = first.file_name().unwrap();
    assert_eq!(std::fs::read(remote.join("cas").join(name)).unwrap(), std::fs::read(&first).unwrap());
}

#[test]
fn a_web_server_is_a_remote() {
    let mut bench = Bench::without_artifact();
    std::fs::create_dir(&bench.remote).unwrap();
    let server = Server::of(&bench.remote);
    server.require("Basic bWU6czpjcmV0");
    let folder = std::mem::replace(&mut bench.remote, server.address.clone().into());
    bench.push(&[]).refuses(&[&server.address, "401", "credentials"]);
    let with = server.address.replace("http://", "http://me:s%3Acret@") + "/team/tools";
    std::fs::create_dir(folder.join("team")).unwrap();
    bench.remote = with.clone().into();
    let ran = bench.push(&[]).succeeds().says(&["/team/tools/: tiny-linux-musl-", " is there now"]);
    assert!(!ran.stderr.contains("cret"), "{}", ran.stderr);
    assert!(folder.join("team/tools/cas").is_dir());
    bench.push(&[]).succeeds().says(&["was there, and is signed anew"]);
    // In the middle of the archive the connection breaks.
    server.cut(2);
    let ran = bench.pull().succeeds().says(&["installed from http://127.0.0.1:"]);
    assert!(!ran.stderr.contains("cret"), "{}", ran.stderr);
    bench.user.run(&["verify", "tiny"]).succeeds();
}

#[test]
fn a_token_comes_from_a_variable() {
    let bench = Bench::new();
    let server = Server::of(&bench.remote);
    server.require("Bearer secret");
    let order = ["cache", "pull", "--remote", &server.address, "tiny"];
    bench.user.run(&order).refuses(&["401"]);
    bench.user.run_with(&[("MUSLCHAIN_REMOTE_TOKEN", "secret")], &order).succeeds();
}

#[test]
fn a_remote_that_fails_keeps_nothing_from_being_built() {
    let bench = Bench::new();
    let server = Server::of(&bench.remote);
    for status in [403, 500] {
        server.answer_with(Some(status));
        let ran = bench.user.install(&["--remote", &server.address, "tiny"]).succeeds();
        ran.says(&["refused: ", &status.to_string(), "tiny-linux-musl installed: "]);
        bench.user.run(&["uninstall", "tiny"]).succeeds();
    }
    // Nobody listens there.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ran = bench.user.install(&["--remote", &format!("http://{gone}"), "tiny"]).succeeds();
    ran.says(&["could not connect", "tiny-linux-musl installed: "]);
}

#[test]
fn a_remote_that_is_slow_is_waited_for_as_long_as_it_may_take() {
    let bench = Bench::new();
    let server = Server::of(&bench.remote);
    let config = bench.user.home.join(".config/muslchain/config.toml");
    std::fs::write(config, format!("[[remote]]\nurl = '{}'\ntime-limit = 1\n", server.address)).unwrap();
    for stalled in ["GET /ac/", "GET /cas/"] {
        server.stall_at(Some(stalled));
        bench.user.install(&["tiny"]).succeeds().says(&["refused: ", "tiny-linux-musl installed: "]);
        bench.user.run(&["uninstall", "tiny"]).succeeds();
    }
}

#[test]
fn a_bad_remote_beside_a_good_one_does_no_harm() {
    let bench = Bench::new();
    let bad = bench.builder.path().join("bad");
    for folder in ["ac", "cas"] {
        std::fs::create_dir_all(bad.join(folder)).unwrap();
    }
    std::fs::copy(bench.document(), bad.join("ac").join(bench.document().file_name().unwrap())).unwrap();
    std::fs::write(bad.join("cas").join(bench.blob().file_name().unwrap()), "something else").unwrap();
    let remotes = ["--remote", bad.to_str().unwrap(), "--remote", bench.remote.to_str().unwrap()];
    let ran = bench.user.run(&[&["cache", "pull"], &remotes[..], &["tiny"]].concat()).succeeds();
    ran.says(&["refused: ", bad.to_str().unwrap(), &format!("installed from {}", bench.remote.display())]);
}

#[test]
fn where_nothing_may_be_built_each_remote_says_why() {
    let bench = Bench::new();
    let remote = bench.remote.to_str().unwrap();
    bench.user.run(&["install", "--no-build", "tiny"]).refuses(&["no remote has it", "there is no remote to ask"]);
    let ran = bench.user.run(&["install", "--no-build", "--remote", remote, "other"]);
    ran.refuses(&["no remote has it", "other-linux-musl-", &format!("{remote} has none")]);
    let settings = [("MUSLCHAIN_NO_BUILD", "1"), ("MUSLCHAIN_REMOTE", remote)];
    bench.user.run_with(&settings, &["install", "tiny"]).succeeds().says(&["installed from"]);
}

#[test]
fn one_of_several_may_come_from_a_remote() {
    let bench = Bench::new();
    let remote = bench.remote.to_str().unwrap();
    let ran = bench.user.install(&["--remote", remote, "tiny", "other"]).succeeds();
    ran.says(&["tiny-linux-musl installed from", "other-linux-musl installed: "]);
}

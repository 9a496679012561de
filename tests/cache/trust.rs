//! Whoever keeps a remote can hand out nothing but what a trusted key signed for that very toolchain, whole, and not an older state
//! of it again.

use muslchain::trust::{Signed, SigningKey};
use serde_json::json;

use crate::bench::{Bench, now};
use crate::support::Place;

#[test]
fn a_stranger_s_signature_is_refused() {
    let bench = Bench::new();
    let (stranger, _) = SigningKey::generate(None).unwrap();
    bench.change(&stranger, |_| ());
    bench.is_refused(&[&stranger.public().id(), "not trusted", "muslchain key trust"]);
}

#[test]
fn who_trusts_nobody_takes_nothing() {
    let bench = Bench::new();
    bench.user.run(&["key", "distrust", &bench.key]).succeeds();
    bench.is_refused(&["not trusted"]);
}

#[test]
fn an_unsigned_manifest_is_refused() {
    let bench = Bench::new();
    let mut signed = Signed::read(&std::fs::read(bench.document()).unwrap()).unwrap();
    signed.signatures.clear();
    std::fs::write(bench.document(), serde_json::to_vec(&signed).unwrap()).unwrap();
    bench.is_refused(&["it is not signed"]);
}

#[test]
fn a_manifest_that_was_changed_is_refused() {
    let bench = Bench::new();
    let text = std::fs::read_to_string(bench.document()).unwrap();
    let size = bench.artifact().size;
    let changed = text.replace(&format!("\\\"size\\\": {size}"), &format!("\\\"size\\\": {}", size + 1));
    assert_ne!(changed, text);
    std::fs::write(bench.document(), changed).unwrap();
    bench.is_refused(&["wrong", "somebody changed it"]);
}

#[test]
fn a_manifest_that_is_none_is_refused() {
    let bench = Bench::new();
    std::fs::write(bench.document(), "").unwrap();
    bench.is_refused(&["not a signed document"]);
}

#[test]
fn a_manifest_of_something_else_is_refused() {
    let bench = Bench::new();
    bench.change(&bench.signer(), |payload| payload["kind"] = json!("muslchain something"));
    bench.is_refused(&["no artifact's manifest", "muslchain something"]);
}

#[test]
fn a_manifest_of_the_future_is_refused() {
    let bench = Bench::new();
    bench.change(&bench.signer(), |payload| payload["schema"] = json!(99));
    bench.is_refused(&["a newer muslchain signed it"]);
}

#[test]
fn another_toolchain_s_manifest_is_refused() {
    let bench = Bench::new();
    bench.builder.install(&["other"]).succeeds();
    let place = bench.document();
    let remote = bench.builder.path().join("second");
    bench.builder.run(&["cache", "push", "--remote", remote.to_str().unwrap(), "other"]).succeeds();
    // The other one, signed by the same key, in this one's place, and its archive beside it.
    for (folder, to) in [("ac", place), ("cas", bench.remote.join("cas/unused"))] {
        let from = crate::support::entries(&remote.join(folder)).remove(0);
        let to = if folder == "cas" { bench.remote.join("cas").join(from.file_name().unwrap()) } else { to };
        std::fs::copy(from, to).unwrap();
    }
    bench.is_refused(&["the manifest of another toolchain, other-linux-musl-"]);
}

#[test]
fn a_manifest_of_another_key_under_this_name_is_refused() {
    let bench = Bench::new();
    bench.change(&bench.signer(), |payload| {
        let key = payload["toolchain"]["key"].as_str().unwrap();
        payload["toolchain"]["key"] = json!(format!("{}{}", &key[..16], "0".repeat(48)));
    });
    bench.is_refused(&["the manifest of another toolchain"]);
}

#[test]
fn another_archive_is_refused() {
    let bench = Bench::new();
    bench.builder.install(&["--set", "beta=2.0", "tiny"]).succeeds();
    let remote = bench.builder.path().join("second");
    bench.builder.run(&["cache", "push", "--remote", remote.to_str().unwrap(), "tiny"]).succeeds();
    let other = crate::support::entries(&remote.join("cas")).remove(0);
    std::fs::copy(other, bench.blob()).unwrap();
    bench.is_refused(&["the archive of tiny-linux-musl-"]);
}

#[test]
fn an_archive_that_is_not_whole_is_refused() {
    let bench = Bench::new();
    let whole = std::fs::read(bench.blob()).unwrap();
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    for bytes in [&whole[..whole.len() / 2], b"", &changed, &[&whole[..], b"more"].concat()] {
        std::fs::write(bench.blob(), bytes).unwrap();
        bench.is_refused(&["the archive of tiny-linux-musl-"]);
        bench.user.run(&["uninstall", "tiny"]).succeeds();
        assert!(bench.user.run(&["gc", "--keep-gb", "0"]).succeeds().code == 0);
    }
    std::fs::remove_file(bench.blob()).unwrap();
    bench.is_refused(&["has no archive of tiny-linux-musl-"]);
}

#[test]
fn another_archive_of_the_right_content_is_refused() {
    let bench = Bench::new();
    // The same frames, with one that is skipped behind them.
    let mut bytes = std::fs::read(bench.blob()).unwrap();
    let empty = zstd::bulk::compress(b"", 1).unwrap();
    bytes.extend([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, u8::try_from(empty.len()).unwrap(), 0, 0, 0]);
    bytes.extend(empty);
    let size = bytes.len();
    std::fs::write(bench.blob(), bytes).unwrap();
    bench.change(&bench.signer(), |payload| payload["size"] = json!(size));
    bench.is_refused(&["its digest is sha256:"]);
}

#[test]
fn a_name_that_leads_elsewhere_is_refused() {
    let bench = Bench::new();
    bench.change(&bench.signer(), |payload| payload["toolchain"]["name"] = json!("../../evil"));
    bench.is_refused(&["another toolchain"]);
}

#[test]
fn what_has_expired_is_refused_until_it_is_signed_anew() {
    let bench = Bench::new();
    bench.change(&bench.signer(), |payload| payload["expires"] = json!(now()));
    bench.is_refused(&["it expired on 20", "muslchain cache push"]);
    bench.push(&[]).succeeds().says(&["was there, and is signed anew"]);
    bench.user.run(&["uninstall", "tiny"]).succeeds();
    bench.pull().succeeds();
}

#[test]
fn an_older_state_is_refused_by_who_saw_a_newer_one() {
    let bench = Bench::new();
    let old = std::fs::read(bench.document()).unwrap();
    bench.push(&[]).succeeds();
    bench.pull().succeeds();
    bench.user.run(&["uninstall", "tiny"]).succeeds();
    std::fs::write(bench.document(), &old).unwrap();
    bench.is_refused(&["older than what was seen before"]);
    // Who saw none of them cannot know.
    let fresh = Place::new();
    fresh.run(&["key", "trust", &bench.key]).succeeds();
    fresh.run(&["cache", "pull", "--remote", bench.remote.to_str().unwrap(), "tiny"]).succeeds();
}

#[test]
fn each_signing_has_a_higher_sequence() {
    let bench = Bench::new();
    bench.change(&bench.signer(), |payload| payload["sequence"] = json!(now() + 1000));
    let before = bench.artifact().sequence;
    bench.push(&[]).succeeds();
    assert_eq!(bench.artifact().sequence, before + 1);
}

#[test]
fn a_sequence_that_nobody_signed_is_not_gone_on_behind() {
    let bench = Bench::new();
    let (stranger, _) = SigningKey::generate(None).unwrap();
    bench.change(&stranger, |payload| payload["sequence"] = json!(u64::MAX));
    bench.push(&[]).succeeds();
    assert!(bench.artifact().sequence <= now());
}

#[test]
fn a_folder_may_be_trusted_without_signatures_by_its_user_only() {
    let bench = Bench::without_artifact();
    let config = |place: &Place, url: &str| {
        let folder = place.home.join(".config/muslchain");
        std::fs::create_dir_all(&folder).unwrap();
        let text = format!("[[remote]]\nurl = '{url}'\naccess = 'read-write'\ntrust = 'none'\n");
        std::fs::write(folder.join("config.toml"), text).unwrap();
    };
    let remote = bench.remote.to_str().unwrap();
    for place in [&bench.builder, &bench.user] {
        config(place, remote);
        let _ = std::fs::remove_file(place.home.join(".config/muslchain/trusted-keys"));
    }
    std::fs::remove_file(bench.builder.home.join(".config/muslchain/signing.key")).unwrap();
    bench.builder.run(&["cache", "push", "tiny"]).succeeds();
    bench.user.run(&["install", "--no-build", "tiny"]).succeeds().says(&["installed from"]);
    config(&bench.user, "http://127.0.0.1:1");
    bench.user.run(&["list"]).succeeds();
    bench.user.run(&["install", "tiny"]).refuses(&["trust", "has to be signed"]);
    let project = bench.builder.project.join("toolchains.toml");
    std::fs::write(project, format!("[[remote]]\nurl = '{remote}'\ntrust = 'none'\n")).unwrap();
    bench.builder.run(&["install", "tiny"]).refuses(&["toolchains.toml", "not a project's to say"]);
}

#[test]
fn minisign_s_own_key_format_goes_in_and_out() {
    let place = Place::new();
    let key = place.run(&["key", "new"]).succeeds().stdout.trim().to_owned();
    assert_eq!(place.run(&["key", "export"]).succeeds().stdout.trim(), key);
    assert_eq!(place.run(&["key", "list"]).succeeds().stdout.trim(), key);
    place.run(&["key", "new"]).refuses(&["is there already"]);
    let mode = std::fs::metadata(place.home.join(".config/muslchain/signing.key")).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
    place.run(&["key", "trust", "RWnonsense"]).refuses(&["no public key"]);
    place.run(&["key", "distrust", &key]).succeeds();
    assert_eq!(place.run(&["key", "list"]).succeeds().stdout, "");
    place.run(&["key", "distrust", &key]).refuses(&["has no such key"]);
}

//! A bucket as the remote.

#[cfg(feature = "s3")]
mod built_in {
    use std::process::{Command, Stdio};

    use crate::bench::Bench;
    use crate::support::process::{Ran, Served, free_port};

    const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "someone"), ("AWS_SECRET_ACCESS_KEY", "secret")];

    #[test]
    fn a_bucket_keeps_artifacts() {
        let bench = Bench::large();
        let folder = bench.builder.path().join("s3");
        std::fs::create_dir_all(folder.join("bucket")).unwrap();
        let address = free_port("127.0.0.1");
        let (host, port) = address.split_once(':').unwrap();
        let mut command = Command::new("s3s-fs");
        command.args(["--host", host, "--port", port, "--access-key", KEYS[0].1, "--secret-key", KEYS[1].1]);
        let _server = Served::on(&address, "s3s-fs of crates.io", command.arg(&folder).stderr(Stdio::null()));

        let endpoint = format!("http://{address}");
        let settings = [KEYS[0], KEYS[1], ("AWS_ENDPOINT_URL", endpoint.as_str()), ("AWS_REGION", "us-east-1")];
        let remote = "s3://bucket/team/toolchains";
        let on = |place: &crate::support::Place, words: &[&str]| -> Ran {
            place.run_with(&settings, &[words, &["--remote", remote, "tiny"]].concat())
        };
        on(&bench.user, &["cache", "pull"]).refuses(&["s3://bucket/team/toolchains has none"]);
        on(&bench.builder, &["cache", "push"]).succeeds().says(&["is there now"]);
        on(&bench.builder, &["cache", "push"]).succeeds().says(&["was there"]);
        on(&bench.user, &["cache", "pull"]).succeeds().says(&["installed from s3://bucket/team/toolchains"]);
        bench.user.run(&["verify", "tiny"]).succeeds();
        let wrong = [("AWS_SECRET_ACCESS_KEY", "other"), KEYS[0], settings[2], settings[3]];
        bench.user.run(&["uninstall", "tiny"]).succeeds();
        let ran = bench.user.run_with(&wrong, &["cache", "pull", "--remote", remote, "tiny"]);
        ran.refuses(&["refused: s3://bucket/team/toolchains: "]);
        on(&bench.builder, &["cache", "rm"]).succeeds();
        on(&bench.user, &["cache", "pull"]).refuses(&["has none"]);
    }
}

#[cfg(not(feature = "s3"))]
#[test]
fn what_was_not_built_in_says_how_it_is() {
    let place = crate::support::Place::new();
    place.run(&["install", "--remote", "s3://bucket/x", "tiny"]).refuses(&["without S3", "--features s3"]);
}

//! nginx with WebDAV as the remote: the real server, with its authentication on.

use std::process::{Command, Stdio};

use crate::bench::Bench;
use crate::support::process::{Served, free_port};

#[test]
fn nginx_keeps_artifacts() {
    let bench = Bench::without_artifact();
    let folder = bench.builder.path().join("nginx");
    std::fs::create_dir_all(folder.join("files")).unwrap();
    std::fs::write(folder.join("users"), "me:{PLAIN}secret\n").unwrap();
    let address = free_port("127.0.0.1");
    let config = format!(
        "user root; daemon off; pid pid; error_log log; events {{}}\n\
         http {{ access_log off; client_body_temp_path body; server {{ listen {address}; location / {{\n\
         root files; dav_methods PUT DELETE; create_full_put_path on; client_max_body_size 0;\n\
         auth_basic test; auth_basic_user_file users; }} }} }}\n"
    );
    std::fs::write(folder.join("config"), config).unwrap();
    // Not on everybody's PATH.
    let program =
        ["/usr/sbin/nginx", "/usr/bin/nginx", "nginx"].into_iter().find(|it| std::path::Path::new(it).exists());
    let mut command = Command::new(program.unwrap_or("nginx"));
    let command = command.args(["-e", "log", "-c", "config", "-p"]).arg(format!("{}/", folder.display()));
    let _server = Served::on(&address, "nginx", command.stderr(Stdio::null()));

    let remote = format!("http://me:secret@{address}/team");
    let push = ["cache", "push", "--remote", &remote, "tiny"];
    bench.builder.run(&["cache", "push", "--remote", &format!("http://{address}/team"), "tiny"]).refuses(&["401"]);
    bench.builder.run(&push).succeeds().says(&["is there now"]);
    bench.builder.run(&push).succeeds().says(&["was there"]);
    bench.user.run(&["cache", "pull", "--remote", &remote, "tiny"]).succeeds();
    bench.user.run(&["verify", "tiny"]).succeeds();
    bench.builder.run(&["cache", "rm", "--remote", &remote, "tiny"]).succeeds();
    bench.user.run(&["cache", "verify", "--remote", &remote, "tiny"]).refuses(&["no remote has any"]);
}

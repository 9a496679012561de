//! A registry of containers as the remote: the real server, with its authentication on, in plain and with TLS.

use crate::bench::Bench;
use crate::support::registry::Registry;

fn push(bench: &Bench, remote: &str) -> crate::support::process::Ran {
    bench.builder.run(&["cache", "push", "--remote", remote, "tiny"])
}

fn pull(bench: &Bench, remote: &str) -> crate::support::process::Ran {
    bench.user.run(&["cache", "pull", "--remote", remote, "tiny"])
}

#[test]
fn a_registry_is_a_team_s_store() {
    let bench = Bench::large();
    let registry = Registry::on("127.0.0.1", bench.builder.path(), None);
    let remote = registry.remote();
    push(&bench, &remote).refuses(&["401", "credentials"]);
    registry.log_in(&bench.builder.home);
    registry.log_in(&bench.user.home);
    pull(&bench, &remote).refuses(&[&format!("{remote} has none")]);
    push(&bench, &remote).succeeds().says(&[&format!("{remote}: tiny-linux-musl-"), "is there now"]);
    push(&bench, &remote).succeeds().says(&["was there, and is signed anew"]);
    let listed = bench.user.run(&["cache", "ls", "--remote", &remote]).succeeds().stdout;
    assert!(listed.contains(&remote), "{listed}");
    pull(&bench, &remote).succeeds().says(&[&format!("installed from {remote}")]);
    bench.user.run(&["verify", "tiny"]).succeeds();
    bench.builder.run(&["cache", "rm", "--remote", &remote, "tiny"]).succeeds();
    bench.user.run(&["uninstall", "tiny"]).succeeds();
    pull(&bench, &remote).refuses(&["has none"]);
}

#[test]
fn who_keeps_the_registry_cannot_change_what_is_in_it() {
    let bench = Bench::new();
    let registry = Registry::on("127.0.0.1", bench.builder.path(), None);
    let remote = registry.remote();
    registry.log_in(&bench.builder.home);
    registry.log_in(&bench.user.home);
    push(&bench, &remote).succeeds();
    let blob = registry.blob(&bench.artifact().digest.to_string());
    let mut bytes = std::fs::read(&blob).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&blob, bytes).unwrap();
    pull(&bench, &remote).refuses(&["refused: ", "the archive of tiny-linux-musl-"]);
    assert!(bench.user.toolchains().is_empty());
}

#[test]
fn a_registry_with_a_certificate_of_a_private_authority() {
    let bench = Bench::new();
    let mut authority = rcgen::CertificateParams::new([]).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    // Another loopback address than those that are asked without TLS.
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(["127.0.0.2".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let tls = (certificate.pem(), key.serialize_pem());
    let registry = Registry::on("127.0.0.2", bench.builder.path(), Some((&tls.0, &tls.1)));
    let remote = registry.remote();
    for home in [&bench.builder.home, &bench.user.home] {
        registry.log_in(home);
    }
    push(&bench, &remote).refuses(&["certificate", "SSL_CERT_FILE"]);
    let file = bench.builder.path().join("authority.pem");
    std::fs::write(&file, authority_certificate.pem()).unwrap();
    let trusted = [("SSL_CERT_FILE", file.to_str().unwrap())];
    bench.builder.run_with(&trusted, &["cache", "push", "--remote", &remote, "tiny"]).succeeds();
    bench.user.run_with(&trusted, &["cache", "pull", "--remote", &remote, "tiny"]).succeeds();
}

#[test]
fn who_asks_is_said_to_the_registry_alone() {
    use std::io::{BufRead, BufReader, Write};
    let bench = Bench::new();
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = elsewhere.local_addr().unwrap();
    let registry = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = registry.local_addr().unwrap().to_string();
    // The head of a request.
    fn head(stream: &std::net::TcpStream) -> String {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
        lines.by_ref().take_while(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    }
    std::thread::spawn(move || {
        for stream in registry.incoming().map_while(Result::ok) {
            let head = head(&stream);
            let answer = match head.to_ascii_lowercase().contains("authorization: basic") {
                false => "401 No\r\nWWW-Authenticate: Basic realm=\"x\"".to_owned(),
                true if head.starts_with("POST") => format!("202 Go\r\nLocation: http://{place}/upload"),
                true => "404 None".to_owned(),
            };
            let _ = (&stream)
                .write_all(format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes());
        }
    });
    let (sender, heads) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in elsewhere.incoming().map_while(Result::ok) {
            let _ = sender.send(head(&stream));
            let challenge = format!("401 No\r\nWWW-Authenticate: Bearer realm=\"http://{place}/token\"");
            let _ = (&stream).write_all(
                format!("HTTP/1.1 {challenge}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes(),
            );
        }
    });
    let folder = bench.builder.home.join(".docker");
    std::fs::create_dir_all(&folder).unwrap();
    let text = format!("{{ \"auths\": {{ \"{host}\": {{ \"auth\": \"bWU6c2VjcmV0\" }} }} }}");
    std::fs::write(folder.join("config.json"), text).unwrap();
    push(&bench, &format!("oci://{host}/x")).refuses(&["401"]);
    let heads: Vec<String> = heads.try_iter().collect();
    let [head] = &heads[..] else { panic!("{heads:?}") };
    assert!(head.contains("/upload") && !head.to_ascii_lowercase().contains("authorization"), "{head}");
}

#[test]
fn a_token_is_fetched_with_what_docker_login_left() {
    use std::io::{BufRead, BufReader, Write};
    let bench = Bench::new();
    let registry = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = registry.local_addr().unwrap().to_string();
    let realm = format!("http://{host}/token");
    let (sender, asked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in registry.incoming().map_while(Result::ok) {
            let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let says = |header: &str| head.iter().any(|line| line.eq_ignore_ascii_case(header));
            let (status, body) = match head[0].starts_with("GET /token?") {
                true if says("authorization: Basic bWU6c2VjcmV0") => ("200 OK".to_owned(), "{\"token\":\"granted\"}"),
                true => ("403 No".to_owned(), ""),
                false if says("authorization: Bearer granted") => ("404 None".to_owned(), ""),
                false => {
                    let scope = "scope=\"repository:team/tools:pull,push\"";
                    (format!("401 No\r\nWWW-Authenticate: Bearer realm=\"{realm}\",service=\"here\",{scope}"), "")
                }
            };
            let _ = sender.send(head[0].clone());
            let length = body.len();
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            let _ = (&stream).write_all(answer.as_bytes());
        }
    });
    let remote = format!("oci://{host}/team/tools");
    pull(&bench, &remote).refuses(&["gives no token", "403"]);
    let folder = bench.user.home.join(".docker");
    std::fs::create_dir_all(&folder).unwrap();
    let text = format!("{{ \"auths\": {{ \"{host}\": {{ \"auth\": \"bWU6c2VjcmV0\" }} }} }}");
    std::fs::write(folder.join("config.json"), text).unwrap();
    pull(&bench, &remote).refuses(&[&format!("{remote} has none")]);
    let asked: Vec<String> = asked.try_iter().collect();
    let query = "/token?service=here&scope=repository%3Ateam%2Ftools%3Apull%2Cpush ";
    assert_eq!(asked.iter().filter(|line| line.contains(query)).count(), 2, "{asked:?}");
}

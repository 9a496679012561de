//! Proxies and certificates come from the environment. It belongs to the whole process, so these
//! tests run `in_an_environment_of_its_own` in a child.

use std::process::Command;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

use crate::server::{Reply, Server};
use crate::{Bench, assert_holds, bytes, message, source};

const URL: &str = "MUSLCHAIN_TEST_URL";
const FOLDER: &str = "MUSLCHAIN_TEST_FOLDER";

/// What the parents have a child do: fetch 1000 bytes and say how that went.
#[test]
#[ignore = "the other tests here run it, with an environment"]
fn in_an_environment_of_its_own() {
    let mut bench = Bench::new();
    if let Some(folder) = std::env::var_os(FOLDER) {
        bench.settings.sources_dir = folder.into();
    }
    let url = std::env::var(URL).unwrap();
    // Kept: its client's thread ends with it.
    let fetcher = bench.fetcher();
    match fetcher.fetch(&source(&bytes(1000), &[url])) {
        Ok(_) => println!("fetched"),
        Err(error) => println!("failed: {error}"),
    }
    let client = "reqwest-interna";
    let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = threads.map(|task| std::fs::read_to_string(task.path().join("comm")).unwrap_or_default());
    println!("client: {}", names.into_iter().any(|name| name.starts_with(client)));
}

fn child(url: &str, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "environment::in_an_environment_of_its_own", "--ignored", "--nocapture"]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    let output = command.env(URL, url).envs(variables.iter().copied()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn proxies_are_used() {
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        let proxy = Server::start(|_| Reply::ok(&bytes(1000)));
        let said = child("http://upstream.invalid/f", &[(name, &proxy.url("/"))]);
        assert!(said.contains("fetched"), "{name}: {said}");
        assert_eq!(proxy.requests()[0].target, "http://upstream.invalid/f", "{name}");
    }
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        let proxy = Server::start(|_| Reply::status(403).body(b""));
        let said = child("https://upstream.invalid/f", &[(name, &proxy.url("/"))]);
        assert!(said.contains("could not connect"), "{name}: {said}");
        let asked = &proxy.requests()[0];
        assert_eq!((asked.method.as_str(), asked.target.as_str()), ("CONNECT", "upstream.invalid:443"), "{name}");
    }
}

#[test]
fn hosts_without_a_proxy_are_asked_themselves() {
    for name in ["NO_PROXY", "no_proxy"] {
        let proxy = Server::start(|_| Reply::ok(&bytes(1000)));
        let server = Server::start(|_| Reply::ok(&bytes(1000)));
        let said = child(&server.url("/f"), &[("http_proxy", &proxy.url("/")), (name, "127.0.0.1")]);
        assert!(said.contains("fetched"), "{said}");
        assert_eq!((proxy.requests().len(), server.requests().len()), (0, 1), "{name}");
    }
}

#[test]
fn what_is_cached_needs_no_client() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(|_| Reply::ok(&bytes(1000)));
    let run = || child(&server.url("/f"), &[(FOLDER, folder.path().to_str().unwrap())]);
    let first = run();
    assert!(first.contains("fetched") && first.contains("client: true"), "{first}");
    let second = run();
    assert!(second.contains("fetched") && second.contains("client: false"), "{second}");
    assert_eq!(server.requests().len(), 1);
}

/// A server with a certificate that it signed itself, and that certificate.
fn self_signed() -> (Server, String) {
    let signed = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signed.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .unwrap();
    (Server::start_tls(Arc::new(config), |_| Reply::ok(&bytes(1000))), signed.cert.pem())
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_no_reason_to_try_again() {
    let (bench, whole) = (Bench::new(), bytes(1000));
    let (doubtful, _) = self_signed();
    let copy = whole.clone();
    let good = Server::start(move |_| Reply::ok(&copy));
    let error = message(bench.fetch(&source(&whole, &[doubtful.url("/f")])));
    assert!(error.contains("certificate problem") && error.contains("SSL_CERT_FILE"), "{error}");
    assert_eq!(doubtful.connections(), 1);
    assert_holds(&bench.fetch(&source(&whole, &[doubtful.url("/f"), good.url("/f")])).unwrap(), &whole);
    assert!(bench.events.of("DownloadRetry").is_empty());
}

#[test]
fn a_certificate_of_the_users_own_is_trusted() {
    let (server, certificate) = self_signed();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), certificate).unwrap();
    let said = child(&server.url("/f"), &[("SSL_CERT_FILE", file.path().to_str().unwrap())]);
    assert!(said.contains("fetched"), "{said}");
}

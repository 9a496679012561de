//! Which origin is asked when, and what is said when none has the file.

use std::fs;
use std::net::TcpListener;

use muslchain::fetch::{FetchError, Mirror, OriginFailure};

use crate::server::{Reply, Server};
use crate::{Bench, assert_holds, bytes, message, source};

/// An address at which nobody listens.
fn dead_url() -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}/f")
}

fn serving(whole: &[u8]) -> Server {
    let whole = whole.to_vec();
    Server::start(move |_| Reply::ok(&whole))
}

fn not_found() -> Server {
    Server::start(|_| Reply::status(404).body(b"no"))
}

fn mirror(text: impl AsRef<str>) -> Mirror {
    text.as_ref().parse().unwrap()
}

#[test]
fn what_is_cached_is_asked_of_nobody() {
    let (bench, whole) = (Bench::new(), bytes(1000));
    let server = serving(&whole);
    let source = source(&whole, &[server.url("/f")]);
    bench.fetch(&source).unwrap();
    assert_holds(&bench.fetch(&source).unwrap(), &whole);
    assert_eq!(server.requests().len(), 1);
    assert_eq!(bench.fetch(&source).unwrap().path(), bench.cached(&source));
}

#[test]
fn a_cached_file_that_rotted_is_replaced() {
    let (bench, whole) = (Bench::new(), bytes(1000));
    let server = serving(&whole);
    let source = source(&whole, &[server.url("/f")]);
    bench.fetch(&source).unwrap();
    fs::write(bench.cached(&source), [0; 1000]).unwrap();
    assert_holds(&bench.fetch(&source).unwrap(), &whole);
    let failed = bench.events.of("OriginFailed");
    assert!(failed[0].contains("the cache") && failed[0].contains("wrong SHA-256"), "{failed:?}");
}

#[test]
fn the_next_origin_is_asked_when_one_has_not_got_it() {
    let (bench, whole) = (Bench::new(), bytes(1000));
    let (first, second) = (not_found(), serving(&whole));
    assert_holds(&bench.fetch(&source(&whole, &[first.url("/f"), second.url("/f")])).unwrap(), &whole);
    assert_eq!(first.requests().len(), 1);
    let failed = bench.events.of("OriginFailed");
    assert!(failed.len() == 1 && failed[0].contains("404"), "{failed:?}");
}

#[test]
fn mirrors_come_before_addresses() {
    let (mut bench, whole) = (Bench::new(), bytes(1000));
    let (near, far) = (serving(&whole), serving(&whole));
    bench.settings.mirrors = vec![mirror(near.url("/gnu/"))];
    assert_holds(&bench.fetch(&source(&whole, &[far.url("/f")])).unwrap(), &whole);
    assert_eq!(near.requests()[0].target, "/gnu/part-1.tar.gz");
    assert!(far.requests().is_empty());
}

#[test]
fn a_mirror_may_be_laid_out_like_the_archive() {
    let (mut bench, whole) = (Bench::new(), bytes(1000));
    let copy = whole.clone();
    let server = Server::start(move |request| match request.target.as_str() {
        "/debian/pool/main/p/part_1.orig.tar.gz" => Reply::ok(&copy),
        _ => Reply::status(404).body(b"no"),
    });
    bench.settings.mirrors = vec![mirror(server.url("/debian"))];
    let source = crate::archive::in_archive(source(&whole, &[]), false);
    assert_holds(&bench.fetch(&source).unwrap(), &whole);
}

#[test]
fn a_folder_is_a_mirror_and_keeps_its_files() {
    let (mut bench, whole) = (Bench::new(), bytes(300_000));
    let server = serving(&whole);
    let folder = bench.folder.path().join("mirror");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("part-1.tar.gz"), &whole).unwrap();
    bench.settings.mirrors = vec![mirror(format!("file://{}", folder.display()))];
    let source = source(&whole, &[server.url("/f")]);
    assert_holds(&bench.fetch(&source).unwrap(), &whole);
    assert_eq!(fs::read(folder.join("part-1.tar.gz")).unwrap(), whole);
    assert!(server.requests().is_empty());
    bench.assert_tidy();
}

#[test]
fn a_folder_with_wrong_bytes_is_passed_by() {
    let whole = bytes(1000);
    for (held, reason) in [(vec![0; 1000], "wrong SHA-256"), (vec![0; 999], "has 999 bytes, expected 1000")] {
        let mut bench = Bench::new();
        let server = serving(&whole);
        fs::write(bench.folder.path().join("part-1.tar.gz"), held).unwrap();
        bench.settings.mirrors = vec![Mirror::Folder(bench.folder.path().to_owned())];
        assert_holds(&bench.fetch(&source(&whole, &[server.url("/f")])).unwrap(), &whole);
        let failed = bench.events.of("OriginFailed");
        assert!(failed.len() == 1 && failed[0].contains(reason), "{failed:?}");
    }
}

#[test]
fn offline_asks_folders_only() {
    let (mut bench, whole) = (Bench::new(), bytes(1000));
    let server = serving(&whole);
    bench.settings.offline = true;
    bench.settings.mirrors = vec![mirror(server.url("/")), Mirror::Folder(bench.folder.path().to_owned())];
    let source = source(&whole, &[server.url("/f")]);
    let error = message(bench.fetch(&source));
    assert!(error.contains("no such file") && error.contains("the network: not asked: offline"), "{error}");
    fs::write(bench.folder.path().join("part-1.tar.gz"), &whole).unwrap();
    assert_holds(&bench.fetch(&source).unwrap(), &whole);
    assert!(server.requests().is_empty());
}

#[test]
fn a_host_that_does_not_answer_is_asked_once_more_and_not_for_every_file() {
    let (bench, whole) = (Bench::new(), bytes(1000));
    let (dead, good) = (dead_url(), serving(&whole));
    let first = source(&whole, &[dead.clone(), good.url("/f")]);
    let mut second = source(&bytes(900), &[dead]);
    second.file = "other-1.tar.gz".to_owned();
    let fetcher = bench.fetcher();
    fetcher.fetch(&first).unwrap();
    let error = message(fetcher.fetch(&second));
    assert!(error.contains("not asked again") && error.contains("Connection refused"), "{error}");
    assert_eq!(bench.events.of("DownloadRetry").len(), 1);
}

#[test]
fn the_message_names_every_file_and_every_origin() {
    let bench = Bench::new();
    let (whole, other) = (bytes(1000), bytes(900));
    let (missing, good, dead) = (not_found(), serving(&whole), dead_url());
    let here = source(&whole, &[good.url("/f")]);
    let mut lost = source(&other, &[missing.url("/f"), dead.clone(), "ftp://x/f".to_owned()]);
    lost.file = "lost-1.tar.gz".to_owned();
    let mut nowhere = source(&bytes(800), &[]);
    nowhere.file = "nowhere-1.tar.gz".to_owned();
    let error = bench.fetcher().fetch_all(&[&lost, &here, &nowhere]).unwrap_err();
    let host = dead.strip_prefix("http://").unwrap().strip_suffix("/f").unwrap();
    let expected = format!(
        "could not get 2 of 3 sources:\n  lost-1.tar.gz\n    {}: the server says 404 Not Found\n    \
         {dead}: could not connect to {host}: Connection refused (os error 111)\n    \
         ftp://x/f: neither http nor https\n  nowhere-1.tar.gz\n    no place is known to have it",
        missing.url("/f")
    );
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.hint(), Some("`--mirror URL|DIR` adds a place to look"));
    assert!(bench.cached(&here).exists(), "the others come all the same");
}

#[test]
fn all_come_in_their_order() {
    let (mut bench, wholes) = (Bench::new(), [500, 400, 300, 200, 100].map(bytes));
    bench.settings.parallel = 3;
    let copies = wholes.clone();
    let server = Server::start(move |request| Reply::ok(&copies[request.target[1..].parse::<usize>().unwrap()]));
    let sources: Vec<_> = (0..5).map(|n| source(&wholes[n], &[server.url(&format!("/{n}"))])).collect();
    bench.fetch(&sources[2]).unwrap();
    let files = bench.fetcher().fetch_all(&sources.iter().collect::<Vec<_>>()).unwrap();
    assert_eq!(files.len(), 5);
    files.iter().zip(&wholes).for_each(|(file, whole)| assert_holds(file, whole));
    assert_eq!(server.requests().len(), 5);
    assert!(bench.fetcher().fetch_all(&[]).unwrap().is_empty());
}

#[test]
fn a_name_that_is_a_path_is_refused() {
    let (bench, whole) = (Bench::new(), bytes(1000));
    let server = serving(&whole);
    for name in ["../part", "/etc/part", "..", "a/b"] {
        let mut source = source(&whole, &[server.url("/f")]);
        source.file = name.to_owned();
        let error = bench.fetch(&source).unwrap_err();
        assert!(matches!(&error, FetchError::Unavailable(_)), "{error}");
    }
    assert!(server.requests().is_empty());
}

#[test]
fn what_can_be_had_is_known_without_taking_it() {
    let (mut bench, whole) = (Bench::new(), bytes(1000));
    let copy = whole.clone();
    let server = Server::start(move |request| match (request.method.as_str(), request.target.as_str()) {
        (_, "/gone") => Reply::status(404).body(b""),
        (_, "/short") => Reply::ok(&copy[..900]),
        ("HEAD", "/no-head") => Reply::status(405).body(b""),
        (_, "/no-head") => Reply::status(206).body(&copy[..1]).header("Content-Range", "bytes 0-0/1000"),
        ("HEAD", "/good") => Reply::ok(&copy),
        _ => panic!("{request:?}"),
    });
    let at = |paths: &[&str]| source(&whole, &paths.iter().map(|path| server.url(path)).collect::<Vec<_>>());
    let fetcher = bench.fetcher();
    fetcher.can_get(&at(&["/good"])).unwrap();
    fetcher.can_get(&at(&["/gone", "/no-head"])).unwrap();
    let failures = fetcher.can_get(&at(&["/gone", "/short"])).unwrap_err();
    let failure = |path: &str, reason: &str| OriginFailure { origin: server.url(path), reason: reason.to_owned() };
    let expected =
        [failure("/gone", "the server says 404 Not Found"), failure("/short", "has 900 bytes, expected 1000")];
    assert_eq!(failures, expected);
    let answers = fetcher.can_get_all(&[&at(&["/gone"]), &at(&["/good"]), &at(&[])]);
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, true, false]);
    assert!(server.sent() <= 1);
    // A folder, and then the cache, need no question to anybody.
    let asked = server.requests().len();
    bench.settings.mirrors = vec![Mirror::Folder(bench.folder.path().to_owned())];
    fs::write(bench.folder.path().join("part-1.tar.gz"), &whole).unwrap();
    bench.fetcher().can_get(&at(&["/gone"])).unwrap();
    bench.fetch(&at(&["/gone"])).unwrap();
    bench.settings.mirrors.clear();
    bench.fetcher().can_get(&at(&["/gone"])).unwrap();
    assert_eq!(server.requests().len(), asked);
}

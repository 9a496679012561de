//! One address: resuming, retrying, and refusing what cannot be the file.

use std::fs;
use std::sync::{Arc, Mutex};

use muslchain::fetch::FetchError;

use crate::server::{Reply, Request, Server};
use crate::{Bench, assert_holds, bytes, message, source};

const ETAG: &str = "\"one\"";

/// Cuts the first transfer after `cut` bytes, then answers by `then`.
fn cutting(whole: &[u8], cut: usize, then: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Server {
    let whole = whole.to_vec();
    Server::start(move |request| match request.number {
        0 => Reply::ok(&whole).etag(ETAG).cut(cut),
        _ => then(request),
    })
}

#[test]
fn a_cut_transfer_goes_on_where_it_stopped() {
    let (bench, whole) = (Bench::new(), bytes(300_000));
    let copy = whole.clone();
    let server = cutting(&whole, 200_000, move |request| Reply::good(request, &copy, ETAG));
    let file = bench.fetch(&source(&whole, &[server.url("/f")])).unwrap();
    assert_holds(&file, &whole);
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!((requests[0].header("range"), requests[0].header("if-range")), (None, None));
    assert_eq!(requests[1].header("range"), Some("bytes=200000-"));
    assert_eq!(requests[1].header("if-range"), Some(ETAG));
    assert_eq!(server.sent(), 300_000, "no byte was sent twice");
    assert_eq!(bench.events.of("DownloadRetry").len(), 1);
    assert_eq!(bench.events.of("DownloadDone").len(), 1);
    bench.assert_tidy();
}

#[test]
fn another_run_goes_on_where_the_first_was_killed() {
    let (mut bench, whole) = (Bench::new(), bytes(300_000));
    let copy = whole.clone();
    let server = cutting(&whole, 200_000, move |request| Reply::good(request, &copy, ETAG));
    let source = source(&whole, &[server.url("/f")]);
    bench.settings.retry.attempts = 1;
    assert!(message(bench.fetch(&source)).contains("broke off after 200000 bytes"));
    assert_eq!(fs::metadata(bench.partial(&source)).unwrap().len(), 200_000);
    assert_holds(&bench.fetch(&source).unwrap(), &whole);
    assert_eq!(server.sent(), 300_000);
    bench.assert_tidy();
}

#[test]
fn a_whole_file_that_was_not_yet_moved_is_not_asked_for_again() {
    let (mut bench, whole) = (Bench::new(), bytes(1000));
    let copy = whole.clone();
    let server = Server::start(move |request| Reply::good(request, &copy, ETAG).cut(999));
    let source = source(&whole, &[server.url("/f")]);
    bench.settings.retry.attempts = 1;
    message(bench.fetch(&source));
    fs::write(bench.partial(&source), &whole).unwrap();
    assert_holds(&bench.fetch(&source).unwrap(), &whole);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn what_rotted_in_a_partial_file_is_loaded_again() {
    let (mut bench, whole) = (Bench::new(), bytes(3000));
    let copy = whole.clone();
    let server = cutting(&whole, 2000, move |request| Reply::good(request, &copy, ETAG));
    let source = source(&whole, &[server.url("/f")]);
    bench.settings.retry.attempts = 1;
    message(bench.fetch(&source));
    fs::write(bench.partial(&source), [0; 2000]).unwrap();
    assert_holds(&bench.fetch(&source).unwrap(), &whole);
    assert_eq!(server.sent(), 2000 + 1000 + 3000);
}

#[test]
fn a_part_that_begins_elsewhere_is_refused() {
    let (bench, whole) = (Bench::new(), bytes(3000));
    let copy = whole.clone();
    let server = cutting(&whole, 2000, move |request| match request.range_start() {
        Some(start) => Reply::part(&copy, start - 500, start - 500).etag(ETAG),
        None => Reply::ok(&copy),
    });
    assert_holds(&bench.fetch(&source(&whole, &[server.url("/f")])).unwrap(), &whole);
    assert_eq!(server.requests().len(), 3);
    let retries = bench.events.of("DownloadRetry");
    assert!(retries[1].contains("asked from byte 2000 on, the server sends from byte 1500 on"), "{retries:?}");
}

#[test]
fn a_server_without_ranges_sends_all_again() {
    let (bench, whole) = (Bench::new(), bytes(3000));
    let copy = whole.clone();
    let server = cutting(&whole, 2000, move |_| Reply::ok(&copy).etag(ETAG));
    assert_holds(&bench.fetch(&source(&whole, &[server.url("/f")])).unwrap(), &whole);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_file_that_changed_meanwhile_is_not_put_together_from_two() {
    // The first half is of an older file. The server knows ranges, but not If-Range.
    let (bench, whole) = (Bench::new(), bytes(3000));
    let copy = whole.clone();
    let server = Server::start(move |request| match (request.number, request.range_start()) {
        (0, _) => Reply::ok(&[7; 3000]).etag("\"old\"").cut(2000),
        (_, Some(start)) => Reply::part(&copy, start, start).etag("\"new\""),
        _ => Reply::ok(&copy).etag("\"new\""),
    });
    assert_holds(&bench.fetch(&source(&whole, &[server.url("/f")])).unwrap(), &whole);
    assert_eq!(server.requests().len(), 3);
    let retries = bench.events.of("DownloadRetry");
    assert!(retries[1].contains("changed meanwhile"), "{retries:?}");
}

#[test]
fn a_range_behind_the_end_starts_again() {
    let (bench, whole) = (Bench::new(), bytes(3000));
    let copy = whole.clone();
    let server = cutting(&whole, 2000, move |request| match request.range_start() {
        Some(_) => Reply::status(416).header("Content-Range", "bytes */1500").body(b""),
        None => Reply::ok(&copy),
    });
    assert_holds(&bench.fetch(&source(&whole, &[server.url("/f")])).unwrap(), &whole);
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn without_a_strong_validator_nothing_is_resumed() {
    for headers in [vec![], vec![("ETag", "W/\"one\"")]] {
        let (bench, whole) = (Bench::new(), bytes(3000));
        let copy = whole.clone();
        let server = Server::start(move |request| {
            let reply = headers.iter().fold(Reply::ok(&copy), |reply, (name, value)| reply.header(name, value));
            if request.number == 0 { reply.cut(2000) } else { reply }
        });
        assert_holds(&bench.fetch(&source(&whole, &[server.url("/f")])).unwrap(), &whole);
        assert_eq!(server.requests()[1].header("range"), None);
        assert_eq!(server.sent(), 5000);
    }
}

#[test]
fn the_time_of_change_is_validator_enough() {
    let date = "Mon, 01 Jan 2024 00:00:00 GMT";
    let (bench, whole) = (Bench::new(), bytes(3000));
    let copy = whole.clone();
    let server = Server::start(move |request| match request.number {
        0 => Reply::ok(&copy).header("Last-Modified", date).cut(2000),
        _ => Reply::part(&copy, 2000, 2000),
    });
    assert_holds(&bench.fetch(&source(&whole, &[server.url("/f")])).unwrap(), &whole);
    assert_eq!(server.requests()[1].header("if-range"), Some(date));
}

#[test]
fn a_passing_failure_is_tried_again() {
    for status in [408, 425, 429, 500, 502, 503, 504] {
        let (bench, whole) = (Bench::new(), bytes(1000));
        let copy = whole.clone();
        let server = Server::start(move |request| match request.number {
            0 => Reply::status(status).header("Retry-After", 3600).body(b"later"),
            _ => Reply::ok(&copy),
        });
        assert_holds(&bench.fetch(&source(&whole, &[server.url("/f")])).unwrap(), &whole);
        let retries = bench.events.of("DownloadRetry");
        assert_eq!(retries.len(), 1);
        assert!(retries[0].contains(&status.to_string()), "{retries:?}");
        assert!(retries[0].contains("after: 4ms"), "the longest wait, not an hour: {retries:?}");
    }
}

#[test]
fn attempts_end() {
    let (bench, whole) = (Bench::new(), bytes(1000));
    let server = Server::start(|_| Reply::status(503).body(b""));
    let error = message(bench.fetch(&source(&whole, &[server.url("/f")])));
    assert!(error.contains("503") && error.contains("attempt 3 of 3"), "{error}");
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_lasting_refusal_is_not_tried_again() {
    for status in [400, 401, 403, 404, 410] {
        let (bench, whole) = (Bench::new(), bytes(1000));
        let server = Server::start(move |_| Reply::status(status).body(b"no"));
        let error = message(bench.fetch(&source(&whole, &[server.url("/f")])));
        assert!(error.contains(&status.to_string()), "{error}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn redirects_are_followed_and_end() {
    let (bench, whole) = (Bench::new(), bytes(1000));
    let copy = whole.clone();
    let far = Server::start(move |_| Reply::ok(&copy));
    let target = far.url("/f");
    let near = Server::start(move |request| match request.target.as_str() {
        "/f" => Reply::status(302).header("Location", "/g").body(b""),
        "/g" => Reply::status(301).header("Location", &target).body(b""),
        _ => Reply::status(307).header("Location", "/loop").body(b""),
    });
    let error = message(bench.fetch(&source(&whole, &[near.url("/loop")])));
    assert!(error.contains("more than 10 redirects"), "{error}");
    assert_holds(&bench.fetch(&source(&whole, &[near.url("/f")])).unwrap(), &whole);
}

#[test]
fn a_web_page_is_called_one() {
    let page = b"<!DOCTYPE html><html><title>Log in</title></html>";
    let whole = bytes(1000);
    // Refused by its length; by its digest where the length is unknown; and by what it looks like
    // where the length is known and the server's is not.
    let chunked = || Reply { status: 200, body: page.to_vec(), ..Reply::default() };
    let cases = [(Some(1000), Reply::ok(page)), (None, Reply::ok(page)), (Some(1000), chunked())];
    for (size, reply) in cases {
        let bench = Bench::new();
        let server = Server::start(move |_| reply.clone());
        let mut source = source(&whole, &[server.url("/f")]);
        source.size = size;
        let error = message(bench.fetch(&source));
        assert!(error.contains("a web page instead of the file"), "{error}");
        assert_eq!(server.requests().len(), 1, "{error}");
        assert!(!bench.cached(&source).exists());
        bench.assert_tidy();
    }
}

#[test]
fn wrong_bytes_are_deleted_and_the_next_origin_is_asked() {
    let (bench, whole) = (Bench::new(), bytes(1000));
    let bad = Server::start(|_| Reply::ok(&[1; 1000]).etag(ETAG));
    let copy = whole.clone();
    let good = Server::start(move |_| Reply::ok(&copy));
    let wrong_only = source(&whole, &[bad.url("/f")]);
    let error = message(bench.fetch(&wrong_only));
    let found = muslchain::digest::Sha256::of(&[1; 1000]);
    for part in [&bad.url("/f"), &wrong_only.sha256.to_string(), &found.to_string()] {
        assert!(error.contains(part.as_str()), "{error}");
    }
    assert!(!bench.cached(&wrong_only).exists());
    bench.assert_tidy();
    let both = source(&whole, &[bad.url("/f"), good.url("/f")]);
    assert_holds(&bench.fetch(&both).unwrap(), &whole);
    assert_eq!(bad.requests().len(), 2, "wrong bytes are no reason to try again");
}

#[test]
fn a_file_that_is_short_at_the_server_is_refused() {
    let whole = bytes(1000);
    for (size, reason) in [(Some(1000), "has 900 bytes, expected 1000"), (None, "wrong SHA-256")] {
        let (bench, short) = (Bench::new(), whole[..900].to_vec());
        let server = Server::start(move |_| Reply::ok(&short));
        let mut source = source(&whole, &[server.url("/f")]);
        source.size = size;
        let error = message(bench.fetch(&source));
        assert!(error.contains(reason), "{error}");
        assert_eq!(server.requests().len(), 1);
        bench.assert_tidy();
    }
}

#[test]
fn too_many_bytes_are_not_taken() {
    let whole = bytes(100_000);
    for size in [Some(100_000), None] {
        let bench = Bench::new();
        let endless = Reply { status: 200, body: bytes(1 << 16), endless: true, ..Reply::default() };
        let server = Server::start(move |_| endless.clone());
        let mut source = source(&whole, &[server.url("/f")]);
        source.size = size;
        source.unpacked_bound = Some(100_000);
        let error = message(bench.fetch(&source));
        assert!(error.contains("sends more than the 100000 bytes"), "{error}");
        // What the sockets of both sides hold was sent and never taken.
        assert!(server.sent() < 64 << 20, "{}", server.sent());
        bench.assert_tidy();
    }
}

#[test]
fn bytes_stay_as_they_are() {
    let (bench, whole) = (Bench::new(), bytes(1000));
    let copy = whole.clone();
    let server = Server::start(move |_| Reply::ok(&copy).header("Content-Encoding", "gzip"));
    assert_holds(&bench.fetch(&source(&whole, &[server.url("/f")])).unwrap(), &whole);
    let request = &server.requests()[0];
    assert_eq!(request.header("accept-encoding"), Some("identity"));
    assert_eq!(request.header("user-agent"), Some(concat!("muslchain/", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn a_full_disk_is_named_and_ends_it() {
    let (bench, whole) = (Bench::new(), bytes(1000));
    let copy = whole.clone();
    let server = Server::start(move |_| Reply::ok(&copy));
    let source = source(&whole, &[server.url("/f"), server.url("/g")]);
    // Every write to it fails as a full disk does.
    fs::create_dir_all(bench.partial(&source).parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("/dev/full", bench.partial(&source)).unwrap();
    let error = bench.fetch(&source).unwrap_err();
    assert!(matches!(error, FetchError::DiskFull { .. }), "{error}");
    assert!(error.to_string().contains(&bench.partial(&source).display().to_string()), "{error}");
    assert!(error.hint().unwrap().contains("make room"));
    assert_eq!(server.requests().len(), 1, "no other origin can help");
    assert!(bench.partial(&source).symlink_metadata().is_ok(), "what arrived is kept");
}

#[test]
fn progress_is_told_at_most_ten_times_a_second() {
    let (bench, whole) = (Bench::new(), bytes(4 << 20));
    let copy = whole.clone();
    let server = Server::start(move |_| Reply::ok(&copy));
    let start = std::time::Instant::now();
    bench.fetch(&source(&whole, &[server.url("/f")])).unwrap();
    let most = start.elapsed().as_millis() / 100 + 1;
    assert!(bench.events.of("DownloadProgress").len() as u128 <= most);
    assert_eq!(bench.events.of("DownloadStarted").len(), 1);
}

#[test]
fn two_at_once_are_one_download() {
    let (bench, whole) = (Bench::new(), bytes(1000));
    let copy = whole.clone();
    let (told, waits) = std::sync::mpsc::channel();
    let (asked, begins) = std::sync::mpsc::channel();
    let waits = Mutex::new(waits);
    // The answer comes only when the second fetcher has said that it waits for the first.
    let server = Server::start(move |_| {
        asked.send(()).unwrap();
        waits.lock().unwrap().recv_timeout(std::time::Duration::from_secs(60)).expect("the second one waits");
        Reply::ok(&copy)
    });
    let source = Arc::new(source(&whole, &[server.url("/f")]));
    let second_events = Telling(Mutex::new(told));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| bench.fetch(&source).map(drop));
        begins.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
        let second = muslchain::fetch::Fetcher::new(bench.settings.clone(), &second_events);
        assert_holds(&second.fetch(&source).unwrap(), &whole);
        first.join().unwrap().unwrap();
    });
    assert_eq!(server.requests().len(), 1);
    bench.assert_tidy();
}

/// Sends word when it is told that something is waited for.
struct Telling(Mutex<std::sync::mpsc::Sender<()>>);

impl muslchain::event::Observer for Telling {
    fn event(&self, event: muslchain::event::Event<'_>) {
        if let muslchain::event::Event::Waiting { what, holder } = event {
            assert_eq!(what, "the download of part-1.tar.gz");
            assert_eq!(holder, "another thread");
            self.0.lock().unwrap().send(()).unwrap();
        }
    }
}

//! The distribution's archive. Most tests put two small scripts in the place of `apt-get` and
//! `apt-cache`; the last one asks the machine's own archive.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use muslchain::digest::Sha256;
use muslchain::fetch::Apt;
use muslchain::source::{Distribution, Source};

use crate::server::{Reply, Server};
use crate::{Bench, assert_holds, message, source};

const WHOLE: &[u8] = b"the original file";

/// Says that a release has this source.
pub(crate) fn in_archive(mut source: Source, binary: bool) -> Source {
    let path = if binary { "pool/main/p/part_1_all.deb" } else { "pool/main/p/part_1.orig.tar.gz" };
    let (suite, package) = ("trixie".to_owned(), "part".to_owned());
    source.distribution = Some(Distribution { suite, package, binary, path: path.to_owned() });
    source
}

/// Writes a script by a process of its own: a test that starts a child meanwhile would keep the
/// file open for writing in there, and a file open for writing cannot be run.
fn script(path: &Path, text: &str) {
    let mut command = Command::new("sh");
    command.args(["-c", "cat > \"$0\" && chmod +x \"$0\""]).arg(path).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// A machine whose packages come from `origin`, with an `apt-get` that does `source` and
/// `download` by these lines of shell.
fn with_apt(bench: &mut Bench, origin: &str, get: &str) -> PathBuf {
    let folder = bench.folder.path();
    let log = folder.join("log");
    let mut apt = Apt::new(folder.join("apt state"));
    apt.apt_get = folder.join("apt-get");
    apt.apt_cache = folder.join("apt-cache");
    let get = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$*\" >> '{}'\ncase \"$*\" in\n\
         *indextargets*) printf 'http://archive.invalid/debian/\\t{origin}\\t{origin}\\n' ;;\n\
         *update*) cat '{}'/apt\\ state/*/sources.list >> '{}' ;;\n*)\n{get}\n;;\nesac\n",
        log.display(),
        folder.display(),
        log.display()
    );
    let digest = Sha256::of(WHOLE);
    let cache = format!(
        "#!/bin/sh\ncase \"$*\" in\n*showsrc*) cat <<'E'\nPackage: part\nVersion: 1-1\nChecksums-Sha256:\n \
         {digest} 17 part_1.orig.tar.gz\n\nPackage: part\nVersion: 1-2\nChecksums-Sha256:\n {digest} 17 part_1.orig.tar.gz\nE\n;;\n\
         *show*) cat <<'E'\nPackage: part\nVersion: 2:1-3\nFilename: pool/main/p/part_1-3_all.deb\nSize: 17\nSHA256: {digest}\n\n\
         Package: part\nStatus: install ok installed\nVersion: 9\nE\n;;\nesac\n"
    );
    script(&apt.apt_get, &get);
    script(&apt.apt_cache, &cache);
    bench.settings.apt = Some(apt);
    log
}

#[test]
fn a_file_that_arrives_counts_whatever_the_command_says() {
    let mut bench = Bench::new();
    let log = with_apt(
        &mut bench,
        "Debian",
        "printf 'the original file' > part_1.orig.tar.gz; echo 'E: x.dsc 404' >&2; exit 100",
    );
    let missing = Server::start(|_| Reply::status(404).body(b""));
    let source = in_archive(source(WHOLE, &[missing.url("/f")]), false);
    assert_holds(&bench.fetch(&source).unwrap(), WHOLE);
    assert_eq!(missing.requests().len(), 1, "addresses come first");
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("--only-source --download-only part=1-2\n"), "the newest first: {log}");
    assert!(log.contains("http://archive.invalid/debian/ trixie main\n"), "{log}");
    assert!(log.contains("APT::Sandbox::User=root"), "{log}");
    let done = bench.events.of("DownloadDone");
    assert!(done.len() == 1 && done[0].contains("the distribution's archive"), "{done:?}");
    bench.assert_tidy();
}

#[test]
fn an_older_version_is_taken_when_the_newest_does_not_come() {
    let mut bench = Bench::new();
    let get = "case \"$*\" in *1-1) printf 'the original file' > part_1.orig.tar.gz ;; *) echo 'E: 404 Not Found' >&2; exit 100 ;; esac";
    with_apt(&mut bench, "Debian", get);
    assert_holds(&bench.fetch(&in_archive(source(WHOLE, &[]), false)).unwrap(), WHOLE);
}

#[test]
fn the_lists_are_updated_once() {
    let mut bench = Bench::new();
    let log = with_apt(&mut bench, "Debian", "echo 'E: 404 Not Found' >&2; exit 100");
    let fetcher = bench.fetcher();
    let wanted = in_archive(source(WHOLE, &[]), false);
    fetcher.can_get(&wanted).unwrap();
    let error = message(fetcher.fetch(&wanted));
    assert!(error.contains("part=1-1 is listed and did not arrive: 404 Not Found"), "{error}");
    let other = in_archive(source(b"others", &[]), false);
    let error = message(fetcher.fetch(&other));
    assert!(error.contains("the distribution's archive: trixie has no version of part with a file of"), "{error}");
    assert!(fetcher.can_get(&other).is_err());
    assert_eq!(std::fs::read_to_string(log).unwrap().matches(" update\n").count(), 1);
}

#[test]
fn what_a_killed_run_left_is_not_taken_for_the_file() {
    let mut bench = Bench::new();
    with_apt(&mut bench, "Debian", ":");
    let source = in_archive(source(WHOLE, &[]), false);
    let scratch = bench.partial(&source).with_extension("apt");
    std::fs::create_dir_all(&scratch).unwrap();
    std::fs::write(scratch.join("part_1.orig.tar.gz"), b"the original").unwrap();
    let error = message(bench.fetch(&source));
    assert!(error.contains("did not arrive"), "{error}");
    bench.assert_tidy();
}

#[test]
fn wrong_bytes_from_the_archive_are_deleted() {
    let mut bench = Bench::new();
    with_apt(&mut bench, "Debian", "echo other > part_1.orig.tar.gz");
    let source = in_archive(source(WHOLE, &[]), false);
    let error = message(bench.fetch(&source));
    assert!(error.contains("the distribution's archive: wrong SHA-256"), "{error}");
    assert!(!bench.cached(&source).exists());
    bench.assert_tidy();
}

#[test]
fn a_binary_package_is_resolved_and_brought() {
    let mut bench = Bench::new();
    // apt writes the colon of an epoch as %3a.
    with_apt(&mut bench, "Debian", "printf 'the original file' > part_2%3a1-3_all.deb");
    let fetcher = bench.fetcher();
    let found = fetcher.resolve_distribution_binary("trixie", "part").unwrap();
    assert_eq!((found.version.as_str(), found.file.as_str(), found.size), ("2:1-3", "part_1-3_all.deb", 17));
    assert_eq!(found.sha256, Sha256::of(WHOLE));
    assert_holds(&fetcher.fetch(&in_archive(source(WHOLE, &[]), true)).unwrap(), WHOLE);
    let error = fetcher.resolve_distribution_binary("trixie", "none").unwrap_err();
    assert_eq!(error.to_string(), "trixie has no package none");
}

#[test]
fn a_machine_of_another_kind_says_so_in_a_line() {
    let mut bench = Bench::new();
    let source = in_archive(source(WHOLE, &[]), false);
    with_apt(&mut bench, "Ubuntu", "exit 1");
    let error = message(bench.fetch(&source));
    assert!(
        error.ends_with("archive: this machine's packages do not come from a Debian archive but from Ubuntu"),
        "{error}"
    );
    let mut apt = Apt::new(bench.folder.path().join("never"));
    apt.apt_get = "/nonexistent/apt-get".into();
    bench.settings.apt = Some(apt);
    let error = message(bench.fetch(&source));
    assert!(error.ends_with("archive: this machine has no /nonexistent/apt-get"), "{error}");
    assert!(!bench.folder.path().join("never").exists());
    bench.settings.offline = true;
    let error = bench.fetcher().resolve_distribution_binary("trixie", "part").unwrap_err();
    assert_eq!(error.to_string(), "not asked: offline or switched off");
}

#[test]
#[ignore = "takes 100 MB from the machine's own Debian archive"]
fn the_real_archive_has_what_the_table_says() {
    let mut bench = Bench::new();
    bench.settings.apt = Some(Apt::new(bench.folder.path().join("apt")));
    let table: muslchain::source::Sources =
        toml::from_str(include_str!("../../recipes/sources.toml")).expect("the table is well-formed");
    let names = [("gcc", "14.2.0-debian"), ("musl-patches", "1.2.5-3.1~deb13u1"), ("mpfr", "4.2.2")];
    let sources = names.map(|(name, version)| table.get(name, version).unwrap());
    let fetcher = bench.fetcher();
    assert!(fetcher.can_get_all(&sources).iter().all(Result::is_ok));
    let files = fetcher.fetch_all(&sources).unwrap();
    assert!(files.iter().zip(sources).all(|(file, source)| Some(file.size()) == source.size));
    let headers = fetcher.resolve_distribution_binary("trixie", "linux-libc-dev").unwrap();
    println!("{headers:?}");
    let mut source = sources[1].clone();
    (source.file, source.size, source.sha256) = (headers.file, Some(headers.size), headers.sha256);
    let (suite, package) = ("trixie".to_owned(), "linux-libc-dev".to_owned());
    source.distribution = Some(Distribution { suite, package, binary: true, path: headers.path });
    fetcher.fetch(&source).unwrap();
    println!("{:#?}", bench.events.of(""));
    bench.assert_tidy();
}

//! Sources arrive whole and verified, or the message says why not. The network's far end is a
//! real local server (`server.rs`) whose answers each test scripts.

mod archive;
mod environment;
mod origins;
mod server;
mod transfer;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use muslchain::digest::Sha256;
use muslchain::event::{Event, Observer};
use muslchain::fetch::{FetchError, Fetcher, Settings, VerifiedFile};
use muslchain::http::Retry;
use muslchain::source::Source;
use tempfile::TempDir;

/// Keeps what it is told, as text.
#[derive(Default)]
pub(crate) struct Recorder(Mutex<Vec<String>>);

impl Observer for Recorder {
    fn event(&self, event: Event<'_>) {
        self.0.lock().unwrap().push(format!("{event:?}"));
    }
}

impl Recorder {
    /// The events of this kind.
    pub(crate) fn of(&self, kind: &str) -> Vec<String> {
        self.0.lock().unwrap().iter().filter(|it| it.starts_with(kind)).cloned().collect()
    }
}

/// A folder of sources of its own, settings without long waits, and a record of events.
pub(crate) struct Bench {
    pub(crate) folder: TempDir,
    pub(crate) settings: Settings,
    pub(crate) events: Recorder,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = quick_settings(&folder.path().join("sources"));
        Self { folder, settings, events: Recorder::default() }
    }

    pub(crate) fn fetcher(&self) -> Fetcher<'_> {
        Fetcher::new(self.settings.clone(), &self.events)
    }

    /// By a new fetcher, as another run would.
    pub(crate) fn fetch(&self, source: &Source) -> Result<VerifiedFile, FetchError> {
        self.fetcher().fetch(source)
    }

    pub(crate) fn cached(&self, source: &Source) -> PathBuf {
        self.settings.sources_dir.join("sha256").join(source.sha256.to_string()).join(&source.file)
    }

    pub(crate) fn partial(&self, source: &Source) -> PathBuf {
        self.settings.sources_dir.join("partial").join(source.sha256.to_string())
    }

    /// Asserts that nothing but finished files is left.
    pub(crate) fn assert_tidy(&self) {
        let left: Vec<_> = self.settings.sources_dir.join("partial").read_dir().unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

pub(crate) fn quick_settings(sources_dir: &Path) -> Settings {
    let mut settings = Settings::new(sources_dir);
    let (first_wait, longest_wait) = (Duration::from_millis(1), Duration::from_millis(4));
    settings.retry = Retry { attempts: 3, first_wait, longest_wait };
    settings.apt = None;
    settings
}

/// A source with these bytes and addresses, of known size.
pub(crate) fn source(bytes: &[u8], urls: &[String]) -> Source {
    Source {
        name: "part".to_owned(),
        version: "1".to_owned(),
        upstream: None,
        file: "part-1.tar.gz".to_owned(),
        size: Some(bytes.len() as u64),
        sha256: Sha256::of(bytes),
        licence: "MIT".to_owned(),
        urls: urls.to_vec(),
        distribution: None,
        nested: None,
        fixup: None,
        unpacked_bound: None,
    }
}

/// Bytes that never repeat in a period that a wrong offset could hide behind.
pub(crate) fn bytes(count: usize) -> Vec<u8> {
    (0u32..).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).take(count).collect()
}

/// Asserts that the file holds exactly `expected`.
pub(crate) fn assert_holds(file: &VerifiedFile, expected: &[u8]) {
    assert!(std::fs::read(file.path()).unwrap() == expected, "{}", file.path().display());
    assert_eq!(file.size(), expected.len() as u64);
}

/// The message of a failure.
pub(crate) fn message(result: Result<impl Sized, FetchError>) -> String {
    result.err().expect("a failure").to_string()
}

//! Brings sources here and proves that they are the pinned bytes.
//!
//! Guarantee: a [`VerifiedFile`] was hashed by this process and its SHA-256 is the pinned one,
//! whoever sent it; a file whose digest is wrong is deleted and never stands in the cache
//! (`tests/fetch`: `wrong_bytes_are_deleted_and_the_next_origin_is_asked`,
//! `a_cached_file_that_rotted_is_replaced`). A transfer cut short is resumed, by this run or a
//! later one, if the server has a strong validator. Two processes never write the same file.
//!
//! Origins, in this order: the cache, the mirrors, the source's addresses, the archive of the
//! distribution on which this runs. What needs the network is prepared only when it is used:
//! where the cache has everything, no client and no thread is started.
//!
//! Limits: a file in the cache can be changed by its owner after it was hashed; only the holder
//! of a [`VerifiedFile`] sees to it that it is used at once. The host memory lasts as long as the
//! [`Fetcher`]: a host that comes back meanwhile is not noticed.

mod apt;
mod cache;
mod distribution;
mod error;
mod mirror;
mod probe;
mod progress;
mod transfer;
mod verified;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use reqwest::Url;

pub use self::apt::{Apt, ArchiveError};
pub use self::distribution::ResolvedBinary;
pub use self::error::{FetchError, OriginFailure, SourceFailure, Unavailable};
pub use self::mirror::{Mirror, ParseMirrorError};
pub use self::verified::{VerifiedFile, VerifyError};

use self::cache::{Cache, Cached};
use self::distribution::Archive;
use self::error::Stop;
use self::mirror::Place;
use crate::event::{Event, Observer};
use crate::http::{self, Http, Retry};
use crate::source::{Distribution, Source};

/// What a [`Fetcher`] is told. [`Settings::new`] has the usual values.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder of sources; made when something is put there.
    pub sources_dir: PathBuf,
    /// Places of the user's own, asked before a source's addresses.
    pub mirrors: Vec<Mirror>,
    /// Only the cache and folders are asked.
    pub offline: bool,
    /// How many files are transferred at the same time.
    pub parallel: usize,
    /// How often one address is asked.
    pub retry: Retry,
    /// How long a connection may take to come about, name look-up and TLS included.
    pub connect_timeout: Duration,
    /// How long a server may be silent.
    pub read_timeout: Duration,
    /// How the distribution's archive is asked; `None` to leave it alone.
    pub apt: Option<Apt>,
}

impl Settings {
    /// The usual values: four files at once, four attempts, ten seconds to connect.
    pub fn new(sources_dir: impl Into<PathBuf>) -> Self {
        let sources_dir = sources_dir.into();
        let state = sources_dir.parent().unwrap_or(Path::new("")).join("apt");
        Self {
            sources_dir,
            mirrors: Vec::new(),
            offline: false,
            parallel: 4,
            retry: Retry::default(),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            apt: Some(Apt::new(state)),
        }
    }
}

/// Brings sources into the cache. Remembers hosts that did not answer.
pub struct Fetcher<'a> {
    settings: Settings,
    observer: &'a dyn Observer,
    cache: Cache,
    http: Http,
    archive: Archive,
}

impl<'a> Fetcher<'a> {
    /// Touches neither disk nor network yet.
    pub fn new(settings: Settings, observer: &'a dyn Observer) -> Self {
        Self {
            cache: Cache::new(settings.sources_dir.clone()),
            http: Http::new(settings.connect_timeout, settings.read_timeout),
            archive: Archive::new(settings.apt.clone().filter(|_| !settings.offline)),
            settings,
            observer,
        }
    }

    /// Brings all of `sources` here, several at a time; the files are in their order.
    ///
    /// One that fails does not stop the others: the error names all that failed. A full disk
    /// comes before any other error.
    pub fn fetch_all(&self, sources: &[&Source]) -> Result<Vec<VerifiedFile>, FetchError> {
        let mut files = Vec::with_capacity(sources.len());
        let mut missing = Vec::new();
        for source in sources {
            let cached = self.cached(source)?;
            if cached.is_none() {
                missing.push(*source);
            }
            files.push(cached);
        }
        let mut brought = self.in_parallel(&missing, |source| self.fetch(source)).into_iter();
        let mut failed = Vec::new();
        let mut broken: Option<FetchError> = None;
        for file in files.iter_mut().filter(|file| file.is_none()) {
            match brought.next() {
                Some(Ok(one)) => *file = Some(one),
                Some(Err(FetchError::Unavailable(unavailable))) => failed.extend(unavailable.failed),
                Some(Err(error)) if !matches!(broken, Some(FetchError::DiskFull { .. })) => broken = Some(error),
                _ => {}
            }
        }
        match broken {
            Some(error) => Err(error),
            None if !failed.is_empty() => Err(Unavailable { failed, asked: sources.len() }.into()),
            None => Ok(files.into_iter().flatten().collect()),
        }
    }

    /// Brings `source` here: from the first origin that has the right bytes.
    pub fn fetch(&self, source: &Source) -> Result<VerifiedFile, FetchError> {
        if let Some(file) = self.cached(source)? {
            return Ok(file);
        }
        let failed =
            |origins| Unavailable { failed: vec![SourceFailure { file: source.file.clone(), origins }], asked: 1 };
        if !has_plain_name(source) {
            let reason = "the name of a source is no path".to_owned();
            return Err(failed(vec![OriginFailure { origin: "the table of sources".to_owned(), reason }]).into());
        }
        let partial = self.cache.partial(source, self.observer)?;
        let mut failures = Vec::new();
        let mut give_up = |origin: String, reason: String| {
            self.observer.event(Event::OriginFailed { file: &source.file, origin: &origin, reason: &reason });
            failures.push(OriginFailure { origin, reason });
        };
        // Whoever had the lock may have brought it.
        match self.cache.look_up(source)? {
            Cached::File(file) => return Ok(file),
            Cached::Wrong(reason) => {
                self.cache.remove(source)?;
                give_up("the cache".to_owned(), reason);
            }
            Cached::Nothing => {}
        }
        for origin in self.origins(source) {
            let brought = match &origin {
                Origin::File(path) => self.copy(path, &partial),
                Origin::Url(url) => self.download(url, &partial),
                Origin::Archive(archive) => self.archive.bring(archive, &partial, self.observer),
                Origin::Unusable { reason, .. } => Err(Stop::Origin(reason.clone())),
            };
            match brought {
                Ok(file) => return Ok(file),
                Err(Stop::Here(error)) => return Err(error),
                Err(Stop::Origin(reason)) => give_up(origin.to_string(), reason),
            }
        }
        Err(failed(failures).into())
    }

    /// The newest version of a binary package in `suite`, by the archive's signed index. What
    /// the machine itself has installed does not count.
    pub fn resolve_distribution_binary(&self, suite: &str, package: &str) -> Result<ResolvedBinary, ArchiveError> {
        self.archive.resolve(suite, package, self.observer)
    }

    fn cached(&self, source: &Source) -> Result<Option<VerifiedFile>, FetchError> {
        if !has_plain_name(source) {
            return Ok(None);
        }
        match self.cache.look_up(source)? {
            Cached::File(file) => Ok(Some(file)),
            // A wrong one is removed by whoever has the lock.
            Cached::Wrong(_) | Cached::Nothing => Ok(None),
        }
    }

    /// Where `source` may be had, in the order in which it is asked for.
    fn origins<'s>(&self, source: &'s Source) -> Vec<Origin<'s>> {
        let mirrored = self.settings.mirrors.iter().flat_map(|mirror| mirror.places(source)).map(|place| match place {
            Place::File(path) => Origin::File(path),
            Place::Url(url) => Origin::Url(url),
        });
        let official = source.urls.iter().map(|text| match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Origin::Url(url),
            Ok(_) => Origin::Unusable { origin: text.clone(), reason: "neither http nor https".to_owned() },
            Err(error) => Origin::Unusable { origin: text.clone(), reason: format!("no address: {error}") },
        });
        let archive = source.distribution.iter().map(Origin::Archive);
        let (near, far): (Vec<_>, Vec<_>) = mirrored
            .chain(official)
            .chain(archive)
            .partition(|origin| !self.settings.offline || matches!(origin, Origin::File(_)));
        let refused = (!far.is_empty())
            .then(|| Origin::Unusable { origin: "the network".to_owned(), reason: "not asked: offline".to_owned() });
        near.into_iter().chain(refused).collect()
    }

    /// Calls `work` for every source, in as many threads as the settings allow.
    fn in_parallel<T: Send>(&self, sources: &[&Source], work: impl Fn(&Source) -> T + Sync) -> Vec<T> {
        if let [source] = sources {
            return vec![work(source)];
        }
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::with_capacity(sources.len()));
        thread::scope(|scope| {
            for _ in 0..self.settings.parallel.clamp(1, sources.len().max(1)).min(sources.len()) {
                scope.spawn(|| {
                    while let Some((index, source)) = {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        sources.get(index).map(|source| (index, source))
                    } {
                        let result = work(source);
                        done.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
                    }
                });
            }
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, result)| result).collect()
    }
}

/// The name becomes a path, and tables of sources may be anybody's.
fn has_plain_name(source: &Source) -> bool {
    Path::new(&source.file).file_name() == Some(source.file.as_ref())
}

/// A place that may supply a source. Shown as the user knows it.
enum Origin<'s> {
    File(PathBuf),
    Url(Url),
    Archive(&'s Distribution),
    /// One that cannot be asked, and why.
    Unusable {
        origin: String,
        reason: String,
    },
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Url(url) => f.write_str(&http::shown(url)),
            Self::Archive(_) => f.write_str(distribution::ORIGIN),
            Self::Unusable { origin, .. } => f.write_str(origin),
        }
    }
}

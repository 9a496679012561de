//! The archive of the distribution on which this runs, as an origin.
//!
//! Debian keeps the exact upstream files of many components as `.orig` files, and serves them
//! where no other host can be reached. Limits: one package at a time; only the section `main`;
//! a binary package only as long as the archive lists its version.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use super::VerifiedFile;
use super::apt::{Apt, ArchiveError, Kind, View, Views, complaint, run};
use super::cache::{Partial, Refused};
use super::error::Stop;
use super::progress::{INTERVAL, Progress};
use crate::digest::Sha256;
use crate::event::Observer;
use crate::source::{Distribution, Source};

/// The origin's name in messages.
pub(super) const ORIGIN: &str = "the distribution's archive";

/// A binary package as the archive's index has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedBinary {
    /// Its version.
    pub version: String,
    /// Its path below the archive's root.
    pub path: String,
    /// The last part of `path`.
    pub file: String,
    /// Its size in bytes.
    pub size: u64,
    /// The digest that the signed index gives it.
    pub sha256: Sha256,
}

/// The archive, asked by one thread at a time.
pub(super) struct Archive {
    apt: Option<Apt>,
    views: Mutex<Views>,
}

impl Archive {
    /// `None` to answer every question with [`ArchiveError::Off`].
    pub(super) fn new(apt: Option<Apt>) -> Self {
        Self { apt, views: Mutex::default() }
    }

    /// Whether the index has a file with the bytes of `source`.
    pub(super) fn lists(&self, place: &Distribution, source: &Source, observer: &dyn Observer) -> Result<(), String> {
        let look = || {
            let (apt, mut views) = self.open()?;
            let (view, _lock) = views.get(apt, &place.suite, Kind::of(place), observer)?;
            listed(view, place, source).map(drop)
        };
        look().map_err(|error: ArchiveError| error.to_string())
    }

    /// The newest version of a binary package.
    pub(super) fn resolve(
        &self,
        suite: &str,
        package: &str,
        observer: &dyn Observer,
    ) -> Result<ResolvedBinary, ArchiveError> {
        let (apt, mut views) = self.open()?;
        let (view, _lock) = views.get(apt, suite, Kind::Binary, observer)?;
        // apt prints the newest first.
        binaries(&view.cache(&["show", package])?, package)
            .next()
            .ok_or_else(|| ArchiveError::NotListed { suite: suite.to_owned(), what: format!("package {package}") })
    }

    /// Brings the file of `partial` into the cache.
    pub(super) fn bring(
        &self,
        place: &Distribution,
        partial: &Partial<'_>,
        observer: &dyn Observer,
    ) -> Result<VerifiedFile, Stop> {
        let source = partial.source();
        let refuse = |error: ArchiveError| Stop::Origin(error.to_string());
        let (apt, mut views) = self.open().map_err(refuse)?;
        let (view, _lock) = views.get(apt, &place.suite, Kind::of(place), observer).map_err(refuse)?;
        let mut failure = None;
        for listed in listed(view, place, source).map_err(refuse)? {
            let scratch = partial.scratch()?;
            let mut progress = Progress::start(observer, &source.file, ORIGIN, 0, source.size);
            let package = format!("{}={}", place.package, listed.version);
            let command: &[&str] = match Kind::of(place) {
                Kind::Source => &["source", "--only-source", "--download-only", &package],
                Kind::Binary => &["download", &package],
            };
            let output = watch(view, scratch.path(), command, &listed, &mut progress).map_err(refuse)?;
            // Whether the command is content is not asked: another file of the package may be
            // missing while the one that is wanted arrived.
            let Some(arrived) = listed.arrived(scratch.path()) else {
                failure = Some(ArchiveError::NotSent { package, reason: complaint(&output) });
                continue;
            };
            match partial.adopt(&arrived) {
                Ok(file) => return Ok(progress.done(file)),
                Err(Refused::Here(error)) => return Err(error.into()),
                Err(Refused::Wrong(reason)) => {
                    partial.discard()?;
                    if output.status.success() {
                        return Err(Stop::Origin(reason));
                    }
                    // A beginning that apt-get left behind.
                    failure = Some(ArchiveError::NotSent { package, reason: complaint(&output) });
                }
            }
        }
        Err(failure.map_or_else(|| refuse(unlisted(place, source)), refuse))
    }

    fn open(&self) -> Result<(&Apt, MutexGuard<'_, Views>), ArchiveError> {
        let apt = self.apt.as_ref().ok_or(ArchiveError::Off)?;
        Ok((apt, self.views.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Kind {
    fn of(place: &Distribution) -> Self {
        if place.binary { Self::Binary } else { Self::Source }
    }
}

/// A version of a package that has the wanted bytes, and the name that the file has there. A
/// binary package is renamed when it is downloaded.
#[derive(Debug, PartialEq, Eq)]
struct Listed {
    version: String,
    file: Option<String>,
}

impl Listed {
    /// The file in the folder where `apt-get` ran, whole or not yet.
    fn arrived(&self, folder: &Path) -> Option<PathBuf> {
        match &self.file {
            Some(file) => Some(folder.join(file)).filter(|path| path.is_file()),
            None => {
                folder.read_dir().ok()?.flatten().map(|it| it.path()).find(|it| it.extension() == Some("deb".as_ref()))
            }
        }
    }
}

/// The versions that have the bytes of `source`, the newest first. Never empty.
fn listed(view: &View, place: &Distribution, source: &Source) -> Result<Vec<Listed>, ArchiveError> {
    let listed: Vec<_> = match Kind::of(place) {
        Kind::Source => sources(&view.cache(&["showsrc", &place.package])?, &place.package, source.sha256),
        Kind::Binary => binaries(&view.cache(&["show", &place.package])?, &place.package)
            .filter(|it| it.sha256 == source.sha256)
            .map(|it| Listed { version: it.version, file: None })
            .collect(),
    };
    if listed.is_empty() { Err(unlisted(place, source)) } else { Ok(listed) }
}

fn unlisted(place: &Distribution, source: &Source) -> ArchiveError {
    let what = format!("version of {} with a file of SHA-256 {}", place.package, source.sha256);
    ArchiveError::NotListed { suite: place.suite.clone(), what }
}

/// Runs `apt-get` in `folder` and tells how the wanted file grows.
fn watch(
    view: &View,
    folder: &Path,
    arguments: &[&str],
    listed: &Listed,
    progress: &mut Progress<'_>,
) -> Result<Output, ArchiveError> {
    let (done, waiter) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || done.send(run(&mut view.get(folder, arguments))));
        loop {
            match waiter.recv_timeout(INTERVAL) {
                Ok(output) => return output,
                Err(RecvTimeoutError::Timeout) => {
                    if let Some(growing) = listed.arrived(folder).and_then(|path| path.metadata().ok()) {
                        progress.at(growing.len());
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(ArchiveError::Local("the thread that ran apt-get ended early".to_owned()));
                }
            }
        }
    })
}

/// From what `apt-cache showsrc` prints, in the order of the index: the oldest version first.
fn sources(text: &str, package: &str, wanted: Sha256) -> Vec<Listed> {
    let mut found: Vec<Listed> = Vec::new();
    for stanza in text.split("\n\n").filter(|it| field(it, "Package") == Some(package)) {
        let files = stanza.lines().skip_while(|line| !line.starts_with("Checksums-Sha256:")).skip(1);
        let file = files.take_while(|line| line.starts_with(' ')).find_map(|line| {
            let mut words = line.split_whitespace();
            let digest: Sha256 = words.next()?.parse().ok()?;
            (digest == wanted).then(|| words.nth(1)).flatten()
        });
        let (Some(version), Some(file)) = (field(stanza, "Version"), file) else { continue };
        let listed = Listed { version: version.to_owned(), file: Some(file.to_owned()) };
        if !found.contains(&listed) {
            found.push(listed);
        }
    }
    found.reverse();
    found
}

/// From what `apt-cache show` prints.
fn binaries<'a>(text: &'a str, package: &'a str) -> impl Iterator<Item = ResolvedBinary> + 'a {
    let stanzas = text.split("\n\n").filter(move |it| field(it, "Package") == Some(package));
    stanzas.filter_map(|stanza| {
        let path = field(stanza, "Filename")?;
        Some(ResolvedBinary {
            version: field(stanza, "Version")?.to_owned(),
            path: path.to_owned(),
            file: path.rsplit('/').next()?.to_owned(),
            size: field(stanza, "Size")?.parse().ok()?,
            sha256: field(stanza, "SHA256")?.parse().ok()?,
        })
    })
}

fn field<'a>(stanza: &'a str, name: &str) -> Option<&'a str> {
    stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stanza(package: &str, version: &str, digest: Sha256, file: &str) -> String {
        format!(
            "Package: {package}\nVersion: {version}\nFiles:\n 0123 7 {file}\nChecksums-Sha256:\n {} 3 x.dsc\n \
             {digest} 7 {file}\nDirectory: pool/main\n\n",
            Sha256::of(b"dsc")
        )
    }

    #[test]
    fn the_newest_version_with_the_bytes_comes_first() {
        let (wanted, other) = (Sha256::of(b"wanted"), Sha256::of(b"other"));
        let text = [
            stanza("gcc-14", "14.2.0-12", wanted, "gcc.orig.tar.gz"),
            stanza("gcc-14", "14.2.0-19", wanted, "gcc.orig.tar.gz"),
            stanza("gcc-14", "14.2.0-19", wanted, "gcc.orig.tar.gz"),
            stanza("gcc-14", "14.3.0-1", other, "gcc.orig.tar.gz"),
            stanza("gcc-14-cross", "99", wanted, "gcc.orig.tar.gz"),
        ];
        let found = sources(&text.concat(), "gcc-14", wanted);
        assert_eq!(found.iter().map(|it| it.version.as_str()).collect::<Vec<_>>(), ["14.2.0-19", "14.2.0-12"]);
        assert_eq!(found[0].file.as_deref(), Some("gcc.orig.tar.gz"));
        assert_eq!(sources("", "gcc-14", wanted), []);
    }

    #[test]
    fn a_stanza_without_a_file_is_an_installed_package_and_does_not_count() {
        let digest = Sha256::of(b"deb");
        let text = format!(
            "Package: linux-libc-dev\nStatus: install ok installed\nVersion: 99\n\n\
             Package: linux-libc-dev\nVersion: 6.12.107-1\nDescription: headers\n Version: 1\n\
             Filename: pool/main/l/linux/linux-libc-dev_6.12.107-1_all.deb\nSize: 2919204\nSHA256: {digest}\n"
        );
        let found: Vec<_> = binaries(&text, "linux-libc-dev").collect();
        let expected = ResolvedBinary {
            version: "6.12.107-1".to_owned(),
            path: "pool/main/l/linux/linux-libc-dev_6.12.107-1_all.deb".to_owned(),
            file: "linux-libc-dev_6.12.107-1_all.deb".to_owned(),
            size: 2919204,
            sha256: digest,
        };
        assert_eq!(found, [expected]);
    }
}

//! Remotes: places that keep artifacts for many machines.
//!
//! A remote has blobs by their digests, and one document for each key. What it says is believed by nobody here: whoever asks
//! holds signature and digest against it. Layout of a folder and of a web server: `cas/DIGEST` and `ac/KEY`, as the caches of
//! Bazel have it; that of a registry is in [`oci`].
//!
//! Every request ends: with an answer, an error, or when the remote's time limit is over, which is that of one toolchain's document and
//! archive together. A server that falls silent at the very end of it is waited for up to 20 seconds more.

mod asker;
pub mod docker;
mod folder;
mod oci;
#[cfg(feature = "s3")]
mod s3;
mod tokens;
mod web;

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reqwest::Url;

use self::folder::Folder;
use self::oci::Oci;
use self::web::Web;
use crate::artifact::Artifact;
use crate::digest::Sha256;
use crate::http;
use crate::plan::Key;
use crate::trust::plain;

/// The time limit where none is said.
pub const TIME_LIMIT: Duration = Duration::from_secs(300);

/// The most that a document is long.
const LONGEST_DOCUMENT: u64 = 1 << 20;

/// What may be done with a remote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Artifacts are taken from it.
    Read,
    /// And `cache push` puts them there.
    ReadWrite,
}

/// How a web server knows who asks. Credentials in an address become [`Self::Basic`].
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A name and a password.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: String,
    },
    /// A token.
    Bearer(String),
}

/// Shows nothing of it.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// What a kind of place does. An error is one line, without the place's name.
trait Backend: fmt::Display + Send + Sync {
    /// Not more than one byte more than [`LONGEST_DOCUMENT`].
    fn document(&self, key: &Key, end: Instant) -> Result<Option<Vec<u8>>, String>;
    fn put_document(&self, artifact: &Artifact, document: &[u8], end: Instant) -> Result<(), String>;
    fn remove_document(&self, key: &Key, end: Instant) -> Result<bool, String>;
    fn blob(&self, digest: &Sha256, size: u64, end: Instant) -> Result<Option<Stream>, String>;
    fn blob_size(&self, digest: &Sha256, end: Instant) -> Result<Option<u64>, String>;
    fn put_blob(&self, digest: &Sha256, path: &Path, end: Instant) -> Result<(), String>;
    fn remove_blob(&self, digest: &Sha256, end: Instant) -> Result<bool, String>;
    /// Where its files are, if they are this machine's to look through.
    fn files(&self) -> Option<Files> {
        None
    }
}

/// A place that keeps artifacts.
pub struct Remote {
    backend: Box<dyn Backend>,
    /// What may be done with it.
    pub access: Access,
    /// Whether what it has is taken whoever signed it.
    pub trusts_anybody: bool,
    /// Whether it was named for this run.
    pub named: bool,
    time_limit: Duration,
}

/// Why an address is no remote's.
#[derive(Debug, thiserror::Error)]
#[error("`{address}` is no remote: {why}")]
pub struct AddressError {
    address: String,
    why: String,
}

/// Why a remote did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("{remote}: {reason}")]
pub struct RemoteError {
    /// The remote, as the user knows it.
    pub remote: String,
    /// Why, in one line.
    pub reason: String,
}

/// A blob that comes.
pub type Stream = Box<dyn Read + Send>;

impl Remote {
    /// The one at `address`: a folder's path, `file:`, `http:`, `https:`, `oci:`, or `s3:` where that was compiled in. Relative paths are
    /// below `folder`. One toolchain, coming or going, may take as long as `time_limit`. `aws` are the variables of AWS' own tools.
    pub fn at(
        address: &str,
        folder: &Path,
        credentials: Option<Credentials>,
        time_limit: Duration,
        aws: &BTreeMap<String, String>,
    ) -> Result<Self, AddressError> {
        let refused = |why: &str| AddressError { address: shown(address), why: why.to_owned() };
        let backend: Box<dyn Backend> = match Url::parse(address) {
            Ok(url) => match url.scheme() {
                "file" => Box::new(Folder::at(url.to_file_path().map_err(|()| refused("it names no folder here"))?)),
                "http" | "https" => Box::new(Web::at(url, credentials, time_limit)),
                "oci" => Box::new(Oci::at(&url, credentials, time_limit).map_err(|why| refused(&why))?),
                #[cfg(feature = "s3")]
                "s3" => Box::new(s3::S3::at(&url, aws, time_limit).map_err(|why| refused(&why))?),
                #[cfg(not(feature = "s3"))]
                "s3" => {
                    let _ = aws;
                    return Err(refused(
                        "this muslchain was built without S3: `cargo install --features s3` builds one with it",
                    ));
                }
                scheme => return Err(refused(&format!("{scheme} is not known; file, http, https, oci and s3 are"))),
            },
            Err(_) if address.contains("://") => return Err(refused("this is no address")),
            Err(_) if address.is_empty() => return Err(refused("it is empty")),
            Err(_) => Box::new(Folder::at(folder.join(address))),
        };
        Ok(Self { backend, access: Access::Read, trusts_anybody: false, named: false, time_limit })
    }

    /// Whether it is a folder of this machine's file system.
    pub fn is_folder(&self) -> bool {
        self.backend.files().is_some()
    }

    /// Where its files are, if it is a folder.
    pub fn files(&self) -> Option<Files> {
        self.backend.files()
    }

    /// The document of `key`, if there is one.
    pub fn document(&self, key: &Key) -> Result<Option<Vec<u8>>, RemoteError> {
        match self.said(self.backend.document(key, self.end()))? {
            Some(document) if document.len() as u64 > LONGEST_DOCUMENT => {
                Err(self.error(format!("what it has for {key} is longer than a manifest may be")))
            }
            document => Ok(document),
        }
    }

    /// The blob of that digest and size, if there is one. Not much more than its size comes, and it may be anything. Of its time, as
    /// much was spent before.
    pub fn blob(&self, digest: &Sha256, size: u64, spent: Duration) -> Result<Option<Stream>, RemoteError> {
        // One byte more than its size tells that it is too long.
        let bounded = |stream: Stream| Box::new(stream.take(size.saturating_add(1))) as Stream;
        Ok(self
            .said(self.backend.blob(digest, size, Instant::now() + self.time_limit.saturating_sub(spent)))?
            .map(bounded))
    }

    /// Whether it says that it has a blob of that digest and size.
    pub fn has_blob(&self, digest: &Sha256, size: u64) -> Result<bool, RemoteError> {
        Ok(self.said(self.backend.blob_size(digest, self.end()))? == Some(size))
    }

    /// Puts the file at `path` there, as the blob of that digest.
    pub fn put_blob(&self, digest: &Sha256, path: &Path) -> Result<(), RemoteError> {
        self.said(self.backend.put_blob(digest, path, self.end()))
    }

    /// Puts the document of an artifact there, in an earlier one's place. Its blob is there already.
    pub fn put_document(&self, artifact: &Artifact, document: &[u8]) -> Result<(), RemoteError> {
        self.said(self.backend.put_document(artifact, document, self.end()))
    }

    /// Removes the document of `key`; whether there was one.
    pub fn remove_document(&self, key: &Key) -> Result<bool, RemoteError> {
        self.said(self.backend.remove_document(key, self.end()))
    }

    /// Removes a blob; whether there was one.
    pub fn remove_blob(&self, digest: &Sha256) -> Result<bool, RemoteError> {
        self.said(self.backend.remove_blob(digest, self.end()))
    }

    fn said<T>(&self, result: Result<T, String>) -> Result<T, RemoteError> {
        result.map_err(|reason| self.error(reason))
    }

    /// An error of this remote.
    pub fn error(&self, reason: impl Into<String>) -> RemoteError {
        RemoteError { remote: self.to_string(), reason: plain(&reason.into()) }
    }

    fn end(&self) -> Instant {
        Instant::now() + self.time_limit
    }
}

/// Where a remote that is a folder has its files.
pub struct Files {
    /// The documents, by key.
    pub documents: PathBuf,
    /// The blobs, by digest.
    pub blobs: PathBuf,
}

/// As the user knows it, without credentials.
impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.backend.fmt(f)
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remote({self})")
    }
}

/// An address as it may be shown, whether it is one or not: without credentials.
pub fn shown(address: &str) -> String {
    match (Url::parse(address), address.rsplit_once('@')) {
        (Ok(url), _) if url.has_host() => http::shown(&url),
        (_, Some((_, rest))) => format!("...@{rest}"),
        _ => address.to_owned(),
    }
}

fn document_path(key: &Key) -> String {
    format!("ac/{key}")
}

fn blob_path(digest: &Sha256) -> String {
    format!("cas/{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let shown = |address: &str| {
            Remote::at(address, Path::new("/here"), None, TIME_LIMIT, &BTreeMap::new()).map(|remote| remote.to_string())
        };
        assert_eq!(shown("cache").unwrap(), "/here/cache");
        assert_eq!(shown("/srv/cache").unwrap(), "/srv/cache");
        assert_eq!(shown("file:///srv/cache").unwrap(), "/srv/cache");
        assert_eq!(shown("https://me:secret@cache.example/a").unwrap(), "https://cache.example/a/");
        assert_eq!(shown("oci://registry.example:5000/team/tools/").unwrap(), "oci://registry.example:5000/team/tools");
        let error = shown("ftp://me:secret@x/").unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
        for wrong in ["", "oci://registry.example", "ftp://x/", "http://", "file://host/x"] {
            assert!(shown(wrong).is_err(), "{wrong}");
        }
        let debug = format!(
            "{:?}",
            Remote::at("https://me:secret@cache.example/", Path::new("/"), None, TIME_LIMIT, &BTreeMap::new())
        );
        assert!(!debug.contains("secret"), "{debug}");
    }
}

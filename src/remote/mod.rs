//! Remotes: places that keep artifacts for many machines.
//!
//! A remote has blobs by their digests, and one document for each key. What it says is believed by nobody here: whoever asks
//! holds signature and digest against it. Layout of a folder and of a web server: `cas/DIGEST` and `ac/KEY`, as the caches of
//! Bazel have it.
//!
//! Every request ends: with an answer, an error, or when the remote's time limit is over.

mod folder;
mod web;

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reqwest::Url;

use self::folder::Folder;
use self::web::Web;
use crate::digest::Sha256;
use crate::plan::Key;

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

/// A place that keeps artifacts.
#[derive(Debug)]
pub struct Remote {
    place: Place,
    /// What may be done with it.
    pub access: Access,
    /// Whether what it has is taken whoever signed it.
    pub trusts_anybody: bool,
    time_limit: Duration,
}

#[derive(Debug)]
enum Place {
    Folder(Folder),
    Web(Web),
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
    /// The one at `address`: a folder's path, `file:`, `http:` or `https:`. Relative paths are below `folder`. One toolchain, coming or
    /// going, may take as long as `time_limit`.
    pub fn at(
        address: &str,
        folder: &Path,
        credentials: Option<Credentials>,
        time_limit: Duration,
    ) -> Result<Self, AddressError> {
        let refused = |why: &str| AddressError { address: address.to_owned(), why: why.to_owned() };
        let place = match Url::parse(address) {
            Ok(url) => match url.scheme() {
                "file" => {
                    Place::Folder(Folder::at(url.to_file_path().map_err(|()| refused("it names no folder here"))?))
                }
                "http" | "https" => Place::Web(Web::at(url, credentials, time_limit)),
                scheme => return Err(refused(&format!("{scheme} is not known; file, http and https are"))),
            },
            Err(_) if address.contains("://") => return Err(refused("this is no address")),
            Err(_) if address.is_empty() => return Err(refused("it is empty")),
            Err(_) => Place::Folder(Folder::at(folder.join(address))),
        };
        Ok(Self { place, access: Access::Read, trusts_anybody: false, time_limit })
    }

    /// Whether it is a folder of this machine's file system.
    pub fn is_folder(&self) -> bool {
        matches!(self.place, Place::Folder(_))
    }

    /// The document of `key`, if there is one.
    pub fn document(&self, key: &Key) -> Result<Option<Vec<u8>>, RemoteError> {
        let path = document_path(key);
        // One byte more tells that it is too long.
        let found = match &self.place {
            Place::Folder(folder) => folder.read(&path, LONGEST_DOCUMENT + 1),
            Place::Web(web) => web.read(&path, LONGEST_DOCUMENT + 1, self.end()),
        };
        match found.map_err(|reason| self.error(reason))? {
            Some(document) if document.len() as u64 > LONGEST_DOCUMENT => {
                Err(self.error(format!("what it has for {key} is longer than a manifest may be")))
            }
            document => Ok(document),
        }
    }

    /// The blob of that digest and size, if there is one. Not more than its size comes, and it may be anything.
    pub fn blob(&self, digest: &Sha256, size: u64) -> Result<Option<Stream>, RemoteError> {
        let found = match &self.place {
            Place::Folder(folder) => folder.open(&blob_path(digest)),
            Place::Web(web) => web.open(&blob_path(digest), size, self.end()),
        };
        // One byte more than its size tells that it is too long.
        let bounded = |stream: Stream| Box::new(stream.take(size + 1)) as Stream;
        Ok(found.map_err(|reason| self.error(reason))?.map(bounded))
    }

    /// Whether it says that it has a blob of that digest and size.
    pub fn has_blob(&self, digest: &Sha256, size: u64) -> Result<bool, RemoteError> {
        let found = match &self.place {
            Place::Folder(folder) => folder.size(&blob_path(digest)),
            Place::Web(web) => web.size(&blob_path(digest), self.end()),
        };
        Ok(found.map_err(|reason| self.error(reason))? == Some(size))
    }

    /// Puts the file at `path` there, as the blob of that digest.
    pub fn put_blob(&self, digest: &Sha256, path: &Path) -> Result<(), RemoteError> {
        let put = match &self.place {
            Place::Folder(folder) => folder.put_file(&blob_path(digest), path),
            Place::Web(web) => web.put_file(&blob_path(digest), path, self.end()),
        };
        put.map_err(|reason| self.error(reason))
    }

    /// Puts the document of `key` there, in an earlier one's place.
    pub fn put_document(&self, key: &Key, document: &[u8]) -> Result<(), RemoteError> {
        let put = match &self.place {
            Place::Folder(folder) => folder.put(&document_path(key), document),
            Place::Web(web) => web.put(&document_path(key), document, self.end()),
        };
        put.map_err(|reason| self.error(reason))
    }

    /// Removes the document of `key`; whether there was one.
    pub fn remove_document(&self, key: &Key) -> Result<bool, RemoteError> {
        self.remove(&document_path(key))
    }

    /// Removes a blob; whether there was one.
    pub fn remove_blob(&self, digest: &Sha256) -> Result<bool, RemoteError> {
        self.remove(&blob_path(digest))
    }

    fn remove(&self, path: &str) -> Result<bool, RemoteError> {
        let removed = match &self.place {
            Place::Folder(folder) => folder.remove(path),
            Place::Web(web) => web.remove(path, self.end()),
        };
        removed.map_err(|reason| self.error(reason))
    }

    /// The folder that it is, for those who look at all of it.
    pub fn folder(&self) -> Option<RemoteFolder> {
        match &self.place {
            Place::Folder(folder) => Some(RemoteFolder { documents: folder.path("ac"), blobs: folder.path("cas") }),
            Place::Web(_) => None,
        }
    }

    /// An error of this remote.
    pub fn error(&self, reason: impl Into<String>) -> RemoteError {
        RemoteError { remote: self.to_string(), reason: reason.into() }
    }

    fn end(&self) -> Instant {
        Instant::now() + self.time_limit
    }
}

/// Where a remote that is a folder has what it has.
pub struct RemoteFolder {
    /// The documents, by key.
    pub documents: PathBuf,
    /// The blobs, by digest.
    pub blobs: PathBuf,
}

/// As the user knows it, without credentials.
impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Folder(folder) => folder.fmt(f),
            Place::Web(web) => web.fmt(f),
        }
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
        let shown =
            |address: &str| Remote::at(address, Path::new("/here"), None, TIME_LIMIT).map(|remote| remote.to_string());
        assert_eq!(shown("cache").unwrap(), "/here/cache");
        assert_eq!(shown("/srv/cache").unwrap(), "/srv/cache");
        assert_eq!(shown("file:///srv/cache").unwrap(), "/srv/cache");
        assert_eq!(shown("https://me:secret@cache.example/a").unwrap(), "https://cache.example/a/");
        for wrong in ["", "ftp://x/", "http://", "file://host/x"] {
            assert!(shown(wrong).is_err(), "{wrong}");
        }
        let debug = format!("{:?}", Remote::at("https://me:secret@cache.example/", Path::new("/"), None, TIME_LIMIT));
        assert!(!debug.contains("secret"), "{debug}");
    }
}

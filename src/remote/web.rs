//! A web server that knows GET and HEAD and, where artifacts are put there, PUT: nginx or Apache with WebDAV, bazel-remote, any
//! host of files.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fs_err::File;
use reqwest::blocking::Body;
use reqwest::{Method, StatusCode, Url};

use super::asker::{Asker, Auth, Request, backoff, refusal, wait_or_give_up};
use super::{Backend, Credentials, LONGEST_DOCUMENT, Stream, blob_path, document_path};
use crate::artifact::Artifact;
use crate::digest::Sha256;
use crate::http;
use crate::plan::Key;

/// What is below an address.
pub(super) struct Web {
    base: Url,
    asker: Arc<Asker>,
}

impl Web {
    pub(super) fn at(mut base: Url, credentials: Option<Credentials>, time_limit: Duration) -> Self {
        let in_address = (!base.username().is_empty()).then(|| Credentials::Basic {
            user: decoded(base.username()),
            password: decoded(base.password().unwrap_or_default()),
        });
        // Both fail only for addresses that can have no credentials.
        let _ = base.set_username("");
        let _ = base.set_password(None);
        base.set_query(None);
        base.set_fragment(None);
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Self { asker: Asker::new(&base, Auth::with(credentials.or(in_address)), time_limit), base }
    }

    fn put(&self, path: &str, body: &dyn Fn() -> std::io::Result<Option<Body>>, end: Instant) -> Result<(), String> {
        let url = self.url(path)?;
        let request = Request { body, ..Request::new(Method::PUT, &url) };
        let (mut made_folders, mut backoff) = (false, backoff());
        loop {
            let trouble = match self.asker.once(&request, end) {
                Ok(response) if response.status().is_success() => return Ok(()),
                // WebDAV's word for a folder that is missing.
                Ok(response) if response.status() == StatusCode::CONFLICT && !made_folders => {
                    made_folders = true;
                    self.make_folders(path, end);
                    continue;
                }
                Ok(response) => refusal(&response),
                Err(trouble) => trouble,
            };
            wait_or_give_up(trouble, &mut backoff, end)?;
        }
    }

    /// Whether it went well is what the next PUT tells.
    fn make_folders(&self, path: &str, end: Instant) {
        let method = Method::from_bytes(b"MKCOL").expect("it is a method's name");
        let folders = path.match_indices('/').map(|(place, _)| &path[..=place]);
        for folder in std::iter::once("").chain(folders) {
            if let Ok(url) = self.url(folder) {
                let _ = self.asker.ask(&Request::new(method.clone(), &url), end);
            }
        }
    }

    fn remove(&self, path: &str, end: Instant) -> Result<bool, String> {
        Ok(self.asker.ask(&Request::new(Method::DELETE, &self.url(path)?), end)?.is_some())
    }

    fn url(&self, path: &str) -> Result<Url, String> {
        self.base.join(path).map_err(|error| error.to_string())
    }
}

impl Backend for Web {
    fn document(&self, key: &Key, end: Instant) -> Result<Option<Vec<u8>>, String> {
        let url = self.url(&document_path(key))?;
        self.asker.read(&Request::new(Method::GET, &url), LONGEST_DOCUMENT + 1, end)
    }

    fn put_document(&self, artifact: &Artifact, document: &[u8], end: Instant) -> Result<(), String> {
        let body = || Ok(Some(Body::from(document.to_vec())));
        self.put(&document_path(&artifact.toolchain.key), &body, end)
    }

    fn remove_document(&self, key: &Key, end: Instant) -> Result<bool, String> {
        self.remove(&document_path(key), end)
    }

    fn blob(&self, digest: &Sha256, size: u64, end: Instant) -> Result<Option<Stream>, String> {
        self.asker.open(self.url(&blob_path(digest))?, size, end)
    }

    fn blob_size(&self, digest: &Sha256, end: Instant) -> Result<Option<u64>, String> {
        let response = self.asker.ask(&Request::new(Method::HEAD, &self.url(&blob_path(digest))?), end)?;
        Ok(response.and_then(|response| http::content_length(response.headers())))
    }

    fn put_blob(&self, digest: &Sha256, path: &Path, end: Instant) -> Result<(), String> {
        let body = || Ok(Some(Body::from(File::open(path)?.into_parts().0)));
        self.put(&blob_path(digest), &body, end)
    }

    fn remove_blob(&self, digest: &Sha256, end: Instant) -> Result<bool, String> {
        self.remove(&blob_path(digest), end)
    }
}

impl fmt::Display for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&http::shown(&self.base))
    }
}

/// A part of an address as it is meant, without its escapes.
fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::asker::header;

    #[test]
    fn credentials() {
        let header = |credentials: &Credentials| header(credentials).unwrap().to_str().unwrap().to_owned();
        let basic = Credentials::Basic { user: "me".to_owned(), password: decoded("s%3Acret") };
        assert_eq!(header(&basic), "Basic bWU6czpjcmV0");
        assert_eq!(header(&Credentials::Bearer("token".to_owned())), "Bearer token");
    }
}

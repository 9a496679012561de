//! A web server that knows GET and HEAD and, where artifacts are put there, PUT: nginx or Apache with WebDAV, bazel-remote, any
//! host of files.

use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use fs_err::File;
use reqwest::blocking::{Body, Response};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RANGE};
use reqwest::{Method, StatusCode, Url};

use super::{Credentials, Stream};
use crate::http::{self, Backoff, Http, Retry, Trouble};

/// How long a connection may take to come about: there are other ways to a toolchain.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a server may be silent.
const SILENCE: Duration = Duration::from_secs(20);

/// Three attempts.
const RETRY: Retry =
    Retry { attempts: 3, first_wait: Duration::from_millis(500), longest_wait: Duration::from_secs(10) };

/// What is below an address.
pub(super) struct Web {
    base: Url,
    asker: Arc<Asker>,
}

/// What stays when a blob is read.
struct Asker {
    http: Http,
    headers: HeaderMap,
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
        let mut headers = HeaderMap::new();
        if let Some(mut value) = credentials.or(in_address).and_then(|credentials| header(&credentials)) {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Self {
            base,
            asker: Arc::new(Asker { http: Http::new(CONNECT.min(time_limit), SILENCE.min(time_limit)), headers }),
        }
    }

    /// All of what is at `path`, if anything is, but not more than `limit` bytes.
    pub(super) fn read(&self, path: &str, limit: u64, end: Instant) -> Result<Option<Vec<u8>>, String> {
        let url = self.url(path)?;
        let mut backoff = Backoff::new(&RETRY);
        loop {
            let Some(response) = self.asker.ask(&Method::GET, &url, 0, end)? else { return Ok(None) };
            let mut content = Vec::new();
            match response.take(limit).read_to_end(&mut content) {
                Ok(_) => return Ok(Some(content)),
                Err(error) => {
                    let reason = format!("it broke off after {} bytes: {}", content.len(), http::root(&error));
                    wait_or_give_up(Trouble::Passing { reason, after: None }, &mut backoff, end)?;
                }
            }
        }
    }

    /// The blob of `size` bytes at `path`, if there is one; it goes on where it breaks off.
    pub(super) fn open(&self, path: &str, size: u64, end: Instant) -> Result<Option<Stream>, String> {
        let url = self.url(path)?;
        let Some(response) = self.asker.ask(&Method::GET, &url, 0, end)? else { return Ok(None) };
        let asker = self.asker.clone();
        Ok(Some(Box::new(Blob { asker, url, response, size, position: 0, backoff: Backoff::new(&RETRY), end })))
    }

    pub(super) fn size(&self, path: &str, end: Instant) -> Result<Option<u64>, String> {
        let response = self.asker.ask(&Method::HEAD, &self.url(path)?, 0, end)?;
        Ok(response.and_then(|response| http::content_length(response.headers())))
    }

    pub(super) fn put(&self, path: &str, content: &[u8], end: Instant) -> Result<(), String> {
        self.send(path, &|| Ok(Body::from(content.to_vec())), end)
    }

    pub(super) fn put_file(&self, path: &str, from: &Path, end: Instant) -> Result<(), String> {
        self.send(path, &|| Ok(Body::from(File::open(from)?.into_parts().0)), end)
    }

    pub(super) fn remove(&self, path: &str, end: Instant) -> Result<bool, String> {
        Ok(self.asker.ask(&Method::DELETE, &self.url(path)?, 0, end)?.is_some())
    }

    fn send(&self, path: &str, body: &dyn Fn() -> io::Result<Body>, end: Instant) -> Result<(), String> {
        let url = self.url(path)?;
        let put = || {
            let body = || Ok(Some((body()?, left(end))));
            self.asker.http.send_body(&Method::PUT, &url, &self.asker.headers, &body)
        };
        let mut made_folders = false;
        let mut backoff = Backoff::new(&RETRY);
        loop {
            let trouble = match put() {
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
                let _ = self.asker.ask(&method, &url, 0, end);
            }
        }
    }

    fn url(&self, path: &str) -> Result<Url, String> {
        self.base.join(path).map_err(|error| error.to_string())
    }
}

impl fmt::Display for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&http::shown(&self.base))
    }
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Web({self})")
    }
}

impl Asker {
    /// A response that has what was asked for, from byte `from` on; nothing where it is not there.
    fn ask(&self, method: &Method, url: &Url, from: u64, end: Instant) -> Result<Option<Response>, String> {
        let mut headers = self.headers.clone();
        if from > 0 {
            headers.insert(RANGE, HeaderValue::from_str(&format!("bytes={from}-")).map_err(|error| error.to_string())?);
        }
        let mut backoff = Backoff::new(&RETRY);
        loop {
            let trouble = match self.http.send(method, url, &headers) {
                Ok(response) => match response.status() {
                    StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(None),
                    StatusCode::PARTIAL_CONTENT if from > 0 => match http::content_range(response.headers()) {
                        Some((start, _)) if start == from => return Ok(Some(response)),
                        _ => Trouble::Lasting("the server sends another part than the one it was asked for".to_owned()),
                    },
                    status if status.is_success() && from == 0 => return Ok(Some(response)),
                    status if status.is_success() => Trouble::Lasting("the server cannot go on in a file".to_owned()),
                    _ => refusal(&response),
                },
                Err(trouble) => trouble,
            };
            wait_or_give_up(trouble, &mut backoff, end)?;
        }
    }
}

/// As [`http::refusal`], with what to do about it.
fn refusal(response: &Response) -> Trouble {
    let hint = match response.status() {
        StatusCode::UNAUTHORIZED => ": it wants credentials, or other ones",
        StatusCode::FORBIDDEN => ": these credentials may not do that",
        StatusCode::METHOD_NOT_ALLOWED => ": nothing can be put there",
        _ => "",
    };
    match http::refusal(response) {
        Trouble::Lasting(reason) => Trouble::Lasting(reason + hint),
        passing => passing,
    }
}

/// Waits, where another attempt is worth it.
fn wait_or_give_up(trouble: Trouble, backoff: &mut Backoff, end: Instant) -> Result<(), String> {
    match trouble {
        Trouble::Lasting(reason) => Err(reason),
        Trouble::Passing { reason, after } => match backoff.next(after) {
            Some(wait) if wait < left(end) => {
                thread::sleep(wait);
                Ok(())
            }
            _ => Err(reason),
        },
    }
}

fn left(end: Instant) -> Duration {
    end.saturating_duration_since(Instant::now())
}

/// A body. When it breaks off, the rest is asked for: what it is named by is its digest, so it cannot have changed.
struct Blob {
    asker: Arc<Asker>,
    url: Url,
    response: Response,
    size: u64,
    position: u64,
    backoff: Backoff,
    end: Instant,
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if left(self.end).is_zero() {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "it took longer than the remote's time limit"));
            }
            let reason = match self.response.read(buffer) {
                Ok(0) if self.position < self.size && !buffer.is_empty() => {
                    format!("it broke off after {} bytes", self.position)
                }
                Ok(count) => {
                    self.position += count as u64;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => format!("it broke off after {} bytes: {}", self.position, http::root(&error)),
            };
            let trouble = Trouble::Passing { reason: reason.clone(), after: None };
            let again = wait_or_give_up(trouble, &mut self.backoff, self.end)
                .and_then(|()| self.asker.ask(&Method::GET, &self.url, self.position, self.end));
            match again {
                Ok(Some(response)) => self.response = response,
                Ok(None) => return Err(io::Error::other(format!("{reason}, and then it was gone"))),
                Err(why) if why == reason => return Err(io::Error::other(reason)),
                Err(why) => return Err(io::Error::other(format!("{reason}; {why}"))),
            }
        }
    }
}

fn header(credentials: &Credentials) -> Option<HeaderValue> {
    let text = match credentials {
        Credentials::Basic { user, password } => {
            format!("Basic {}", BASE64.encode(format!("{user}:{password}")))
        }
        Credentials::Bearer(token) => format!("Bearer {token}"),
    };
    HeaderValue::from_str(&text).ok()
}

/// A part of an address as it is meant, without its escapes.
fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials() {
        let web = Web::at("http://me:s%3Acret@cache.example/x".parse().unwrap(), None, SILENCE);
        assert_eq!(web.asker.headers[AUTHORIZATION], "Basic bWU6czpjcmV0");
        let token = Some(Credentials::Bearer("token".to_owned()));
        let web = Web::at("http://me@cache.example/x".parse().unwrap(), token, SILENCE);
        assert_eq!(web.asker.headers[AUTHORIZATION], "Bearer token");
    }
}

//! Asks a server, again where that is worth it, and goes on where a body breaks off.

use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::blocking::{Body, Response};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RANGE};
use reqwest::{Method, StatusCode, Url};
use url::Origin;

use super::tokens::Tokens;
use super::{Credentials, Stream};
use crate::http::{self, Backoff, Http, Retry, Trouble};

/// How long a connection may take to come about: there are other ways to a toolchain.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a server may be silent.
const SILENCE: Duration = Duration::from_secs(20);

/// What is read at once, in bytes, and how many such parts may wait to be used.
const PART: usize = 1 << 16;
const PARTS_AHEAD: usize = 4;

/// Three attempts.
const RETRY: Retry =
    Retry { attempts: 3, first_wait: Duration::from_millis(500), longest_wait: Duration::from_secs(10) };

/// How the server knows who asks.
pub(super) enum Auth {
    /// By the same header each time, or not at all.
    Header(Option<HeaderValue>),
    /// By what it asks for, as registries do.
    Tokens(Tokens),
}

impl Auth {
    /// With these credentials each time.
    pub(super) fn with(credentials: Option<Credentials>) -> Self {
        Self::Header(credentials.as_ref().and_then(header))
    }
}

/// Asks one server.
pub(super) struct Asker {
    http: Http,
    /// Who asks is said there and nowhere else, wherever the server sends us.
    origin: Origin,
    auth: Auth,
}

/// What is asked.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) url: &'a Url,
    pub(super) headers: HeaderMap,
    /// From which byte on the answer is wanted.
    pub(super) from: u64,
    pub(super) body: &'a dyn Fn() -> io::Result<Option<Body>>,
}

impl<'a> Request<'a> {
    /// Without a body.
    pub(super) fn new(method: Method, url: &'a Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), from: 0, body: &|| Ok(None) }
    }
}

impl Asker {
    pub(super) fn new(server: &Url, auth: Auth, time_limit: Duration) -> Arc<Self> {
        let http = Http::new(CONNECT.min(time_limit), SILENCE.min(time_limit));
        Arc::new(Self { http, origin: server.origin(), auth })
    }

    /// A response that says yes; nothing where what was asked for is not there.
    pub(super) fn ask(&self, request: &Request<'_>, end: Instant) -> Result<Option<Response>, String> {
        let mut backoff = Backoff::new(&RETRY);
        let mut learned = false;
        loop {
            let trouble = match self.once(request, end) {
                Ok(response) => match response.status() {
                    StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(None),
                    StatusCode::UNAUTHORIZED if !learned && self.learns(&response, end)? => {
                        learned = true;
                        continue;
                    }
                    StatusCode::PARTIAL_CONTENT if request.from > 0 => match http::content_range(response.headers()) {
                        Some((start, _)) if start == request.from => return Ok(Some(response)),
                        _ => Trouble::Lasting("the server sends another part than the one it was asked for".to_owned()),
                    },
                    status if status.is_success() && request.from == 0 => return Ok(Some(response)),
                    status if status.is_success() => Trouble::Lasting("the server cannot go on in a file".to_owned()),
                    _ => refusal(&response),
                },
                Err(trouble) => trouble,
            };
            wait_or_give_up(trouble, &mut backoff, end)?;
        }
    }

    /// The same, where what is asked is to be there.
    pub(super) fn tell(&self, request: &Request<'_>, end: Instant) -> Result<Response, String> {
        self.ask(request, end)?.ok_or_else(|| "the server says 404 Not Found".to_owned())
    }

    /// All of what is at `url`, if anything is, but not more than `limit` bytes.
    pub(super) fn read(&self, request: &Request<'_>, limit: u64, end: Instant) -> Result<Option<Vec<u8>>, String> {
        let mut backoff = Backoff::new(&RETRY);
        loop {
            let Some(response) = self.ask(request, end)? else { return Ok(None) };
            let mut content = Vec::new();
            match Arriving::of(response.take(limit)).read_all(end, &mut content) {
                Ok(_) => return Ok(Some(content)),
                Err(error) => {
                    let reason = format!("it broke off after {} bytes: {}", content.len(), http::root(&error));
                    wait_or_give_up(Trouble::Passing { reason, after: None }, &mut backoff, end)?;
                }
            }
        }
    }

    /// The blob of `size` bytes at `url`, if there is one; it goes on where it breaks off.
    pub(super) fn open(self: &Arc<Self>, url: Url, size: u64, end: Instant) -> Result<Option<Stream>, String> {
        let Some(response) = self.ask(&Request::new(Method::GET, &url), end)? else { return Ok(None) };
        let asker = self.clone();
        let body = Arriving::of(response);
        Ok(Some(Box::new(Blob { asker, url, body, size, position: 0, backoff: Backoff::new(&RETRY), end })))
    }

    /// One attempt.
    pub(super) fn once(&self, request: &Request<'_>, end: Instant) -> Result<Response, Trouble> {
        let mut headers = request.headers.clone();
        let authorization = match &self.auth {
            Auth::Header(header) => header.clone(),
            Auth::Tokens(tokens) => tokens.header(),
        };
        if let Some(mut value) = authorization.filter(|_| request.url.origin() == self.origin) {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        if request.from > 0 {
            headers.insert(RANGE, HeaderValue::from_maybe_shared(format!("bytes={}-", request.from)).expect("digits"));
        }
        // What is sent may take all the time that is left, what is only waited for not as long.
        let sends = matches!(request.method, Method::PUT | Method::PATCH | Method::POST);
        let time = if sends { left(end) } else { SILENCE.min(left(end)) };
        self.http.send_body(&request.method, request.url, &headers, Some(time), request.body)
    }

    fn learns(&self, response: &Response, end: Instant) -> Result<bool, String> {
        match &self.auth {
            // What a host wants that a redirect led to is none of its business.
            Auth::Tokens(tokens) if response.url().origin() == self.origin => {
                tokens.learn(&self.http, response, left(end))
            }
            _ => Ok(false),
        }
    }
}

/// As [`http::refusal`], with what to do about it.
pub(super) fn refusal(response: &Response) -> Trouble {
    let hint = match response.status() {
        StatusCode::UNAUTHORIZED => ": it wants credentials, or other ones",
        StatusCode::FORBIDDEN => ": these credentials may not do that",
        StatusCode::METHOD_NOT_ALLOWED => ": nothing can be changed there",
        _ => "",
    };
    match http::refusal(response) {
        Trouble::Lasting(reason) => Trouble::Lasting(reason + hint),
        passing => passing,
    }
}

/// Waits, where another attempt is worth it.
pub(super) fn wait_or_give_up(trouble: Trouble, backoff: &mut Backoff, end: Instant) -> Result<(), String> {
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

/// The retries of one thing.
pub(super) fn backoff() -> Backoff {
    Backoff::new(&RETRY)
}

/// What a server sends, read by a thread of its own: whoever waits for it can stop waiting, and a read cannot.
struct Arriving {
    parts: Receiver<io::Result<Vec<u8>>>,
    part: Cursor<Vec<u8>>,
}

impl Arriving {
    fn of(mut body: impl Read + Send + 'static) -> Self {
        let (sender, parts) = mpsc::sync_channel(PARTS_AHEAD);
        thread::spawn(move || {
            loop {
                let mut part = vec![0; PART];
                let read = match body.read(&mut part) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Ok(0) => return,
                    read => read,
                };
                let failed = read.is_err();
                let part = read.map(|count| {
                    part.truncate(count);
                    part
                });
                // Nobody may wait for it any more.
                if sender.send(part).is_err() || failed {
                    return;
                }
            }
        });
        Self { parts, part: Cursor::default() }
    }

    /// As [`Read::read`], but not beyond `end`.
    fn read(&mut self, end: Instant, buffer: &mut [u8]) -> io::Result<usize> {
        let late = || io::Error::new(io::ErrorKind::TimedOut, "it took longer than the remote's time limit");
        // One byte now and then would keep it going.
        if left(end).is_zero() {
            return Err(late());
        }
        if self.part.position() == self.part.get_ref().len() as u64 {
            match self.parts.recv_timeout(left(end)) {
                Ok(part) => self.part = Cursor::new(part?),
                Err(RecvTimeoutError::Timeout) => return Err(late()),
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            }
        }
        self.part.read(buffer)
    }

    fn read_all(mut self, end: Instant, into: &mut Vec<u8>) -> io::Result<()> {
        let mut buffer = [0; 1 << 13];
        loop {
            match self.read(end, &mut buffer)? {
                0 => return Ok(()),
                count => into.extend_from_slice(&buffer[..count]),
            }
        }
    }
}

fn left(end: Instant) -> Duration {
    end.saturating_duration_since(Instant::now())
}

/// A body. When it breaks off, the rest is asked for: what it is named by is its digest, so it cannot have changed.
struct Blob {
    asker: Arc<Asker>,
    url: Url,
    body: Arriving,
    size: u64,
    position: u64,
    backoff: Backoff,
    end: Instant,
}

impl Read for Blob {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let reason = match self.body.read(self.end, buffer) {
                Ok(0) if self.position < self.size && !buffer.is_empty() => {
                    format!("it broke off after {} bytes", self.position)
                }
                Ok(count) => {
                    self.position += count as u64;
                    return Ok(count);
                }
                Err(error) if left(self.end).is_zero() => return Err(error),
                Err(error) => format!("it broke off after {} bytes: {}", self.position, http::root(&error)),
            };
            let trouble = Trouble::Passing { reason: reason.clone(), after: None };
            let rest = Request { from: self.position, ..Request::new(Method::GET, &self.url) };
            let again =
                wait_or_give_up(trouble, &mut self.backoff, self.end).and_then(|()| self.asker.ask(&rest, self.end));
            match again {
                Ok(Some(response)) => self.body = Arriving::of(response),
                Ok(None) => return Err(io::Error::other(format!("{reason}, and then it was gone"))),
                Err(why) if why == reason => return Err(io::Error::other(reason)),
                Err(why) => return Err(io::Error::other(format!("{reason}; {why}"))),
            }
        }
    }
}

/// The header that says who asks.
pub(super) fn header(credentials: &Credentials) -> Option<HeaderValue> {
    let text = match credentials {
        Credentials::Basic { user, password } => format!("Basic {}", BASE64.encode(format!("{user}:{password}"))),
        Credentials::Bearer(token) => format!("Bearer {token}"),
    };
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrives_is_read_in_order_and_a_silent_server_is_not_waited_for() {
        let (silent, keeps_it_open) = io::pipe().unwrap();
        let content: Vec<u8> = (0..3 * PART as u32).map(|number| number as u8).collect();
        let mut body = Arriving::of(Cursor::new(content.clone()).chain(silent));
        let end = Instant::now() + Duration::from_secs(1);
        let (mut read, mut buffer) = (Vec::new(), [0; 1000]);
        let error = loop {
            match body.read(end, &mut buffer) {
                Ok(count) => read.extend_from_slice(&buffer[..count]),
                Err(error) => break error,
            }
        };
        assert_eq!((read, error.kind()), (content, io::ErrorKind::TimedOut));
        drop(keeps_it_open);
    }
}

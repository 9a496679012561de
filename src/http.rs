//! One HTTP request at a time: the client, what its failures mean, and which hosts are dead.
//!
//! Credentials go to the host that they are for, never along with a redirect to another.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use reqwest::blocking::{Body, Client, Response};
use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{Method, StatusCode, Url, redirect};

/// More hops than any mirror network needs.
const MOST_REDIRECTS: usize = 10;

/// Why a request brought nothing.
pub enum Trouble {
    /// It may pass: the same request may do better, after `after` if the server said so.
    Passing {
        /// What happened.
        reason: String,
        /// How long the server wants to be left alone.
        after: Option<Duration>,
    },
    /// Asking this address again is of no use.
    Lasting(String),
}

impl Trouble {
    fn passing(reason: String) -> Self {
        Self::Passing { reason, after: None }
    }
}

/// How often one address is asked before the next one, and how long is waited between.
#[derive(Debug, Clone)]
pub struct Retry {
    /// Attempts at one address, the first included. Zero is one.
    pub attempts: u32,
    /// The wait before the second attempt; it doubles from one to the next.
    pub first_wait: Duration,
    /// No wait is longer, whatever the server asks for.
    pub longest_wait: Duration,
}

impl Default for Retry {
    /// Four attempts, with 1, 2 and 4 seconds between; 30 where the server asks for more.
    fn default() -> Self {
        Self { attempts: 4, first_wait: Duration::from_secs(1), longest_wait: Duration::from_secs(30) }
    }
}

/// The retries that are left at one address.
pub struct Backoff {
    left: u32,
    wait: Duration,
    longest: Duration,
}

impl Backoff {
    /// All of them.
    pub fn new(retry: &Retry) -> Self {
        Self { left: retry.attempts.saturating_sub(1), wait: retry.first_wait, longest: retry.longest_wait }
    }

    /// How long to wait before the next attempt, if there is one. `asked` is the server's wish.
    pub fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let wait = self.wait.max(asked.unwrap_or_default()).min(self.longest);
        self.wait = self.wait.saturating_mul(2);
        Some(wait)
    }
}

/// What is known of a host.
enum Host {
    Answered,
    /// One connection did not come about, which may have been a moment's trouble.
    Doubtful,
    /// No connection came about, and why.
    Dead(String),
}

/// An HTTP client that is made when it is first needed. It takes proxies and certificates from
/// the environment, as reqwest and rustls-native-certs do.
pub struct Http {
    connect_timeout: Duration,
    read_timeout: Duration,
    client: OnceLock<Result<Client, String>>,
    hosts: Mutex<HashMap<String, Host>>,
}

impl Http {
    /// One that gives up a connection, and a server that is silent, after these times.
    pub fn new(connect_timeout: Duration, read_timeout: Duration) -> Self {
        Self { connect_timeout, read_timeout, client: OnceLock::new(), hosts: Mutex::default() }
    }

    /// Sends a request without a body and follows redirects. Any other status is the caller's.
    pub fn send(&self, method: &Method, url: &Url, headers: &HeaderMap) -> Result<Response, Trouble> {
        self.send_body(method, url, headers, None, &|| Ok(None))
    }

    /// The same with a body, which is made for each host that is asked, and where `time` is said with that time instead of the client's
    /// own: to send all of it, to wait for the answer, and for each part of the answer's body.
    ///
    /// The client's own redirects would hide which host it was that did not answer.
    pub fn send_body(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        time: Option<Duration>,
        body: &dyn Fn() -> io::Result<Option<Body>>,
    ) -> Result<Response, Trouble> {
        let client = self.client.get_or_init(|| self.build()).as_ref().map_err(|why| Trouble::Lasting(why.clone()))?;
        let mut headers = headers.clone();
        let mut target = url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let host = host(&target);
            self.check_alive(&host)?;
            let mut request = client.request(method.clone(), target.clone()).headers(headers.clone());
            let body = body().map_err(|error| Trouble::Lasting(error.to_string()))?;
            let has_body = body.is_some();
            if let Some(body) = body {
                request = request.body(body);
            }
            if let Some(time) = time {
                request = request.timeout(time);
            }
            let response = request.send().map_err(|error| self.judge(&host, &error))?;
            self.lock().insert(host, Host::Answered);
            let status = response.status();
            let Some(location) = response.headers().get(LOCATION).filter(|_| status.is_redirection()) else {
                return Ok(response);
            };
            let next = location
                .to_str()
                .ok()
                .and_then(|location| target.join(location).ok())
                .filter(|target| matches!(target.scheme(), "http" | "https"))
                .ok_or_else(|| Trouble::Lasting(format!("redirects to {location:?}, which is no web address")))?;
            if next.origin() != target.origin() {
                headers.remove(AUTHORIZATION);
                // What is sent is for the host that was asked: a token's request, or an archive.
                if has_body {
                    return Err(Trouble::Lasting(format!("sends what it is sent on to {}", shown(&next))));
                }
            }
            target = next;
        }
        Err(Trouble::Lasting(format!("more than {MOST_REDIRECTS} redirects")))
    }

    fn build(&self) -> Result<Client, String> {
        // Some servers declare `.tar.gz` as gzip-encoded text; the digest is of the bytes as they are.
        let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]);
        Client::builder()
            .user_agent(concat!("muslchain/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .redirect(redirect::Policy::none())
            .connect_timeout(self.connect_timeout)
            .timeout(self.read_timeout)
            .build()
            .map_err(|error| format!("no HTTP client: {}; SSL_CERT_FILE names the certificates to trust", root(&error)))
    }

    fn check_alive(&self, host: &str) -> Result<(), Trouble> {
        match self.lock().get(host) {
            Some(Host::Dead(why)) => Err(Trouble::Lasting(format!("not asked again: {why}"))),
            _ => Ok(()),
        }
    }

    /// What a request means that got no response.
    fn judge(&self, host: &str, error: &reqwest::Error) -> Trouble {
        let reason = match certificate_problem(error) {
            Some(problem) => format!(
                "could not connect: certificate problem: {problem}; \
                 if a proxy or a company's own authority signed it, SSL_CERT_FILE names the certificates to trust"
            ),
            None if error.is_connect() => format!("could not connect to {host}: {}", root(error)),
            None if error.is_builder() => return Trouble::Lasting(root(error)),
            None => return Trouble::passing(root(error)),
        };
        let mut hosts = self.lock();
        if certificate_problem(error).is_none() {
            match hosts.get(host) {
                // A host that answered a moment ago is worth another try.
                Some(Host::Answered) => return Trouble::passing(reason),
                // One that never did mostly stands behind a firewall, and would cost its timeout once more
                // for every file; a name server or a proxy that stumbled says no at once, and is asked once more.
                None if !error.is_timeout() => {
                    hosts.insert(host.to_owned(), Host::Doubtful);
                    return Trouble::passing(reason);
                }
                _ => {}
            }
        }
        hosts.insert(host.to_owned(), Host::Dead(reason.clone()));
        Trouble::Lasting(reason)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a status means that is not the one hoped for.
pub fn refusal(response: &Response) -> Trouble {
    let status = response.status();
    let reason = format!("the server says {status}");
    let after = response.headers().get(RETRY_AFTER).and_then(|it| it.to_str().ok()?.trim().parse().ok());
    match status {
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::TOO_EARLY
        | StatusCode::TOO_MANY_REQUESTS
        | StatusCode::INTERNAL_SERVER_ERROR
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Trouble::Passing { reason, after: after.map(Duration::from_secs) },
        _ => Trouble::Lasting(reason),
    }
}

/// The length that the server gives the body. Also of a response to HEAD, which has none.
pub fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// `Content-Range: bytes <start>-<end>/<total>` as start and, unless it is `*`, total.
pub fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()))
}

/// An address as it may be shown: without credentials and tokens.
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for addresses that can have no credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// The innermost cause: the outer ones only repeat the address.
pub fn root(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

fn host(url: &Url) -> String {
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        _ => url.to_string(),
    }
}

fn certificate_problem(error: &reqwest::Error) -> Option<String> {
    causes(error).find_map(|cause| match cause.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(problem) => Some(problem.to_string()),
        rustls::Error::NoCertificatesPresented => Some("the server shows none".to_owned()),
        _ => None,
    })
}

/// The error and what caused it. An `io::Error` counts what it wraps, which `source` skips.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        }
    }
    std::iter::successors(Some(error), |error| inner(*error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_end() {
        let seconds = Duration::from_secs;
        let retry = Retry { attempts: 5, first_wait: seconds(1), longest_wait: seconds(3) };
        let mut backoff = Backoff::new(&retry);
        let waits: Vec<_> = std::iter::from_fn(|| backoff.next(None)).collect();
        assert_eq!(waits, [1, 2, 3, 3].map(seconds));
        let mut backoff = Backoff::new(&retry);
        assert_eq!(backoff.next(Some(seconds(2))), Some(seconds(2)));
        assert_eq!(backoff.next(Some(seconds(3600))), Some(seconds(3)));
    }

    #[test]
    fn ranges() {
        let read = |text: &str| content_range(&HeaderMap::from_iter([(CONTENT_RANGE, text.parse().unwrap())]));
        assert_eq!(read("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(read("bytes 5-9/*"), Some((5, None)));
        for none in ["bytes */10", "5-9/10", "bytes x-9/10", "lines 1-2/3"] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_shown_of_an_address_has_no_secret() {
        let url = "https://me:secret@mirror.example:8443/a/b.tar?token=x#y".parse().unwrap();
        assert_eq!(shown(&url), "https://mirror.example:8443/a/b.tar");
    }
}

//! One HTTP request at a time: the client, what its failures mean, and which hosts are dead.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use reqwest::blocking::{Client, Response};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url, redirect};

/// More hops than any mirror network needs.
const MOST_REDIRECTS: usize = 10;

/// Why a request brought nothing.
pub(super) enum Trouble {
    /// It may pass: the same request may do better, after `after` if the server said so.
    Passing { reason: String, after: Option<Duration> },
    /// Asking this address again is of no use.
    Lasting(String),
}

impl Trouble {
    fn passing(reason: String) -> Self {
        Self::Passing { reason, after: None }
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
pub(super) struct Http {
    connect_timeout: Duration,
    read_timeout: Duration,
    client: OnceLock<Result<Client, String>>,
    hosts: Mutex<HashMap<String, Host>>,
}

impl Http {
    pub(super) fn new(connect_timeout: Duration, read_timeout: Duration) -> Self {
        Self { connect_timeout, read_timeout, client: OnceLock::new(), hosts: Mutex::default() }
    }

    /// Sends a request without a body and follows redirects. Any other status is the caller's.
    ///
    /// The client's own redirects would hide which host it was that did not answer.
    pub(super) fn send(&self, method: &Method, url: &Url, headers: &HeaderMap) -> Result<Response, Trouble> {
        let client = self.client.get_or_init(|| self.build()).as_ref().map_err(|why| Trouble::Lasting(why.clone()))?;
        let mut target = url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let host = host(&target);
            self.check_alive(&host)?;
            let request = client.request(method.clone(), target.clone()).headers(headers.clone());
            let response = request.send().map_err(|error| self.judge(&host, &error))?;
            self.lock().insert(host, Host::Answered);
            let status = response.status();
            let Some(location) = response.headers().get(LOCATION).filter(|_| status.is_redirection()) else {
                return Ok(response);
            };
            target = location
                .to_str()
                .ok()
                .and_then(|location| target.join(location).ok())
                .filter(|target| matches!(target.scheme(), "http" | "https"))
                .ok_or_else(|| Trouble::Lasting(format!("redirects to {location:?}, which is no web address")))?;
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
pub(super) fn refusal(response: &Response) -> Trouble {
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
pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// `Content-Range: bytes <start>-<end>/<total>` as start and, unless it is `*`, total.
pub(super) fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()))
}

/// An address as it may be shown: without credentials and tokens.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for addresses that can have no credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// The innermost cause: the outer ones only repeat the address.
pub(super) fn root(error: &(dyn Error + 'static)) -> String {
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

//! Brings one file from one address: resumes, retries, and stops what cannot be the file.

use std::io::{self, Read, Write};
use std::thread;
use std::time::Duration;

use fs_err::File;
use reqwest::blocking::Response;
use reqwest::header::{ETAG, HeaderMap, HeaderValue, IF_RANGE, LAST_MODIFIED, RANGE};
use reqwest::{Method, StatusCode, Url};

use super::cache::{Note, Partial, Refused};
use super::error::{FetchError, Stop};
use super::progress::Progress;
use super::{Fetcher, VerifiedFile};
use crate::digest::HashingWriter;
use crate::event::Event;
use crate::http::{self, Backoff, Trouble};

/// How many bytes are looked at to tell what a body is.
pub(super) const TASTE: u64 = 512;

/// Why one attempt did not bring the file.
enum Setback {
    /// What is here and what the server has do not go together: from the first byte again.
    Restart(String),
    Trouble(Trouble),
    Here(FetchError),
}

impl From<FetchError> for Setback {
    fn from(error: FetchError) -> Self {
        Self::Here(error)
    }
}

impl From<Trouble> for Setback {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

fn lasting(reason: String) -> Setback {
    Setback::Trouble(Trouble::Lasting(reason))
}

impl Fetcher<'_> {
    /// Brings the file from `url` into the cache. What arrived stays for a later run where the
    /// server lets it be resumed.
    pub(super) fn download(&self, url: &Url, partial: &Partial<'_>) -> Result<VerifiedFile, Stop> {
        let origin = http::shown(url);
        let mut backoff = Backoff::new(&self.settings.retry);
        let mut restarted = false;
        loop {
            match self.attempt(url, &origin, partial) {
                Ok(file) => return Ok(file),
                Err(Setback::Here(error)) => return Err(error.into()),
                Err(Setback::Restart(reason)) => {
                    partial.discard()?;
                    if std::mem::replace(&mut restarted, true) {
                        return Err(Stop::Origin(reason));
                    }
                    self.retry(&partial.source().file, &origin, &reason, Duration::ZERO);
                }
                Err(Setback::Trouble(Trouble::Lasting(reason))) => return Err(Stop::Origin(reason)),
                Err(Setback::Trouble(Trouble::Passing { reason, after })) => match backoff.next(after) {
                    Some(wait) => self.retry(&partial.source().file, &origin, &reason, wait),
                    None => {
                        let attempts = self.settings.retry.attempts.max(1);
                        return Err(Stop::Origin(format!("{reason} (attempt {attempts} of {attempts})")));
                    }
                },
            }
        }
    }

    fn retry(&self, file: &str, origin: &str, reason: &str, after: Duration) {
        self.observer.event(Event::DownloadRetry { file, origin, reason, after });
        thread::sleep(after);
    }

    fn attempt(&self, url: &Url, origin: &str, partial: &Partial<'_>) -> Result<VerifiedFile, Setback> {
        let source = partial.source();
        let begun = partial.begun(origin);
        // Killed between the last byte and the move into the cache.
        if begun.as_ref().is_some_and(|(have, _)| source.size == Some(*have)) {
            return match partial.publish(partial.resume()?) {
                Ok(file) => Ok(file),
                Err(Refused::Wrong(reason)) => Err(Setback::Restart(reason)),
                Err(Refused::Here(error)) => Err(error.into()),
            };
        }
        let mut headers = HeaderMap::new();
        if let Some((have, validator)) = &begun {
            let value = |text: &str| HeaderValue::from_str(text).map_err(|error| Setback::Restart(error.to_string()));
            headers.insert(RANGE, value(&format!("bytes={have}-"))?);
            headers.insert(IF_RANGE, value(validator)?);
        }
        let mut response = self.http.send(&Method::GET, url, &headers)?;
        let (sink, total) = match (response.status(), begun) {
            (StatusCode::PARTIAL_CONTENT, Some((have, validator))) => {
                let total = continues(&response, have, &validator)?;
                check_size(&mut response, source.size, total)?;
                (partial.resume()?, total)
            }
            (StatusCode::RANGE_NOT_SATISFIABLE, Some((have, _))) => {
                return Err(Setback::Restart(format!("the server has nothing behind byte {have}")));
            }
            (StatusCode::OK, _) => {
                let total = http::content_length(response.headers());
                check_size(&mut response, source.size, total)?;
                let note = validator(response.headers()).map(|it| Note { url: origin.to_owned(), validator: it });
                (partial.restart(note.as_ref())?, total)
            }
            _ => return Err(http::refusal(&response).into()),
        };
        self.stream(response, sink, source.size.or(total), origin, partial)
    }

    /// Takes the body, hashing it, and compares.
    fn stream(
        &self,
        mut response: Response,
        mut sink: HashingWriter<File>,
        total: Option<u64>,
        origin: &str,
        partial: &Partial<'_>,
    ) -> Result<VerifiedFile, Setback> {
        let source = partial.source();
        let already = sink.length();
        let bound = source.size.unwrap_or_else(|| source.unpacked_bound());
        let mut progress = Progress::start(self.observer, &source.file, origin, already, total);
        let mut buffer = vec![0; 1 << 17];
        loop {
            let count = match response.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    let reason = format!("broke off after {} bytes: {}", sink.length(), http::root(&error));
                    return Err(Trouble::Passing { reason, after: None }.into());
                }
            };
            if sink.length() + count as u64 > bound {
                let reason =
                    format!("sends more than the {bound} bytes that it may have{}", taste(&partial.first_bytes()));
                partial.discard()?;
                return Err(lasting(reason));
            }
            sink.write_all(&buffer[..count]).map_err(|error| FetchError::local(partial.path(), error))?;
            progress.at(sink.length());
        }
        let length = sink.length();
        if source.size.is_some_and(|size| length < size) && taste(&partial.first_bytes()).is_empty() {
            let reason = format!("broke off after {length} bytes of {bound}");
            return Err(Trouble::Passing { reason, after: None }.into());
        }
        match partial.publish(sink) {
            Ok(file) => Ok(progress.done(file)),
            Err(Refused::Here(error)) => Err(error.into()),
            // The beginning may be what is wrong: written before a power cut, or never that file.
            Err(Refused::Wrong(reason)) if already > 0 => Err(Setback::Restart(reason)),
            Err(Refused::Wrong(reason)) => {
                let reason = reason + taste(&partial.first_bytes());
                partial.discard()?;
                Err(lasting(reason))
            }
        }
    }
}

/// The total that a partial response names, if the response is the rest of what is here.
fn continues(response: &Response, have: u64, begun: &str) -> Result<Option<u64>, Setback> {
    match http::content_range(response.headers()) {
        Some((start, _)) if start != have => {
            Err(Setback::Restart(format!("asked from byte {have} on, the server sends from byte {start} on")))
        }
        // A server that does not know If-Range sends the end of another file.
        Some(_) if validator(response.headers()).is_some_and(|now| now != begun) => {
            Err(Setback::Restart("the file at the server changed meanwhile".to_owned()))
        }
        Some((_, total)) => Ok(total),
        None => Err(Setback::Restart("the server sends a part and does not say which".to_owned())),
    }
}

/// Refuses a body of the wrong size before it is taken.
fn check_size(response: &mut Response, size: Option<u64>, found: Option<u64>) -> Result<(), Setback> {
    match (size, found) {
        (Some(size), Some(found)) if size != found => {
            let mut beginning = Vec::new();
            // Only to say more of what is refused anyway.
            let _ = response.take(TASTE).read_to_end(&mut beginning);
            Err(lasting(format!("has {found} bytes, expected {size}{}", taste(&beginning))))
        }
        _ => Ok(()),
    }
}

/// What identifies the server's bytes well enough to put two halves together: a strong `ETag`, or
/// the time of change. A weak `ETag` says of itself that it does not.
fn validator(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    match text(ETAG) {
        Some(etag) => etag.starts_with('"').then(|| etag.to_owned()),
        None => text(LAST_MODIFIED).map(str::to_owned),
    }
}

/// An addition for messages where the file begins like a web page: a portal's or a blocker's.
fn taste(beginning: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(beginning).to_ascii_lowercase();
    let text = text.trim_start_matches('\u{feff}').trim_start();
    match ["<!doctype html", "<html", "<head", "<body", "<!--"].iter().any(|tag| text.starts_with(tag)) {
        true => "; a web page instead of the file",
        false => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_told_from_archives() {
        assert!(!taste(b"\xef\xbb\xbf\r\n <!DOCTYPE HTML><html>").is_empty());
        assert!(!taste(b"<html lang=en>").is_empty());
        assert!(taste(b"\x1f\x8b\x08").is_empty());
        assert!(taste(b"").is_empty());
    }

    #[test]
    fn only_strong_validators_allow_to_resume() {
        let of = |pairs: &[(reqwest::header::HeaderName, &str)]| {
            validator(&HeaderMap::from_iter(pairs.iter().map(|(name, text)| (name.clone(), text.parse().unwrap()))))
        };
        let date = "Mon, 01 Jan 2024 00:00:00 GMT";
        assert_eq!(of(&[(ETAG, "\"a\""), (LAST_MODIFIED, date)]).as_deref(), Some("\"a\""));
        assert_eq!(of(&[(LAST_MODIFIED, date)]).as_deref(), Some(date));
        assert_eq!(of(&[(ETAG, "W/\"a\""), (LAST_MODIFIED, date)]), None);
        assert_eq!(of(&[]), None);
    }
}

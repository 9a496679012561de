//! Asks whether sources can be had, without taking them.

use reqwest::header::{HeaderMap, HeaderValue, RANGE};
use reqwest::{Method, StatusCode, Url};

use super::error::OriginFailure;
use super::{Fetcher, Origin, mirror};
use crate::http::{self, Backoff, Trouble};
use crate::source::Source;

impl Fetcher<'_> {
    /// Whether some origin says that it has `source`; if none does, what each said. Bytes are
    /// not compared here: a file of the right size may still turn out to be the wrong one.
    pub fn can_get(&self, source: &Source) -> Result<(), Vec<OriginFailure>> {
        // The cheap question: what is wrong in the cache is found out when it is used.
        let cached = self.cache.path(source).metadata();
        if cached.is_ok_and(|it| it.is_file() && source.size.is_none_or(|size| it.len() == size)) {
            return Ok(());
        }
        let mut failures = Vec::new();
        for origin in self.origins(source) {
            let answer = match &origin {
                Origin::File(path) => mirror::examine(path, source).map(drop),
                Origin::Url(url) => self.probe(url, source),
                Origin::Archive(archive) => self.archive.lists(archive, source, self.observer),
                Origin::Unusable { reason, .. } => Err(reason.clone()),
            };
            match answer {
                Ok(()) => return Ok(()),
                Err(reason) => failures.push(OriginFailure { origin: origin.to_string(), reason }),
            }
        }
        Err(failures)
    }

    /// [`Self::can_get`] for several sources at the same time, with the answers in their order.
    pub fn can_get_all(&self, sources: &[&Source]) -> Vec<Result<(), Vec<OriginFailure>>> {
        self.in_parallel(sources, |source| self.can_get(source))
    }

    fn probe(&self, url: &Url, source: &Source) -> Result<(), String> {
        let mut backoff = Backoff::new(&self.settings.retry);
        loop {
            match self.probe_once(url, source) {
                Ok(()) => return Ok(()),
                Err(Trouble::Lasting(reason)) => return Err(reason),
                Err(Trouble::Passing { reason, after }) => match backoff.next(after) {
                    Some(wait) => std::thread::sleep(wait),
                    None => return Err(reason),
                },
            }
        }
    }

    fn probe_once(&self, url: &Url, source: &Source) -> Result<(), Trouble> {
        let mut response = self.http.send(&Method::HEAD, url, &HeaderMap::new())?;
        // Some servers sign addresses for GET only, or do not know HEAD.
        let no_head = [StatusCode::FORBIDDEN, StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_IMPLEMENTED];
        if no_head.contains(&response.status()) {
            let first_byte = HeaderMap::from_iter([(RANGE, HeaderValue::from_static("bytes=0-0"))]);
            response = self.http.send(&Method::GET, url, &first_byte)?;
        }
        let found = match response.status() {
            StatusCode::OK => http::content_length(response.headers()),
            StatusCode::PARTIAL_CONTENT => http::content_range(response.headers()).and_then(|(_, total)| total),
            _ => return Err(http::refusal(&response)),
        };
        match (source.size, found) {
            (Some(size), Some(found)) if size != found => {
                Err(Trouble::Lasting(format!("has {found} bytes, expected {size}")))
            }
            _ => Ok(()),
        }
    }
}

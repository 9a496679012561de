//! How a registry knows who asks: it says what it wants, and a token for that is fetched
//! (<https://distribution.github.io/distribution/spec/auth/token/>).

use std::io::Read;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::blocking::{Body, Response};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use reqwest::{Method, Url};
use serde::Deserialize;

use super::Credentials;
use super::asker::header;
use crate::http::{Http, Trouble};

/// The most that a token and what stands around it is long.
const LONGEST_ANSWER: u64 = 1 << 20;

/// Credentials, and what came of them.
pub(super) struct Tokens {
    credentials: Option<Credentials>,
    /// Whether the registry itself is asked without TLS, on this machine.
    is_plain: bool,
    current: Mutex<Option<HeaderValue>>,
}

/// What a registry wants.
#[derive(Debug, PartialEq, Eq)]
enum Challenge {
    Basic,
    Bearer { realm: String, parameters: Vec<(String, String)> },
}

impl Tokens {
    pub(super) fn new(credentials: Option<Credentials>, is_plain: bool) -> Self {
        Self { credentials, is_plain, current: Mutex::default() }
    }

    /// What is said now.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gets what the registry asks for in its refusal; whether there is something new to say.
    pub(super) fn learn(&self, http: &Http, refusal: &Response, time: Duration) -> Result<bool, String> {
        let challenges = refusal.headers().get_all(WWW_AUTHENTICATE);
        let Some(challenge) = challenges.iter().find_map(|value| challenge(value.to_str().ok()?)) else {
            return Ok(false);
        };
        let header = match challenge {
            Challenge::Basic => self.credentials.as_ref().and_then(header),
            Challenge::Bearer { realm, parameters } => Some(self.token(http, &realm, &parameters, time)?),
        };
        let Some(header) = header else { return Ok(false) };
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        // Where credentials are refused, they are refused again.
        let is_new = current.as_ref() != Some(&header);
        *current = Some(header);
        Ok(is_new)
    }

    fn token(
        &self,
        http: &Http,
        realm: &str,
        parameters: &[(String, String)],
        time: Duration,
    ) -> Result<HeaderValue, String> {
        #[derive(Deserialize)]
        struct Answer {
            token: Option<String>,
            access_token: Option<String>,
        }
        let mut url: Url = realm.parse().map_err(|error| format!("its tokens are at `{realm}`: {error}"))?;
        if url.scheme() != "https" && !self.is_plain {
            return Err(format!("its tokens are at `{realm}`, where credentials would be sent without TLS"));
        }
        let mut headers = HeaderMap::new();
        let response = match &self.credentials {
            // What `docker login` keeps of some registries: it is exchanged, not shown.
            Some(Credentials::Bearer(identity)) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", identity);
                form.append_pair("client_id", "muslchain").extend_pairs(parameters);
                let form = form.finish();
                let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
                headers.insert(CONTENT_TYPE, kind);
                let body = || Ok(Some(Body::from(form.clone())));
                http.send_body(&Method::POST, &url, &headers, Some(time), &body)
            }
            credentials => {
                url.query_pairs_mut().extend_pairs(parameters);
                headers.extend(credentials.as_ref().and_then(header).map(|value| (AUTHORIZATION, value)));
                http.send_body(&Method::GET, &url, &headers, Some(time), &|| Ok(None))
            }
        };
        let response = response.map_err(|trouble| match trouble {
            Trouble::Passing { reason, .. } | Trouble::Lasting(reason) => {
                format!("its tokens are at {realm}: {reason}")
            }
        })?;
        if !response.status().is_success() {
            return Err(format!("{realm} gives no token: the server says {}", response.status()));
        }
        let mut answer = Vec::new();
        response.take(LONGEST_ANSWER).read_to_end(&mut answer).map_err(|error| error.to_string())?;
        let answer: Answer =
            serde_json::from_slice(&answer).map_err(|error| format!("{realm} gives no token: {error}"))?;
        let token = answer.token.or(answer.access_token).ok_or_else(|| format!("{realm} gives no token"))?;
        HeaderValue::from_str(&format!("Bearer {token}")).map_err(|error| format!("{realm} gives no token: {error}"))
    }
}

/// `Bearer realm="...",service="...",scope="..."`, or `Basic ...`.
fn challenge(text: &str) -> Option<Challenge> {
    let (scheme, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let (mut realm, mut parameters, mut rest) = (None, Vec::new(), rest.trim());
    while let Some((name, value)) = rest.split_once('=') {
        // A comma in quotes is a part of the value.
        let (value, behind) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => value.split_at(value.find(',').unwrap_or(value.len())),
        };
        match name.trim() {
            "realm" => realm = Some(value.to_owned()),
            name => parameters.push((name.to_owned(), value.to_owned())),
        }
        rest = behind.trim_start().trim_start_matches(',').trim_start();
    }
    Some(Challenge::Bearer { realm: realm?, parameters })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges() {
        let text = r#"Bearer realm="https://auth.example/token",service="registry",scope="repository:a/b:pull,push""#;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = Challenge::Bearer {
            realm: "https://auth.example/token".to_owned(),
            parameters: vec![pair("service", "registry"), pair("scope", "repository:a/b:pull,push")],
        };
        assert_eq!(challenge(text), Some(expected));
        assert_eq!(challenge("Basic realm=\"x\""), Some(Challenge::Basic));
        for none in ["", "Digest realm=\"x\"", "Bearer", "Bearer service=x", "Bearer realm=\"x"] {
            assert_eq!(challenge(none), None, "{none}");
        }
    }
}

//! A registry of containers as the place of artifacts
//! (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md>).
//!
//! A key is a tag. It names a manifest whose only layer is the archive. To that manifest refer two others, as the specification has it
//! for what is said of something: the signed document, and the toolchain's provenance as an in-toto statement. Where the registry
//! has no list of what refers to a manifest, it is kept under the tag that the specification has for that.

use std::fmt;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fs_err::File;
use reqwest::blocking::{Body, Response};
use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, Url};
use serde::{Deserialize, Serialize};

use super::asker::{Asker, Auth, Request};
use super::tokens::Tokens;
use super::{Backend, Credentials, LONGEST_DOCUMENT, Stream};
use crate::artifact::Artifact;
use crate::digest::Sha256;
use crate::http;
use crate::plan::Key;
use crate::provenance;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// What a toolchain's manifest is the manifest of, and its layer.
const TOOLCHAIN: &str = "application/vnd.muslchain.toolchain.v1";
const ARCHIVE: &str = "application/vnd.muslchain.toolchain.v1.tar+zstd";

/// The signed document.
const SIGNED: &str = "application/vnd.muslchain.artifact.v1+json";

/// The provenance.
const STATEMENT: &str = "application/vnd.in-toto+json";

/// The most that is sent at once: some proxies before registries take no more than 4 MiB.
const CHUNK: u64 = 7 << 19;

/// A repository of a registry.
pub(super) struct Oci {
    base: Url,
    shown: String,
    asker: Arc<Asker>,
}

#[derive(Serialize, Deserialize, Clone)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    artifact_type: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u32,
    media_type: String,
    artifact_type: String,
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    subject: Option<Descriptor>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u32,
    media_type: String,
    manifests: Vec<Descriptor>,
}

impl Descriptor {
    fn of(media_type: &str, digest: &Sha256, size: u64) -> Self {
        Self { media_type: media_type.to_owned(), digest: format!("sha256:{digest}"), size, artifact_type: None }
    }

    fn of_bytes(media_type: &str, bytes: &[u8]) -> Self {
        Self::of(media_type, &Sha256::of(bytes), bytes.len() as u64)
    }
}

impl Oci {
    /// The repository at `oci://REGISTRY/REPOSITORY`. On this machine itself it is asked without TLS, as other clients of registries do.
    pub(super) fn at(address: &Url, credentials: Option<Credentials>, time_limit: Duration) -> Result<Self, String> {
        let host = address.host_str().ok_or("it names no registry")?;
        let repository = address.path().trim_matches('/');
        if repository.is_empty() {
            return Err("it names no repository of the registry".to_owned());
        }
        let is_plain = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        let port = address.port().map(|port| format!(":{port}")).unwrap_or_default();
        let scheme = if is_plain { "http" } else { "https" };
        let base = format!("{scheme}://{host}{port}/v2/{repository}/");
        let base: Url = base.parse().map_err(|error| format!("{error}"))?;
        let asker = Asker::new(&base, Auth::Tokens(Tokens::new(credentials, is_plain)), time_limit);
        Ok(Self { base, shown: format!("oci://{host}{port}/{repository}"), asker })
    }

    fn url(&self, path: &str) -> Result<Url, String> {
        self.base.join(path).map_err(|error| error.to_string())
    }

    /// The manifest or index at a tag or a digest, with its bytes.
    fn manifest<T: for<'de> Deserialize<'de>>(
        &self,
        reference: &str,
        end: Instant,
    ) -> Result<Option<(T, Vec<u8>)>, String> {
        self.json(&format!("manifests/{reference}"), end)
    }

    fn json<T: for<'de> Deserialize<'de>>(&self, path: &str, end: Instant) -> Result<Option<(T, Vec<u8>)>, String> {
        let url = self.url(path)?;
        let kinds = HeaderValue::from_maybe_shared(format!("{MANIFEST}, {INDEX}")).expect("plain text");
        let request = Request { headers: HeaderMap::from_iter([(ACCEPT, kinds)]), ..Request::new(Method::GET, &url) };
        let Some(bytes) = self.asker.read(&request, LONGEST_DOCUMENT, end)? else { return Ok(None) };
        let parsed =
            serde_json::from_slice(&bytes).map_err(|error| format!("{path} is not what it should be: {error}"))?;
        Ok(Some((parsed, bytes)))
    }

    fn put_manifest<T: Serialize>(
        &self,
        reference: &str,
        kind: &'static str,
        manifest: &T,
        end: Instant,
    ) -> Result<Descriptor, String> {
        let bytes = serde_json::to_vec(manifest).map_err(|error| error.to_string())?;
        let descriptor = Descriptor::of_bytes(kind, &bytes);
        let reference = if reference.is_empty() { &descriptor.digest } else { reference };
        let url = self.url(&format!("manifests/{reference}"))?;
        let request = Request {
            headers: HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]),
            body: &|| Ok(Some(Body::from(bytes.clone()))),
            ..Request::new(Method::PUT, &url)
        };
        self.asker.tell(&request, end)?;
        Ok(descriptor)
    }

    /// What refers to a manifest, as far as the registry or the tag for that knows.
    fn referrers(&self, digest: &str, end: Instant) -> Result<Vec<Descriptor>, String> {
        if let Some((index, _)) = self.json::<Index>(&format!("referrers/{digest}"), end)? {
            return Ok(index.manifests);
        }
        Ok(self
            .manifest::<Index>(&tag_for_referrers(digest), end)?
            .map(|(index, _)| index.manifests)
            .unwrap_or_default())
    }

    /// A manifest that says something of another one.
    fn put_referrer(
        &self,
        subject: &Descriptor,
        kind: &str,
        content: &[u8],
        end: Instant,
    ) -> Result<Descriptor, String> {
        self.put_bytes(content, end)?;
        let manifest = Manifest {
            schema_version: 2,
            media_type: MANIFEST.to_owned(),
            artifact_type: kind.to_owned(),
            config: Descriptor::of_bytes(EMPTY, b"{}"),
            layers: vec![Descriptor::of_bytes(kind, content)],
            subject: Some(subject.clone()),
        };
        let descriptor = self.put_manifest("", MANIFEST, &manifest, end)?;
        Ok(Descriptor { artifact_type: Some(kind.to_owned()), ..descriptor })
    }

    fn put_bytes(&self, content: &[u8], end: Instant) -> Result<(), String> {
        let digest = Sha256::of(content);
        if self.blob_size(&digest, end)? == Some(content.len() as u64) {
            return Ok(());
        }
        let mut upload = self.begin_upload(end)?;
        upload.query_pairs_mut().append_pair("digest", &format!("sha256:{digest}"));
        self.put_at(&upload, Method::PUT, &|| Ok(Some(Body::from(content.to_vec()))), None, end)?;
        Ok(())
    }

    fn begin_upload(&self, end: Instant) -> Result<Url, String> {
        let url = self.url("blobs/uploads/")?;
        let request = Request { body: &|| Ok(Some(Body::from(""))), ..Request::new(Method::POST, &url) };
        location(&url, &self.asker.tell(&request, end)?)
    }

    fn put_at(
        &self,
        url: &Url,
        method: Method,
        body: &dyn Fn() -> std::io::Result<Option<Body>>,
        range: Option<(u64, u64)>,
        end: Instant,
    ) -> Result<Response, String> {
        let number = |text: String| HeaderValue::from_maybe_shared(text).expect("plain text");
        let mut headers: HeaderMap<HeaderValue> =
            HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))]);
        if let Some((from, length)) = range {
            headers.insert(CONTENT_RANGE, number(format!("{from}-{}", from + length - 1)));
            headers.insert(CONTENT_LENGTH, number(length.to_string()));
        }
        self.asker.tell(&Request { headers, body, ..Request::new(method, url) }, end)
    }
}

impl Backend for Oci {
    fn document(&self, key: &Key, end: Instant) -> Result<Option<Vec<u8>>, String> {
        let Some((_, bytes)) = self.manifest::<Manifest>(&key.to_string(), end)? else { return Ok(None) };
        let digest = Descriptor::of_bytes(MANIFEST, &bytes).digest;
        let referrers = self.referrers(&digest, end)?;
        let Some(signed) = referrers.iter().find(|it| it.artifact_type.as_deref() == Some(SIGNED)) else {
            return Err(format!("it has a manifest for {key}, and nothing that is signed"));
        };
        let layer = self
            .manifest::<Manifest>(&signed.digest, end)?
            .and_then(|(manifest, _)| manifest.layers.into_iter().next());
        let Some(layer) = layer else { return Err(format!("what is signed of {key} is gone")) };
        let url = self.url(&format!("blobs/{}", layer.digest))?;
        self.asker.read(&Request::new(Method::GET, &url), LONGEST_DOCUMENT + 1, end)
    }

    fn put_document(&self, artifact: &Artifact, document: &[u8], end: Instant) -> Result<(), String> {
        self.put_bytes(b"{}", end)?;
        let manifest = Manifest {
            schema_version: 2,
            media_type: MANIFEST.to_owned(),
            artifact_type: TOOLCHAIN.to_owned(),
            config: Descriptor::of_bytes(EMPTY, b"{}"),
            layers: vec![Descriptor::of(ARCHIVE, &artifact.digest, artifact.size)],
            subject: None,
        };
        // By its digest first: what refers to it is there before the tag leads to it.
        let subject = self.put_manifest("", MANIFEST, &manifest, end)?;
        let statement =
            serde_json::to_vec(&provenance::statement(&artifact.toolchain)).map_err(|error| error.to_string())?;
        let mut ours = Vec::new();
        for (kind, content) in [(SIGNED, document), (STATEMENT, &statement)] {
            ours.push(self.put_referrer(&subject, kind, content, end)?);
        }
        // Other people's say stays, and theirs of the same kind goes.
        let others = self.referrers(&subject.digest, end)?;
        let is_ours = |other: &Descriptor| ours.iter().any(|it| it.artifact_type == other.artifact_type);
        let manifests = ours.iter().cloned().chain(others.into_iter().filter(|other| !is_ours(other))).collect();
        let index = Index { schema_version: 2, media_type: INDEX.to_owned(), manifests };
        self.put_manifest(&tag_for_referrers(&subject.digest), INDEX, &index, end)?;
        self.put_manifest(&artifact.toolchain.key.to_string(), MANIFEST, &manifest, end)?;
        Ok(())
    }

    fn remove_document(&self, key: &Key, end: Instant) -> Result<bool, String> {
        let Some((_, bytes)) = self.manifest::<Manifest>(&key.to_string(), end)? else { return Ok(false) };
        let digest = Descriptor::of_bytes(MANIFEST, &bytes).digest;
        for reference in [&digest, &tag_for_referrers(&digest)] {
            // A registry removes by digest only.
            let Some((_, bytes)) = self.manifest::<serde_json::Value>(reference, end)? else { continue };
            let url = self.url(&format!("manifests/sha256:{}", Sha256::of(&bytes)))?;
            self.asker.ask(&Request::new(Method::DELETE, &url), end)?;
        }
        Ok(true)
    }

    fn blob(&self, digest: &Sha256, size: u64, end: Instant) -> Result<Option<Stream>, String> {
        self.asker.open(self.url(&format!("blobs/sha256:{digest}"))?, size, end)
    }

    fn blob_size(&self, digest: &Sha256, end: Instant) -> Result<Option<u64>, String> {
        let url = self.url(&format!("blobs/sha256:{digest}"))?;
        let response = self.asker.ask(&Request::new(Method::HEAD, &url), end)?;
        Ok(response.and_then(|response| http::content_length(response.headers())))
    }

    fn put_blob(&self, digest: &Sha256, path: &Path, end: Instant) -> Result<(), String> {
        let length = fs_err::metadata(path).map_err(|error| error.to_string())?.len();
        let mut upload = self.begin_upload(end)?;
        let mut from = 0;
        while from < length {
            let part = CHUNK.min(length - from);
            let body = || {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(from))?;
                Ok(Some(Body::sized(file.take(part), part)))
            };
            upload = location(&upload, &self.put_at(&upload, Method::PATCH, &body, Some((from, part)), end)?)?;
            from += part;
        }
        upload.query_pairs_mut().append_pair("digest", &format!("sha256:{digest}"));
        self.put_at(&upload, Method::PUT, &|| Ok(Some(Body::from(""))), None, end)?;
        Ok(())
    }

    fn remove_blob(&self, digest: &Sha256, end: Instant) -> Result<bool, String> {
        let url = self.url(&format!("blobs/sha256:{digest}"))?;
        Ok(self.asker.ask(&Request::new(Method::DELETE, &url), end)?.is_some())
    }
}

impl fmt::Display for Oci {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// As the specification has it for registries that list nothing.
fn tag_for_referrers(digest: &str) -> String {
    digest.replace(':', "-")
}

/// Where an upload goes on.
fn location(asked: &Url, response: &Response) -> Result<Url, String> {
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let next = location.and_then(|location| asked.join(location).ok());
    next.ok_or_else(|| "the registry does not say where an upload goes".to_owned())
}

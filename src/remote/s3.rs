//! A bucket of S3, or of what speaks its protocol. The client is `object_store`'s, which needs an async runtime: it is this module's
//! own, and nobody else's.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fs_err::File;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, PutPayload, RetryConfig, WriteMultipart};
use reqwest::Url;
use tokio::runtime::Runtime;

use super::{Backend, LONGEST_DOCUMENT, Stream, blob_path, document_path};
use crate::artifact::Artifact;
use crate::digest::Sha256;
use crate::plan::Key;

/// How much is sent at once: the protocol's least.
const PART: usize = 5 << 20;

/// What is below a prefix in a bucket.
pub(super) struct S3 {
    shown: String,
    prefix: Path,
    client: AmazonS3,
    runtime: Arc<Runtime>,
}

impl S3 {
    /// At `s3://BUCKET/PREFIX`. `settings` are variables of AWS' own tools: AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL ...
    pub(super) fn at(address: &Url, settings: &BTreeMap<String, String>, time_limit: Duration) -> Result<Self, String> {
        let bucket = address.host_str().ok_or("it names no bucket")?;
        let options = ClientOptions::new().with_timeout(time_limit).with_connect_timeout(time_limit.min(CONNECT));
        let retry = RetryConfig { max_retries: 2, retry_timeout: time_limit, ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::new().with_client_options(options).with_retry(retry);
        for (name, value) in settings {
            // Others of that beginning are no settings of the client.
            if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
                builder = builder.with_config(key, value);
            }
        }
        // An endpoint of one's own on this machine, as other clients of S3 take it.
        let is_plain =
            settings.iter().any(|(name, value)| name.starts_with("AWS_ENDPOINT") && value.starts_with("http:"));
        // Behind the variables: they do not say which bucket is meant.
        let client =
            builder.with_bucket_name(bucket).with_allow_http(is_plain).build().map_err(|error| error.to_string())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(Self {
            shown: format!("s3://{bucket}{}", address.path().trim_end_matches('/')),
            prefix: Path::from(address.path()),
            client,
            runtime: Arc::new(runtime.map_err(|error| error.to_string())?),
        })
    }

    fn path(&self, path: &str) -> Path {
        path.split('/').fold(self.prefix.clone(), |whole, part| whole.child(part))
    }

    /// What the client does, until `end`.
    fn until<T>(&self, end: Instant, done: impl Future<Output = object_store::Result<T>>) -> Result<Option<T>, String> {
        let left = end.saturating_duration_since(Instant::now());
        match self.runtime.block_on(async { tokio::time::timeout(left, done).await }) {
            Ok(done) => present(done),
            Err(_) => Err("it took longer than the remote's time limit".to_owned()),
        }
    }

    fn get(&self, path: &str, end: Instant) -> Result<Option<Body>, String> {
        let found = self.until(end, self.client.get(&self.path(path)))?;
        let runtime = self.runtime.clone();
        Ok(found.map(|found| Body { chunks: found.into_stream(), current: Default::default(), runtime, end }))
    }

    fn remove(&self, path: &str, end: Instant) -> Result<bool, String> {
        let path = self.path(path);
        // The protocol says yes to removing what is not there.
        if self.until(end, self.client.head(&path))?.is_none() {
            return Ok(false);
        }
        Ok(self.until(end, self.client.delete(&path))?.is_some())
    }
}

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

impl Backend for S3 {
    fn document(&self, key: &Key, end: Instant) -> Result<Option<Vec<u8>>, String> {
        let Some(body) = self.get(&document_path(key), end)? else { return Ok(None) };
        let mut document = Vec::new();
        body.take(LONGEST_DOCUMENT + 1).read_to_end(&mut document).map_err(|error| error.to_string())?;
        Ok(Some(document))
    }

    fn put_document(&self, artifact: &Artifact, document: &[u8], end: Instant) -> Result<(), String> {
        let path = self.path(&document_path(&artifact.toolchain.key));
        let put = self.until(end, self.client.put(&path, PutPayload::from(document.to_vec())))?;
        put.map(drop).ok_or_else(|| "there is no such bucket".to_owned())
    }

    fn remove_document(&self, key: &Key, end: Instant) -> Result<bool, String> {
        self.remove(&document_path(key), end)
    }

    fn blob(&self, digest: &Sha256, _: u64, end: Instant) -> Result<Option<Stream>, String> {
        Ok(self.get(&blob_path(digest), end)?.map(|body| Box::new(body) as Stream))
    }

    fn blob_size(&self, digest: &Sha256, end: Instant) -> Result<Option<u64>, String> {
        let found = self.until(end, self.client.head(&self.path(&blob_path(digest))))?;
        Ok(found.map(|found| found.size))
    }

    fn put_blob(&self, digest: &Sha256, path: &FilePath, end: Instant) -> Result<(), String> {
        let mut file = File::open(path).map_err(|error| error.to_string())?;
        let place = self.path(&blob_path(digest));
        self.runtime.block_on(async {
            let upload = self.client.put_multipart(&place).await.map_err(|error| told(&error))?;
            let mut upload = WriteMultipart::new_with_chunk_size(upload, PART);
            let mut part = vec![0; 1 << 18];
            loop {
                let count = file.read(&mut part).map_err(|error| error.to_string())?;
                if count == 0 || Instant::now() >= end {
                    break;
                }
                upload.wait_for_capacity(1).await.map_err(|error| told(&error))?;
                upload.write(&part[..count]);
            }
            if Instant::now() >= end {
                let _ = upload.abort().await;
                return Err("it took longer than the remote's time limit".to_owned());
            }
            upload.finish().await.map(drop).map_err(|error| told(&error))
        })
    }

    fn remove_blob(&self, digest: &Sha256, end: Instant) -> Result<bool, String> {
        self.remove(&blob_path(digest), end)
    }
}

impl fmt::Display for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

fn present<T>(found: object_store::Result<T>) -> Result<Option<T>, String> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(told(&error)),
    }
}

/// In one line: servers answer in XML of several.
fn told(error: &object_store::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What comes, chunk by chunk.
struct Body {
    chunks: BoxStream<'static, object_store::Result<bytes::Bytes>>,
    current: bytes::Bytes,
    runtime: Arc<Runtime>,
    end: Instant,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            let left = self.end.saturating_duration_since(Instant::now());
            let next = self.runtime.block_on(async { tokio::time::timeout(left, self.chunks.next()).await });
            match next {
                Ok(Some(chunk)) => self.current = chunk.map_err(|error| io::Error::other(told(&error)))?,
                Ok(None) => return Ok(0),
                Err(_) => {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "it took longer than the remote's time limit"));
                }
            }
        }
        let count = buffer.len().min(self.current.len());
        buffer[..count].copy_from_slice(&self.current.split_to(count));
        Ok(count)
    }
}

//! Artifacts: what is said of a packed toolchain, by whom, and whether it is believed.
//!
//! A remote has one signed document for each key. It binds the key, and what the toolchain is made of, to the archive's digest and size, with a
//! sequence number and a day on which it ends, so that nobody who keeps the remote can hand out other bytes, another toolchain's, or an old one's
//! again. `tests/cache/trust.rs` tries each.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::digest::Sha256;
use crate::plan::Key;
use crate::store::Manifest;
use crate::trust::{Distrust, KeyError, PublicKey, Signed, SigningKey, plain};

/// What documents of this kind say they are: a key may sign others too.
const KIND: &str = "muslchain artifact";

/// The newest format of the document that this program knows.
const SCHEMA: u32 = 1;

/// A packed toolchain. The document that is signed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Artifact {
    kind: String,
    schema: u32,
    /// What the toolchain is made of, and by whom: it is not in the archive, which is the same whoever builds it.
    pub toolchain: Manifest,
    /// The archive's digest.
    pub digest: Sha256,
    /// The archive's size in bytes.
    pub size: u64,
    /// Grows from each signing to the next.
    pub sequence: u64,
    /// The second from which on it is not believed any more, counted from 1970.
    pub expires: u64,
}

/// Why what a remote says of a key is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its signature.
    #[error(transparent)]
    Distrust(#[from] Distrust),
    /// It is no document of this kind.
    #[error("it is no artifact's manifest ({})", plain(.0))]
    Form(String),
    /// It is in a format of the future.
    #[error("a newer muslchain signed it: use that one")]
    Newer,
    /// It is another toolchain's.
    #[error("it is the manifest of another toolchain, {}", plain(.0))]
    Other(String),
    /// It has ended.
    #[error("it expired on {0}; whoever signed it signs it anew with `muslchain cache push`")]
    Expired(String),
    /// It holds something else than the project's lock says.
    #[error("its contents are sha256:{found}, and toolchains.lock says sha256:{locked}")]
    NotLocked {
        /// The digest of its list of contents.
        found: Sha256,
        /// The locked one.
        locked: Sha256,
    },
    /// One that came later was seen.
    #[error("it is older than what was seen before (sequence {found}, {seen} was seen): somebody took it back")]
    Older {
        /// Its sequence.
        found: u64,
        /// The highest one that was seen of this key.
        seen: u64,
    },
}

/// Whose signatures count.
#[derive(Debug, Clone, Copy)]
pub enum Trust<'a> {
    /// Those of these keys.
    Keys(&'a [PublicKey]),
    /// Nobody's: everything is taken as it is.
    Anybody,
}

impl Artifact {
    /// For the archive of `toolchain`, which has that digest and size.
    pub fn new(toolchain: Manifest, (digest, size): (Sha256, u64), sequence: u64, expires: u64) -> Self {
        Self { kind: KIND.to_owned(), schema: SCHEMA, toolchain, digest, size, sequence, expires }
    }

    /// The document `bytes`, if it is believed to be that of `key`. `seen` is the highest sequence of this key that was ever believed.
    pub fn believe(
        bytes: &[u8],
        key: &Key,
        trust: Trust<'_>,
        seen: Option<u64>,
        now: SystemTime,
    ) -> Result<Self, Refusal> {
        let signed = Signed::read(bytes)?;
        let payload = match trust {
            Trust::Keys(keys) => signed.verify(keys)?,
            Trust::Anybody => &signed.payload,
        };
        let artifact = Self::read(payload)?;
        if artifact.toolchain.key != *key {
            return Err(Refusal::Other(artifact.toolchain.name));
        }
        if artifact.expires <= seconds(now) {
            return Err(Refusal::Expired(artifact.expiry()));
        }
        match seen {
            Some(seen) if artifact.sequence < seen => Err(Refusal::Older { found: artifact.sequence, seen }),
            _ => Ok(artifact),
        }
    }

    /// What the document `bytes` says, if one of these keys signed it.
    pub fn signed_by(bytes: &[u8], keys: &[PublicKey]) -> Option<Self> {
        Self::read(Signed::read(bytes).ok()?.verify(keys).ok()?).ok()
    }

    /// What the document `bytes` says, whoever signed it. For those who do not act on it.
    pub fn claimed(bytes: &[u8]) -> Result<Self, Refusal> {
        Self::read(&Signed::read(bytes)?.payload)
    }

    fn read(payload: &str) -> Result<Self, Refusal> {
        #[derive(Deserialize)]
        struct Format {
            kind: String,
            schema: u32,
        }
        let form = |error: serde_json::Error| Refusal::Form(error.to_string());
        let format: Format = serde_json::from_str(payload).map_err(form)?;
        match format.kind == KIND {
            false => Err(Refusal::Form(format!("its kind is `{}`", format.kind))),
            true if format.schema > SCHEMA => Err(Refusal::Newer),
            true => serde_json::from_str(payload).map_err(form),
        }
    }

    /// The document as it is kept at a remote, signed if there is somebody to sign it.
    pub fn document(&self, signer: Option<&SigningKey>) -> Result<Vec<u8>, KeyError> {
        let payload = serde_json::to_string_pretty(self).expect("numbers and texts always serialise");
        let signed = match signer {
            Some(signer) => signer.sign(payload, &format!("{} {}", self.toolchain.name, self.sequence))?,
            None => Signed { payload, signatures: Vec::new() },
        };
        let mut bytes = serde_json::to_vec_pretty(&signed).expect("texts always serialise");
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The day on which it ends, as people read it.
    pub fn expiry(&self) -> String {
        let end = UNIX_EPOCH.checked_add(Duration::from_secs(self.expires));
        // What lies beyond is no date that anybody reads.
        let shown = end.filter(|_| self.expires < 253_402_300_800).map(humantime::format_rfc3339_seconds);
        shown.map_or_else(|| "no day".to_owned(), |shown| shown.to_string())
    }
}

/// Seconds since 1970.
pub fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

//! What the store remembers beside its toolchains.

use std::collections::BTreeMap;
use std::io::Write;

use super::{Store, StoreError, json, read_json};
use crate::event::Silent;
use crate::plan::Key;
use crate::source::Source;
use crate::whole;

/// The record of moving versions.
const RESOLVED_FILE: &str = "resolved.json";

/// The record of signed manifests.
const SEQUENCES_FILE: &str = "sequences.json";

impl Store {
    /// The sources that moving versions were resolved to.
    pub fn resolved(&self) -> Result<Vec<Source>, StoreError> {
        Ok(read_json(&self.root.join(RESOLVED_FILE))?.unwrap_or_default())
    }

    /// Records what a moving version was resolved to, in place of an earlier record.
    pub fn record_resolved(&self, source: &Source) -> Result<(), StoreError> {
        let _lock = self.lock("resolved", "the record of moving versions", &Silent)?;
        let mut known = self.resolved()?;
        known.retain(|other| other.name != source.name);
        known.push(source.clone());
        Ok(whole::write(&self.root.join(RESOLVED_FILE), |file| file.write_all(&json(&known)?))?)
    }

    /// The highest sequence of a signed manifest of this key that came from this remote and was acted on.
    pub fn sequence(&self, remote: &str, key: &Key) -> Result<Option<u64>, StoreError> {
        Ok(self.sequences()?.get(remote).and_then(|keys| keys.get(&key.to_string())).copied())
    }

    /// Records that a signed manifest of this key, from this remote, was acted on.
    pub fn record_sequence(&self, remote: &str, key: &Key, sequence: u64) -> Result<(), StoreError> {
        let _lock = self.lock("sequences", "the record of signed manifests", &Silent)?;
        let mut known = self.sequences()?;
        let highest = known.entry(remote.to_owned()).or_default().entry(key.to_string()).or_default();
        if *highest >= sequence {
            return Ok(());
        }
        *highest = sequence;
        Ok(whole::write(&self.root.join(SEQUENCES_FILE), |file| file.write_all(&json(&known)?))?)
    }

    /// By remote, then by key.
    fn sequences(&self) -> Result<BTreeMap<String, BTreeMap<String, u64>>, StoreError> {
        Ok(read_json(&self.root.join(SEQUENCES_FILE))?.unwrap_or_default())
    }
}

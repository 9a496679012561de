//! What a transfer tells while it runs.

use std::time::{Duration, Instant};

use super::VerifiedFile;
use crate::event::{Event, Observer};

/// Least time between two reports of one file: more often than an eye follows is waste.
pub(super) const INTERVAL: Duration = Duration::from_millis(100);

/// Tells an observer of one transfer: its start, how far it is, its end.
pub(super) struct Progress<'a> {
    observer: &'a dyn Observer,
    file: &'a str,
    origin: &'a str,
    total: Option<u64>,
    have: u64,
    last: Instant,
}

impl<'a> Progress<'a> {
    /// Tells that the transfer begins with `have` bytes here.
    pub(super) fn start(
        observer: &'a dyn Observer,
        file: &'a str,
        origin: &'a str,
        have: u64,
        total: Option<u64>,
    ) -> Self {
        observer.event(Event::DownloadStarted { file, origin, have, total });
        Self { observer, file, origin, total, have, last: Instant::now() }
    }

    /// Tells that `have` bytes are here, unless that is no news or it told so a moment ago.
    pub(super) fn at(&mut self, have: u64) {
        if have != self.have && self.last.elapsed() >= INTERVAL {
            self.have = have;
            self.last = Instant::now();
            self.observer.event(Event::DownloadProgress { file: self.file, have, total: self.total });
        }
    }

    /// Tells that the file is here and is the right one, and hands it on.
    pub(super) fn done(self, file: VerifiedFile) -> VerifiedFile {
        self.observer.event(Event::DownloadDone { file: self.file, origin: self.origin });
        file
    }
}

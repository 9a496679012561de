//! What the library tells while it works. It never prints: whoever calls it passes an
//! [`Observer`], and the terminal is that one's affair.

use std::path::Path;
use std::time::Duration;

/// Something that happened. Texts are borrowed: an observer copies what it wants to keep.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// Something begins that takes seconds and shows nothing of itself.
    Busy {
        /// What is done, in words: `looking for ...`.
        doing: &'a str,
    },
    /// A transfer of `file` begins at `origin`; `have` bytes of it are here from an earlier run.
    DownloadStarted {
        /// The file's name.
        file: &'a str,
        /// Where it comes from, as the user knows it: a URL, a folder, `the distribution's archive`.
        origin: &'a str,
        /// Bytes that are here already.
        have: u64,
        /// The file's size in bytes, where known.
        total: Option<u64>,
    },
    /// `have` bytes of `file` are here.
    DownloadProgress {
        /// The file's name.
        file: &'a str,
        /// Bytes here now.
        have: u64,
        /// The file's size in bytes, where known.
        total: Option<u64>,
    },
    /// `file` is complete and its digest is the pinned one.
    DownloadDone {
        /// The file's name.
        file: &'a str,
        /// Where it came from.
        origin: &'a str,
    },
    /// A transfer broke in a way that may pass; it is tried again at the same origin.
    DownloadRetry {
        /// The file's name.
        file: &'a str,
        /// Where it is tried again.
        origin: &'a str,
        /// What happened.
        reason: &'a str,
        /// How long is waited first.
        after: Duration,
    },
    /// An origin could not supply `file`; the next one is asked.
    OriginFailed {
        /// The file's name.
        file: &'a str,
        /// The origin that failed.
        origin: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// A source is unpacked into a work tree.
    Unpacking {
        /// The toolchain's triple.
        toolchain: &'a str,
        /// The file's name.
        file: &'a str,
    },
    /// Another process holds the lock that is needed; it is waited for.
    Waiting {
        /// What is locked, in words.
        what: &'a str,
        /// Who holds it, in words.
        holder: &'a str,
    },
    /// A stage was finished by an earlier run and is not run again.
    StageReused {
        /// The toolchain's triple.
        toolchain: &'a str,
        /// The stage's name.
        stage: &'a str,
    },
    /// A stage begins.
    StageStarted {
        /// The toolchain's triple.
        toolchain: &'a str,
        /// The stage's name.
        stage: &'a str,
        /// Its place in the recipe, from 1.
        number: usize,
        /// How many stages the recipe has.
        count: usize,
        /// Where its output goes.
        log: &'a Path,
    },
    /// Progress of the whole build.
    BuildProgress {
        /// The toolchain's triple.
        toolchain: &'a str,
        /// What is done of the work that the recipe expects in all, from 0 to 1.
        share: f64,
    },
    /// A stage ended well.
    StageDone {
        /// The toolchain's triple.
        toolchain: &'a str,
        /// The stage's name.
        stage: &'a str,
        /// How long it took.
        elapsed: Duration,
    },
    /// The whole toolchain is built.
    BuildDone {
        /// The toolchain's triple.
        toolchain: &'a str,
    },
    /// What a remote offers is not taken. The user hears of it even where little is told.
    Refused {
        /// The toolchain's name.
        file: &'a str,
        /// What, by whom, and why.
        why: &'a str,
    },
    /// One line that the user should read: a fall-back that was taken, a limit that was met.
    Note(&'a str),
}

/// Receives events, from several threads at once.
pub trait Observer: Sync {
    /// Takes note of one event. Must not block for long: the work waits meanwhile.
    fn event(&self, event: Event<'_>);
}

/// An observer that ignores everything.
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _: Event<'_>) {}
}

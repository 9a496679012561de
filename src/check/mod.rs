//! Will a program run, where, and why not: what follows from the facts in its file.
//!
//! A finding that fails is one for which the program will not run, or not where it was meant to.
//! One that warns makes it fail in some cases, one that notes tells what it expects around it. What a
//! file does not state is never held against it.

mod archive;
mod distribution;
mod image;
mod libc;
mod port;
mod program;

use serde::Serialize;

pub use archive::ArchiveFacts;
pub use distribution::Distributions;
pub use libc::Libc;
pub use port::{cpu_arch, endian_words, float_words};

use crate::elf::input::Input;
use crate::elf::{self, Content, Elf, ElfError, Kind};
use crate::target::{Port, Target, Targets};

/// What the user wants the file to be for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The target.
    pub target: &'a Target,
    /// The port, where one was named.
    pub port: Option<&'a Port>,
}

impl Wanted<'_> {
    /// The port's name, or else the target's.
    pub fn name(&self) -> &str {
        self.port.map_or(&self.target.triple, |port| &port.name)
    }
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It will not run, or not where it should.
    Fails,
    /// It fails in some cases.
    Warns,
    /// It expects something around it.
    Notes,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// What it is about: a word, or some with hyphens.
    pub topic: &'static str,
    /// What it is, in a sentence.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

impl Finding {
    fn new(level: Level, topic: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { level, topic, what: what.into(), remedy: remedy.into() }
    }
}

/// What a file is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// An ELF file.
    Elf(Box<Elf>),
    /// An archive of objects.
    Archive(ArchiveFacts),
}

/// All that is known of a file.
#[derive(Debug)]
pub struct Report {
    /// What it is.
    pub subject: Subject,
    /// The C library in it, or around it.
    pub libc: Libc,
    /// The ports that it fits, the one that describes it best first.
    pub ports: Vec<String>,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
}

/// Reads a file and judges it; `targets` are the ports that there are.
pub fn check(input: Input<'_>, targets: &Targets, wanted: Option<Wanted<'_>>) -> Result<Report, ElfError> {
    let mut report = match elf::read(input)? {
        Content::Elf(elf) => program::judge(elf, targets, wanted),
        Content::Archive(archive) => archive::judge(archive, targets, wanted),
    };
    report.findings.sort_by_key(|finding| finding.level);
    Ok(report)
}

impl Report {
    /// Whether it will do; warnings count where `strict`.
    pub fn is_ok(&self, strict: bool) -> bool {
        self.failures(strict).next().is_none()
    }

    /// The verdict in a line.
    pub fn verdict(&self, strict: bool) -> String {
        let mut topics: Vec<String> = self.failures(strict).map(|finding| finding.topic.replace('-', " ")).collect();
        topics.dedup();
        if !topics.is_empty() {
            return format!("will not do: {}", topics.join(", "));
        }
        let port = self.ports.first().map(String::as_str);
        match (&self.subject, port) {
            (Subject::Elf(elf), Some(port)) if elf.is_program() => format!("ok, runs on any {port}"),
            (Subject::Elf(elf), None) if elf.is_program() => {
                "ok, static, for a CPU or ABI that no port names".to_owned()
            }
            (Subject::Elf(elf), Some(port)) if elf.kind == Kind::Object => format!("ok, an object for {port}"),
            (Subject::Archive(_), Some(port)) => format!("ok, an archive for {port}"),
            (_, None | Some(_)) => "ok, for a CPU or ABI that no port names".to_owned(),
        }
    }

    fn failures(&self, strict: bool) -> impl Iterator<Item = &Finding> {
        let worst = if strict { Level::Warns } else { Level::Fails };
        self.findings.iter().filter(move |finding| finding.level <= worst)
    }
}

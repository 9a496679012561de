//! Goes through an archive's entries and decides what becomes of each.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rustix::fs::Timespec;
use tar::{Archive, Entries, Entry, EntryType};

use super::Unpacked;
use super::error::{Failure, Refusal, UnpackError, read_error};
use super::name::{self, components};
use super::stream::{Format, Meter, Metered, tar_stream};
use super::tree::{FileMeta, Tree};
use crate::recipe::Selection;
use crate::source::Source;

/// What an archive may come to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Bytes of content, skipped content included.
    pub(super) bytes: u64,
    /// Entries, plus the folders that were made: an entry can imply many.
    pub(super) entries: u64,
    /// Bytes of one entry's headers: long names and extended attributes are kept in memory.
    pub(super) header: u64,
}

impl Limits {
    /// The limits for a source. The Linux tree, the largest, has 90 000 entries.
    pub(super) fn of(source: &Source) -> Self {
        Self { bytes: source.unpacked_bound(), entries: 2_000_000, header: 1 << 20 }
    }
}

type Stream<'m> = Metered<'m, Box<dyn Read + 'm>>;

/// Unpacks what `selection` says of the archive at `path`, which is what `source` describes, into the empty folder `into`.
pub(super) fn extract(
    path: &Path,
    source: &Source,
    selection: &Selection,
    into: &Path,
    limits: Limits,
) -> Result<Unpacked, UnpackError> {
    let format = Format::of(&source.file)?;
    let reader = File::open(path).map_err(|source| UnpackError::Read { archive: path.to_owned(), source })?;
    let mut extraction = Extraction {
        archive: path.to_owned(),
        tree: Tree::open(into)?,
        limits,
        seen: 0,
        content: 0,
        only: parts_of(&selection.only),
        without: parts_of(&selection.without),
        done: Unpacked { entries: 0, bytes: 0 },
    };
    match &source.nested {
        None => extraction.all(format, reader)?,
        Some(nested) => extraction.nested(nested, format, reader)?,
    }
    match extraction.only.iter().find(|part| !part.found) {
        Some(part) => Err(UnpackError::PartMissing { archive: extraction.archive, part: part.path.clone() }),
        None => Ok(extraction.done),
    }
}

fn parts_of(paths: &[String]) -> Vec<Part> {
    paths.iter().map(|path| Part::of(path)).collect()
}

/// A part of a tree, wanted or not.
struct Part {
    path: String,
    /// Whether anything of it was there.
    found: bool,
}

impl Part {
    fn of(path: &str) -> Self {
        Self { path: path.to_owned(), found: false }
    }

    /// Whether the name `at`, in components, is at or below it.
    fn holds(&self, at: &[&[u8]]) -> bool {
        let own: Vec<&[u8]> = self.path.split('/').map(str::as_bytes).collect();
        at.starts_with(&own)
    }
}

struct Extraction {
    /// For messages: the file, and within it the nested archive.
    archive: PathBuf,
    tree: Tree,
    limits: Limits,
    /// Entries so far, those of the outer archive included.
    seen: u64,
    /// Bytes of content so far, skipped content included.
    content: u64,
    /// The parts that are wanted; all if there are none.
    only: Vec<Part>,
    /// The parts that are not.
    without: Vec<Part>,
    done: Unpacked,
}

impl Extraction {
    /// Finds the entry `wanted` and unpacks the archive that it is.
    fn nested(&mut self, wanted: &str, format: Format, reader: impl Read) -> Result<(), UnpackError> {
        let inner_format = Format::of(wanted)?;
        let meter = Meter::default();
        let mut archive = Archive::new(meter.watch(tar_stream(format, reader, &self.archive)?));
        let mut entries = archive.entries().map_err(|error| read_error(&self.archive, error))?;
        while let Some(mut entry) = self.next(&mut entries, &meter)? {
            let found = {
                let name = entry.path_bytes();
                name.strip_prefix(b"./").unwrap_or(&name) == wanted.as_bytes()
            };
            if found && is_file(entry.header().entry_type()) {
                self.archive.push(wanted);
                return self.all(inner_format, entry);
            }
            self.skip(&mut entry)?;
        }
        Err(UnpackError::NestedMissing { archive: self.archive.clone(), nested: wanted.to_owned() })
    }

    /// Unpacks every entry.
    fn all(&mut self, format: Format, reader: impl Read) -> Result<(), UnpackError> {
        let meter = Meter::default();
        let mut archive = Archive::new(meter.watch(tar_stream(format, reader, &self.archive)?));
        let mut entries = archive.entries().map_err(|error| read_error(&self.archive, error))?;
        let mut top = match format {
            Format::Deb => Top::Kept,
            Format::Tar(_) => Top::Unknown,
        };
        while let Some(mut entry) = self.next(&mut entries, &meter)? {
            if entry.header().entry_type() != EntryType::XGlobalHeader {
                let unpacked = self.one(&mut entry, &mut top);
                unpacked.map_err(|failure| failure.of_entry(&self.archive, &name::path(&entry.path_bytes())))?;
            }
            self.skip(&mut entry)?;
        }
        Ok(())
    }

    /// The next entry, its size within the bounds; nothing at the end marker.
    fn next<'a, 'm>(
        &mut self,
        entries: &mut Entries<'a, Stream<'m>>,
        meter: &Meter,
    ) -> Result<Option<Entry<'a, Stream<'m>>>, UnpackError> {
        meter.allow(self.limits.header);
        let entry = match entries.next() {
            Some(Ok(entry)) => entry,
            _ if meter.ended() => return Err(UnpackError::Truncated { archive: self.archive.clone() }),
            Some(Err(error)) => return Err(read_error(&self.archive, error)),
            None => return Ok(None),
        };
        meter.allow(u64::MAX);
        self.seen += 1;
        self.content = self.content.saturating_add(entry.size());
        let Limits { bytes: bound, entries: limit, .. } = self.limits;
        let refusal = if self.content > bound {
            Refusal::TooManyBytes { bound }
        } else if self.seen.saturating_add(self.tree.folders()) > limit {
            Refusal::TooManyEntries { limit }
        } else {
            return Ok(Some(entry));
        };
        Err(Failure::from(refusal).of_entry(&self.archive, &name::path(&entry.path_bytes())))
    }

    /// Passes over what is unread of an entry.
    fn skip(&self, entry: &mut impl Read) -> Result<(), UnpackError> {
        io::copy(entry, &mut io::sink()).map(drop).map_err(|error| read_error(&self.archive, error))
    }

    fn is_wanted(&mut self, at: &[&[u8]]) -> bool {
        let mut wanted = self.only.is_empty();
        for part in self.only.iter_mut().filter(|part| part.holds(at)) {
            (part.found, wanted) = (true, true);
        }
        wanted && !self.without.iter().any(|part| part.holds(at))
    }

    fn one<R: Read>(&mut self, entry: &mut Entry<'_, R>, top: &mut Top) -> Result<(), Failure> {
        let kind = entry.header().entry_type();
        let modified = modified(entry)?;
        let written = entry.path_bytes().into_owned();
        let named = components(&written)?;
        // Archives from before POSIX mark a folder by the slash only.
        let folder = kind == EntryType::Directory || is_file(kind) && written.ends_with(b"/");
        if named.is_empty() {
            return if folder { Ok(()) } else { Err(Refusal::TopIsNoFolder.into()) };
        }
        let at = top.strip(&named)?;
        if at.is_empty() && !folder {
            return Err(Refusal::TopIsNoFolder.into());
        }
        if !self.is_wanted(at) {
            return Ok(());
        }
        self.done.entries += 1;
        match kind {
            _ if folder => self.tree.folder(at),
            _ if is_file(kind) => {
                let executable = entry.header().mode().map_err(Failure::Read)? & 0o100 != 0;
                let size = entry.size();
                self.tree.file(at, FileMeta { size, executable, modified }, entry)?;
                self.done.bytes += size;
                Ok(())
            }
            EntryType::Symlink => self.tree.symlink(at, &link_target(entry)),
            EntryType::Link => {
                let target = link_target(entry).into_owned();
                let leaves = || Refusal::HardLinkLeaves { target: name::path(&target) };
                let named = components(&target).map_err(|refusal| match refusal {
                    Refusal::Absolute | Refusal::Parent => leaves(),
                    other => other,
                })?;
                let to = if named.is_empty() { &[][..] } else { top.strip(&named).map_err(|_| leaves())? };
                self.tree.hard_link(at, to, &target)
            }
            EntryType::Char => Err(Refusal::Special { kind: "character device" }.into()),
            EntryType::Block => Err(Refusal::Special { kind: "block device" }.into()),
            EntryType::Fifo => Err(Refusal::Special { kind: "named pipe" }.into()),
            other => {
                let kind = format!("type `{}`", other.as_byte().escape_ascii());
                Err(Refusal::Unsupported { kind }.into())
            }
        }
    }
}

/// The one folder that all entries of a tarball are in.
enum Top {
    /// There is none to strip.
    Kept,
    /// No entry was seen yet.
    Unknown,
    /// The first entry's.
    Known(Vec<u8>),
}

impl Top {
    /// The name below the top-level folder, which the first name decides.
    fn strip<'a, 'n>(&mut self, named: &'a [&'n [u8]]) -> Result<&'a [&'n [u8]], Refusal> {
        let Some((first, below)) = named.split_first() else { return Ok(named) };
        match self {
            Self::Kept => Ok(named),
            Self::Known(top) if top == first => Ok(below),
            Self::Known(top) => Err(Refusal::SecondTop { top: name::path(top) }),
            Self::Unknown => {
                *self = Self::Known(first.to_vec());
                Ok(below)
            }
        }
    }
}

fn is_file(kind: EntryType) -> bool {
    matches!(kind, EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse)
}

fn link_target<'e, R: Read>(entry: &'e Entry<'_, R>) -> Cow<'e, [u8]> {
    entry.link_name_bytes().unwrap_or_default()
}

/// When the entry was modified: the header's seconds, or a pax record's finer time. Refuses what only a pax record
/// tells and would be lost.
fn modified<R: Read>(entry: &mut Entry<'_, R>) -> Result<Timespec, Failure> {
    let seconds = entry.header().mtime().map_err(Failure::Read)?;
    let mut modified = Timespec { tv_sec: seconds as i64, tv_nsec: 0 };
    if let Some(records) = entry.pax_extensions().map_err(Failure::Read)? {
        for record in records {
            let record = record.map_err(Failure::Read)?;
            if record.key_bytes().starts_with(b"GNU.sparse.") {
                return Err(Refusal::Unsupported { kind: "a sparse file in the pax form".into() }.into());
            }
            if record.key_bytes() == b"mtime" {
                let time = record.value().ok().and_then(parse_time);
                modified = time.ok_or_else(|| Failure::Read(invalid("a pax record's mtime is no number")))?;
            }
        }
    }
    Ok(modified)
}

/// A pax time: decimal seconds since 1970, perhaps negative, perhaps with a fraction.
fn parse_time(text: &str) -> Option<Timespec> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let seconds: i64 = whole.parse().ok()?;
    let nanoseconds: i64 = format!("{fraction:0<9.9}").parse().ok()?;
    Some(match nanoseconds {
        1.. if whole.starts_with('-') => {
            Timespec { tv_sec: seconds.checked_sub(1)?, tv_nsec: 1_000_000_000 - nanoseconds }
        }
        _ => Timespec { tv_sec: seconds, tv_nsec: nanoseconds },
    })
}

fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extract_within(entries: u64) -> Result<u64, String> {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = tar::Builder::new(File::create(folder.path().join("x.tar")).unwrap());
        for name in ["t/a/b/c", "t/a/b/c", "t/a/b/d"] {
            let mut header = tar::Header::new_gnu();
            header.set_size(0);
            header.set_mode(0o644);
            header.set_mtime(0);
            archive.append_data(&mut header, name, io::empty()).unwrap();
        }
        archive.into_inner().unwrap();
        let source = "name = 'x'\nversion = '1'\nfile = 'x.tar'\nlicence = 'MIT'\nsha256 = '";
        let source = toml::from_str(&format!("{source}{}'", "0".repeat(64))).unwrap();
        let into = folder.path().join("tree");
        std::fs::create_dir(&into).unwrap();
        let limits = Limits { entries, ..Limits::of(&source) };
        let unpacked = extract(&folder.path().join("x.tar"), &source, &Selection::default(), &into, limits);
        unpacked.map(|unpacked| unpacked.entries).map_err(|error| error.to_string())
    }

    #[test]
    fn entries_and_the_folders_that_they_imply_are_bounded() {
        assert_eq!(extract_within(5), Ok(3));
        let error = extract_within(4).unwrap_err();
        assert!(error.ends_with("refused entry \"t/a/b/d\": more than 4 entries"), "{error}");
    }

    #[test]
    fn pax_times() {
        let time = |text| parse_time(text).map(|time| (time.tv_sec, time.tv_nsec));
        assert_eq!(time("12"), Some((12, 0)));
        assert_eq!(time("12.5"), Some((12, 500_000_000)));
        assert_eq!(time("12.1234567891"), Some((12, 123_456_789)));
        assert_eq!(time("-1.25"), Some((-2, 750_000_000)));
        assert_eq!(time("-0.25"), Some((-1, 750_000_000)));
        for wrong in ["", ".5", "1.x", "1e9", "99999999999999999999"] {
            assert_eq!(time(wrong), None, "{wrong}");
        }
    }
}

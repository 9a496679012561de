//! A toolchain as one file: the same bytes for the same toolchain, anywhere.
//!
//! The file is a tar archive in zstd frames of [`FRAME`] bytes each, so that they can be compressed and decompressed at the same
//! time. In the archive, below a folder that is called as the toolchain is: the manifest, the list of contents, then
//! every entry of the list in its order, with owners, times and modes that say nothing of this machine. What is one file
//! under several names stays one.
//!
//! Guarantee of [`unpack`]: nothing comes out but what the list of contents says, and every byte of it has its digest; the
//! list is the one that the manifest names. No path leads out of the folder, no symlink is followed, and memory has a bound. After a failure
//! the folder is the caller's to remove. `tests/install/archive.rs` has hostile archives.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use fs_err::File;
use tar::{Archive, Builder, EntryType, Header};

use crate::contents::{CONTENTS_FILE, Contents, Entry, MANIFEST_FILE};
use crate::digest::{HashingWriter, Sha256};
use crate::store::{MANIFEST_SCHEMA, Manifest, StoreError};
use crate::unpack::{Meter, Metered};

/// How much of the archive is compressed by itself.
const FRAME: usize = 4 << 20;

/// High: it is packed once.
const LEVEL: i32 = 19;

/// The most that a manifest or a list of contents may be long.
const LONGEST_RECORD: u64 = 16 << 20;

/// The most that an entry's headers may be long: long names among them.
const LONGEST_HEADER: u64 = 1 << 20;

/// What is wrong with an archive.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// It is no archive of a toolchain, or not one that can be trusted to be whole.
    #[error("{}: {message}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file system refused; the message names the path.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Writes the toolchain in `folder`, which is as `contents` says, to `out`, and returns the digest and the size of what was
/// written. `threads` compress at once.
pub fn pack(
    folder: &Path,
    manifest: &Manifest,
    contents: &Contents,
    out: impl Write,
    threads: usize,
) -> io::Result<(Sha256, u64)> {
    let frames = Frames { out: HashingWriter::new(out), waiting: Vec::new(), current: Vec::new(), threads };
    let mut builder = Builder::new(frames);
    let top = Path::new(&manifest.name);
    for name in [MANIFEST_FILE, CONTENTS_FILE] {
        append_file(&mut builder, &top.join(name), &folder.join(name), false)?;
    }
    // Of files with several names, the first one in the list's order.
    let mut first_names: BTreeMap<(u64, u64), &str> = BTreeMap::new();
    for (path, entry) in contents.iter() {
        let (name, place) = (top.join(path), folder.join(path));
        match entry {
            Entry::Folder => builder.append_data(&mut header(EntryType::Directory, 0o755, 0), &name, io::empty())?,
            Entry::Symlink(target) => {
                builder.append_link(&mut header(EntryType::Symlink, 0o777, 0), &name, target)?;
            }
            Entry::File { executable, .. } => {
                let metadata = fs_err::metadata(&place)?;
                let first = *first_names.entry((metadata.dev(), metadata.ino())).or_insert(path);
                if first == path {
                    append_file(&mut builder, &name, &place, *executable)?;
                } else {
                    let mode = if *executable { 0o555 } else { 0o444 };
                    builder.append_link(&mut header(EntryType::Link, mode, 0), &name, top.join(first))?;
                }
            }
        }
    }
    let (_, digest, length) = builder.into_inner()?.finish()?.finish();
    Ok((digest, length))
}

fn append_file<W: Write>(builder: &mut Builder<W>, name: &Path, file: &Path, executable: bool) -> io::Result<()> {
    let file = File::open(file)?;
    let size = file.metadata()?.len();
    let mode = if executable { 0o555 } else { 0o444 };
    builder.append_data(&mut header(EntryType::Regular, mode, size), name, file.take(size))
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

/// Compresses what is written to it, frame by frame.
struct Frames<W> {
    out: HashingWriter<W>,
    waiting: Vec<Vec<u8>>,
    current: Vec<u8>,
    threads: usize,
}

impl<W: Write> Frames<W> {
    fn flush_waiting(&mut self) -> io::Result<()> {
        let compressed = std::thread::scope(|scope| {
            let waiting = self.waiting.iter();
            let threads: Vec<_> =
                waiting.map(|frame| scope.spawn(move || zstd::bulk::compress(frame, LEVEL))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect::<io::Result<Vec<_>>>()
        })?;
        self.waiting.clear();
        compressed.iter().try_for_each(|frame| self.out.write_all(frame))
    }

    fn finish(mut self) -> io::Result<HashingWriter<W>> {
        if !self.current.is_empty() {
            self.waiting.push(std::mem::take(&mut self.current));
        }
        self.flush_waiting()?;
        self.out.flush()?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Frames<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(FRAME - self.current.len());
        self.current.extend_from_slice(&bytes[..taken]);
        if self.current.len() == FRAME {
            self.waiting.push(std::mem::replace(&mut self.current, Vec::with_capacity(FRAME)));
            if self.waiting.len() >= self.threads {
                self.flush_waiting()?;
            }
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The manifest of the toolchain that the archive at `path` holds.
pub fn manifest_of(path: &Path) -> Result<Manifest, PackError> {
    let meter = Meter::default();
    let mut archive = open(path, &meter)?;
    let mut entries = archive.entries().map_err(|error| wrong(path, &error))?;
    let (manifest, _) = read_manifest(path, &mut entries, &meter)?;
    Ok(manifest)
}

/// Unpacks the toolchain that the archive at `path` holds into the empty folder `into`, without manifest and list.
pub fn unpack(path: &Path, into: &Path) -> Result<(Manifest, Contents), PackError> {
    let meter = Meter::default();
    let mut archive = open(path, &meter)?;
    let mut entries = archive.entries().map_err(|error| wrong(path, &error))?;
    let (manifest, top) = read_manifest(path, &mut entries, &meter)?;
    let contents = read_contents(path, &mut entries, &meter, &top, &manifest)?;
    check_paths(path, &contents)?;
    let list: BTreeMap<&str, &Entry> = contents.iter().collect();
    let mut left: BTreeSet<&str> = list.keys().copied().collect();
    while let Some(entry) = next(&mut entries, &meter) {
        let mut entry = entry.map_err(|error| wrong(path, &error))?;
        let name = name_of(path, &entry, &top)?;
        let Some((&name, said)) = list.get_key_value(&*name).filter(|_| left.contains(&*name)) else {
            return Err(wrong(path, &format!("`{name}` is not in its list of contents, or twice in it")));
        };
        write_entry(&mut entry, said, name, &list, &top, into)
            .map_err(|error| wrong(path, &format!("`{name}`: {error}")))?;
        left.remove(name);
    }
    match left.first() {
        Some(missing) => Err(wrong(path, &format!("it ends without `{missing}`"))),
        None => Ok((manifest, contents)),
    }
}

type Stream<'m> = Metered<'m, zstd::Decoder<'static, io::BufReader<File>>>;

fn open<'m>(path: &Path, meter: &'m Meter) -> Result<Archive<Stream<'m>>, PackError> {
    let decoder = zstd::Decoder::new(File::open(path)?).map_err(|error| wrong(path, &error))?;
    Ok(Archive::new(meter.watch(decoder)))
}

/// The next entry. Its headers, which are kept in memory, have a bound; what is read of its content has its own.
fn next<'a, 'm>(
    entries: &mut tar::Entries<'a, Stream<'m>>,
    meter: &Meter,
) -> Option<io::Result<tar::Entry<'a, Stream<'m>>>> {
    meter.allow(LONGEST_HEADER);
    let entry = entries.next();
    meter.allow(u64::MAX);
    entry
}

fn wrong(path: &Path, message: &impl ToString) -> PackError {
    PackError::Wrong { path: path.to_owned(), message: message.to_string() }
}

/// The manifest and the name of the folder that everything is in.
fn read_manifest(
    path: &Path,
    entries: &mut tar::Entries<'_, Stream<'_>>,
    meter: &Meter,
) -> Result<(Manifest, String), PackError> {
    let no_archive = |error: &dyn ToString| {
        wrong(path, &format!("this is no archive that `muslchain export` made ({})", error.to_string()))
    };
    let mut entry = match next(entries, meter) {
        Some(entry) => entry.map_err(|error| no_archive(&error))?,
        None => return Err(no_archive(&"it is empty")),
    };
    let name = entry.path().map_err(|error| no_archive(&error))?.into_owned();
    let top = match name.to_str().and_then(|name| name.split_once('/')) {
        Some((top, MANIFEST_FILE)) => top.to_owned(),
        _ => return Err(no_archive(&"it does not begin with a manifest")),
    };
    let bytes = read_record(&mut entry).map_err(|error| no_archive(&error))?;
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| no_archive(&error))?;
    if manifest.schema > MANIFEST_SCHEMA {
        return Err(wrong(path, &"a newer muslchain made it: use that one"));
    }
    // It would have commands written that call programs of whoever packed it.
    if manifest.host_compiler.is_some() {
        return Err(wrong(
            path,
            &"its toolchain calls a compiler of the machine that it is from, and is of no use elsewhere",
        ));
    }
    let is_plain = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._+".contains(&byte))
    };
    if manifest.name != top || !is_plain(&top) || top.starts_with('.') {
        return Err(no_archive(&"its manifest has another name than its folder"));
    }
    Ok((manifest, top))
}

fn read_contents(
    path: &Path,
    entries: &mut tar::Entries<'_, Stream<'_>>,
    meter: &Meter,
    top: &str,
    manifest: &Manifest,
) -> Result<Contents, PackError> {
    let missing = || wrong(path, &"it has no list of contents behind its manifest");
    let mut entry = next(entries, meter).ok_or_else(missing)?.map_err(|error| wrong(path, &error))?;
    if name_of(path, &entry, top)? != CONTENTS_FILE {
        return Err(missing());
    }
    let bytes = read_record(&mut entry).map_err(|error| wrong(path, &error))?;
    if Sha256::of(&bytes) != manifest.contents {
        return Err(wrong(path, &"its list of contents is not the one that its manifest names"));
    }
    serde_json::from_slice(&bytes).map_err(|error| wrong(path, &error))
}

fn read_record(entry: &mut tar::Entry<'_, Stream<'_>>) -> io::Result<Vec<u8>> {
    if entry.size() > LONGEST_RECORD {
        return Err(io::Error::other(format!("a record of {} bytes", entry.size())));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// An entry's path below the folder `top`.
fn name_of(path: &Path, entry: &tar::Entry<'_, Stream<'_>>, top: &str) -> Result<String, PackError> {
    let name = entry.path().map_err(|error| wrong(path, &error))?;
    let below = name.strip_prefix(top).ok().and_then(Path::to_str);
    below.map(str::to_owned).ok_or_else(|| wrong(path, &format!("`{}` is not below `{top}`", name.display())))
}

/// Refuses a list with a path that leads elsewhere, or one below something that is no folder.
fn check_paths(path: &Path, contents: &Contents) -> Result<(), PackError> {
    let list: BTreeMap<&str, &Entry> = contents.iter().collect();
    for (name, entry) in &list {
        let refused = |why: &str| wrong(path, &format!("`{name}`: {why}"));
        if !is_plain_path(Path::new(name)) {
            return Err(refused("its path leads out of the toolchain"));
        }
        if let Some((folder, _)) = name.rsplit_once('/')
            && !matches!(list.get(folder), Some(Entry::Folder))
        {
            return Err(refused("it is in no folder of the list"));
        }
        if let Entry::Symlink(target) = entry
            && !stays_inside(name, target)
        {
            return Err(refused("it points out of the toolchain"));
        }
    }
    Ok(())
}

fn is_plain_path(path: &Path) -> bool {
    let parts: PathBuf = path.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    parts.as_os_str() == path.as_os_str() && !path.as_os_str().is_empty()
}

/// Whether a symlink at `name` to `target` leads to a place in the folder that `name` is counted from.
fn stays_inside(name: &str, target: &str) -> bool {
    // Up first, then down: `..` behind a name leads from where that name points to, if it is a symlink.
    let parts = || Path::new(target).components().filter(|part| *part != Component::CurDir);
    let up = parts().take_while(|part| *part == Component::ParentDir).count();
    let down = parts().skip(up).all(|part| matches!(part, Component::Normal(_)));
    down && up <= name.matches('/').count()
}

fn write_entry(
    entry: &mut tar::Entry<'_, Stream<'_>>,
    said: &Entry,
    name: &str,
    list: &BTreeMap<&str, &Entry>,
    top: &str,
    into: &Path,
) -> io::Result<()> {
    let other = |what: &str| Err(io::Error::other(format!("it is {what}, and its list says otherwise")));
    let place = into.join(name);
    match (entry.header().entry_type(), said) {
        (EntryType::Directory, Entry::Folder) => {
            fs_err::create_dir(&place)?;
            fs_err::set_permissions(&place, Permissions::from_mode(0o755))
        }
        (EntryType::Symlink, Entry::Symlink(target)) => {
            let found = entry.link_name()?.unwrap_or_default();
            if found.as_os_str() != target.as_str() {
                return other("a symlink to another place");
            }
            symlink(target, &place)
        }
        (EntryType::Link, Entry::File { .. }) => {
            let found = entry.link_name()?.unwrap_or_default().into_owned();
            let first = found.strip_prefix(top).ok().and_then(Path::to_str).unwrap_or_default();
            // The list's order: what comes first is written.
            if list.get(first) != Some(&said) || first >= name {
                return other("another name of something else");
            }
            fs_err::hard_link(into.join(first), &place)
        }
        (EntryType::Regular, Entry::File { sha256, size, executable }) => {
            if entry.size() != *size {
                return other("of another size");
            }
            let file = File::create_new(&place)?;
            // Whatever the umask is.
            let mode = if *executable { 0o755 } else { 0o644 };
            fs_err::set_permissions(&place, Permissions::from_mode(mode))?;
            let mut hashing = HashingWriter::new(file);
            io::copy(entry, &mut hashing)?;
            let (_, digest, length) = hashing.finish();
            if (digest, length) != (*sha256, *size) {
                return other("not what its digest says");
            }
            Ok(())
        }
        _ => other("something else"),
    }
}

//! A toolchain as one archive: the same bytes for the same content, whoever built it and wherever it is packed.
//!
//! It is a tar archive in zstd frames ([`frames`]). In it, below a folder that is called as the toolchain is: the list of contents,
//! then every entry of the list in its order, with owners, times and modes that say nothing of this machine. What is one file under
//! several names stays one. The manifest, which says how and when it was built, is not in it: at a remote it stands in the
//! signed document, and the file that [`export`] writes has it in a frame of its own before the archive.
//!
//! Guarantee of [`unpack`] and [`import`]: nothing comes out but what the list of contents says, and every byte of it has its digest; the
//! list is the one that the manifest names. No path leads out of the folder, no symlink is followed, and memory has a bound. After a failure
//! the folder is the caller's to remove. `tests/install/archive.rs` has hostile archives.

pub mod frames;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::Ordering;

use fs_err::File;
use tar::{Builder, EntryType, Header};

use self::frames::{Decoder, Encoder};
use crate::contents::{CONTENTS_FILE, Contents, Entry, MANIFEST_FILE};
use crate::digest::{HashingWriter, Sha256};
use crate::store::{MANIFEST_SCHEMA, Manifest};
use crate::unpack::{Meter, Metered};

/// The most threads that compress or decompress at once: each takes some twenty megabytes.
const AT_ONCE: usize = 2;

/// The length of what stands at the end of a tar archive.
const END_MARK: usize = 1024;

/// The most that a manifest or a list of contents may be long.
const LONGEST_RECORD: u64 = 16 << 20;

/// The most that an entry's headers may be long: long names among them.
const LONGEST_HEADER: u64 = 1 << 20;

/// What is wrong with an archive.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// It is no archive of a toolchain, or not one that can be trusted to be whole.
    #[error("{archive}: {message}")]
    Wrong {
        /// Where it is from, as the user knows it.
        archive: String,
        /// What is wrong.
        message: String,
    },
    /// The file system refused; the message names the path.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Writes the archive of the toolchain in `folder`, which is as `contents` says, to `out`, and returns the digest and the size of
/// what was written.
pub fn pack(folder: &Path, manifest: &Manifest, contents: &Contents, out: impl Write) -> io::Result<(Sha256, u64)> {
    let mut builder = Builder::new(Encoder::new(out, threads()));
    let top = Path::new(&manifest.name);
    append_file(&mut builder, &top.join(CONTENTS_FILE), &folder.join(CONTENTS_FILE), false)?;
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
    builder.into_inner()?.finish()
}

/// Writes the archive with the manifest before it.
pub fn export(folder: &Path, manifest: &Manifest, contents: &Contents, out: impl Write) -> io::Result<(Sha256, u64)> {
    let mut head = Builder::new(Vec::new());
    append_file(&mut head, &Path::new(&manifest.name).join(MANIFEST_FILE), &folder.join(MANIFEST_FILE), false)?;
    let mut head = head.into_inner()?;
    // The tar archive goes on behind it.
    head.truncate(head.len() - END_MARK);
    let mut out = HashingWriter::new(out);
    let mut encoder = Encoder::new(&mut out, 1);
    encoder.write_all(&head)?;
    encoder.finish()?;
    pack(folder, manifest, contents, &mut out)?;
    let (_, digest, size) = out.finish();
    Ok((digest, size))
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

/// What came out of an archive.
pub struct Unpacked {
    /// The list of what is in the toolchain's folder.
    pub contents: Contents,
    /// The archive's digest.
    pub digest: Sha256,
    /// The archive's size in bytes.
    pub size: u64,
}

/// The manifest in the file at `path`, which [`export`] wrote.
pub fn manifest_of(path: &Path) -> Result<Manifest, PackError> {
    let archive = path.display().to_string();
    let meter = Meter::default();
    let mut stream = tar::Archive::new(meter.watch(Decoder::new(File::open(path)?.into_parts().0, 1)));
    let mut entries = stream.entries().map_err(|error| wrong(&archive, &error))?;
    read_manifest(&archive, &mut entries, &meter)
}

/// Unpacks the toolchain in the file at `path`, which [`export`] wrote, into the empty folder `into`, without manifest and list.
pub fn import(path: &Path, into: &Path) -> Result<(Manifest, Contents), PackError> {
    let archive = path.display().to_string();
    let mut decoder = Decoder::new(File::open(path)?.into_parts().0, threads());
    let meter = Meter::default();
    let (manifest, contents) = {
        let mut stream = tar::Archive::new(meter.watch(&mut decoder));
        let mut entries = stream.entries().map_err(|error| wrong(&archive, &error))?;
        let manifest = read_manifest(&archive, &mut entries, &meter)?;
        let contents = write_toolchain(&archive, &mut entries, &meter, &manifest, into, &|| ())?;
        (manifest, contents)
    };
    decoder.finish().map_err(|error| wrong(&archive, &error))?;
    Ok((manifest, contents))
}

/// Unpacks the archive `stream` of the toolchain that `manifest` describes into the empty folder `into`, without its list. `archive` is
/// what the user knows it by; `progress` hears how many bytes of it were read.
///
/// The stream is read to its end and hashed; whether its digest is the right one is the caller's to say.
pub fn unpack(
    archive: &str,
    stream: impl Read + Send + 'static,
    manifest: &Manifest,
    into: &Path,
    progress: &dyn Fn(u64),
) -> Result<Unpacked, PackError> {
    check_manifest(archive, manifest)?;
    let mut decoder = Decoder::new(stream, threads());
    let position = decoder.position();
    let meter = Meter::default();
    let contents = {
        let mut stream = tar::Archive::new(meter.watch(&mut decoder));
        let mut entries = stream.entries().map_err(|error| wrong(archive, &error))?;
        let tell = || progress(position.load(Ordering::Relaxed));
        write_toolchain(archive, &mut entries, &meter, manifest, into, &tell)?
    };
    let (digest, size) = decoder.finish().map_err(|error| wrong(archive, &error))?;
    Ok(Unpacked { contents, digest, size })
}

/// How many threads compress: the bytes are the same with any number.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(AT_ONCE)
}

fn write_toolchain<R: Read>(
    archive: &str,
    entries: &mut tar::Entries<'_, Metered<'_, R>>,
    meter: &Meter,
    manifest: &Manifest,
    into: &Path,
    tell: &dyn Fn(),
) -> Result<Contents, PackError> {
    let contents = read_contents(archive, entries, meter, manifest)?;
    check_paths(archive, &contents)?;
    let top = &manifest.name;
    let list: BTreeMap<&str, &Entry> = contents.iter().collect();
    let mut left: BTreeSet<&str> = list.keys().copied().collect();
    while let Some(entry) = next(entries, meter) {
        tell();
        let mut entry = entry.map_err(|error| wrong(archive, &error))?;
        let name = name_of(archive, &entry, top)?;
        let Some((&name, said)) = list.get_key_value(&*name).filter(|_| left.contains(&*name)) else {
            return Err(wrong(archive, &format!("`{name}` is not in its list of contents, or twice in it")));
        };
        write_entry(&mut entry, said, name, &list, top, into).map_err(|error| match is_of_this_machine(&error) {
            true => PackError::Io(error),
            false => wrong(archive, &format!("`{name}`: {error}")),
        })?;
        left.remove(name);
    }
    match left.first() {
        Some(missing) => Err(wrong(archive, &format!("it ends without `{missing}`"))),
        None => Ok(contents),
    }
}

/// Whether an error has nothing to do with the archive.
fn is_of_this_machine(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem | PermissionDenied)
}

/// The next entry. Its headers, which are kept in memory, have a bound; what is read of its content has its own.
fn next<'a, 'm, R: Read>(
    entries: &mut tar::Entries<'a, Metered<'m, R>>,
    meter: &Meter,
) -> Option<io::Result<tar::Entry<'a, Metered<'m, R>>>> {
    meter.allow(LONGEST_HEADER);
    let entry = entries.next();
    meter.allow(u64::MAX);
    entry
}

fn wrong(archive: &str, message: &impl ToString) -> PackError {
    PackError::Wrong { archive: archive.to_owned(), message: message.to_string() }
}

fn read_manifest<R: Read>(
    archive: &str,
    entries: &mut tar::Entries<'_, Metered<'_, R>>,
    meter: &Meter,
) -> Result<Manifest, PackError> {
    let no_archive = |error: &dyn ToString| {
        wrong(archive, &format!("this is no archive that `muslchain export` made ({})", error.to_string()))
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
    check_manifest(archive, &manifest)?;
    match manifest.name == top {
        true => Ok(manifest),
        false => Err(no_archive(&"its manifest has another name than its folder")),
    }
}

/// Refuses what this program cannot use, and what nobody should: the name becomes a path.
fn check_manifest(archive: &str, manifest: &Manifest) -> Result<(), PackError> {
    if manifest.schema > MANIFEST_SCHEMA {
        return Err(wrong(archive, &"a newer muslchain made it: use that one"));
    }
    // It would have commands written that call programs of whoever packed it.
    if manifest.host_compiler.is_some() {
        return Err(wrong(
            archive,
            &"its toolchain calls a compiler of the machine that it is from, and is of no use elsewhere",
        ));
    }
    let is_plain = |name: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._+".contains(&byte);
        !name.is_empty() && !name.starts_with('.') && name.bytes().all(plain)
    };
    if ![&manifest.name, &manifest.triple].into_iter().all(|name| is_plain(name)) {
        return Err(wrong(archive, &format!("`{}` is no toolchain's name", manifest.name)));
    }
    Ok(())
}

fn read_contents<R: Read>(
    archive: &str,
    entries: &mut tar::Entries<'_, Metered<'_, R>>,
    meter: &Meter,
    manifest: &Manifest,
) -> Result<Contents, PackError> {
    let missing = || wrong(archive, &"it has no list of contents where it begins");
    let mut entry = next(entries, meter).ok_or_else(missing)?.map_err(|error| wrong(archive, &error))?;
    if name_of(archive, &entry, &manifest.name)? != CONTENTS_FILE {
        return Err(missing());
    }
    let bytes = read_record(&mut entry).map_err(|error| wrong(archive, &error))?;
    if Sha256::of(&bytes) != manifest.contents {
        return Err(wrong(archive, &"its list of contents is not the one that its manifest names"));
    }
    serde_json::from_slice(&bytes).map_err(|error| wrong(archive, &error))
}

fn read_record<R: Read>(entry: &mut tar::Entry<'_, Metered<'_, R>>) -> io::Result<Vec<u8>> {
    if entry.size() > LONGEST_RECORD {
        return Err(io::Error::other(format!("a record of {} bytes", entry.size())));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// An entry's path below the folder `top`.
fn name_of<R: Read>(archive: &str, entry: &tar::Entry<'_, Metered<'_, R>>, top: &str) -> Result<String, PackError> {
    let name = entry.path().map_err(|error| wrong(archive, &error))?;
    let below = name.strip_prefix(top).ok().and_then(Path::to_str);
    below.map(str::to_owned).ok_or_else(|| wrong(archive, &format!("`{}` is not below `{top}`", name.display())))
}

/// Refuses a list with a path that leads elsewhere, or one below something that is no folder.
fn check_paths(archive: &str, contents: &Contents) -> Result<(), PackError> {
    let list: BTreeMap<&str, &Entry> = contents.iter().collect();
    for (name, entry) in &list {
        let refused = |why: &str| wrong(archive, &format!("`{name}`: {why}"));
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

fn write_entry<R: Read>(
    entry: &mut tar::Entry<'_, Metered<'_, R>>,
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

//! Writes entries below one folder, through directory descriptors that never follow a link.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT};
use rustix::io::Errno;

use super::error::{Failure, Refusal, UnpackError, write_error};
use super::name::{self, check_symlink};

/// What an entry's header says of a regular file.
#[derive(Debug, Clone, Copy)]
pub(super) struct FileMeta {
    pub(super) size: u64,
    pub(super) executable: bool,
    pub(super) modified: Timespec,
}

/// The tree that grows.
///
/// Entries are named by their components, which [`name::components`] has checked.
pub(super) struct Tree {
    path: PathBuf,
    root: OwnedFd,
    /// The folder of the last entry, from the root down. A folder is never replaced, so this stays true.
    open: Vec<(Vec<u8>, OwnedFd)>,
    folders: u64,
    buffer: Vec<u8>,
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const NEW_FILE: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Tree {
    /// The tree below the folder `path`.
    pub(super) fn open(path: &Path) -> Result<Self, UnpackError> {
        let root = rustix::fs::open(path, FOLDER, Mode::empty()).map_err(|errno| write_error(path, errno.into()))?;
        Ok(Self { path: path.to_owned(), root, open: Vec::new(), folders: 0, buffer: vec![0; 128 << 10] })
    }

    /// How many folders were made.
    pub(super) fn folders(&self) -> u64 {
        self.folders
    }

    /// Makes a folder, unless it is there. Folders above it are made as well, here and in the other functions.
    pub(super) fn folder(&mut self, at: &[&[u8]]) -> Result<(), Failure> {
        let Some((last, above)) = at.split_last() else { return Ok(()) };
        self.enter(above)?;
        match kind_at(self.innermost(), last).map_err(|errno| self.failed(at, errno))? {
            None | Some(FileType::Directory) => self.enter(at),
            Some(kind) => Err(Refusal::Replaces { was: kind_name(kind) }.into()),
        }
    }

    /// Makes a regular file of `meta.size` bytes from `content`. One that an earlier entry made is removed first.
    pub(super) fn file(&mut self, at: &[&[u8]], meta: FileMeta, content: &mut impl Read) -> Result<(), Failure> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let written = self.new_file(at).and_then(|file| self.fill(file, at, meta, content, &mut buffer));
        self.buffer = buffer;
        written
    }

    /// Makes a symlink whose target stays inside the tree.
    pub(super) fn symlink(&mut self, at: &[&[u8]], target: &[u8]) -> Result<(), Failure> {
        check_symlink(target, at.len() - 1)?;
        let last = self.enter_above(at)?;
        let parent = self.innermost();
        match rustix::fs::symlinkat(target, parent, last) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => {
                let same = rustix::fs::readlinkat(parent, last, Vec::new()).is_ok_and(|old| old.as_bytes() == target);
                if same { Ok(()) } else { Err(self.replaces(parent, at)) }
            }
            Err(errno) => Err(self.failed(at, errno)),
        }
    }

    /// Makes a hard link to the regular file `target` of the tree. `written` is the target as the archive has it.
    pub(super) fn hard_link(&mut self, at: &[&[u8]], target: &[&[u8]], written: &[u8]) -> Result<(), Failure> {
        let missing = || Refusal::HardLinkMissing { target: name::path(written) };
        let (target_name, target_above) = target.split_last().ok_or_else(missing)?;
        let target_parent = self.existing(target_above)?.ok_or_else(missing)?;
        match kind_at(&target_parent, target_name).map_err(|errno| self.failed(target, errno))? {
            Some(FileType::RegularFile) => (),
            _ => return Err(missing().into()),
        }
        let last = self.enter_above(at)?;
        let parent = self.innermost();
        match rustix::fs::linkat(&target_parent, *target_name, parent, last, AtFlags::empty()) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => Err(self.replaces(parent, at)),
            Err(errno) => Err(self.failed(at, errno)),
        }
    }

    fn new_file(&mut self, at: &[&[u8]]) -> Result<File, Failure> {
        let last = self.enter_above(at)?;
        let parent = self.innermost();
        let create = || rustix::fs::openat(parent, last, NEW_FILE, Mode::RUSR | Mode::WUSR);
        let opened = match create() {
            Err(Errno::EXIST) => match kind_at(parent, last).map_err(|errno| self.failed(at, errno))? {
                Some(FileType::RegularFile) => {
                    rustix::fs::unlinkat(parent, last, AtFlags::empty()).and_then(|()| create())
                }
                _ => return Err(self.replaces(parent, at)),
            },
            opened => opened,
        };
        opened.map(File::from).map_err(|errno| self.failed(at, errno))
    }

    fn fill(
        &self,
        mut file: File,
        at: &[&[u8]],
        meta: FileMeta,
        content: &mut impl Read,
        buffer: &mut [u8],
    ) -> Result<(), Failure> {
        let mut left = meta.size;
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let read = content.read(&mut buffer[..room]).map_err(Failure::Read)?;
            if read == 0 {
                return Err(Failure::Read(io::ErrorKind::UnexpectedEof.into()));
            }
            file.write_all(&buffer[..read]).map_err(|error| Failure::Write(self.at(at), error))?;
            left -= read as u64;
        }
        let mode = Mode::from_raw_mode(if meta.executable { 0o755 } else { 0o644 });
        let times =
            Timestamps { last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT }, last_modification: meta.modified };
        rustix::fs::fchmod(&file, mode)
            .and_then(|()| rustix::fs::futimens(&file, &times))
            .map_err(|errno| self.failed(at, errno))
    }

    /// Enters the folder above an entry, and gives the entry's last component.
    fn enter_above<'n>(&mut self, at: &[&'n [u8]]) -> Result<&'n [u8], Failure> {
        let (last, above) = at.split_last().ok_or(Refusal::Empty)?;
        self.enter(above)?;
        Ok(last)
    }

    /// Makes the folder of this name the innermost open one. Makes it, and those above it, where they are missing.
    fn enter(&mut self, folder: &[&[u8]]) -> Result<(), Failure> {
        let common = self.open.iter().zip(folder).take_while(|((open, _), wanted)| open == *wanted).count();
        self.open.truncate(common);
        for depth in common..folder.len() {
            let (parent, last, at) = (self.innermost(), folder[depth], &folder[..=depth]);
            let (opened, made) = match open_folder(parent, last) {
                Err(Errno::NOENT) => (make_folder(parent, last), true),
                opened => (opened, false),
            };
            let opened = opened.map_err(|errno| self.not_entered(parent, at, errno))?;
            self.folders += u64::from(made);
            self.open.push((last.to_owned(), opened));
        }
        Ok(())
    }

    /// Opens the folder of this name if it is there.
    fn existing(&self, folder: &[&[u8]]) -> Result<Option<OwnedFd>, Failure> {
        let mut opened = self.root.try_clone().map_err(|error| Failure::Write(self.path.clone(), error))?;
        for (depth, component) in folder.iter().enumerate() {
            opened = match open_folder(opened.as_fd(), component) {
                Ok(next) => next,
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
                Err(errno) => return Err(self.failed(&folder[..=depth], errno)),
            };
        }
        Ok(Some(opened))
    }

    fn innermost(&self) -> BorrowedFd<'_> {
        self.open.last().map_or(self.root.as_fd(), |(_, folder)| folder.as_fd())
    }

    fn not_entered(&self, parent: BorrowedFd<'_>, at: &[&[u8]], errno: Errno) -> Failure {
        let last = at.last().copied().unwrap_or_default();
        match (errno, kind_at(parent, last)) {
            (Errno::NOTDIR | Errno::LOOP, Ok(Some(FileType::Symlink))) => {
                Refusal::ThroughSymlink { link: name::path(&at.join(&b'/')) }.into()
            }
            (Errno::NOTDIR, Ok(Some(kind))) => Refusal::Replaces { was: kind_name(kind) }.into(),
            _ => self.failed(at, errno),
        }
    }

    fn replaces(&self, parent: BorrowedFd<'_>, at: &[&[u8]]) -> Failure {
        let last = at.last().copied().unwrap_or_default();
        match kind_at(parent, last) {
            Ok(Some(kind)) => Refusal::Replaces { was: kind_name(kind) }.into(),
            Ok(None) => self.failed(at, Errno::EXIST),
            Err(errno) => self.failed(at, errno),
        }
    }

    fn failed(&self, at: &[&[u8]], errno: Errno) -> Failure {
        Failure::Write(self.at(at), errno.into())
    }

    fn at(&self, at: &[&[u8]]) -> PathBuf {
        self.path.join(name::path(&at.join(&b'/')))
    }
}

fn open_folder(parent: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(parent, name, FOLDER, Mode::empty())
}

fn make_folder(parent: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    let mode = Mode::from_raw_mode(0o755);
    rustix::fs::mkdirat(parent, name, mode)?;
    // The umask may have taken the bits that opening it needs.
    rustix::fs::chmodat(parent, name, mode, AtFlags::empty())?;
    open_folder(parent, name)
}

fn kind_at(parent: impl AsFd, name: &[u8]) -> Result<Option<FileType>, Errno> {
    match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

fn kind_name(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "file",
        FileType::Directory => "folder",
        FileType::Symlink => "symlink",
        _ => "special file",
    }
}

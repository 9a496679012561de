//! Files that are there whole or not at all.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use fs_err::File;

/// Puts a file at `path`, in an earlier one's place: `fill` writes it beside its place, and it is renamed when it is on the disk. So a reader
/// sees the old content or the new one, whatever becomes of this process. Its folder is made where there is none; all may read it,
/// whatever the umask is.
pub fn write<T>(path: &Path, fill: impl FnOnce(&mut std::fs::File) -> io::Result<T>) -> io::Result<T> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs_err::create_dir_all(folder)?;
    let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
    let filled = fill(fresh.as_file_mut())?;
    fresh.as_file().sync_all()?;
    fs_err::set_permissions(fresh.path(), Permissions::from_mode(0o644))?;
    fresh
        .persist(path)
        .map_err(|error| io::Error::new(error.error.kind(), format!("{}: {}", path.display(), error.error)))?;
    sync_folder(folder)?;
    Ok(filled)
}

/// Has the names in a folder on the disk.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

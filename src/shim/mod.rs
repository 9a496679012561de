//! Scripts that stand in PATH beside a toolchain: they belong to this machine, not to the toolchain's content.
//!
//! `go_linux_GOARCH_exec` starts a program of the toolchain's port, under qemu-user where the kernel cannot;
//! `TRIPLE-pkg-config` shows pkg-config the toolchain's libraries only. They are written again wherever they are
//! not what this version of muslchain writes, so a store that was moved, or that an older version made, mends
//! itself.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::store::{Manifest, Store};
use crate::target::Target;

/// Writes what is missing or different of a toolchain's shims.
///
/// One that is there but cannot be written stays as it is: the store may be somebody else's.
pub fn ensure(store: &Store, target: &Target, manifest: &Manifest) -> io::Result<()> {
    let folder = store.shims(&manifest.name);
    let sysroot = store.toolchain(&manifest.name).join(&target.triple);
    let pkg_config = filled(include_str!("pkg-config.sh"), &[("@SYSROOT@", &sysroot.to_string_lossy())]);
    ensure_file(&folder.join(pkg_config_name(target)), &pkg_config)?;
    for architecture in target.go_architectures() {
        let native = if target.runs_on(&manifest.host) { "yes" } else { "no" };
        let values = [
            ("@PORT@", format!("linux/{architecture}")),
            ("@QEMU@", target.qemu.clone()),
            ("@NATIVE@", native.to_owned()),
        ];
        let values: Vec<(&str, &str)> = values.iter().map(|(mark, value)| (*mark, value.as_str())).collect();
        ensure_file(&folder.join(exec_name(architecture)), &filled(include_str!("go-exec.sh"), &values))?;
    }
    Ok(())
}

/// The name of the script that starts programs for `architecture`, as Go looks for it.
pub fn exec_name(architecture: &str) -> String {
    format!("go_linux_{architecture}_exec")
}

/// The name of the target's pkg-config, as autoconf's macros look for it.
pub fn pkg_config_name(target: &Target) -> String {
    format!("{}-pkg-config", target.triple)
}

fn filled(template: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(template.to_owned(), |text, (mark, value)| text.replace(mark, &quoted(value)))
}

/// As one word of a shell's script.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn ensure_file(path: &Path, content: &str) -> io::Result<()> {
    let present = fs_err::read(path);
    if present.as_ref().is_ok_and(|present| present == content.as_bytes()) {
        return Ok(());
    }
    match write_file(path, content) {
        Err(error) if present.is_ok() && is_forbidden(&error) => Ok(()),
        result => result,
    }
}

fn is_forbidden(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Writes beside `path` and renames: whoever runs it meanwhile runs the old one or the new one.
fn write_file(path: &Path, content: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs_err::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".new").tempfile_in(folder)?;
    file.write_all(content.as_bytes())?;
    fs_err::set_permissions(file.path(), Permissions::from_mode(0o755))?;
    // A file that is open for writing cannot be run.
    file.into_temp_path().persist(path).map_err(|error| error.error)
}

//! Scripts that stand in PATH beside a toolchain: they belong to this machine, not to the toolchain's content.
//!
//! Of a toolchain that calls a compiler of the host, all its commands are such scripts.
//! `go_linux_GOARCH_exec` starts a program of the toolchain's port, under qemu-user where the kernel cannot;
//! `TRIPLE-pkg-config` shows pkg-config the toolchain's libraries only. They are written again wherever they are
//! not what this version of muslchain writes, so a store that was moved, or that an older version made, mends
//! itself.

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::recipe::Command;
use crate::store::{CompilerRecord, Manifest, Store};
use crate::target::Target;

/// Writes what is missing or different of a toolchain's shims.
///
/// One that is there but cannot be written stays as it is: the store may be somebody else's.
pub fn ensure(store: &Store, target: &Target, manifest: &Manifest) -> io::Result<()> {
    let folder = store.shims(&manifest.name);
    let sysroot = store.toolchain(&manifest.name).join(&target.triple);
    let pkg_config = filled(include_str!("pkg-config.sh"), &[("@SYSROOT@", &sysroot.to_string_lossy())]);
    ensure_file(&folder.join(pkg_config_name(target)), &pkg_config)?;
    if let Some(compiler) = &manifest.host_compiler {
        for (name, command) in &compiler.commands.programs {
            if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte)) {
                return Err(io::Error::other(format!("`{name}` is no name of a command")));
            }
            if let Some(script) = compiler_script(store, manifest, compiler, command) {
                ensure_file(&folder.join(format!("{}-{name}", target.triple)), &script)?;
            }
        }
    }
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

/// Notes that the host's compiler is the one that the toolchain was built for, as the one that was just looked at is. From
/// now on its commands tell when it was changed.
pub fn stamp(store: &Store, manifest: &Manifest) -> io::Result<()> {
    let Some(compiler) = &manifest.host_compiler else { return Ok(()) };
    let folder = store.shims(&manifest.name);
    fs_err::create_dir_all(&folder)?;
    let programs: BTreeSet<&str> = compiler.commands.programs.values().map(|command| &*command.program).collect();
    for name in programs {
        let Some(program) = manifest.host_tools.get(name) else { continue };
        let modified = fs_err::metadata(&program.path)?.modified()?;
        fs_err::File::create(folder.join(stamp_name(name)))?.file().set_modified(modified)?;
    }
    Ok(())
}

fn stamp_name(program: &str) -> String {
    format!(".{program}")
}

/// What stands in PATH for a command of the host's compiler; nothing where the manifest does not say where its program is.
fn compiler_script(store: &Store, manifest: &Manifest, compiler: &CompilerRecord, command: &Command) -> Option<String> {
    let program = manifest.host_tools.get(&command.program)?;
    let toolchain = store.toolchain(&manifest.name).display().to_string();
    let arguments = command.arguments.iter().map(|argument| quoted(&argument.replace("@TOOLCHAIN@", &toolchain)));
    let arguments: Vec<String> = arguments.chain(command.links.then(|| "$link".to_owned())).collect();
    let script = [
        include_str!("compiler.sh"),
        // Without the defaults, it links as it does by itself.
        if command.links && manifest.defaults { include_str!("links.sh") } else { "link=\n" },
        include_str!("exec.sh"),
    ];
    let stamp = store.shims(&manifest.name).join(stamp_name(&command.program));
    let plain = [("@KEY@", &*format!("muslchain-{}", manifest.key.short())), ("@ARGUMENTS@", &arguments.join(" "))];
    let script = plain.iter().fold(script.concat(), |text, (mark, value)| text.replace(mark, value));
    let quoted = [
        ("@PROGRAM@", &*program.path.to_string_lossy()),
        ("@VERSION@", &compiler.found.version),
        ("@TRIPLE@", &manifest.triple),
        ("@STAMP@", &stamp.to_string_lossy()),
    ];
    Some(filled(&script, &quoted))
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

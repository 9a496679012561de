//! The scripts that stand in PATH beside a toolchain.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shells::{folders, installed, path};
use crate::support::process::Ran;
use crate::support::{Place, entries};
use crate::values::ODD;

const EXEC: &str = "go_linux_arm64_exec";
const PKG_CONFIG: &str = "tiny-linux-musl-pkg-config";

/// Where the shims of a toolchain are.
fn shims(toolchain: &Path) -> PathBuf {
    PathBuf::from(folders(toolchain).split(':').next().unwrap())
}

/// Puts a program into a folder that prints its name, its arguments and the variables of pkg-config.
fn program(folder: &Path, name: &str) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    let path = folder.join(name);
    let script = format!(
        "#!/bin/sh\necho {name}\nprintf '<%s>\\n' \"$@\"\n/usr/bin/env | /usr/bin/grep ^PKG_CONFIG_ | /usr/bin/sort\n"
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path
}

/// Makes the kernel's handlers those in a folder.
fn handlers(shim: &Path, folder: &Path) {
    let text = std::fs::read_to_string(shim).unwrap();
    assert!(text.contains("/proc/sys/fs/binfmt_misc"));
    std::fs::write(shim, text.replace("/proc/sys/fs/binfmt_misc", folder.to_str().unwrap())).unwrap();
}

/// Runs a shim with nothing in PATH but the folder `tools`.
fn call(shim: &Path, tools: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new(shim);
    command.args(arguments).env_clear().env("PATH", tools);
    command.env("PKG_CONFIG_PATH", "/host").env("PKG_CONFIG_SYSROOT_DIR", "/host").env("PKG_CONFIG_LIBDIR", "/host");
    Ran::of(command)
}

#[test]
fn install_writes_them_env_and_run_mend_them_and_uninstall_removes_them() {
    let place = Place::new();
    let shims = shims(&installed(&place, "tiny"));
    let written = || entries(&shims).iter().map(|file| std::fs::read_to_string(file).unwrap()).collect::<Vec<_>>();
    let first = written();
    assert_eq!(entries(&shims), [shims.join(EXEC), shims.join(PKG_CONFIG)]);
    for command in [&["env", "tiny"][..], &["run", "tiny", "true"]] {
        std::fs::write(shims.join(EXEC), "of another version").unwrap();
        std::fs::remove_file(shims.join(PKG_CONFIG)).unwrap();
        place.run(command).succeeds();
        assert_eq!(written(), first);
        assert_eq!(std::fs::metadata(shims.join(PKG_CONFIG)).unwrap().permissions().mode() & 0o777, 0o755);
        std::fs::remove_dir_all(&shims).unwrap();
        place.run(command).succeeds();
        assert_eq!(written(), first);
    }
    place.run(&["uninstall", "tiny"]).succeeds();
    assert!(!shims.exists());
}

#[test]
fn a_store_that_was_moved_mends_itself() {
    let place = Place::new();
    installed(&place, "tiny");
    let moved = place.path().join("moved");
    std::fs::rename(place.store(), &moved).unwrap();
    let script = "tiny-linux-musl-pkg-config --help | grep LIBDIR";
    let tools = place.path().join("tools");
    program(&tools, "pkg-config");
    let variables = [("MUSLCHAIN_HOME", moved.to_str().unwrap()), ("PATH", &format!("{}:{}", tools.display(), path()))];
    let said = place.run_with(&variables, &["run", "tiny", "sh", "-c", script]).succeeds().stdout;
    assert!(said.starts_with(&format!("PKG_CONFIG_LIBDIR={}/toolchains/", moved.display())), "{said}");
}

#[test]
fn a_foreign_program_runs_under_qemu() {
    for home in ["home", ODD[1]] {
        let place = Place::with_home(home);
        let exec = shims(&installed(&place, "tiny")).join(EXEC);
        let [tools, handlers_folder] = ["tools", "handlers"].map(|name| place.path().join(name));
        handlers(&exec, &handlers_folder);
        for name in ["qemu-aarch64", "qemu-aarch64-static"] {
            program(&tools, name);
            let said = call(&exec, &tools, &["/a  b/*", "", "-x"]).succeeds().stdout;
            assert!(said.starts_with(&format!("{name}\n</a  b/*>\n<>\n<-x>\n")), "{said}");
        }
    }
}

#[test]
fn without_qemu_one_line_says_what_to_install() {
    let place = Place::new();
    let exec = shims(&installed(&place, "tiny")).join(EXEC);
    handlers(&exec, &place.path().join("handlers"));
    let ran = call(&exec, &place.path().join("tools"), &["/bin/true"]).refuses(&[
        "go_linux_arm64_exec: this machine cannot run programs for linux/arm64",
        "apt-get install qemu-user-static",
        "dnf install qemu-user-static",
        "apk add qemu-aarch64",
        "pacman -S qemu-user-static",
    ]);
    assert_eq!(ran.stderr.lines().count(), 1);
}

#[test]
fn what_the_kernel_can_run_it_runs() {
    let place = Place::new();
    let exec = shims(&installed(&place, "tiny")).join(EXEC);
    let [tools, folder] = ["tools", "handlers"].map(|name| place.path().join(name));
    handlers(&exec, &folder);
    std::fs::create_dir(&folder).unwrap();
    let foreign = program(&place.path().join("a  b"), "program");
    let emulator = program(&tools, "qemu-aarch64");
    let here = emulator.to_str().unwrap();
    for (handler, by_kernel) in [
        (format!("enabled\ninterpreter {here}\nflags: OC\noffset 0\n"), true),
        ("enabled\ninterpreter /nowhere\nflags: OCF\n".to_owned(), true),
        ("enabled\ninterpreter /nowhere\nflags: OC\n".to_owned(), false),
        (format!("disabled\ninterpreter {here}\nflags: F\n"), false),
        (String::new(), false),
    ] {
        for name in ["qemu-aarch64", "qemu-aarch64-static"] {
            std::fs::write(folder.join(name), &handler).unwrap();
            let said = call(&exec, &tools, &[foreign.to_str().unwrap(), "x"]).succeeds().stdout;
            let expected = if by_kernel { "program\n<x>\n" } else { "qemu-aarch64\n<" };
            assert!(said.starts_with(expected), "{handler}: {said}");
            std::fs::remove_file(folder.join(name)).unwrap();
        }
    }
}

#[test]
fn a_native_program_needs_neither() {
    let place = Place::new();
    let machine = std::env::consts::ARCH;
    place.edit("targets.toml", "qemu = \"aarch64\"", &format!("qemu = \"aarch64\"\nruns-on = [\"{machine}\"]"));
    let exec = shims(&installed(&place, "tiny")).join(EXEC);
    handlers(&exec, &place.path().join("handlers"));
    let own = program(&place.path().join("a  b"), "program");
    let said = call(&exec, &place.path().join("tools"), &[own.to_str().unwrap()]).succeeds().stdout;
    assert!(said.starts_with("program\n"), "{said}");
}

#[test]
fn pkg_config_sees_the_toolchains_libraries_only_and_links_them_statically() {
    for home in ["home", ODD[1]] {
        let place = Place::with_home(home);
        let toolchain = installed(&place, "tiny");
        let wrapper = shims(&toolchain).join(PKG_CONFIG);
        let sysroot = toolchain.join("tiny-linux-musl").display().to_string();
        let tools = place.path().join("tools");
        for name in ["pkgconf", "pkg-config"] {
            program(&tools, name);
            let said = call(&wrapper, &tools, &["--libs", "a  b"]).succeeds().stdout;
            assert_eq!(
                said,
                format!(
                    "{name}\n<--static>\n<--libs>\n<a  b>\nPKG_CONFIG_LIBDIR={sysroot}/lib/pkgconfig:{sysroot}/share/pkgconfig\nPKG_CONFIG_SYSROOT_DIR={sysroot}\n\
                     PKG_CONFIG_SYSTEM_INCLUDE_PATH={sysroot}/include\nPKG_CONFIG_SYSTEM_LIBRARY_PATH={sysroot}/lib\n"
                )
            );
        }
        let nothing = place.path().join("nothing");
        let ran =
            call(&wrapper, &nothing, &["--libs", "x"]).refuses(&["tiny-linux-musl-pkg-config", "apt-get install"]);
        assert_eq!(ran.stderr.lines().count(), 1);
    }
}

//! End to end: a real toolchain, a real Go, real programs, run under qemu.
//!
//! The toolchain (recipe `debian`, aarch64, C only) is built in the usual store, where it stays: the
//! first run takes as long as GCC takes, later ones find it there.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use object::elf::{DT_NEEDED, PT_DYNAMIC, PT_INTERP};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};

const MUSLCHAIN: &str = env!("CARGO_BIN_EXE_muslchain");
const TRIPLE: &str = "aarch64-linux-musl";
const QEMU: [&str; 2] = ["qemu-aarch64-static", "qemu-aarch64"];

/// The toolchain's folder; builds it if it is not there.
fn toolchain() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let status = Command::new(MUSLCHAIN)
            .args(["install", "--recipe", "debian", "--languages", "c", "linux/arm64"])
            .status()
            .unwrap();
        assert!(status.success(), "the toolchain could not be built");
        PathBuf::from(text(&run(Command::new(MUSLCHAIN).args(["dir", "linux/arm64"]))).trim())
    })
}

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn qemu() -> &'static str {
    let works = |name: &&&str| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    QEMU.iter().find(works).expect("qemu-user is needed: apt-get install qemu-user-static")
}

/// Runs a line of shell in the toolchain's environment, in `folder`.
fn in_environment(folder: &Path, line: &str) -> Output {
    toolchain();
    let script = format!("eval $({MUSLCHAIN} env linux/arm64) && {line}");
    run(Command::new("sh").args(["-euc", &script]).current_dir(folder))
}

/// What of a file would bind it to another: its interpreter, the libraries that it needs.
fn needs(path: &Path) -> (u16, bool, usize) {
    let bytes = fs_err::read(path).unwrap();
    let header = object::elf::FileHeader64::<object::LittleEndian>::parse(&*bytes).unwrap();
    let endian = header.endian().unwrap();
    let segments = header.program_headers(endian, &*bytes).unwrap();
    let interpreter = segments.iter().any(|segment| segment.p_type(endian) == PT_INTERP);
    let dynamic = segments.iter().filter(|segment| segment.p_type(endian) == PT_DYNAMIC);
    let entries = dynamic.flat_map(|segment| segment.dynamic(endian, &*bytes).unwrap().unwrap());
    let libraries = entries.filter(|entry| entry.d_tag(endian) == u64::from(DT_NEEDED)).count();
    (header.e_machine(endian), interpreter, libraries)
}

fn assert_static(path: &Path) {
    assert_eq!(needs(path), (object::elf::EM_AARCH64, false, 0), "{}", path.display());
}

#[test]
fn plain_go_build_makes_static_programs_that_run() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let out = tempfile::tempdir().unwrap();
    let mut built = 0;
    for name in ["hello", "resolver", "callback"] {
        let program = out.path().join(name);
        in_environment(&examples.join(name), &format!("go build -o {} .", program.display()));
        assert_static(&program);
        let said = text(&run(Command::new(qemu()).arg(&program)));
        // Lines that begin so vary with port and compiler.
        let told: Vec<&str> = said.lines().filter(|line| !line.starts_with("# ")).collect();
        let expected = fs_err::read_to_string(examples.join(name).join("expected")).unwrap();
        assert_eq!(told, expected.lines().collect::<Vec<_>>(), "{name}");
        built += 1;
    }
    assert_eq!(built, 3);
}

#[test]
fn the_users_own_flags_keep_the_program_static() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/hello");
    let out = tempfile::tempdir().unwrap();
    let program = out.path().join("hello");
    let flags = "-trimpath -ldflags '-s -w'";
    in_environment(&example, &format!("CGO_CFLAGS=\"$CGO_CFLAGS -O1\" go build {flags} -o {} .", program.display()));
    assert_static(&program);
    run(Command::new(qemu()).arg(&program));
}

#[test]
fn a_toolchain_that_was_moved_still_works() {
    let elsewhere = tempfile::tempdir().unwrap();
    let moved = elsewhere.path().join("another place");
    run(Command::new("cp").arg("-a").arg(toolchain()).arg(&moved));
    let source = elsewhere.path().join("main.c");
    // <linux/...> shows that the kernel's headers are there, the thread that its stack is as large
    // as glibc's.
    fs_err::write(
        &source,
        "#include <linux/version.h>\n#include <pthread.h>\n#include <stdio.h>\n#include <string.h>\n\
         static void *deep(void *x) { volatile char frame[4 << 20]; memset((char *)frame, 7, sizeof frame); return x; }\n\
         int main(void) { pthread_t t; void *x = 0; pthread_create(&t, 0, deep, &t); pthread_join(t, &x);\n\
         printf(\"%d %d\\n\", LINUX_VERSION_CODE > 0, x == &t); return 0; }\n",
    )
    .unwrap();
    for flags in [&["-O2"][..], &["-O2", "-static-pie", "-fPIE"]] {
        let program = elsewhere.path().join("main");
        let compiler = moved.join("bin").join(format!("{TRIPLE}-gcc"));
        run(Command::new(compiler).args(flags).arg("-o").arg(&program).arg(&source));
        assert_static(&program);
        assert_eq!(text(&run(Command::new(qemu()).arg(&program))), "1 1\n", "{flags:?}");
    }
}

#[test]
fn the_compiler_says_which_toolchain_it_is_and_where_it_was_built_is_nowhere() {
    let folder = toolchain();
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs_err::read(folder.join("manifest.json")).unwrap()).unwrap();
    let key = manifest["key"].as_str().unwrap();
    let version = text(&run(Command::new(folder.join("bin").join(format!("{TRIPLE}-gcc"))).arg("--version")));
    assert!(version.contains(&format!("muslchain-{}", &key[..16])), "{version}");

    let store = folder.parent().unwrap().parent().unwrap().as_os_str().as_encoded_bytes();
    let mut looked_at = 0;
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() && entry.file_name() != "manifest.json" {
            let bytes = fs_err::read(entry.path()).unwrap();
            let found = bytes.windows(store.len()).any(|window| window == store);
            assert!(!found, "{} names the store", entry.path().display());
            looked_at += 1;
        }
    }
    assert!(looked_at > 100, "{looked_at} files");
}

#[test]
fn the_toolchains_own_programs_need_nothing_of_the_host() {
    let folder = toolchain();
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs_err::read(folder.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["host_static"], true, "this machine cannot link statically: apt-get install libc6-dev g++");
    for name in ["gcc", "as", "ld", "ar"] {
        let (_, interpreter, libraries) = needs(&folder.join("bin").join(format!("{TRIPLE}-{name}")));
        assert_eq!((interpreter, libraries), (false, 0), "{name}");
    }
}

//! End to end: a real toolchain, a real Go, real programs, run under qemu.
//!
//! The toolchain (recipe `debian`, aarch64, C only) is built in the usual store, where it stays: the
//! first run takes as long as GCC takes, later ones find it there. So are those of the recipe `clang`, for other ports.

#[path = "support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use object::elf::{DT_NEEDED, PT_DYNAMIC, PT_INTERP};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};

use crate::support::registry::Registry;
use crate::support::server::Server;

const MUSLCHAIN: &str = env!("CARGO_BIN_EXE_muslchain");
const TRIPLE: &str = "aarch64-linux-musl";

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

/// Some distributions have emulators under a name of their own.
fn emulator(name: &str) -> String {
    let works =
        |name: &String| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success());
    let names = [format!("{name}-static"), name.to_owned()];
    names.into_iter().find(works).unwrap_or_else(|| panic!("{name} is needed: apt-get install qemu-user-static"))
}

fn qemu() -> String {
    emulator("qemu-aarch64")
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

/// Runs one of the examples.
fn assert_says_what_it_should(example: &str, program: &Path) {
    let said = text(&run(Command::new(qemu()).arg(program)));
    // Lines that begin so vary with port and compiler.
    let told: Vec<&str> = said.lines().filter(|line| !line.starts_with("# ")).collect();
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(example).join("expected");
    let expected = fs_err::read_to_string(expected).unwrap();
    assert_eq!(told, expected.lines().collect::<Vec<_>>(), "{example}");
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
        assert_says_what_it_should(name, &program);
        built += 1;
    }
    assert_eq!(built, 3);
}

#[test]
fn check_knows_what_was_built() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let out = tempfile::tempdir().unwrap();
    for (name, flags) in [("hello", ""), ("resolver", "-trimpath -ldflags '-s -w'")] {
        let program = out.path().join(name);
        in_environment(&examples.join(name), &format!("go build {flags} -o {} .", program.display()));
        let check = |more: &[&str]| {
            let output = Command::new(MUSLCHAIN).args(["check", "--json"]).arg(&program).args(more).output().unwrap();
            let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            (output.status.code(), document["files"][0].clone())
        };
        // Strict, because the toolchain's defaults leave nothing to warn of.
        let (code, document) = check(&["--port", "linux/arm64", "--strict"]);
        assert_eq!(
            (code, document["verdict"].as_str()),
            (Some(0), Some("ok, runs on any linux/arm64")),
            "{document:#}"
        );
        assert_eq!(document["libc"], "musl", "{document:#}");
        let facts = &document["facts"]["elf"];
        assert_eq!(facts["stack"]["size"], 8 << 20, "{document:#}");
        let version = text(&in_environment(&examples, "go env GOVERSION"));
        assert_eq!(facts["go"]["version"], version.trim(), "{document:#}");
        assert_eq!(facts["go"]["settings"]["CGO_ENABLED"], "1", "{document:#}");
        let topics: Vec<_> = document["findings"].as_array().unwrap().iter().map(|found| &found["topic"]).collect();
        assert_eq!(topics.contains(&&"host-names".into()), name == "resolver", "{document:#}");

        let (code, document) = check(&["--port", "linux/amd64"]);
        assert_eq!((code, document["verdict"].as_str()), (Some(1), Some("will not do: wrong port")), "{document:#}");
    }
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
fn what_go_builds_for_another_machine_it_runs_and_tests() {
    toolchain();
    let folder = tempfile::Builder::new().prefix("a  b").tempdir().unwrap();
    for (name, text) in [
        ("go.mod", "module example\n\ngo 1.24\n"),
        (
            "main.go",
            "package main\n\n// int seven(void) { return 7; }\nimport \"C\"\n\nimport (\n\t\"fmt\"\n\t\"os\"\n\t\"runtime\"\n)\n\n\
             func seven() int { return int(C.seven()) }\n\n\
             func main() { fmt.Println(seven(), runtime.GOARCH, os.Args[1]) }\n",
        ),
        (
            "main_test.go",
            "package main\n\nimport \"testing\"\n\n\
             func TestSeven(t *testing.T) {\n\tif seven() != 7 {\n\t\tt.Fatal(seven())\n\t}\n}\n",
        ),
    ] {
        fs_err::write(folder.path().join(name), text).unwrap();
    }
    let go = |arguments: &[&str]| {
        let mut command = Command::new(MUSLCHAIN);
        command.args(["run", "linux/arm64", "--", "go"]).args(arguments).current_dir(folder.path());
        text(&run(&mut command))
    };
    assert_eq!(go(&["run", ".", "c  d"]), "7 arm64 c  d\n");
    let tested = go(&["test", "-count=1", "-v", "."]);
    assert!(tested.contains("--- PASS: TestSeven"), "{tested}");
}

#[test]
fn a_toolchain_that_was_moved_still_works_and_makes_the_same_bytes() {
    let elsewhere = tempfile::tempdir().unwrap();
    let moved = elsewhere.path().join("another place");
    run(Command::new("cp").arg("-a").arg(toolchain()).arg(&moved));
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
    let expected = fs_err::read_to_string(programs.join("everything.expected")).unwrap();
    for linkage in ["-static", "-pie"] {
        let compile = |toolchain: &Path, program: &str| {
            let program = elsewhere.path().join(program);
            let compiler = toolchain.join("bin").join(format!("{TRIPLE}-cc"));
            // -g3 has the paths of all headers in it, the compiler's own arm_neon.h among them.
            let flags =
                ["-O2", "-fPIE", "-g3", linkage, "-include", "arm_neon.h", "everything.c", "-lm", "-latomic", "-o"];
            run(Command::new(compiler).args(flags).arg(&program).current_dir(&programs));
            program
        };
        let (here, there) = (compile(toolchain(), "here"), compile(&moved, "there"));
        assert_static(&there);
        assert_eq!(
            text(&run(Command::new(qemu()).args([&there, &"one".into(), &"two".into()]))),
            expected,
            "{linkage}"
        );
        assert!(fs_err::read(here).unwrap() == fs_err::read(there).unwrap(), "{linkage}: two places, two programs");
    }
}

#[test]
fn the_way_back_to_a_dynamic_program() {
    let out = tempfile::tempdir().unwrap();
    let program = out.path().join("dynamic");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs/everything.c");
    let compiler = toolchain().join("bin").join(format!("{TRIPLE}-cc"));
    run(Command::new(compiler)
        .args(["-specs=dynamic.specs", "-o"])
        .arg(&program)
        .arg(source)
        .args(["-lm", "-latomic"]));
    assert_eq!(needs(&program), (object::elf::EM_AARCH64, true, 1));
    let sysroot = toolchain().join(TRIPLE);
    let said = text(&run(Command::new(qemu()).arg("-L").arg(sysroot).arg(&program).args(["one", "two"])));
    // The loader of a dynamic program passes its constructors nothing: as upstream's musl does.
    let expected = "a thread with a frame of 4 MiB: 14 7";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn the_drivers_own_specs_are_still_there() {
    // GCC takes all of its specs from the file of that name, if there is one; these are the machine's.
    let said = text(&run(Command::new(toolchain().join("bin").join(format!("{TRIPLE}-gcc"))).arg("-dumpspecs")));
    assert!(said.lines().any(|line| line == "*asm_cpu_spec:"), "{said}");
}

#[test]
fn a_program_that_counts_writes_its_counts() {
    let out = tempfile::tempdir().unwrap();
    fs_err::write(out.path().join("counts.c"), "int main(void) { return 0; }\n").unwrap();
    let compiler = toolchain().join("bin").join(format!("{TRIPLE}-gcc"));
    run(Command::new(compiler).current_dir(out.path()).args(["--coverage", "-o", "counts", "counts.c"]));
    run(Command::new(qemu()).arg(out.path().join("counts")));
    assert!(out.path().join("counts.gcda").exists());
}

#[test]
fn two_stores_and_two_caches_make_the_same_program() {
    let other = tempfile::tempdir().unwrap();
    let store = other.path().join("a store elsewhere");
    let name = toolchain().file_name().unwrap();
    fs_err::create_dir_all(store.join("toolchains")).unwrap();
    fs_err::create_dir(store.join("current")).unwrap();
    run(Command::new("cp").arg("-a").arg(toolchain()).arg(store.join("toolchains")));
    std::os::unix::fs::symlink(Path::new("../toolchains").join(name), store.join("current").join(TRIPLE)).unwrap();

    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/callback");
    let [first, second] = ["first", "second"].map(|name| other.path().join(name));
    let build = |program: &Path| format!("go build -trimpath -o {} .", program.display());
    in_environment(&example, &build(&first));
    let (store, cache) = (store.display(), other.path().join("cache"));
    let script = format!("export MUSLCHAIN_HOME='{store}' GOCACHE='{}'", cache.display());
    let line = format!("{script}; eval $({MUSLCHAIN} env linux/arm64); {}", build(&second));
    run(Command::new("sh").args(["-euc", &line]).current_dir(&example));
    assert!(fs_err::read(first).unwrap() == fs_err::read(second).unwrap());
}

#[test]
fn the_compiler_says_which_toolchain_it_is_and_where_it_was_built_is_nowhere() {
    let folder = toolchain();
    let manifest: serde_json::Value =
        serde_json::from_slice(&fs_err::read(folder.join("manifest.json")).unwrap()).unwrap();
    let key = manifest["key"].as_str().unwrap();
    let version = text(&run(Command::new(folder.join("bin").join(format!("{TRIPLE}-cc"))).arg("--version")));
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

/// Ports with toolchains of the recipe `clang`, their languages and emulators: both orders of bytes, both sizes of pointers,
/// with and without a floating-point unit.
const SERVED_BY_CLANG: [(&str, &str, &str); 4] = [
    ("linux/amd64", "c", "qemu-x86_64"),
    ("linux/arm/v7,softfloat", "c", "qemu-arm"),
    ("linux/riscv64", "c,c++", "qemu-riscv64"),
    ("linux/ppc64", "c", "qemu-ppc64"),
];

#[test]
fn the_hosts_clang_serves_other_ports_as_gcc_does() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
    let everything = fs_err::read_to_string(programs.join("everything.expected")).unwrap();
    let out = tempfile::tempdir().unwrap();
    for (port, languages, emulator) in SERVED_BY_CLANG {
        let install = ["install", "--recipe", "clang", "--languages", languages, port];
        run(Command::new(MUSLCHAIN).args(install));
        let qemu = self::emulator(emulator);
        let in_port = |folder: &Path, words: &[&str]| {
            let mut command = Command::new(MUSLCHAIN);
            run(command.args(["run", port, "--"]).args(words).current_dir(folder))
        };
        let program = out.path().join("program");
        let path = program.to_str().unwrap();
        let check = || run(Command::new(MUSLCHAIN).args(["check", "--strict", "--port", port]).arg(&program));
        let compiler = text(&run(Command::new(MUSLCHAIN).args(["which", port])));
        for linkage in ["-static", "-pie"] {
            let words = [compiler.trim(), "-O2", "-fPIE", linkage, "-o", path, "everything.c", "-lm", "-latomic"];
            in_port(&programs, &words);
            check();
            assert_eq!(text(&run(Command::new(&qemu).args([path, "one", "two"]))), everything, "{port} {linkage}");
        }
        let of_cxx = if languages == "c,c++" { &["cxx"][..] } else { &[] };
        for name in ["hello", "resolver", "callback"].iter().chain(of_cxx) {
            in_port(&examples.join(name), &["go", "build", "-o", path, "."]);
            check();
            let said = text(&run(Command::new(&qemu).arg(path)));
            let told: Vec<&str> = said.lines().filter(|line| !line.starts_with("# ")).collect();
            let expected = fs_err::read_to_string(examples.join(name).join("expected")).unwrap();
            assert_eq!(told, expected.lines().collect::<Vec<_>>(), "{port} {name}");
        }
    }
}

#[test]
fn what_one_home_built_another_one_gets_from_a_registry_and_from_a_web_server() {
    let name = toolchain().file_name().unwrap().to_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| {
        let path = folder.path().join(name);
        fs_err::create_dir_all(&path).unwrap();
        path
    };
    let registry = Registry::on("127.0.0.1", folder.path(), None);
    let files = path("files");
    let server = Server::of(&files);
    let remotes = [registry.remote(), server.address.clone()];
    // The settings alone are another HOME's: the store is the usual one.
    let builder = path("builder");
    registry.log_in(&builder);
    let store = text(&run(Command::new(MUSLCHAIN).arg("dir")));
    let project = path("project");
    let settings = "targets = ['linux/arm64']\nrecipe = 'debian'\nlanguages = ['c']\n";
    fs_err::write(project.join("toolchains.toml"), settings).unwrap();
    let as_builder = |arguments: &[&str]| {
        let mut command = Command::new(MUSLCHAIN);
        command
            .args(arguments)
            .current_dir(&project)
            .env("HOME", &builder)
            .env_remove("XDG_CONFIG_HOME")
            .env("MUSLCHAIN_HOME", store.trim());
        text(&run(&mut command))
    };
    let key = as_builder(&["key", "new"]);
    as_builder(&["cache", "push", "--remote", &remotes[0], "--remote", &remotes[1], name]);
    // What a moving version means is known to the other through the project alone.
    as_builder(&["lock"]);
    for (number, remote) in remotes.iter().enumerate() {
        let home = path(&format!("home-{number}"));
        registry.log_in(&home);
        let as_user = |arguments: &[&str], folder: &Path| {
            let mut command = Command::new(MUSLCHAIN);
            command.args(arguments).env("HOME", &home).current_dir(folder);
            for variable in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "MUSLCHAIN_HOME"] {
                command.env_remove(variable);
            }
            run(&mut command)
        };
        as_user(&["key", "trust", key.trim()], &project);
        let said = as_user(&["install", "--locked", "--no-build", "--remote", remote], &project);
        let said = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(said.contains(&format!("installed from {}", remote.trim_end_matches('/'))), "{said}");
        as_user(&["verify"], &project);
        for name in ["hello", "resolver", "callback"] {
            let program = home.join(name);
            let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
            as_user(&["run", "linux/arm64", "--", "go", "build", "-o", program.to_str().unwrap(), "."], &example);
            as_user(&["check", "--strict", "--port", "linux/arm64", program.to_str().unwrap()], &project);
            assert_says_what_it_should(name, &program);
        }
    }
}

/// The commands of a stage of the Dockerfile that users copy, without what Docker itself does for them. What installs packages is
/// left out: ci/setup has done that here.
fn commands_of_dockerfile(stage: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ci/docker/Dockerfile");
    let text = fs_err::read_to_string(path).unwrap();
    let begins = |line: &&str| line.starts_with("FROM ") && line.ends_with(&format!(" AS {stage}"));
    let lines = text.lines().skip_while(|line| !begins(line)).skip(1).take_while(|line| !line.starts_with("FROM "));
    let commands = lines.filter_map(|line| line.strip_prefix("RUN ")).filter(|line| !line.contains("apt-get"));
    let plain = |line: &str| line.split(' ').filter(|word| !word.starts_with("--mount=")).collect::<Vec<_>>().join(" ");
    commands.map(plain).collect()
}

/// Makes the folder `$1` a system: this machine's own programs, Go in `$2`, muslchain, the store in `$3`, a program's source in `$4`;
/// then runs the line `$5` there.
const IN_A_CHROOT: &str = r#"
root=$1
for folder in usr bin sbin lib lib64 etc; do
    if [ -L "/$folder" ]; then
        cp -P "/$folder" "$root/"
    elif [ -d "/$folder" ]; then
        mkdir "$root/$folder"
        mount --rbind "/$folder" "$root/$folder"
    fi
done
mkdir "$root/dev" "$root/proc" "$root/tmp" "$root/root" "$root/out" "$root/go" "$root/muslchain" "$root/src"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/usr/local/bin"
cp "$MUSLCHAIN" "$root/usr/local/bin/muslchain"
mount --bind "$2" "$root/go"
mount --bind "$3" "$root/muslchain"
mount --bind "$4" "$root/src"
exec chroot "$root" /usr/bin/env -i PATH=/usr/local/bin:/go/bin:/usr/bin:/bin HOME=/root GOTOOLCHAIN=local GOFLAGS=-buildvcs=false \
    TARGETPLATFORM=linux/riscv64 MUSLCHAIN_RECIPE=clang MUSLCHAIN_HOME=/muslchain /bin/sh -euc "cd /src; $5"
"#;

#[test]
fn the_dockerfile_builds_a_static_program() {
    let commands = commands_of_dockerfile("build");
    assert_eq!(commands.len(), 2, "{commands:?}");
    // As a build before it left the store: with the distribution's archive, which needs more of a system than there will be.
    run(Command::new(MUSLCHAIN).args(["install", "--recipe", "clang", "linux/riscv64"]));
    let [usual, toolchain] = [&["dir"][..], &["dir", "linux/riscv64"]]
        .map(|words| PathBuf::from(text(&run(Command::new(MUSLCHAIN).args(words))).trim()));
    // A copy: what calls the host's clang does so by the store's path, which is another one there.
    let store = tempfile::tempdir().unwrap();
    let [name, kept] = [toolchain.file_name().unwrap(), "resolved.json".as_ref()];
    for folder in ["toolchains", "current"] {
        fs_err::create_dir(store.path().join(folder)).unwrap();
    }
    run(Command::new("cp").arg("-a").args([&toolchain, &store.path().join("toolchains").join(name)]));
    fs_err::copy(usual.join(kept), store.path().join(kept)).unwrap();
    let go = text(&run(Command::new("go").args(["env", "GOROOT"])));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/hello");
    let root = tempfile::tempdir().unwrap();
    run(Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "--pid", "--fork", "sh", "-euc", IN_A_CHROOT, "sh"])
        .arg(root.path())
        .arg(go.trim())
        .arg(store.path())
        .arg(source)
        .arg(commands.join(" && "))
        .env("MUSLCHAIN", MUSLCHAIN));
    let program = root.path().join("out/app");
    let said = text(&run(Command::new(emulator("qemu-riscv64")).arg(program)));
    assert!(said.ends_with("ok\n"), "{said}");
}

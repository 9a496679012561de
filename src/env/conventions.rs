//! What build systems want to be told: Go, and those that are not Go.

use std::collections::BTreeMap;

use super::{EnvError, Options, Toolchain, Wish};
use crate::shim;
use crate::target::{Endian, Machine};

/// What Go takes where CGO_CFLAGS and CGO_LDFLAGS are not set (DefaultCFlags in cmd/go/internal/work/exec.go).
const GO_DEFAULT_FLAGS: &str = "-O2 -g";

/// The flag that makes Go link with the C compiler and that one link statically.
const STATIC: &str = "-static";

/// What makes the compiler link statically and is no word of libtool's, which would take `-static` for itself and
/// drop it.
const STATIC_FOR_LIBTOOL: &str = "--static";

/// Whose variables an environment has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Convention {
    /// Go with cgo.
    Go,
    /// Cargo, and the crates cc and pkg-config in build scripts.
    Cargo,
    /// A configure script made by autoconf, and make.
    Autotools,
}

impl Convention {
    pub(super) fn wishes(self, toolchain: &Toolchain, options: Options) -> Result<BTreeMap<String, Wish>, EnvError> {
        match self {
            Self::Go => go(toolchain, options),
            Self::Cargo => cargo(toolchain, options),
            Self::Autotools => autotools(toolchain, options),
        }
    }
}

fn go(toolchain: &Toolchain, options: Options) -> Result<BTreeMap<String, Wish>, EnvError> {
    let mut wishes = Wishes::default();
    wishes.set("GOOS", "linux");
    wishes.set("CGO_ENABLED", "1");
    wishes.set("CC", &toolchain.program("cc", options)?);
    // Without C++, a name that does not exist: the message names it, where `c++` would compile for
    // the host.
    wishes.set("CXX", &toolchain.program("c++", options)?);
    wishes.set("AR", &toolchain.program("ar", options)?);
    wishes.set("PKG_CONFIG", &toolchain.pkg_config(options)?);
    for (name, value) in &toolchain.port.env {
        wishes.set(name, value);
    }
    wishes.append("CGO_CFLAGS", STATIC, GO_DEFAULT_FLAGS);
    wishes.append("CGO_LDFLAGS", STATIC, GO_DEFAULT_FLAGS);
    if options.pie {
        wishes.append("GOFLAGS", "-buildmode=pie", "");
        // CGO_LDFLAGS cannot reach a program without cgo, which Go's own linker would give glibc's interpreter.
        wishes.set("GO_EXTLINK_ENABLED", "1");
    }
    Ok(wishes.0)
}

/// The variables for one target, so that build scripts still compile for the host
/// (<https://doc.rust-lang.org/cargo/reference/config.html#environment-variables>, and the documentation of the crates).
fn cargo(toolchain: &Toolchain, options: Options) -> Result<BTreeMap<String, Wish>, EnvError> {
    let triple = toolchain.target.rust.as_deref().ok_or_else(|| toolchain.not_in_table("Rust", "rust"))?;
    let word = triple.replace(['-', '.'], "_");
    let of_cargo = format!("CARGO_TARGET_{}", word.to_ascii_uppercase());
    let mut wishes = Wishes::default();
    wishes.set(&format!("{of_cargo}_LINKER"), &toolchain.program("cc", options)?);
    // Not all of Rust's musl targets are static by themselves.
    wishes.append(&format!("{of_cargo}_RUSTFLAGS"), "-Ctarget-feature=+crt-static", "");
    if let Some(exec) = toolchain.exec(options)? {
        wishes.set(&format!("{of_cargo}_RUNNER"), &exec);
    }
    for (name, program) in [("CC", "cc"), ("CXX", "c++"), ("AR", "ar"), ("RANLIB", "ranlib")] {
        wishes.set(&format!("{name}_{word}"), &toolchain.program(program, options)?);
    }
    wishes.set(&format!("PKG_CONFIG_{word}"), &toolchain.pkg_config(options)?);
    Ok(wishes.0)
}

/// What configure scripts take from the environment. `host_alias` is what `--host` sets in them
/// (`ac_precious_vars` in autoconf's general.m4).
fn autotools(toolchain: &Toolchain, options: Options) -> Result<BTreeMap<String, Wish>, EnvError> {
    let mut wishes = Wishes::default();
    wishes.set("host_alias", &toolchain.target.triple);
    let programs = [
        ("CC", "cc"),
        ("CXX", "c++"),
        ("CPP", "cpp"),
        ("AR", "ar"),
        ("AS", "as"),
        ("LD", "ld"),
        ("NM", "nm"),
        ("RANLIB", "ranlib"),
        ("STRIP", "strip"),
        ("OBJCOPY", "objcopy"),
        ("OBJDUMP", "objdump"),
        ("READELF", "readelf"),
    ];
    for (name, program) in programs {
        wishes.set(name, &toolchain.program(program, options)?);
    }
    wishes.set("PKG_CONFIG", &toolchain.pkg_config(options)?);
    wishes.append("LDFLAGS", STATIC_FOR_LIBTOOL, "");
    Ok(wishes.0)
}

/// A toolchain file for CMake (<https://cmake.org/cmake/help/latest/manual/cmake-toolchains.7.html>).
pub fn cmake(toolchain: &Toolchain) -> Result<String, EnvError> {
    let machine = toolchain.machine("CMake")?;
    let place = |path: String| format!("\"{}\"", backslashed(&path, &['\\', '"', '$', ';']));
    let mut lines = vec![
        format!("# {} with {}. For cmake -DCMAKE_TOOLCHAIN_FILE=FILE.", toolchain.port.name, toolchain.manifest.name),
        "set(CMAKE_SYSTEM_NAME Linux)".to_owned(),
        format!("set(CMAKE_SYSTEM_PROCESSOR {})", machine.name),
    ];
    let mut set = |name: &str, value: String| lines.push(format!("set({name} {value})"));
    set("CMAKE_C_COMPILER", place(toolchain.path_of("cc")?));
    // Without C++, a name that does not exist: CMake names it, where it would take the host's otherwise.
    set("CMAKE_CXX_COMPILER", place(toolchain.path_of("c++")?));
    set("CMAKE_EXE_LINKER_FLAGS_INIT", STATIC.to_owned());
    set("CMAKE_FIND_ROOT_PATH", place(toolchain.path(&toolchain.target.triple)?));
    set("CMAKE_FIND_ROOT_PATH_MODE_PROGRAM", "NEVER".to_owned());
    for what in ["LIBRARY", "INCLUDE", "PACKAGE"] {
        set(&format!("CMAKE_FIND_ROOT_PATH_MODE_{what}"), "ONLY".to_owned());
    }
    set("PKG_CONFIG_EXECUTABLE", place(toolchain.shim(&shim::pkg_config_name(toolchain.target))?));
    if let Some(architecture) = toolchain.architecture() {
        set("CMAKE_CROSSCOMPILING_EMULATOR", place(toolchain.shim(&shim::exec_name(architecture))?));
    }
    Ok(lines.join("\n"))
}

/// A cross file for Meson (<https://mesonbuild.com/Cross-compilation.html>).
pub fn meson(toolchain: &Toolchain) -> Result<String, EnvError> {
    let machine = toolchain.machine("Meson")?;
    let text = |text: String| format!("'{}'", backslashed(&text, &['\\', '\'']));
    let header =
        format!("# {} with {}. For meson setup --cross-file FILE.", toolchain.port.name, toolchain.manifest.name);
    let mut lines = vec![header, "[binaries]".to_owned()];
    let mut programs = vec![("c", "cc"), ("ar", "ar"), ("ranlib", "ranlib"), ("strip", "strip")];
    if toolchain.has_cxx() {
        programs.push(("cpp", "c++"));
    }
    for (name, program) in programs {
        lines.push(format!("{name} = {}", text(toolchain.path_of(program)?)));
    }
    // Before 1.3 Meson knew the second name only.
    for name in ["pkg-config", "pkgconfig"] {
        lines.push(format!("{name} = {}", text(toolchain.shim(&shim::pkg_config_name(toolchain.target))?)));
    }
    if let Some(architecture) = toolchain.architecture() {
        lines.push(format!("exe_wrapper = {}", text(toolchain.shim(&shim::exec_name(architecture))?)));
    }
    lines.extend(["", "[built-in options]", "default_library = 'static'", "prefer_static = true"].map(str::to_owned));
    for language in ["c", "cpp"] {
        lines.push(format!("{language}_link_args = ['{STATIC}']"));
    }
    lines.extend(["", "[host_machine]", "system = 'linux'"].map(str::to_owned));
    let endian = match toolchain.target.elf.endian {
        Endian::Little => "little",
        Endian::Big => "big",
    };
    for (key, value) in [("cpu_family", &*machine.family), ("cpu", &machine.name), ("endian", endian)] {
        lines.push(format!("{key} = {}", text(value.to_owned())));
    }
    Ok(lines.join("\n"))
}

fn backslashed(text: &str, special: &[char]) -> String {
    let mut out = String::new();
    for character in text.chars() {
        if special.contains(&character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

#[derive(Default)]
struct Wishes(BTreeMap<String, Wish>);

impl Wishes {
    fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), Wish::Set(value.to_owned()));
    }

    fn append(&mut self, name: &str, word: &'static str, default: &'static str) {
        self.0.insert(name.to_owned(), Wish::Append { word, default });
    }
}

impl Toolchain<'_> {
    /// What a variable says for one of its programs.
    fn program(&self, name: &str, options: Options) -> Result<String, EnvError> {
        if options.path { Ok(format!("{}-{name}", self.target.triple)) } else { one_word(self.path_of(name)?) }
    }

    fn pkg_config(&self, options: Options) -> Result<String, EnvError> {
        let name = shim::pkg_config_name(self.target);
        if options.path { Ok(name) } else { one_word(self.shim(&name)?) }
    }

    fn exec(&self, options: Options) -> Result<Option<String>, EnvError> {
        let Some(architecture) = self.architecture() else { return Ok(None) };
        let name = shim::exec_name(architecture);
        if options.path { Ok(Some(name)) } else { one_word(self.shim(&name)?).map(Some) }
    }

    fn architecture(&self) -> Option<&str> {
        self.port.env.get("GOARCH").map(String::as_str)
    }

    fn has_cxx(&self) -> bool {
        self.manifest.languages.iter().any(|language| language == "c++")
    }

    fn path_of(&self, program: &str) -> Result<String, EnvError> {
        let name = format!("{}-{program}", self.target.triple);
        let of_host = self.manifest.host_compiler.as_ref().map(|compiler| &compiler.commands.programs);
        match of_host.is_some_and(|programs| programs.contains_key(program)) {
            true => self.shim(&name),
            false => self.path(&format!("bin/{name}")),
        }
    }

    fn path(&self, below: &str) -> Result<String, EnvError> {
        super::path::entry(&self.folder.join(below))
    }

    fn shim(&self, name: &str) -> Result<String, EnvError> {
        super::path::entry(&self.shims.join(name))
    }

    fn machine(&self, system: &'static str) -> Result<&Machine, EnvError> {
        self.target.machine.as_ref().ok_or_else(|| self.not_in_table(system, "machine"))
    }

    fn not_in_table(&self, system: &'static str, key: &'static str) -> EnvError {
        EnvError::NotInTable { triple: self.target.triple.clone(), system, key }
    }
}

/// A path as it can stand in CC: what reads it splits it at blanks, and not all take quotes.
fn one_word(path: String) -> Result<String, EnvError> {
    if path.contains(|character: char| character.is_whitespace() || "'\"\\$`".contains(character)) {
        let what = "blank or a quote in it, which cannot stand in CC";
        return Err(EnvError::Path { path, what });
    }
    Ok(path)
}

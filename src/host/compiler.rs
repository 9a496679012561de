//! The host's own C and C++ compilers: what they call, and whether they link.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use super::program::{Program, find_program, is_executable, said_by};
use crate::sandbox::SEARCH_PATH;

/// A compiler of the host and a program that needs its library.
#[derive(Debug)]
pub(super) struct Compiler {
    pub(super) name: &'static str,
    pub(super) library: &'static str,
    file: &'static str,
    source: &'static str,
    /// The programs that do its work, as its `-print-prog-name` knows them.
    pub(super) calls: &'static [&'static str],
}

/// Those that GCC is compiled with.
pub(super) static COMPILERS: [Compiler; 2] = [
    Compiler {
        name: "gcc",
        library: "the host's C library",
        file: "probe.c",
        source: "#include <stdio.h>\nint main(void) { return puts(\"x\") < 0; }\n",
        calls: &["cc1", "as", "collect2", "ld"],
    },
    Compiler {
        name: "g++",
        library: "the host's C++ library",
        file: "probe.cc",
        source: "#include <iostream>\nint main() { std::cout << 1; }\n",
        calls: &["cc1plus", "as", "collect2", "ld"],
    },
];

impl Compiler {
    /// The programs that do its work where it is `compiler`, as far as they can be found.
    pub(super) fn called(&self, compiler: &Path) -> io::Result<BTreeMap<String, Program>> {
        let mut called = BTreeMap::new();
        for name in self.calls {
            let said = said_by(compiler, &format!("-print-prog-name={name}"));
            // One that it has no place of its own for is looked for as any other.
            let path = match Path::new(said.trim()) {
                path if path.is_absolute() => Some(path.to_owned()),
                path => path.to_str().and_then(find_program),
            };
            if let Some(path) = path.filter(|path| is_executable(path)) {
                called.insert((*name).to_owned(), Program::at(path)?);
            }
        }
        Ok(called)
    }

    /// Whether `compiler` links its program with these flags.
    pub(super) fn links(&self, compiler: &Path, flags: &[&str]) -> io::Result<bool> {
        let folder = tempfile::tempdir()?;
        fs_err::write(folder.path().join(self.file), self.source)?;
        let status = Command::new(compiler)
            .args(flags)
            .args(["-o", "probe", self.file])
            .current_dir(folder.path())
            .env_clear()
            .env("PATH", SEARCH_PATH)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        Ok(status.success())
    }
}

/// Whether a program of that name compiles for the host, so that a launcher may be put before it.
pub fn is_compiler(name: &str) -> bool {
    COMPILERS.iter().any(|compiler| compiler.name == name)
}

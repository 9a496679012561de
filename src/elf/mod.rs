//! What an ELF file or an archive of objects says of itself.
//!
//! Any file may be given: what cannot be read is left out or told as damage, and no length in the
//! file is believed. Memory stays bounded, see [`input`]; time grows with the file's size, up to
//! the first 512 MiB of its code and data. tests/check/hostile.rs tries it with damaged files.

pub mod archive;
pub mod go;
pub mod input;
mod attributes;
mod dynamic;
mod machine;
pub mod marks;
pub mod parts;
mod program;
mod symbols;

use std::collections::BTreeSet;
use std::fmt;

use object::Endianness;
use object::elf::{ELFCLASS32, ELFCLASS64, ELFMAG, FileHeader32, FileHeader64};
use serde::{Serialize, Serializer};

pub use machine::machine_name;
pub use symbols::tell as symbol_told;

use self::go::GoBuild;
use self::input::Input;
use self::marks::Mark;
use crate::target::{Endian, Float};

/// What an ELF file says of itself.
#[derive(Debug, Clone, Serialize)]
pub struct Elf {
    /// What kind of file it is.
    pub kind: Kind,
    /// 32 or 64.
    pub class: u8,
    /// The order of bytes.
    pub endian: Endian,
    /// The name of `e_machine`.
    pub machine: String,
    /// `e_flags`.
    pub flags: u32,
    /// The system that EI_OSABI names, where it is not Linux.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_system: Option<&'static str>,
    /// The program that starts it: PT_INTERP.
    pub interpreter: Option<String>,
    /// The libraries that it needs: DT_NEEDED.
    pub libraries: Vec<String>,
    /// Where libraries are looked for first: DT_RUNPATH or DT_RPATH.
    pub library_path: Option<String>,
    /// The newest version of glibc's symbols that it needs.
    pub glibc: Option<GlibcVersion>,
    /// PT_GNU_STACK, where there is one.
    pub stack: Option<Stack>,
    /// Whether the loader has to change its code.
    pub text_relocations: bool,
    /// ARM's Tag_CPU_arch.
    pub cpu_arch: Option<u64>,
    /// The x86-64 level that it says it needs: 1 is the baseline.
    pub isa: Option<u32>,
    /// How floating-point numbers are passed, where the file states it.
    pub float: Option<Float>,
    /// Texts and symbols that tell which code it holds.
    pub marks: BTreeSet<Mark>,
    /// Symbols that only glibc has and that another file must define.
    pub glibc_symbols_needed: BTreeSet<String>,
    /// Symbols that only glibc has and that the file defines.
    pub glibc_symbols_defined: BTreeSet<String>,
    /// The compilers that name themselves in it.
    pub compilers: BTreeSet<String>,
    /// What Go's linker wrote.
    pub go: Option<GoBuild>,
    /// Whether UPX packed it, so that its content is hidden.
    pub upx: bool,
    /// Whether its interpreter or names of libraries are where patchelf puts them.
    pub patchelf: bool,
    /// What of it is missing or contradictory.
    pub damage: Vec<String>,
}

/// What kind of ELF file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A program at a fixed address.
    Program,
    /// A program that runs at any address.
    PositionIndependentProgram,
    /// A shared library.
    SharedLibrary,
    /// Compiled code that was not linked.
    Object,
    /// A core dump, or something that is for none but its maker.
    Other,
}

/// What PT_GNU_STACK says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stack {
    /// The size that threads get in musl, in bytes; 0 is its default.
    pub size: u64,
    /// Whether code on the stack can be run.
    pub executable: bool,
}

/// A version of glibc, such as 2.34 or 2.2.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GlibcVersion(pub u32, pub u32, pub u32);

impl GlibcVersion {
    /// From the name of a version of symbols, such as `GLIBC_2.34`.
    fn of_symbols(name: &str) -> Option<Self> {
        // Relative relocations, which glibc handles since 2.36.
        if name == "GLIBC_ABI_DT_RELR" {
            return Some(Self(2, 36, 0));
        }
        let mut numbers = name.strip_prefix("GLIBC_")?.split('.').map(str::parse);
        let major = numbers.next()?.ok()?;
        let mut next = || numbers.next().unwrap_or(Ok(0)).ok();
        Some(Self(major, next()?, next()?))
    }
}

impl fmt::Display for GlibcVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)?;
        if self.2 == 0 { Ok(()) } else { write!(f, ".{}", self.2) }
    }
}

impl Serialize for GlibcVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Elf {
    /// One that says nothing else.
    #[cfg(test)]
    pub fn of_kind(kind: Kind) -> Self {
        Self {
            kind,
            class: 64,
            endian: Endian::Little,
            machine: machine_name(62),
            flags: 0,
            other_system: None,
            interpreter: None,
            libraries: Vec::new(),
            library_path: None,
            glibc: None,
            stack: Some(Stack { size: 8 << 20, executable: false }),
            text_relocations: false,
            cpu_arch: None,
            isa: None,
            float: None,
            marks: BTreeSet::new(),
            glibc_symbols_needed: BTreeSet::new(),
            glibc_symbols_defined: BTreeSet::new(),
            compilers: BTreeSet::new(),
            go: None,
            upx: false,
            patchelf: false,
            damage: Vec::new(),
        }
    }

    /// Whether it runs without an interpreter and libraries.
    pub fn is_static(&self) -> bool {
        self.interpreter.is_none() && self.libraries.is_empty()
    }

    /// Whether it can be started.
    pub fn is_program(&self) -> bool {
        matches!(self.kind, Kind::Program | Kind::PositionIndependentProgram)
    }
}

/// A file's content.
#[derive(Debug)]
pub enum Content<'a> {
    /// An ELF file.
    Elf(Box<Elf>),
    /// An archive; its members are read one by one.
    Archive(archive::Archive<'a>),
}

/// Why there is nothing to tell of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ElfError {
    /// It is something else.
    #[error("{0}, not an ELF file")]
    NotElf(&'static str),
    /// It begins like an ELF file and its header cannot be read.
    #[error("an ELF file whose header is damaged")]
    Header,
    /// An archive of names of files.
    #[error("a thin archive, which holds no objects but their paths: check these")]
    ThinArchive,
}

/// Reads what there is.
pub fn read(input: Input<'_>) -> Result<Content<'_>, ElfError> {
    let start = input.read_up_to(0, 8).unwrap_or_default();
    match start.as_slice() {
        b"!<arch>\n" => Ok(Content::Archive(archive::Archive::new(input))),
        b"!<thin>\n" => Err(ElfError::ThinArchive),
        _ => read_elf(input).map(|elf| Content::Elf(Box::new(elf))),
    }
}

/// Reads an ELF file.
pub fn read_elf(input: Input<'_>) -> Result<Elf, ElfError> {
    let start = input.read_up_to(0, 8).unwrap_or_default();
    if !start.starts_with(&ELFMAG) {
        return Err(ElfError::NotElf(looks_like(&start)));
    }
    match start.get(4) {
        Some(&ELFCLASS32) => program::read::<FileHeader32<Endianness>>(input),
        Some(&ELFCLASS64) => program::read::<FileHeader64<Endianness>>(input),
        _ => Err(ElfError::Header),
    }
}

fn looks_like(start: &[u8]) -> &'static str {
    match start {
        [] => "an empty file",
        [b'#', b'!', ..] => "a script",
        [b'M', b'Z', ..] => "a Windows program",
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] | [0xca, 0xfe, 0xba, 0xbe, ..] => "a macOS program",
        [0x1f, 0x8b, ..] | [b'P', b'K', 3, 4, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => "a compressed file",
        [0, b'a', b's', b'm', ..] => "a WebAssembly module",
        _ => "some other file",
    }
}

/// The text in `bytes` up to a NUL, at most 4096 bytes of it, fit for a terminal.
fn text(bytes: &[u8]) -> String {
    const LONGEST: usize = 4096;
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    printable(&String::from_utf8_lossy(&bytes[..end]))
}

/// A text in which nothing controls a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { char::REPLACEMENT_CHARACTER } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_glibc_are_numbers() {
        let version = |name| GlibcVersion::of_symbols(name);
        assert!(version("GLIBC_2.4") < version("GLIBC_2.34") && version("GLIBC_2.2.5") < version("GLIBC_2.4"));
        assert_eq!(version("GLIBC_2.2.5").unwrap().to_string(), "2.2.5");
        assert_eq!(version("GLIBC_ABI_DT_RELR").unwrap().to_string(), "2.36");
        for name in ["GLIBC_PRIVATE", "GLIBCXX_3.4", "GLIBC_2.99999999999", ""] {
            assert_eq!(version(name), None, "{name}");
        }
    }

    #[test]
    fn what_is_no_elf_file_is_named() {
        for (bytes, words) in [
            (&b""[..], "an empty file"),
            (b"#!/bin/sh\n", "a script"),
            (b"MZ\x90", "a Windows program"),
            (b"\x7fEL", "some other file"),
        ] {
            let bytes = bytes.to_vec();
            let error = read(Input::new(&bytes, bytes.len() as u64)).unwrap_err();
            assert_eq!(error, ElfError::NotElf(words));
        }
    }

    #[test]
    fn nothing_in_a_name_reaches_the_terminal() {
        assert_eq!(text(b"lib\x1b[31m.so\n\0rest"), "lib\u{fffd}[31m.so\u{fffd}");
    }
}

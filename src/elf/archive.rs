//! Archives of objects: `libNAME.a`.
//!
//! The format of GNU and BSD ar: a header of 60 bytes of text before each member, long names in a
//! member `//` or after the header.

use std::fmt;

use super::input::Input;
use super::{Elf, ElfError, read_elf, text};

const MAGIC: u64 = 8;
const HEADER: u64 = 60;

/// The most of the list of long names that is read.
const LONG_NAMES: u64 = 1 << 20;

/// An archive, and where in it the next member is.
pub struct Archive<'a> {
    input: Input<'a>,
    at: u64,
    long_names: Vec<u8>,
}

impl fmt::Debug for Archive<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive").field("at", &self.at).finish_non_exhaustive()
    }
}

/// A file in an archive.
#[derive(Debug)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// What it is.
    pub elf: Result<Elf, ElfError>,
}

/// The archive goes on with something else than a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken {
    /// Where, in bytes from its beginning.
    pub at: u64,
}

impl<'a> Archive<'a> {
    pub(super) fn new(input: Input<'a>) -> Self {
        Self { input, at: MAGIC, long_names: Vec::new() }
    }

    /// The next member that is no index; `None` at the end.
    pub fn next_member(&mut self) -> Result<Option<Member>, Broken> {
        let next = self.next_content()?;
        Ok(next.map(|(name, content)| Member { name, elf: read_elf(content) }))
    }

    /// The name and the bytes of the next member that is no index; `None` at the end.
    pub(super) fn next_content(&mut self) -> Result<Option<(String, Input<'a>)>, Broken> {
        while self.at < self.input.length() {
            let (name, content) = self.entry().ok_or(Broken { at: self.at })?;
            match name.as_slice() {
                b"/" | b"/SYM64/" | b"__.SYMDEF" | b"__.SYMDEF SORTED" => {}
                b"//" => self.long_names = content.read_up_to(0, LONG_NAMES).unwrap_or_default(),
                name => return Ok(Some((self.member_name(name), content))),
            }
        }
        Ok(None)
    }

    /// The raw name and the content of the entry here; the place moves behind it, always forward.
    fn entry(&mut self) -> Option<(Vec<u8>, Input<'a>)> {
        let header = self.input.read(self.at, HEADER)?;
        if &header[58..] != b"`\n" {
            return None;
        }
        let size: u64 = std::str::from_utf8(&header[48..58]).ok()?.trim_end().parse().ok()?;
        let start = self.at.checked_add(HEADER)?;
        let content = self.input.part(start, size)?;
        // Members begin at even places.
        self.at = start.checked_add(size)?.checked_next_multiple_of(2)?;
        let name = header[..16].trim_ascii_end().to_vec();
        match name.strip_prefix(b"#1/") {
            Some(length) => {
                let length: u64 = std::str::from_utf8(length).ok()?.parse().ok()?;
                let name = content.read(0, length)?;
                let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
                Some((name[..end].to_vec(), content.part(length, size.checked_sub(length)?)?))
            }
            None => Some((name, content)),
        }
    }

    fn member_name(&self, name: &[u8]) -> String {
        let number = name.strip_prefix(b"/").and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        let name = match number.and_then(|at: usize| self.long_names.get(at..)) {
            Some(long) => &long[..memchr::memchr(b'\n', long).unwrap_or(long.len())],
            None => name,
        };
        text(name.strip_suffix(b"/").unwrap_or(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, size: usize) -> Vec<u8> {
        format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 644).into_bytes()
    }

    fn names(bytes: Vec<u8>) -> (Vec<String>, Option<Broken>) {
        let length = bytes.len() as u64;
        let mut archive = Archive::new(Input::new(&bytes, length));
        let mut names = Vec::new();
        loop {
            match archive.next_member() {
                Ok(Some(member)) => names.push(member.name),
                Ok(None) => return (names, None),
                Err(broken) => return (names, Some(broken)),
            }
        }
    }

    #[test]
    fn long_and_short_names_are_read() {
        let mut bytes = b"!<arch>\n".to_vec();
        bytes.extend(header("/", 3));
        bytes.extend(b"xyz\n");
        bytes.extend(header("//", 26));
        bytes.extend(b"a_name_that_is_too_long.o/\n"[..26].to_vec());
        bytes.extend(header("short.o/", 1));
        bytes.extend(b"x\n");
        bytes.extend(header("/0", 0));
        bytes.extend(header("#1/4", 5));
        bytes.extend(b"bsd\0x");
        assert_eq!(names(bytes), (vec!["short.o".into(), "a_name_that_is_too_long.o".into(), "bsd".into()], None));
    }

    #[test]
    fn an_archive_that_was_cut_tells_where() {
        let mut bytes = b"!<arch>\n".to_vec();
        bytes.extend(header("a.o/", 4));
        bytes.extend(b"1234");
        bytes.extend(header("b.o/", 4));
        bytes.extend(b"12");
        assert_eq!(names(bytes), (vec!["a.o".into()], Some(Broken { at: 72 })));
    }
}

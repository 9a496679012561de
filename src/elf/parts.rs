//! The named parts of a file, so that two builds of it can be held against each other.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::Range;

use object::Endianness;
use object::elf::{ELFCLASS32, ELFCLASS64, ELFMAG, FileHeader32, FileHeader64};

use super::input::Input;
use super::{Content, archive::Archive, program, read};
use crate::digest::Sha256;

/// The digests of what a file is made of, by name: the sections of an ELF file, the members of an archive and, as
/// `member(section)`, what those are made of. Several of one name stand in the file's order. What has no such
/// parts, or tables that cannot be read, has none.
pub fn digests(input: Input<'_>) -> BTreeMap<String, Vec<Sha256>> {
    let mut parts = BTreeMap::new();
    match read(input) {
        Ok(Content::Archive(archive)) => collect_members(archive, &mut parts),
        Ok(Content::Elf(_)) => collect_sections(input, "", &mut parts),
        Err(_) => {}
    }
    parts
}

fn collect_members(mut archive: Archive<'_>, parts: &mut BTreeMap<String, Vec<Sha256>>) {
    while let Ok(Some((name, content))) = archive.next_content() {
        parts.entry(name.clone()).or_default().push(digest(content, 0..content.length()));
        collect_sections(content, &name, parts);
    }
}

fn collect_sections(input: Input<'_>, member: &str, parts: &mut BTreeMap<String, Vec<Sha256>>) {
    let start = input.read_up_to(0, 8).unwrap_or_default();
    let sections = match start.get(4) {
        Some(&ELFCLASS32) if start.starts_with(&ELFMAG) => program::named_sections::<FileHeader32<Endianness>>(input),
        Some(&ELFCLASS64) if start.starts_with(&ELFMAG) => program::named_sections::<FileHeader64<Endianness>>(input),
        _ => None,
    };
    for (name, range) in sections.unwrap_or_default() {
        let name = if member.is_empty() { name } else { format!("{member}({name})") };
        parts.entry(name).or_default().push(digest(input, range));
    }
}

/// Of the bytes of a range as far as there are any.
fn digest(input: Input<'_>, range: Range<u64>) -> Sha256 {
    struct Pieces<'a>(Input<'a>, Range<u64>);
    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let wanted = (self.1.end - self.1.start).min(buffer.len() as u64);
            let piece = self.0.read_up_to(self.1.start, wanted).unwrap_or_default();
            buffer[..piece.len()].copy_from_slice(&piece);
            self.1.start += piece.len() as u64;
            Ok(piece.len())
        }
    }
    let end = range.end.max(range.start);
    let read = Sha256::of_reader(Pieces(input, range.start..end));
    read.map_or_else(|_| Sha256::of(b""), |(digest, _)| digest)
}

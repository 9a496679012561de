//! Headers, segments and sections.

use std::ops::Range;

use object::elf::{self, PF_W, PF_X, PT_GNU_STACK, PT_INTERP, PT_LOAD, PT_NOTE};
use object::pod::slice_from_bytes;
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use object::{Endianness, Pod};

use super::input::Input;
use super::{Elf, ElfError, Kind, Stack, attributes, dynamic, go, machine_name, marks, symbols, text};
use crate::target::Endian;

/// The longest path of an interpreter (PATH_MAX of Linux).
const LONGEST_PATH: u64 = 4096;

/// The most of a small table that is read.
pub const SMALL: u64 = 64 << 10;

/// Where the notes of a file end to matter.
const NOTES: usize = 64;

/// Go's linker aligns its record so.
const GO_ALIGNMENT: u64 = 16;

/// The system that a value of EI_OSABI names, where programs for it are not for Linux
/// (<https://www.sco.com/developers/gabi/latest/ch4.eheader.html>).
fn other_system(os_abi: u8) -> Option<&'static str> {
    Some(match os_abi {
        elf::ELFOSABI_HPUX => "HP-UX",
        elf::ELFOSABI_NETBSD => "NetBSD",
        elf::ELFOSABI_SOLARIS => "Solaris",
        elf::ELFOSABI_AIX => "AIX",
        elf::ELFOSABI_FREEBSD => "FreeBSD",
        elf::ELFOSABI_OPENBSD => "OpenBSD",
        _ => return None,
    })
}

/// A part of the file that is put into memory, or what describes one.
#[derive(Debug, Clone)]
pub struct Segment {
    pub kind: u32,
    pub flags: u32,
    pub offset: u64,
    pub address: u64,
    pub file_size: u64,
    pub memory_size: u64,
    pub align: u64,
}

impl Segment {
    pub fn is_loaded(&self) -> bool {
        self.kind == PT_LOAD
    }

    fn is_writable_data(&self) -> bool {
        self.is_loaded() && self.flags & (PF_W | PF_X) == PF_W
    }

    fn end_in_file(&self) -> u64 {
        self.offset.saturating_add(self.file_size)
    }

    fn holds(&self, address: u64) -> bool {
        self.is_loaded() && address >= self.address && address - self.address < self.file_size
    }
}

/// A section, without its name: the table of names may be hostile.
#[derive(Debug, Clone)]
pub struct Section {
    pub kind: u32,
    pub offset: u64,
    pub size: u64,
    pub align: u64,
    pub link: usize,
    pub named: Named,
}

/// The names that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    Comment,
    GoBuildInfo,
    Other,
}

/// The tables of a file.
pub struct Tables {
    pub endian: Endianness,
    pub segments: Vec<Segment>,
    pub sections: Vec<Section>,
}

impl Tables {
    /// The place of an address in the file, and how many bytes its segment has from there on.
    pub fn place_of(&self, address: u64) -> Option<(u64, u64)> {
        let segment = self.segments.iter().find(|segment| segment.holds(address))?;
        let within = address - segment.address;
        Some((segment.offset.checked_add(within)?, segment.file_size - within))
    }

    /// Whether the program may write to an address: linkers do not put names there, patchelf does.
    pub fn is_writable(&self, address: u64) -> bool {
        self.segments.iter().find(|segment| segment.holds(address)).is_some_and(|segment| segment.flags & PF_W != 0)
    }
}

/// Reads a file of this class.
pub fn read<E: FileHeader<Endian = Endianness>>(input: Input<'_>) -> Result<Elf, ElfError> {
    let bytes = input.read_up_to(0, size_of::<E>() as u64).ok_or(ElfError::Header)?;
    let header = E::parse(bytes.as_slice()).map_err(|_| ElfError::Header)?;
    let endian = header.endian().map_err(|_| ElfError::Header)?;
    let mut damage = Vec::new();
    let tables = Tables {
        endian,
        segments: segments(header, endian, input, &mut damage),
        sections: sections(header, endian, input, &mut damage),
    };
    let dynamic = dynamic::read::<E>(input, &tables);
    let interpreter = tables.segments.iter().find(|segment| segment.kind == PT_INTERP);
    let kind = kind(header.e_type(endian), interpreter.is_some() || dynamic.as_ref().is_none_or(|it| it.is_program));
    let dynamic = dynamic.unwrap_or_default();
    let names = [interpreter.map(|segment| segment.address), dynamic.strings_at];
    let go = go_range(&tables).and_then(|range| go::read(input, range));
    let mut elf = Elf {
        kind,
        class: if header.is_type_64() { 64 } else { 32 },
        endian: if endian == Endianness::Little { Endian::Little } else { Endian::Big },
        machine: machine_name(header.e_machine(endian)),
        flags: header.e_flags(endian),
        other_system: other_system(header.e_ident().os_abi),
        interpreter: interpreter.map(|segment| path(input, segment)),
        libraries: dynamic.libraries,
        library_path: dynamic.library_path,
        glibc: dynamic.glibc,
        stack: tables.segments.iter().find(|segment| segment.kind == PT_GNU_STACK).map(stack),
        text_relocations: dynamic.text_relocations,
        cpu_arch: None,
        isa: None,
        float: None,
        marks: marks::find(input, searched(&tables, input), go.is_some()),
        glibc_symbols_needed: Default::default(),
        glibc_symbols_defined: Default::default(),
        compilers: compilers(&tables, input),
        go,
        upx: is_packed(header, endian, input),
        patchelf: names.into_iter().flatten().any(|address| tables.is_writable(address)),
        damage,
    };
    check_extent(&tables, input, &mut elf.damage);
    if elf.is_program() && !tables.segments.iter().any(Segment::is_loaded) {
        elf.damage.push("it has no segment to load".to_owned());
    }
    attributes::read::<E>(input, &tables, &mut elf);
    symbols::read::<E>(input, &tables, &mut elf);
    Ok(elf)
}

/// A library always has a dynamic segment, which does not say that it is a program. What UPX makes of a program
/// has none.
fn kind(kind: u16, is_program: bool) -> Kind {
    match kind {
        elf::ET_EXEC => Kind::Program,
        elf::ET_DYN if is_program => Kind::PositionIndependentProgram,
        elf::ET_DYN => Kind::SharedLibrary,
        elf::ET_REL => Kind::Object,
        _ => Kind::Other,
    }
}

fn path(input: Input<'_>, segment: &Segment) -> String {
    text(&input.read_up_to(segment.offset, segment.file_size.min(LONGEST_PATH)).unwrap_or_default())
}

fn stack(segment: &Segment) -> Stack {
    Stack { size: segment.memory_size, executable: segment.flags & PF_X != 0 }
}

/// A table of `count` entries; `None` where it is not in the file as a whole.
fn table<T: Pod>(input: Input<'_>, offset: u64, count: u64) -> Option<Vec<T>> {
    let bytes = input.read(offset, count.checked_mul(size_of::<T>() as u64)?)?;
    slice_from_bytes(&bytes, usize::try_from(count).ok()?).ok().map(|(entries, _)| entries.to_vec())
}

fn segments<E: FileHeader<Endian = Endianness>>(
    header: &E,
    endian: Endianness,
    input: Input<'_>,
    damage: &mut Vec<String>,
) -> Vec<Segment> {
    let (offset, count) = (header.e_phoff(endian).into(), header.e_phnum(endian));
    if count == 0 {
        return Vec::new();
    }
    let size = usize::from(header.e_phentsize(endian));
    let entries = (size == size_of::<E::ProgramHeader>()).then(|| table(input, offset, count.into())).flatten();
    let Some(entries) = entries else {
        damage.push("the table of segments is not in the file".to_owned());
        return Vec::new();
    };
    let segment = |entry: &E::ProgramHeader| Segment {
        kind: entry.p_type(endian),
        flags: entry.p_flags(endian),
        offset: entry.p_offset(endian).into(),
        address: entry.p_vaddr(endian).into(),
        file_size: entry.p_filesz(endian).into(),
        memory_size: entry.p_memsz(endian).into(),
        align: entry.p_align(endian).into(),
    };
    entries.iter().map(segment).collect()
}

fn sections<E: FileHeader<Endian = Endianness>>(
    header: &E,
    endian: Endianness,
    input: Input<'_>,
    damage: &mut Vec<String>,
) -> Vec<Section> {
    let (entries, names) = match section_headers(header, endian, input) {
        Some(headers) => headers,
        None => {
            damage.push("the table of sections is not in the file".to_owned());
            return Vec::new();
        }
    };
    let section = |entry: &E::SectionHeader| {
        let kind = entry.sh_type(endian);
        let name = names.get(entry.sh_name(endian) as usize..).unwrap_or_default();
        Section {
            kind,
            offset: entry.sh_offset(endian).into(),
            size: if kind == elf::SHT_NOBITS { 0 } else { entry.sh_size(endian).into() },
            align: entry.sh_addralign(endian).into(),
            link: entry.sh_link(endian) as usize,
            named: match () {
                () if name.starts_with(b".comment\0") => Named::Comment,
                () if name.starts_with(b".go.buildinfo\0") => Named::GoBuildInfo,
                () => Named::Other,
            },
        }
    };
    entries.iter().map(section).collect()
}

/// The table of sections and the one of their names; both empty where the file says it has none, `None` where it is
/// not in the file.
fn section_headers<E: FileHeader<Endian = Endianness>>(
    header: &E,
    endian: Endianness,
    input: Input<'_>,
) -> Option<(Vec<E::SectionHeader>, Vec<u8>)> {
    let offset = header.e_shoff(endian).into();
    if offset == 0 {
        return Some((Vec::new(), Vec::new()));
    }
    if usize::from(header.e_shentsize(endian)) != size_of::<E::SectionHeader>() {
        return None;
    }
    // A count that does not fit is in the first entry.
    let count = match header.e_shnum(endian) {
        0 => table::<E::SectionHeader>(input, offset, 1)?.first()?.sh_size(endian).into(),
        count => count.into(),
    };
    let entries: Vec<E::SectionHeader> = table(input, offset, count)?;
    let names_index = match header.e_shstrndx(endian) {
        elf::SHN_XINDEX => entries.first().map_or(0, |first| first.sh_link(endian)),
        index => index.into(),
    };
    let names = entries.get(names_index as usize);
    let names = names.and_then(|names| input.read(names.sh_offset(endian).into(), names.sh_size(endian).into()));
    Some((entries, names.unwrap_or_default()))
}

/// The places of a file's sections, each with its name; none where the tables cannot be read.
pub fn named_sections<E: FileHeader<Endian = Endianness>>(input: Input<'_>) -> Option<Vec<(String, Range<u64>)>> {
    let bytes = input.read_up_to(0, size_of::<E>() as u64)?;
    let header = E::parse(bytes.as_slice()).ok()?;
    let endian = header.endian().ok()?;
    let (entries, names) = section_headers(header, endian, input)?;
    let in_file = entries.iter().filter(|entry| !matches!(entry.sh_type(endian), elf::SHT_NULL | elf::SHT_NOBITS));
    let named = |entry: &E::SectionHeader| {
        let start = entry.sh_offset(endian).into();
        let name = text(names.get(entry.sh_name(endian) as usize..).unwrap_or_default());
        (name, start..start.saturating_add(entry.sh_size(endian).into()))
    };
    Some(in_file.map(named).collect())
}

/// Whether the file is as long as its parts say.
fn check_extent(tables: &Tables, input: Input<'_>, damage: &mut Vec<String>) {
    let loaded = tables.segments.iter().filter(|segment| segment.is_loaded());
    let needed = loaded.map(Segment::end_in_file).max().unwrap_or(0);
    if needed > input.length() {
        damage.push(format!("it has {} bytes, its segments go up to {needed}", input.length()));
    }
}

/// What is searched for marks: code and data of a program, all of an object of Go's.
fn searched(tables: &Tables, input: Input<'_>) -> Vec<Range<u64>> {
    if tables.segments.is_empty() && tables.sections.iter().any(|section| section.named == Named::GoBuildInfo) {
        return std::iter::once(0..input.length()).collect();
    }
    let loaded = tables.segments.iter().filter(|segment| segment.is_loaded());
    loaded.map(|segment| segment.offset..segment.end_in_file()).collect()
}

fn go_range(tables: &Tables) -> Option<Range<u64>> {
    let section = tables.sections.iter().find(|section| section.named == Named::GoBuildInfo);
    if let Some(section) = section {
        return Some(section.offset..section.offset.saturating_add(section.size));
    }
    let data = tables.segments.iter().find(|segment| segment.is_writable_data() && segment.file_size != 0)?;
    Some(data.offset.checked_next_multiple_of(GO_ALIGNMENT)?..data.end_in_file())
}

fn compilers(tables: &Tables, input: Input<'_>) -> std::collections::BTreeSet<String> {
    const SHOWN: usize = 16;
    let Some(section) = tables.sections.iter().find(|section| section.named == Named::Comment) else {
        return Default::default();
    };
    let bytes = input.read_up_to(section.offset, section.size.min(SMALL)).unwrap_or_default();
    bytes.split(|byte| *byte == 0).filter(|line| !line.is_empty()).map(text).take(SHOWN).collect()
}

/// The notes of a file: alignment and bytes of each group.
pub fn notes(tables: &Tables, input: Input<'_>) -> Vec<(u64, Vec<u8>)> {
    let segments = tables.segments.iter().filter(|segment| segment.kind == PT_NOTE);
    let mut places: Vec<_> = segments.map(|segment| (segment.align, segment.offset, segment.file_size)).collect();
    if tables.segments.is_empty() {
        let sections = tables.sections.iter().filter(|section| section.kind == elf::SHT_NOTE);
        places.extend(sections.map(|section| (section.align, section.offset, section.size)));
    }
    let read = |(align, offset, size): (u64, u64, u64)| Some((align, input.read_up_to(offset, size.min(SMALL))?));
    places.into_iter().take(NOTES).filter_map(read).collect()
}

/// UPX writes its magic behind the program headers and at the file's end, and leaves no sections.
fn is_packed<E: FileHeader<Endian = Endianness>>(header: &E, endian: Endianness, input: Input<'_>) -> bool {
    const MAGIC: &[u8] = b"UPX!";
    const NEAR: u64 = 256;
    let has_magic = |offset, size| {
        input.read_up_to(offset, size).is_some_and(|bytes| memchr::memmem::find(&bytes, MAGIC).is_some())
    };
    let headers = u64::from(header.e_phnum(endian)) * size_of::<E::ProgramHeader>() as u64;
    let behind_headers = Into::<u64>::into(header.e_phoff(endian)).saturating_add(headers);
    let no_sections = header.e_shnum(endian) == 0;
    has_magic(behind_headers, NEAR) || no_sections && has_magic(input.length().saturating_sub(NEAR), NEAR)
}

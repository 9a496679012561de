//! What a program tells its loader.

use object::Endianness;
use object::elf::{self, PT_DYNAMIC, Vernaux, Verneed};
use object::pod::from_bytes;
use object::read::elf::{Dyn, FileHeader};

use super::input::Input;
use super::program::Tables;
use super::{GlibcVersion, text};

/// The most of the table, and of the list of versions, that is read.
const LARGEST: u64 = 1 << 20;

/// How many libraries are told.
const LIBRARIES: usize = 256;

/// How many versions are looked at.
const VERSIONS: usize = 10_000;

/// What the dynamic segment says.
#[derive(Debug, Default)]
pub struct Dynamic {
    pub libraries: Vec<String>,
    pub library_path: Option<String>,
    pub glibc: Option<GlibcVersion>,
    pub text_relocations: bool,
    /// The linker was told that it is a program.
    pub is_program: bool,
    /// The address of the table of names.
    pub strings_at: Option<u64>,
}

/// Reads the dynamic segment, if there is one.
pub fn read<E: FileHeader<Endian = Endianness>>(input: Input<'_>, tables: &Tables) -> Option<Dynamic> {
    let entries = entries::<E>(input, tables)?;
    let value = |tag: u32| entries.iter().find(|(key, _)| *key == u64::from(tag)).map(|(_, value)| *value);
    let flag = |tag, mask: u32| value(tag).is_some_and(|value| value & u64::from(mask) != 0);
    let strings_at = value(elf::DT_STRTAB);
    let strings = strings_at
        .and_then(|address| tables.place_of(address))
        .and_then(|(offset, there)| input.read_up_to(offset, there.min(value(elf::DT_STRSZ).unwrap_or(LARGEST))))
        .unwrap_or_default();
    let string = |at: u64| text(usize::try_from(at).ok().and_then(|at| strings.get(at..)).unwrap_or_default());
    let needed = entries.iter().filter(|(tag, _)| *tag == u64::from(elf::DT_NEEDED)).take(LIBRARIES);
    Some(Dynamic {
        libraries: needed.map(|(_, value)| string(*value)).collect(),
        library_path: value(elf::DT_RUNPATH).or(value(elf::DT_RPATH)).map(string),
        glibc: glibc(input, tables, value(elf::DT_VERNEED), &string),
        text_relocations: value(elf::DT_TEXTREL).is_some() || flag(elf::DT_FLAGS, elf::DF_TEXTREL),
        is_program: flag(elf::DT_FLAGS_1, elf::DF_1_PIE),
        strings_at,
    })
}

fn entries<E: FileHeader<Endian = Endianness>>(input: Input<'_>, tables: &Tables) -> Option<Vec<(u64, u64)>> {
    let segment = tables.segments.iter().find(|segment| segment.kind == PT_DYNAMIC)?;
    let bytes = input.read_up_to(segment.offset, segment.file_size.min(LARGEST))?;
    let mut rest = bytes.as_slice();
    let mut entries = Vec::new();
    while let Ok((entry, after)) = from_bytes::<E::Dyn>(rest) {
        let tag: u64 = entry.d_tag(tables.endian).into();
        if tag == u64::from(elf::DT_NULL) {
            break;
        }
        entries.push((tag, entry.d_val(tables.endian).into()));
        rest = after;
    }
    Some(entries)
}

/// The newest version of glibc's among the versions of symbols that the program needs.
fn glibc(
    input: Input<'_>,
    tables: &Tables,
    address: Option<u64>,
    string: &dyn Fn(u64) -> String,
) -> Option<GlibcVersion> {
    let (offset, there) = tables.place_of(address?)?;
    let bytes = input.read_up_to(offset, there.min(LARGEST))?;
    let endian = tables.endian;
    let mut newest = None;
    let mut left = VERSIONS;
    let mut library_at = Some(0);
    while let Some(library) = library_at.and_then(|at| from_bytes::<Verneed<Endianness>>(bytes.get(at..)?).ok()) {
        let at = library_at.unwrap_or_default();
        let mut version_at = at.checked_add(library.0.vn_aux.get(endian) as usize);
        while let Some((version, _)) =
            version_at.and_then(|at| from_bytes::<Vernaux<Endianness>>(bytes.get(at..)?).ok())
        {
            newest = newest.max(GlibcVersion::of_symbols(&string(version.vna_name.get(endian).into())));
            version_at = next(version_at, version.vna_next.get(endian));
            left = left.checked_sub(1)?;
        }
        library_at = next(library_at, library.0.vn_next.get(endian));
        left = left.checked_sub(1)?;
    }
    newest
}

/// The entry after one, which says how far it is; 0 where there is none.
fn next(at: Option<usize>, distance: u32) -> Option<usize> {
    if distance == 0 { None } else { at?.checked_add(distance as usize) }
}

//! Symbols that tell which C library code was compiled for.

use std::collections::BTreeSet;

use object::Endianness;
use object::elf::{SHN_UNDEF, SHT_SYMTAB, STB_WEAK};
use object::pod::from_bytes;
use object::read::elf::{FileHeader, Sym};

use super::input::Input;
use super::marks::Mark;
use super::program::Tables;
use super::{Elf, text};

/// The longest name that is looked at.
const LONGEST_NAME: usize = 64;

/// How many names are told.
const TOLD: usize = 1024;

/// Names that glibc's headers and GCC's libraries for glibc bring into code, and that musl has not.
///
/// Not among them what musl has for glibc's sake: `__isoc99_sscanf`, `__ctype_b_loc`, `__stack_chk_fail`.
const GLIBC_ONLY: &[&[u8]] =
    &[b"gnu_get_libc_version", b"gnu_get_libc_release", b"__libc_single_threaded", b"_dl_find_object"];

/// A function that every static program with musl has, if its symbols were kept.
const MUSL_ONLY: &[u8] = b"__init_libc";

/// Whether only glibc has a symbol of this name: the checked functions of `_FORTIFY_SOURCE`
/// (`__memcpy_chk`), those of C23 (`__isoc23_strtol`), and some others.
fn is_glibc_only(name: &[u8]) -> bool {
    name.starts_with(b"__") && name.ends_with(b"_chk") || name.starts_with(b"__isoc23_") || GLIBC_ONLY.contains(&name)
}

/// Adds what the table of symbols tells to `elf`. A table that is too large is passed over.
pub fn read<E: FileHeader<Endian = Endianness>>(input: Input<'_>, tables: &Tables, elf: &mut Elf) {
    let Some((symbols, names)) = symbols_and_names(input, tables) else { return };
    let mut rest = symbols.as_slice();
    while let Ok((symbol, after)) = from_bytes::<E::Sym>(rest) {
        rest = after;
        let name = names.get(symbol.st_name(tables.endian) as usize..).unwrap_or_default();
        let name = &name[..name.len().min(LONGEST_NAME)];
        let Some(end) = memchr::memchr(0, name) else { continue };
        let name = &name[..end];
        let is_needed = symbol.st_shndx(tables.endian) == SHN_UNDEF;
        if is_needed && symbol.st_bind() == STB_WEAK {
            // The code copes without it.
            continue;
        }
        if name == MUSL_ONLY && !is_needed {
            elf.marks.insert(Mark::Musl);
        }
        if is_glibc_only(name) {
            let told = if is_needed { &mut elf.glibc_symbols_needed } else { &mut elf.glibc_symbols_defined };
            tell(told, text(name));
        }
    }
}

/// Adds a name, unless enough are told.
pub fn tell(told: &mut BTreeSet<String>, name: String) {
    if told.len() < TOLD {
        told.insert(name);
    }
}

fn symbols_and_names(input: Input<'_>, tables: &Tables) -> Option<(Vec<u8>, Vec<u8>)> {
    let symbols = tables.sections.iter().find(|section| section.kind == SHT_SYMTAB)?;
    let names = tables.sections.get(symbols.link)?;
    Some((input.read(symbols.offset, symbols.size)?, input.read(names.offset, names.size)?))
}

#[cfg(test)]
mod tests {
    use super::is_glibc_only;

    #[test]
    fn what_musl_has_is_not_glibcs() {
        for name in ["__memcpy_chk", "__fprintf_chk", "__isoc23_strtol", "gnu_get_libc_version"] {
            assert!(is_glibc_only(name.as_bytes()), "{name}");
        }
        for name in ["__isoc99_sscanf", "__stack_chk_fail", "__stack_chk_guard", "__ctype_b_loc", "my_chk", "memcpy"] {
            assert!(!is_glibc_only(name.as_bytes()), "{name}");
        }
    }
}

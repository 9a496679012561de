//! What compilers and assemblers tell of the code: attributes, notes, flags.

use object::Endianness;
use object::elf::{
    EF_ARM_ABI_FLOAT_HARD, EF_ARM_ABI_FLOAT_SOFT, FileHeader32, FileHeader64, GNU_PROPERTY_X86_ISA_1_NEEDED,
    NT_GNU_ABI_TAG, NT_GNU_PROPERTY_TYPE_0, SHT_ARM_ATTRIBUTES,
};
use object::read::elf::{AttributesSection, FileHeader, NoteIterator};

use super::Elf;
use super::input::Input;
use super::marks::Mark;
use super::program::{SMALL, Section, Tables, notes};
use crate::target::Float;

/// The section of MIPS' ABI flags (MIPS ABI flags v0; binutils' include/elf/mips.h).
const SHT_MIPS_ABIFLAGS: u32 = 0x7000_002a;

/// Where that section has the floating-point ABI.
const FP_ABI: usize = 7;

// Tags of the build attributes (Addenda to, and Errata in, the ABI for the Arm Architecture).
const TAG_CPU_RAW_NAME: u64 = 4;
const TAG_CPU_NAME: u64 = 5;
const TAG_CPU_ARCH: u64 = 6;
const TAG_ABI_VFP_ARGS: u64 = 28;
const TAG_COMPATIBILITY: u64 = 32;

/// Adds what is told to `elf`.
pub fn read<E: FileHeader<Endian = Endianness>>(input: Input<'_>, tables: &Tables, elf: &mut Elf) {
    let content = |kind| {
        let section = tables.sections.iter().find(|section| section.kind == kind)?;
        read_small(input, section)
    };
    match elf.machine.as_str() {
        "arm" => {
            // A hard-float file says so in both places, a soft-float one in its flags or not at all.
            elf.float = match elf.flags & (EF_ARM_ABI_FLOAT_HARD | EF_ARM_ABI_FLOAT_SOFT) {
                EF_ARM_ABI_FLOAT_HARD => Some(Float::Hard),
                EF_ARM_ABI_FLOAT_SOFT => Some(Float::Soft),
                _ => None,
            };
            if let Some(bytes) = content(SHT_ARM_ATTRIBUTES) {
                arm::<E>(&bytes, tables.endian, elf);
            }
        }
        "mips" => {
            if let Some(bytes) = content(SHT_MIPS_ABIFLAGS) {
                elf.float = bytes.get(FP_ABI).and_then(|abi| mips_float(*abi));
            }
        }
        _ => {}
    }
    for (align, bytes) in notes(tables, input) {
        // The alignment has the width of the class, and properties in notes are aligned to that width.
        match u32::try_from(align) {
            Ok(short) if elf.class == 32 => read_notes::<FileHeader32<_>>(short, &bytes, tables.endian, elf),
            _ => read_notes::<FileHeader64<_>>(align, &bytes, tables.endian, elf),
        }
    }
}

fn read_small(input: Input<'_>, section: &Section) -> Option<Vec<u8>> {
    input.read_up_to(section.offset, section.size.min(SMALL))
}

/// The kinds of binutils' include/elf/mips.h: 3 is soft, all others that are set use registers.
fn mips_float(abi: u8) -> Option<Float> {
    match abi {
        3 => Some(Float::Soft),
        1 | 2 | 4..=7 => Some(Float::Hard),
        _ => None,
    }
}

fn arm<E: FileHeader<Endian = Endianness>>(bytes: &[u8], endian: Endianness, elf: &mut Elf) {
    // What follows a broken part is not read; what came before it counts.
    let _ = try_arm::<E>(bytes, endian, elf);
}

fn try_arm<E: FileHeader<Endian = Endianness>>(
    bytes: &[u8],
    endian: Endianness,
    elf: &mut Elf,
) -> object::read::Result<()> {
    let mut subsections = AttributesSection::<E>::new(endian, bytes)?.subsections()?;
    while let Some(subsection) = subsections.next()? {
        if subsection.vendor() != b"aeabi" {
            continue;
        }
        let mut scopes = subsection.subsubsections();
        while let Some(scope) = scopes.next()? {
            let mut attributes = scope.attributes();
            while let Some(tag) = attributes.read_tag()? {
                match tag {
                    TAG_CPU_ARCH => elf.cpu_arch = Some(attributes.read_integer()?),
                    TAG_ABI_VFP_ARGS => {
                        // 0 is what is not said, too; 3 is code that passes none.
                        if attributes.read_integer()? == 1 {
                            elf.float = Some(Float::Hard);
                        }
                    }
                    TAG_COMPATIBILITY => {
                        attributes.read_integer()?;
                        attributes.read_string()?;
                    }
                    TAG_CPU_RAW_NAME | TAG_CPU_NAME => drop(attributes.read_string()?),
                    tag if tag > TAG_COMPATIBILITY && tag % 2 == 1 => drop(attributes.read_string()?),
                    _ => drop(attributes.read_integer()?),
                }
            }
        }
    }
    Ok(())
}

fn read_notes<E: FileHeader<Endian = Endianness>>(align: E::Word, bytes: &[u8], endian: Endianness, elf: &mut Elf) {
    let Ok(mut notes) = NoteIterator::<E>::new(endian, align, bytes) else { return };
    while let Ok(Some(note)) = notes.next() {
        if note.name() != b"GNU" {
            continue;
        }
        match note.n_type(endian) {
            // glibc's start files have it, musl's have not.
            NT_GNU_ABI_TAG => drop(elf.marks.insert(Mark::Glibc)),
            NT_GNU_PROPERTY_TYPE_0 => {
                let Some(mut properties) = note.gnu_properties(endian) else { continue };
                while let Ok(Some(property)) = properties.next() {
                    if property.pr_type() == GNU_PROPERTY_X86_ISA_1_NEEDED
                        && let Ok(levels) = property.data_u32(endian)
                    {
                        // A bit for each level (x86-64 psABI, "Program Property").
                        elf.isa = u32::BITS.checked_sub(levels.leading_zeros()).filter(|level| *level > 0);
                    }
                }
            }
            _ => {}
        }
    }
}

//! Files made byte by byte, for machines and linkers that are not here.

use serde_json::json;

use crate::{Checks, findings};

const EM_MIPS: u16 = 8;
const EM_ARM: u16 = 40;
const EM_X86_64: u16 = 62;

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const PT_NOTE: u32 = 4;
const PT_GNU_STACK: u32 = 0x6474_e551;

const SHT_PROGBITS: u32 = 1;
const SHT_STRTAB: u32 = 3;
const SHT_ARM_ATTRIBUTES: u32 = 0x7000_0003;
const SHT_MIPS_ABIFLAGS: u32 = 0x7000_002a;

const READ: u32 = 4;
const WRITE: u32 = 2;

/// An ELF program to be made.
pub struct Made {
    pub wide: bool,
    pub big: bool,
    pub machine: u16,
    pub flags: u32,
    /// Type, flags, content. Addresses are places in the file; the first one is the whole file.
    pub segments: Vec<(u32, u32, Vec<u8>)>,
    /// Name, type, content.
    pub sections: Vec<(&'static str, u32, Vec<u8>)>,
}

impl Made {
    /// A static program of nothing.
    pub fn new(wide: bool, big: bool, machine: u16, flags: u32) -> Self {
        Self { wide, big, machine, flags, segments: vec![(PT_GNU_STACK, READ | WRITE, vec![])], sections: vec![] }
    }

    fn half(&self, out: &mut Vec<u8>, value: u16) {
        out.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    fn word(&self, out: &mut Vec<u8>, value: u32) {
        out.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    /// A number as wide as the class.
    fn long(&self, out: &mut Vec<u8>, value: usize) {
        if self.wide {
            out.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
        } else {
            self.word(out, u32::try_from(value).unwrap());
        }
    }

    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let (header, segment, section) = if self.wide { (64, 56, 64) } else { (52, 32, 40) };
        let mut names = vec![0];
        let mut content = Vec::new();
        let start = header + segment * (self.segments.len() + 1);
        let place = |content: &mut Vec<u8>, bytes: &[u8]| {
            content.resize(content.len().next_multiple_of(8), 0);
            content.extend_from_slice(bytes);
            start + content.len() - bytes.len()
        };
        let segments: Vec<_> = self.segments.iter().map(|(_, _, bytes)| place(&mut content, bytes)).collect();
        let mut sections = Vec::new();
        for (name, kind, bytes) in &self.sections {
            sections.push((names.len(), *kind, place(&mut content, bytes), bytes.len()));
            names.extend_from_slice(name.as_bytes());
            names.push(0);
        }
        sections.push((0, SHT_STRTAB, place(&mut content, &names), names.len()));
        let sections_at = place(&mut content, &[]);

        let mut out = b"\x7fELF".to_vec();
        out.extend([1 + u8::from(self.wide), 1 + u8::from(self.big), 1]);
        out.resize(16, 0);
        self.half(&mut out, 2);
        self.half(&mut out, self.machine);
        self.word(&mut out, 1);
        self.long(&mut out, 0);
        self.long(&mut out, header);
        self.long(&mut out, sections_at);
        self.word(&mut out, self.flags);
        let counts = [header, segment, self.segments.len() + 1, section, sections.len(), sections.len() - 1];
        for value in counts {
            self.half(&mut out, u16::try_from(value).unwrap());
        }
        let end = start + content.len();
        let all = std::iter::once((PT_LOAD, READ, 0, end));
        let own =
            self.segments.iter().zip(&segments).map(|((kind, flags, bytes), at)| (*kind, *flags, *at, bytes.len()));
        for (kind, flags, at, size) in all.chain(own) {
            self.word(&mut out, kind);
            if self.wide {
                self.word(&mut out, flags);
            }
            for value in [at, at, at, size, size] {
                self.long(&mut out, value);
            }
            if !self.wide {
                self.word(&mut out, flags);
            }
            self.long(&mut out, 4);
        }
        out.extend(content);
        for (name, kind, at, size) in sections {
            self.word(&mut out, u32::try_from(name).unwrap());
            self.word(&mut out, kind);
            for value in [0, 0, at, size] {
                self.long(&mut out, value);
            }
            self.word(&mut out, 0);
            self.word(&mut out, 0);
            self.long(&mut out, 4);
            self.long(&mut out, 0);
        }
        out
    }
}

/// An `.ARM.attributes` section with Tag_CPU_name, these integers, and Tag_conformance.
fn arm_attributes(attributes: &[(u8, u8)]) -> Vec<u8> {
    let mut inner = vec![5];
    inner.extend(b"7-A\0");
    inner.extend(attributes.iter().flat_map(|(tag, value)| [*tag, *value]));
    inner.push(67);
    inner.extend(b"2.09\0");
    let mut scope = vec![1];
    scope.extend((inner.len() as u32 + 5).to_le_bytes());
    scope.extend(inner);
    let mut section = vec![b'A'];
    section.extend((scope.len() as u32 + 10).to_le_bytes());
    section.extend(b"aeabi\0");
    section.extend(scope);
    section
}

fn arm(flags: u32, attributes: &[(u8, u8)]) -> Vec<u8> {
    let mut made = Made::new(false, false, EM_ARM, flags);
    made.sections.push((".ARM.attributes", SHT_ARM_ATTRIBUTES, arm_attributes(attributes)));
    made.bytes()
}

#[test]
fn a_program_for_armv6_that_holds_armv7_code_fails() {
    let checks = Checks::new();
    checks.write("v7", &arm(0x0500_0400, &[(6, 10), (28, 1)]));
    checks.write("v6", &arm(0x0500_0400, &[(6, 6), (28, 1)]));
    checks.write("none", &Made::new(false, false, EM_ARM, 0x0500_0002).bytes());

    let ran = checks.check(&["v7", "--port", "linux/arm/v6"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.starts_with("v7: will not do: wrong port\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("it holds code for ARMv7, not for ARMv6 or less"), "{}", ran.stdout);
    checks.check(&["v6", "v7", "--port", "linux/arm/v7"]).succeeds();
    checks.check(&["v6", "--port", "linux/arm/v6"]).succeeds();
    assert_eq!(checks.document(&["v7"])["ports"][0], "linux/arm/v7");
    assert_eq!(checks.document(&["v6"])["ports"][0], "linux/arm/v6");

    // What Go links itself states neither.
    let ran = checks.check(&["none", "--port", "linux/arm/v5"]).succeeds();
    assert!(ran.stdout.contains("float ABI not stated"), "{}", ran.stdout);
}

#[test]
fn hard_and_soft_float_are_told_apart_by_flags_or_attributes() {
    let checks = Checks::new();
    checks.write("flags", &arm(0x0500_0200, &[(6, 6)]));
    checks.write("attributes", &arm(0x0500_0000, &[(6, 6), (28, 1)]));
    checks.check(&["flags", "--port", "linux/arm/v6,softfloat"]).succeeds();
    checks.check(&["attributes", "--port", "linux/arm/v6"]).succeeds();
    for (file, port) in [("flags", "linux/arm/v6"), ("attributes", "linux/arm/v6,softfloat")] {
        let document = checks.document(&[file, "--port", port]);
        assert_eq!(findings(&document), ["fails wrong-port"], "{file}");
        assert!(document["findings"][0]["what"].as_str().unwrap().contains("floating-point ABI"), "{document:#}");
    }
}

#[test]
fn mips_is_judged_by_flags_and_abi_flags() {
    let checks = Checks::new();
    let mips = |flags, float: u8| {
        let mut made = Made::new(false, true, EM_MIPS, flags);
        let mut abi_flags = vec![0; 24];
        abi_flags[7] = float;
        made.sections.push((".MIPS.abiflags", SHT_MIPS_ABIFLAGS, abi_flags));
        made.bytes()
    };
    checks.write("hard", &mips(0x5000_1004, 1));
    checks.write("soft", &mips(0x5000_1004, 3));
    checks.write("r2", &mips(0x7000_1004, 1));
    assert_eq!(checks.document(&["hard"])["ports"], json!(["linux/mips"]));
    assert_eq!(checks.document(&["soft"])["ports"], json!(["linux/mips/softfloat"]));
    let document = checks.document(&["r2", "--port", "linux/mips"]);
    assert!(document["findings"][0]["what"].as_str().unwrap().contains("MIPS32 or less"), "{document:#}");
    assert_eq!(document["ports"], json!([]));
}

#[test]
fn the_level_of_x86_64_that_a_note_asks_for_counts() {
    let checks = Checks::new();
    let mut made = Made::new(true, false, EM_X86_64, 0);
    let words = [4, 16, 5, u32::from_le_bytes(*b"GNU\0"), 0xc000_8002, 4, 0b0111, 0];
    made.segments.push((PT_NOTE, READ, words.iter().flat_map(|word| word.to_le_bytes()).collect()));
    checks.write("v3", &made.bytes());
    let document = checks.document(&["v3", "--port", "linux/amd64"]);
    assert!(document["findings"][0]["what"].as_str().unwrap().contains("x86-64-v3"), "{document:#}");
}

#[test]
fn what_patchelf_and_upx_leave_is_recognised() {
    let checks = Checks::new();
    let mut made = Made::new(true, false, EM_X86_64, 0);
    made.segments.push((PT_INTERP, READ, b"/lib/ld-musl-x86_64.so.1\0".to_vec()));
    checks.write("dynamic", &made.bytes());
    assert_eq!(findings(&checks.document(&["dynamic"])), ["fails dynamic"]);
    // patchelf puts the interpreter into a segment of its own, which can be written to.
    let mut bytes = made.bytes();
    bytes[64 + 4] |= WRITE as u8;
    checks.write("patched", &bytes);
    assert_eq!(findings(&checks.document(&["patched"])), ["fails dynamic", "warns patched"]);

    let mut made = Made::new(true, false, EM_X86_64, 0);
    made.segments.push((PT_LOAD, READ, [&[0; 4], &b"UPX!"[..], &[0; 40]].concat()));
    checks.write("packed", &made.bytes());
    assert_eq!(findings(&checks.document(&["packed"])), ["fails packed"]);
    // Of a position-independent program it makes one without a dynamic segment.
    let mut bytes = made.bytes();
    bytes[16] = 3;
    checks.write("packed", &bytes);
    assert_eq!(findings(&checks.document(&["packed"])), ["fails packed"]);
}

#[test]
fn text_relocations_are_found() {
    let checks = Checks::new();
    let mut made = Made::new(true, false, EM_X86_64, 0);
    let words: [u64; 4] = [22, 0, 0, 0];
    made.segments.push((PT_DYNAMIC, READ, words.iter().flat_map(|word| word.to_le_bytes()).collect()));
    checks.write("file", &made.bytes());
    assert_eq!(findings(&checks.document(&["file"])), ["warns text-relocations"]);
}

#[test]
fn a_go_record_and_the_names_of_functions_tell_what_an_empty_image_lacks() {
    let checks = Checks::new();
    let module = "0123456789abcdefpath\texample.com/x\nbuild\t-buildmode=exe\nbuild\t-tags=netgo\nbuild\tCGO_ENABLED=1\n\
                  build\tGOARCH=amd64\nbuild\tGOOS=linux\nbuild\tGOAMD64=v1\n0123456789abcdef";
    let mut record = b"\xff Go buildinf:\x08\x02".to_vec();
    record.resize(32, 0);
    record.push(8);
    record.extend(b"go1.27.3");
    record.extend([module.len() as u8 & 0x7f | 0x80, (module.len() >> 7) as u8]);
    record.extend(module.as_bytes());
    let mut made = Made::new(true, false, EM_X86_64, 0);
    made.sections.push((".go.buildinfo", SHT_PROGBITS, record));
    let texts = b"\0No error information\0os/user._C_getpwuid_r\0time.LoadLocation\0crypto/x509.loadSystemRoots\0";
    made.sections.push((".rodata", SHT_PROGBITS, texts.to_vec()));
    checks.write("go", &made.bytes());
    let document = checks.document(&["go", "--port", "linux/amd64"]);
    assert_eq!(
        findings(&document),
        ["warns thread-stacks", "notes users", "notes time-zones", "notes ca-roots"],
        "{document:#}"
    );
    let go = &document["facts"]["elf"]["go"];
    assert_eq!((&go["version"], &go["settings"]["-tags"]), (&json!("go1.27.3"), &json!("netgo")));
    let ran = checks.check(&["go"]).succeeds();
    for part in ["libc     musl", "go1.27.3, cgo, -buildmode=exe, -tags=netgo", "-> -tags osusergo", "-tags timetzdata"]
    {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    assert!(ran.stdout.lines().count() <= 24, "{}", ran.stdout);
}

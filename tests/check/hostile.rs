//! Files that lie: `check` ends, does not panic, and needs little memory, whatever it is given.

use std::fs::File;
use std::process::Command;
use std::sync::OnceLock;

use muslchain::check;
use muslchain::elf::input::Input;
use muslchain::recipe::Recipes;
use muslchain::target::Targets;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::made::Made;
use crate::support::process::Ran;
use crate::{Checks, run};

/// A change to a file.
#[derive(Debug, Clone)]
enum Change {
    Byte(Index, u8),
    Number(Index, u64),
    Cut(Index),
    /// A byte near the beginning, where the headers are.
    Header(u8, u8),
}

fn change() -> impl Strategy<Value = Change> {
    let odd = prop_oneof![
        any::<u64>(),
        Just(u64::MAX),
        Just(u64::from(u32::MAX)),
        Just(1 << 63),
        (0..64u32).prop_map(|bit| 1 << bit),
    ];
    prop_oneof![
        2 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        3 => (any::<Index>(), odd).prop_map(|(at, number)| Change::Number(at, number)),
        1 => any::<Index>().prop_map(Change::Cut),
        3 => (any::<u8>(), any::<u8>()).prop_map(|(at, byte)| Change::Header(at, byte)),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    if bytes.is_empty() {
        return;
    }
    match change {
        Change::Byte(at, byte) => *at.get_mut(bytes) = *byte,
        Change::Number(at, number) => {
            let at = at.index(bytes.len()) & !7;
            let end = bytes.len().min(at + 8);
            bytes[at..end].copy_from_slice(&number.to_le_bytes()[..end - at]);
        }
        Change::Cut(at) => bytes.truncate(at.index(bytes.len())),
        Change::Header(at, byte) => {
            let at = usize::from(*at).min(bytes.len() - 1);
            bytes[at] = *byte;
        }
    }
}

/// A dynamic program, a library, an object, an archive, and two that were made.
fn samples() -> &'static [Vec<u8>] {
    static SAMPLES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let checks = Checks::new();
        let source = "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n";
        checks.compile("dynamic", source, &[]);
        checks.compile("library", source, &["-shared", "-fPIC"]);
        checks.compile("object", source, &["-c", "-D_FORTIFY_SOURCE=2", "-O2"]);
        run(Command::new("ar").args(["rc", "archive", "object", "library"]).current_dir(&checks.place.project));
        let compiled =
            ["dynamic", "library", "object", "archive"].map(|name| std::fs::read(checks.file(name)).unwrap());
        let made = [Made::new(false, true, 8, 0x5000_1004).bytes(), Made::new(false, false, 40, 0x0500_0400).bytes()];
        compiled.into_iter().chain(made).collect()
    })
}

fn targets() -> &'static Targets {
    static TARGETS: OnceLock<Targets> = OnceLock::new();
    TARGETS.get_or_init(|| Recipes::embedded().targets().unwrap())
}

fn judge(bytes: Vec<u8>) {
    let length = bytes.len() as u64;
    if let Ok(report) = check::check(Input::new(&bytes, length), targets(), None) {
        assert!(!report.verdict(true).is_empty());
        assert!(report.findings.iter().all(|finding| !finding.what.is_empty() && !finding.remedy.is_empty()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_file_is_judged(sample in any::<Index>(), changes in vec(change(), 1..12)) {
        let mut bytes = sample.get(samples()).clone();
        for change in &changes {
            apply(&mut bytes, change);
        }
        judge(bytes);
    }

    #[test]
    fn any_bytes_are_judged(start in any::<Index>(), bytes in vec(any::<u8>(), 0..400)) {
        let starts: [&[u8]; 4] = [b"", b"\x7fELF\x02\x01\x01", b"\x7fELF\x01\x02\x01", b"!<arch>\n"];
        judge([start.get(&starts[..]), bytes.as_slice()].concat());
    }
}

#[test]
fn every_beginning_of_a_file_is_judged() {
    for sample in samples() {
        let step = (sample.len() / 60).max(1);
        for end in (0..sample.len()).step_by(step) {
            judge(sample[..end].to_vec());
        }
    }
}

#[test]
fn a_file_of_a_terabyte_is_told_with_little_memory() {
    const SIZE: u64 = 1 << 40;
    let checks = Checks::new();
    // Every table that is read as a whole is said to be as large as the file.
    let mut made = Made::new(true, false, 62, 0);
    for kind in [2, 3, 4] {
        made.segments.push((kind, 4, vec![0; 16]));
    }
    for (name, kind) in [(".comment", 1), (".go.buildinfo", 1), (".symtab", 2), (".note", 7)] {
        made.sections.push((name, kind, vec![0; 16]));
    }
    let mut bytes = made.bytes();
    let half = SIZE / 2;
    let place = |bytes: &mut Vec<u8>, at: usize| bytes[at..at + 8].copy_from_slice(&half.to_le_bytes());
    for segment in 2..5 {
        place(&mut bytes, 64 + 56 * segment + 32);
    }
    let sections_at = u64::from_le_bytes(bytes[40..48].try_into().unwrap()) as usize;
    for section in 0..5 {
        place(&mut bytes, sections_at + 64 * section + 32);
    }
    checks.write("huge", &bytes);
    File::options().write(true).open(checks.file("huge")).unwrap().set_len(SIZE).unwrap();
    // The program itself, its threads' stacks and libraries are part of the sum.
    let own = std::fs::metadata(crate::support::PROGRAM).unwrap().len() >> 10;
    let limit = own + (64 << 10);
    let script = format!("ulimit -v {limit} && exec {} check --json huge", crate::support::PROGRAM);
    let mut command = Command::new("sh");
    command.args(["-c", &script]).current_dir(&checks.place.project).env("HOME", &checks.place.home);
    let ran = Ran::of(command);
    assert_eq!(ran.json()["files"][0]["facts"]["elf"]["class"], 64, "{ran:#?}");
}

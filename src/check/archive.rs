//! What follows from the members of an archive.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Finding, Level, Libc, Report, Subject, Wanted, port, program};
use crate::elf::archive::Archive;
use crate::elf::go::GoBuild;
use crate::elf::{Elf, Kind, symbol_told};
use crate::target::Targets;

/// What an archive holds.
#[derive(Debug, Default, Serialize)]
pub struct ArchiveFacts {
    /// How many members are ELF objects.
    pub objects: usize,
    /// How many are something else.
    pub others: usize,
    /// The machines that they are for, in words.
    pub machines: BTreeSet<String>,
    /// Symbols that only glibc has and that no member defines.
    pub glibc_symbols: BTreeSet<String>,
    /// What Go's linker wrote.
    pub go: Option<GoBuild>,
}

/// Reads and judges an archive, member by member.
pub fn judge(mut archive: Archive<'_>, targets: &Targets, wanted: Option<Wanted<'_>>) -> Report {
    let mut facts = ArchiveFacts::default();
    let mut findings = Vec::new();
    let mut ports: Option<Vec<String>> = None;
    let mut defined = BTreeSet::new();
    loop {
        let member = match archive.next_member() {
            Ok(Some(member)) => member,
            Ok(None) => break,
            Err(broken) => {
                let what = format!("the archive is cut or changed at byte {}", broken.at);
                findings.push(Finding::new(Level::Fails, "damaged", what, "copy or build it again"));
                break;
            }
        };
        let Ok(elf) = member.elf else {
            facts.others += 1;
            continue;
        };
        facts.objects += 1;
        let here = port::fitting(&elf, targets);
        match &mut ports {
            None => ports = Some(here),
            Some(ports) => ports.retain(|port| here.contains(port)),
        }
        if findings.is_empty() {
            findings.extend(of_member(&member.name, &elf, wanted));
        }
        take_up(&mut facts, &mut defined, elf);
    }
    facts.glibc_symbols.retain(|name| !defined.contains(name));
    let symbols: Vec<&str> = facts.glibc_symbols.iter().map(String::as_str).collect();
    if !symbols.is_empty() {
        let port = ports.iter().flatten().next().map_or("PORT", String::as_str);
        findings.push(program::glibc_symbols(&symbols, port));
    }
    if facts.objects == 0 {
        findings.push(Finding::new(Level::Fails, "empty", "the archive holds no ELF object", "build it again"));
    }
    let libc = if symbols.is_empty() { Libc::Unknown } else { Libc::Glibc };
    Report { subject: Subject::Archive(facts), libc, ports: ports.unwrap_or_default(), findings }
}

fn of_member(name: &str, elf: &Elf, wanted: Option<Wanted<'_>>) -> Option<Finding> {
    let mut finding = wanted.and_then(|wanted| program::wrong_port(elf, wanted));
    if elf.kind != Kind::Object {
        let what = "it was linked already, archives are made of objects";
        finding = Some(Finding::new(Level::Fails, "no-object", what, "put what the compiler's -c makes into it"));
    }
    if let Some(finding) = &mut finding {
        finding.what = format!("{name}: {}", finding.what);
    }
    finding
}

fn take_up(facts: &mut ArchiveFacts, defined: &mut BTreeSet<String>, elf: Elf) {
    const MACHINES: usize = 16;
    if facts.machines.len() < MACHINES {
        facts.machines.insert(format!("{}-bit {} {}", elf.class, port::endian_words(elf.endian), elf.machine));
    }
    elf.glibc_symbols_needed.into_iter().for_each(|name| symbol_told(&mut facts.glibc_symbols, name));
    elf.glibc_symbols_defined.into_iter().for_each(|name| symbol_told(defined, name));
    if facts.go.is_none() {
        facts.go = elf.go;
    }
}

//! Whether a file fits a port: its ELF facts against the target's, its Go settings against the port's.

use crate::elf::Elf;
use crate::elf::go::GoBuild;
use crate::target::{Endian, Float, Port, Target, Targets};

/// The ports that a file fits, those that Go was told to build it for first.
pub fn fitting(elf: &Elf, targets: &Targets) -> Vec<String> {
    if elf.other_system.is_some() {
        return Vec::new();
    }
    let ports = targets.iter().flat_map(|target| target.ports.iter().map(move |port| (target, port)));
    let mut fitting: Vec<(bool, &str)> = ports
        .filter(|(target, port)| misfits(elf, target, Some(port)).is_empty())
        .map(|(_, port)| (!is_exactly(elf.go.as_ref(), port), port.name.as_str()))
        .collect();
    // Stable: the table's order remains, in which a lesser CPU comes first.
    fitting.sort_by_key(|(inexact, _)| *inexact);
    fitting.into_iter().map(|(_, name)| name.to_owned()).collect()
}

/// Why a file does not fit, each in a sentence.
pub fn misfits(elf: &Elf, target: &Target, port: Option<&Port>) -> Vec<String> {
    let facts = &target.elf;
    if (elf.class, elf.endian, &elf.machine) != (facts.class, facts.endian, &facts.machine) {
        let words = |class, endian, machine| format!("{class}-bit {} {machine}", endian_words(endian));
        return vec![format!(
            "it holds {} code, not {}",
            words(elf.class, elf.endian, &elf.machine),
            words(facts.class, facts.endian, &facts.machine)
        )];
    }
    let mut misfits = Vec::new();
    for flags in &facts.flags {
        if !flags.one_of.contains(&(elf.flags & flags.mask)) {
            misfits.push(format!("its e_flags 0x{:08x} do not say {}", elf.flags, flags.says));
        }
    }
    if let (Some(found), Some(most)) = (elf.cpu_arch, facts.cpu_arch_at_most)
        && found > most
    {
        misfits.push(format!("it holds code for {}, not for {} or less", cpu_arch(found), cpu_arch(most)));
    }
    if let (Some(found), Some(most)) = (elf.isa, facts.isa_at_most)
        && found > most
    {
        misfits.push(format!("it needs a CPU of the level x86-64-v{found}"));
    }
    if let (Some(found), Some(asked)) = (elf.float, facts.float)
        && found != asked
    {
        misfits.push(format!("its floating-point ABI is {}, not {}", float_words(found), float_words(asked)));
    }
    if let (Some(go), Some(port)) = (&elf.go, port) {
        misfits.extend(go_misfits(go, port));
    }
    misfits
}

fn go_misfits(go: &GoBuild, port: &Port) -> Vec<String> {
    let system = go.setting("GOOS").filter(|system| *system != "linux");
    let mut misfits: Vec<String> = system.map(|system| format!("Go built it with GOOS={system}")).into_iter().collect();
    for (name, asked) in &port.env {
        let Some(found) = go.setting(name) else { continue };
        let too_much = match name.as_str() {
            "GOARCH" => found != asked,
            "GOARM" => match (goarm(found), goarm(asked)) {
                (Some(found), Some(asked)) => found.0 > asked.0 || found.1 == Float::Hard && asked.1 == Float::Soft,
                _ => false,
            },
            // Code that computes without a unit for it runs where there is one.
            _ => asked == "softfloat" && found != asked,
        };
        if too_much {
            misfits.push(format!("Go built it with {name}={found}, not {asked}"));
        }
    }
    misfits
}

/// Whether Go was told exactly what this port says.
fn is_exactly(go: Option<&GoBuild>, port: &Port) -> bool {
    let is_same = |name: &String, asked: &String| {
        let found = go.and_then(|go| go.setting(name));
        found.is_some_and(|found| found == asked || name == "GOARM" && goarm(found) == goarm(asked))
    };
    port.env.iter().all(|(name, asked)| is_same(name, asked))
}

/// A value of GOARM: 5 is soft-float unless said otherwise, 6 and 7 are hard-float (internal/buildcfg in Go).
fn goarm(value: &str) -> Option<(u32, Float)> {
    let (version, float) = value.split_once(',').unwrap_or((value, ""));
    let version = version.parse().ok()?;
    let float = match float {
        "softfloat" => Float::Soft,
        "hardfloat" => Float::Hard,
        _ if version == 5 => Float::Soft,
        _ => Float::Hard,
    };
    Some((version, float))
}

/// The values of Tag_CPU_arch (Addenda to, and Errata in, the ABI for the Arm Architecture).
pub fn cpu_arch(tag: u64) -> String {
    const NAMES: &[&str] = &[
        "before v4",
        "v4",
        "v4T",
        "v5T",
        "v5TE",
        "v5TEJ",
        "v6",
        "v6KZ",
        "v6T2",
        "v6K",
        "v7",
        "v6-M",
        "v6S-M",
        "v7E-M",
        "v8",
    ];
    let name = usize::try_from(tag).ok().and_then(|tag| NAMES.get(tag));
    name.map_or_else(|| format!("ARM architecture {tag}"), |name| format!("ARM{name}"))
}

/// An order of bytes, in words.
pub fn endian_words(endian: Endian) -> &'static str {
    match endian {
        Endian::Little => "little-endian",
        Endian::Big => "big-endian",
    }
}

/// A floating-point ABI, in words.
pub fn float_words(float: Float) -> &'static str {
    match float {
        Float::Hard => "hard-float",
        Float::Soft => "soft-float",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::{Kind, machine_name};

    fn table() -> Targets {
        toml::from_str(include_str!("../../recipes/targets.toml")).unwrap()
    }

    fn right(target: &Target) -> Elf {
        let facts = &target.elf;
        Elf {
            class: facts.class,
            endian: facts.endian,
            machine: facts.machine.clone(),
            flags: facts.flags.iter().map(|flags| flags.one_of[0]).sum(),
            cpu_arch: facts.cpu_arch_at_most,
            isa: facts.isa_at_most,
            float: facts.float,
            ..Elf::of_kind(Kind::Program)
        }
    }

    fn built(settings: &[(&str, &str)]) -> Option<GoBuild> {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Some(GoBuild { version: "go1.27.3".to_owned(), settings, ..GoBuild::default() })
    }

    #[test]
    fn every_target_has_elf_facts_that_can_be_met() {
        for target in table().iter() {
            let facts = &target.elf;
            assert!((0..=u16::MAX).any(|machine| machine_name(machine) == facts.machine), "{}", target.triple);
            for flags in &facts.flags {
                assert!(!flags.one_of.is_empty(), "{}", target.triple);
                assert!(flags.one_of.iter().all(|value| value & !flags.mask == 0), "{}: {}", target.triple, flags.says);
            }
            let soft = target.ports.iter().any(|port| port.env.values().any(|value| value.ends_with("softfloat")));
            assert!(!soft || facts.machine == "386" || facts.float == Some(Float::Soft), "{}", target.triple);
            assert_eq!(misfits(&right(target), target, target.ports.first()), <[String; 0]>::default());
        }
    }

    #[test]
    fn each_targets_programs_are_told_from_all_others_that_demand_as_much() {
        let table = table();
        for target in table.iter() {
            let mut elf = right(target);
            for port in &target.ports {
                let env: Vec<(&str, &str)> = port.env.iter().map(|(name, value)| (&**name, &**value)).collect();
                elf.go = built(&env);
                assert_eq!(fitting(&elf, &table)[0], port.name, "{}", target.triple);
            }
        }
    }

    #[test]
    fn a_variant_is_a_least_cpu() {
        let table = table();
        let (target, port) = table.find("linux/arm/v6").unwrap();
        let mut elf = right(target);
        let mut said = |cpu_arch, float, settings: &[(&str, &str)]| {
            (elf.cpu_arch, elf.float, elf.go) = (cpu_arch, float, built(settings));
            misfits(&elf, target, port).join("; ")
        };
        assert_eq!(said(Some(4), Some(Float::Hard), &[("GOARCH", "arm"), ("GOARM", "5")]), "");
        assert_eq!(said(None, None, &[("GOARM", "6")]), "");
        assert_eq!(said(None, None, &[("GOARM", "6,softfloat")]), "");
        assert!(said(Some(10), None, &[]).contains("ARMv7, not for ARMv6 or less"));
        assert!(said(None, None, &[("GOARM", "7")]).contains("GOARM=7, not 6,hardfloat"));
        assert!(said(None, Some(Float::Soft), &[]).contains("soft-float, not hard-float"));
        assert!(said(None, None, &[("GOARCH", "arm64")]).contains("GOARCH=arm64"));
        assert!(said(None, None, &[("GOOS", "android")]).contains("GOOS=android"));
    }

    #[test]
    fn flags_that_say_another_abi_are_named() {
        let table = table();
        for (name, flags, part) in [
            ("linux/ppc64", 1, "ELFv2"),
            ("linux/mips", 0x7000_1000, "MIPS32 or less"),
            ("linux/mips", 0x5000_0020, "o32"),
            ("linux/mips64", 0x2000_0020, "n64"),
            ("linux/riscv64", 1, "lp64d"),
            ("linux/loong64", 0x41, "lp64d"),
            ("linux/arm/v7", 0x0400_0000, "EABI 5"),
        ] {
            let target = table.find(name).unwrap().0;
            let elf = Elf { flags, ..right(target) };
            assert!(misfits(&elf, target, None).join("; ").contains(part), "{name}");
        }
    }
}

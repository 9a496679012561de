//! What follows from the facts of one ELF file.

use super::libc::foreign_compilers;
use super::{Finding, Level, Libc, Report, Subject, Wanted, image, port};
use crate::elf::{Elf, Kind};
use crate::target::Targets;

/// What C code is used to, and what musl allows at most for the default of all threads.
const USUAL_STACK: u64 = 8 << 20;

/// The CPU that Go compiles for unless told otherwise (internal/buildcfg in Go 1.27).
const BASELINES: &[(&str, &str)] =
    &[("GOAMD64", "v1"), ("GOARM64", "v8.0"), ("GOPPC64", "power8"), ("GORISCV64", "rva20u64")];

/// Judges an ELF file.
pub fn judge(elf: Box<Elf>, targets: &Targets, wanted: Option<Wanted<'_>>) -> Report {
    let libc = Libc::of(&elf);
    let ports = port::fitting(&elf, targets);
    let mut findings = Vec::new();
    findings.extend(wrong_system(&elf));
    findings.extend(wanted.and_then(|wanted| wrong_port(&elf, wanted)));
    let damaged = elf
        .damage
        .iter()
        .map(|what| Finding::new(Level::Fails, "damaged", what, "the file was cut or changed: copy or build it again"));
    findings.extend(damaged);
    findings.extend(packed(&elf));
    let port = ports.first().map_or("PORT", String::as_str);
    match elf.kind {
        Kind::Program | Kind::PositionIndependentProgram => {
            findings.extend(of_program(&elf, libc, port));
            findings.extend(image::findings(&elf, libc, port));
        }
        Kind::SharedLibrary => findings.push(Finding::new(
            Level::Fails,
            "shared-library",
            "a shared library is loaded by dynamic programs only; a static one cannot",
            "for Go, -buildmode=c-archive; for C, build the library as an archive (.a)",
        )),
        Kind::Object => findings.extend(compiled_for_glibc(&elf, port)),
        Kind::Other => findings.push(Finding::new(
            Level::Fails,
            "no-program",
            "it is neither a program nor a library",
            "check the program itself",
        )),
    }
    Report { libc, ports, findings, subject: Subject::Elf(elf) }
}

/// A program of another system, which Linux may even start.
fn wrong_system(elf: &Elf) -> Option<Finding> {
    let by_go = elf.go.as_ref().and_then(|go| go.setting("GOOS")).filter(|system| *system != "linux");
    let system = by_go.or(elf.other_system)?;
    let remedy = "eval $(muslchain env PORT), then build it again";
    Some(Finding::new(Level::Fails, "wrong-system", format!("it is a program for {system}, not for Linux"), remedy))
}

/// Why a file is not for the port that was asked for.
pub fn wrong_port(elf: &Elf, wanted: Wanted<'_>) -> Option<Finding> {
    let misfits = port::misfits(elf, wanted.target, wanted.port);
    let name = wanted.name();
    (!misfits.is_empty()).then(|| {
        let what = format!("it is not for {name}: {}", misfits.join("; "));
        Finding::new(Level::Fails, "wrong-port", what, format!("eval $(muslchain env {name}), then build it again"))
    })
}

/// Code that needs what only glibc has.
fn compiled_for_glibc(elf: &Elf, port: &str) -> Option<Finding> {
    let needed = elf.glibc_symbols_needed.difference(&elf.glibc_symbols_defined);
    let names: Vec<&str> = needed.map(String::as_str).collect();
    (!names.is_empty()).then(|| glibc_symbols(&names, port))
}

/// The finding for symbols that only glibc has.
pub fn glibc_symbols(names: &[&str], port: &str) -> Finding {
    Finding::new(
        Level::Fails,
        "compiled-for-glibc",
        format!("it needs {}, which musl has not", some(names)),
        format!("compile it with the target's own compiler: eval $(muslchain env {port})"),
    )
}

/// The first of some names, and how many more there are.
fn some(names: &[&str]) -> String {
    const SHOWN: usize = 4;
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn of_program(elf: &Elf, libc: Libc, port: &str) -> Vec<Finding> {
    let found = [
        dynamic(elf, libc, port),
        text_relocations(elf, libc),
        stack(elf),
        thread_stacks(elf, libc),
        foreign_code(elf, libc),
        patched(elf),
        newer_cpu(elf),
    ];
    found.into_iter().flatten().collect()
}

fn packed(elf: &Elf) -> Option<Finding> {
    elf.upx.then(|| {
        Finding::new(
            Level::Fails,
            "packed",
            "UPX packed it: what it needs cannot be seen",
            "check the program before it is packed, or what `upx -d` makes of it",
        )
    })
}

fn dynamic(elf: &Elf, libc: Libc, port: &str) -> Option<Finding> {
    if elf.is_static() {
        return None;
    }
    let needs: Vec<&str> = elf.interpreter.iter().chain(&elf.libraries).map(String::as_str).collect();
    let needs = some(&needs);
    let what = match libc {
        Libc::Musl => format!("it needs {needs}: it runs on Alpine and its kin only"),
        _ => format!("it needs {needs}: it runs only where they are"),
    };
    let is_pie = elf.go.as_ref().is_some_and(|go| go.setting("-buildmode") == Some("pie"));
    let remedy = if is_pie {
        // Without C code Go links a PIE itself, for an interpreter.
        format!("eval $(muslchain env {port}) and GO_EXTLINK_ENABLED=1, then go build -buildmode=pie")
    } else {
        format!("eval $(muslchain env {port}), then build it again: it becomes static")
    };
    Some(Finding::new(Level::Fails, "dynamic", what, remedy))
}

fn text_relocations(elf: &Elf, libc: Libc) -> Option<Finding> {
    // musl's start code of static-pie programs and its loader do not make code writable.
    let level = if libc == Libc::Musl { Level::Fails } else { Level::Warns };
    elf.text_relocations.then(|| {
        Finding::new(
            level,
            "text-relocations",
            "its code must be changed while it is loaded, which musl and hardened kernels refuse",
            "compile all of it with -fPIC; the linker's -z text names what is not",
        )
    })
}

fn stack(elf: &Elf) -> Option<Finding> {
    let what = match elf.stack {
        Some(stack) if stack.executable => "its stack is executable, which hardened systems refuse",
        None if !elf.upx => {
            "it does not say whether its stack is executable (no PT_GNU_STACK): some kernels make it so"
        }
        _ => return None,
    };
    let remedy = "end each assembler file with .section .note.GNU-stack, or link with -Wl,-z,noexecstack";
    Some(Finding::new(Level::Warns, "executable-stack", what, remedy))
}

fn thread_stacks(elf: &Elf, libc: Libc) -> Option<Finding> {
    let size = elf.stack.map_or(0, |stack| stack.size);
    if libc != Libc::Musl || !elf.is_static() || size >= USUAL_STACK {
        return None;
    }
    let size = if size == 0 { "musl's default of 128 KiB".to_owned() } else { format!("{} KiB", size >> 10) };
    // Go starts its threads without a size of their own.
    let level = if elf.go.is_some() { Level::Warns } else { Level::Notes };
    Some(Finding::new(
        level,
        "thread-stacks",
        format!("C code on threads has a stack of {size}"),
        "link with -Wl,-z,stack-size=8388608, as muslchain's compilers do",
    ))
}

fn foreign_code(elf: &Elf, libc: Libc) -> Option<Finding> {
    let compilers = foreign_compilers(elf);
    let symbols = elf.glibc_symbols_needed.union(&elf.glibc_symbols_defined);
    let symbols: Vec<&str> = symbols.map(String::as_str).collect();
    let what = match libc {
        Libc::Both => "it holds parts of both musl and glibc".to_owned(),
        Libc::Musl if elf.is_static() && !symbols.is_empty() => format!("it has musl, and {} of glibc", some(&symbols)),
        Libc::Musl if !compilers.is_empty() => format!("parts were compiled by {}, maybe for glibc", some(&compilers)),
        _ => return None,
    };
    let remedy = "check each archive (.a) that was linked; compile those for glibc again";
    Some(Finding::new(Level::Warns, "two-c-libraries", what, remedy))
}

fn patched(elf: &Elf) -> Option<Finding> {
    elf.patchelf.then(|| {
        Finding::new(
            Level::Warns,
            "patched",
            "it looks patched by patchelf: its interpreter or names of libraries are in writable memory",
            "build it as it should be; a patched program breaks where a path differs",
        )
    })
}

fn newer_cpu(elf: &Elf) -> Option<Finding> {
    let go = elf.go.as_ref()?;
    let setting = |name| go.setting(name).map(|value| (name, value));
    let baseline = |name: &str, value: &str| BASELINES.contains(&(name, value));
    let (name, value) = BASELINES.iter().filter_map(|(name, _)| setting(name)).find(|(n, v)| !baseline(n, v))?;
    Some(Finding::new(
        Level::Warns,
        "newer-cpu",
        format!("Go compiled it for newer CPUs of its kind: {name}={value}"),
        format!("without {name} it runs on all"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::Stack;
    use crate::elf::go::GoBuild;
    use crate::elf::marks::Mark;

    fn judged(elf: Elf) -> Report {
        judge(Box::new(elf), &toml::from_str(include_str!("../../recipes/targets.toml")).unwrap(), None)
    }

    fn program() -> Elf {
        Elf::of_kind(Kind::Program)
    }

    fn go(settings: &[(&str, &str)]) -> Option<GoBuild> {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Some(GoBuild { version: "go1.27.3".to_owned(), settings, ..GoBuild::default() })
    }

    /// The levels and topics of the findings.
    fn found(elf: Elf) -> Vec<(Level, &'static str)> {
        judged(elf).findings.iter().map(|finding| (finding.level, finding.topic)).collect()
    }

    #[test]
    fn a_static_program_is_ok() {
        let report = judged(program());
        assert!(report.findings.is_empty() && report.is_ok(true), "{:?}", report.findings);
        assert_eq!(report.verdict(true), "ok, runs on any linux/amd64");
        let report = judged(Elf { machine: "m68k".to_owned(), ..program() });
        assert_eq!(report.verdict(true), "ok, static, for a CPU or ABI that no port names");
    }

    #[test]
    fn what_keeps_a_program_from_running_fails() {
        let interpreter = Some("/lib64/ld-linux-x86-64.so.2".to_owned());
        let needs = vec!["libm.so.6".to_owned(), "libc.so.6".to_owned()];
        for (elf, topic, part) in [
            (
                Elf { interpreter, libraries: needs, ..program() },
                "dynamic",
                "ld-linux-x86-64.so.2, libm.so.6, libc.so.6",
            ),
            (Elf { upx: true, ..program() }, "packed", "UPX"),
            (Elf { damage: vec!["cut".to_owned()], ..program() }, "damaged", "cut"),
            (Elf::of_kind(Kind::SharedLibrary), "shared-library", "dynamic programs only"),
            (Elf::of_kind(Kind::Other), "no-program", "neither"),
        ] {
            let report = judged(elf);
            let [finding] = &report.findings[..] else { panic!("{topic}: {:?}", report.findings) };
            assert_eq!((finding.level, finding.topic), (Level::Fails, topic));
            assert!(finding.what.contains(part) && !finding.remedy.is_empty(), "{finding:?}");
            assert_eq!(report.verdict(false), format!("will not do: {}", topic.replace('-', " ")));
        }
    }

    #[test]
    fn a_pie_of_gos_own_linker_gets_the_remedy_for_it() {
        let interpreter = Some("/lib64/ld-linux-x86-64.so.2".to_owned());
        let kind = Kind::PositionIndependentProgram;
        let elf = Elf { kind, interpreter, go: go(&[("-buildmode", "pie"), ("GOARCH", "amd64")]), ..program() };
        assert!(judged(elf).findings[0].remedy.contains("GO_EXTLINK_ENABLED=1"));
    }

    #[test]
    fn text_relocations_fail_with_musl_and_warn_else() {
        let musl = Elf { text_relocations: true, marks: [Mark::Musl].into(), ..program() };
        assert_eq!(found(musl), [(Level::Fails, "text-relocations")]);
        assert_eq!(found(Elf { text_relocations: true, ..program() }), [(Level::Warns, "text-relocations")]);
    }

    #[test]
    fn warnings_count_only_when_strict() {
        let executable = Some(Stack { size: 8 << 20, executable: true });
        for (elf, topic) in [
            (Elf { stack: executable, ..program() }, "executable-stack"),
            (Elf { stack: None, ..program() }, "executable-stack"),
            (Elf { patchelf: true, ..program() }, "patched"),
            (Elf { go: go(&[("GOAMD64", "v3")]), ..program() }, "newer-cpu"),
            (Elf { marks: [Mark::Musl, Mark::Glibc].into(), ..program() }, "two-c-libraries"),
            (Elf { marks: [Mark::Musl, Mark::DlopenStub].into(), ..program() }, "dlopen"),
            (Elf { marks: [Mark::Glibc, Mark::Nss].into(), ..program() }, "static-glibc"),
        ] {
            let report = judged(elf);
            assert_eq!((report.findings.len(), report.findings[0].topic), (1, topic), "{:?}", report.findings);
            assert!(report.is_ok(false) && !report.is_ok(true), "{topic}");
        }
        assert!(found(Elf { go: go(&[("GOAMD64", "v1"), ("GOARCH", "amd64")]), ..program() }).is_empty());
    }

    #[test]
    fn small_stacks_of_threads_matter_with_musl_and_most_with_go() {
        let small = Some(Stack { size: 0, executable: false });
        let musl = |elf| Elf { stack: small, marks: [Mark::Musl].into(), ..elf };
        assert_eq!(found(musl(program())), [(Level::Notes, "thread-stacks")]);
        assert_eq!(found(musl(Elf { go: go(&[]), ..program() })), [(Level::Warns, "thread-stacks")]);
        assert!(found(Elf { stack: small, marks: [Mark::Glibc].into(), ..program() }).is_empty());
    }

    #[test]
    fn glibcs_symbols_fail_in_an_object_and_warn_in_a_program_with_musl() {
        let symbols: std::collections::BTreeSet<_> = ["__memcpy_chk".to_owned()].into();
        let object = Elf { glibc_symbols_needed: symbols.clone(), ..Elf::of_kind(Kind::Object) };
        assert_eq!(found(object), [(Level::Fails, "compiled-for-glibc")]);
        let own = Elf {
            glibc_symbols_needed: symbols.clone(),
            glibc_symbols_defined: symbols.clone(),
            ..Elf::of_kind(Kind::Object)
        };
        assert!(found(own).is_empty());
        let musl = Elf { marks: [Mark::Musl].into(), glibc_symbols_defined: symbols, ..program() };
        assert_eq!(found(musl), [(Level::Warns, "two-c-libraries")]);
    }

    #[test]
    fn what_an_empty_image_lacks_is_noted_for_go_only() {
        let marks = [Mark::Musl, Mark::UserByC, Mark::ResolverByC, Mark::TimeZones, Mark::CaRoots];
        let elf = Elf { marks: marks.into(), go: go(&[]), ..program() };
        let topics = ["users", "host-names", "time-zones", "ca-roots"].map(|topic| (Level::Notes, topic));
        assert_eq!(found(elf.clone()), topics);
        assert!(judged(elf.clone()).is_ok(true));
        assert!(found(Elf { go: None, ..elf.clone() }).is_empty());
        let mut with_data = elf;
        with_data.marks.extend([Mark::TimeZoneData, Mark::CaRootsData]);
        assert_eq!(found(with_data), topics[..2]);
        let plugin = Elf { marks: [Mark::Musl, Mark::Plugin, Mark::DlopenStub].into(), go: go(&[]), ..program() };
        assert_eq!(found(plugin), [(Level::Warns, "plugin")]);
    }
}

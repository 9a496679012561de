//! What a program expects of the machine's files, which an empty image has not.

use super::{Finding, Level, Libc};
use crate::elf::Elf;
use crate::elf::marks::Mark;

/// What will bite, each with its remedy. The remedies were tried with Go 1.27.
pub fn findings(elf: &Elf, libc: Libc, port: &str) -> Vec<Finding> {
    let has = |mark| elf.marks.contains(&mark);
    // A text counts only where the code can be that has it: a program may just talk of these things.
    let go_has = |mark| elf.go.is_some() && has(mark);
    let mut findings = Vec::new();
    let mut add = |level, topic, what: &str, remedy: &str| findings.push(Finding::new(level, topic, what, remedy));

    if go_has(Mark::Plugin) && elf.is_static() {
        add(
            Level::Warns,
            "plugin",
            "plugin.Open only fails in a static program",
            "link what it loads into the program, or run it as a process of its own",
        );
    } else if libc == Libc::Musl && elf.is_static() && has(Mark::DlopenStub) {
        add(
            Level::Warns,
            "dlopen",
            "C code calls dlopen, which only fails in a static program",
            "link the library that it would load, or configure that code without plug-ins",
        );
    }
    let looks_up = if elf.go.is_some() { has(Mark::ResolverByC) || has(Mark::UserByC) } else { has(Mark::Nss) };
    if libc == Libc::Glibc && elf.is_static() && looks_up {
        add(
            Level::Warns,
            "static-glibc",
            "static glibc looks up users and hosts with libraries of exactly its own version",
            &format!("build it with musl: eval $(muslchain env {port})"),
        );
    }
    if go_has(Mark::UserByC) {
        add(
            Level::Notes,
            "users",
            "os/user asks the C library, which reads /etc/passwd and /etc/group",
            "-tags osusergo, which falls back on $USER and $HOME, or bring these files",
        );
    }
    if go_has(Mark::ResolverByC) && libc == Libc::Musl {
        add(
            Level::Notes,
            "host-names",
            "with GODEBUG=netdns=cgo musl looks up names, without NSS and mDNS; else Go does",
            "-tags netgo leaves it out",
        );
    }
    if go_has(Mark::TimeZones) && !has(Mark::TimeZoneData) {
        add(
            Level::Notes,
            "time-zones",
            "time.LoadLocation reads /usr/share/zoneinfo",
            "-tags timetzdata puts the data into the program, or bring the folder",
        );
    }
    if go_has(Mark::CaRoots) && !has(Mark::CaRootsData) {
        add(
            Level::Notes,
            "ca-roots",
            "crypto/x509 reads the machine's certificates, such as /etc/ssl/certs/ca-certificates.crt",
            "bring that file, or import golang.org/x/crypto/x509roots/fallback",
        );
    }
    findings
}

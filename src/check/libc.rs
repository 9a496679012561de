//! Which C library a program has in it or around it.

use serde::Serialize;

use crate::elf::Elf;
use crate::elf::marks::Mark;

/// What muslchain's compilers call themselves in what they compile.
const OWN_COMPILER: &str = "muslchain";

/// A C library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Libc {
    /// musl.
    Musl,
    /// glibc.
    Glibc,
    /// Marks of both.
    Both,
    /// None: Go's own code only.
    None,
    /// Nothing in the file tells, as in a small C program without symbols.
    Unknown,
}

impl Libc {
    /// That of a program or library.
    pub fn of(elf: &Elf) -> Self {
        let interpreter = elf.interpreter.as_deref().unwrap_or_default();
        let needs = |start| elf.libraries.iter().any(|library| library.starts_with(start));
        // Android's C library and OpenBSD's are called libc.so too: there the interpreter tells.
        let has_musls_name = || interpreter.is_empty() && elf.libraries.iter().any(|name| name == "libc.so");
        if interpreter.contains("/ld-musl-") || needs("libc.musl-") || has_musls_name() {
            return Self::Musl;
        }
        // glibc's loaders: ld-linux*.so.N, ld64.so.N on ppc64 and s390x, ld.so.1 on MIPS.
        let has_glibcs_loader = ["/ld-linux", "/ld64.so.", "/ld.so."].iter().any(|name| interpreter.contains(name));
        if has_glibcs_loader || needs("libc.so.") || elf.glibc.is_some() {
            return Self::Glibc;
        }
        let own = elf.compilers.iter().any(|compiler| compiler.contains(OWN_COMPILER));
        let has = |mark| elf.marks.contains(&mark);
        match (has(Mark::Musl) || own, has(Mark::Glibc)) {
            (true, true) => Self::Both,
            (true, false) => Self::Musl,
            (false, true) => Self::Glibc,
            (false, false) if elf.go.is_some() && elf.compilers.is_empty() => Self::None,
            (false, false) => Self::Unknown,
        }
    }

    /// Its name, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Musl => "musl",
            Self::Glibc => "glibc",
            Self::Both => "marks of both musl and glibc",
            Self::None => "none, Go's own code only",
            Self::Unknown => "not known: the file does not tell",
        }
    }
}

/// Compilers of distributions whose own C library is glibc, in a program that muslchain's compiler linked.
pub fn foreign_compilers(elf: &Elf) -> Vec<&str> {
    const GLIBC_DISTRIBUTIONS: &[&str] = &["Debian", "Ubuntu", "Red Hat", "SUSE"];
    if !elf.compilers.iter().any(|compiler| compiler.contains(OWN_COMPILER)) {
        return Vec::new();
    }
    let is_foreign = |compiler: &&String| GLIBC_DISTRIBUTIONS.iter().any(|name| compiler.contains(name));
    elf.compilers.iter().filter(is_foreign).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::Kind;
    use crate::elf::go::GoBuild;

    fn elf() -> Elf {
        Elf::of_kind(Kind::Program)
    }

    #[test]
    fn the_interpreter_tells_first() {
        for (interpreter, libc) in [
            ("/lib/ld-musl-armhf.so.1", Libc::Musl),
            ("/lib64/ld-linux-x86-64.so.2", Libc::Glibc),
            ("/lib/ld-linux-armhf.so.3", Libc::Glibc),
            ("/lib64/ld64.so.2", Libc::Glibc),
            ("/lib/ld.so.1", Libc::Glibc),
            ("/system/bin/linker64", Libc::Unknown),
        ] {
            let elf = Elf { interpreter: Some(interpreter.to_owned()), ..elf() };
            assert_eq!(Libc::of(&elf), libc, "{interpreter}");
        }
        let libraries = || vec!["libc.so".to_owned()];
        let androids = Elf { interpreter: Some("/system/bin/linker64".into()), libraries: libraries(), ..elf() };
        assert_eq!(Libc::of(&androids), Libc::Unknown);
        assert_eq!(Libc::of(&Elf { libraries: libraries(), ..elf() }), Libc::Musl);
    }

    #[test]
    fn marks_tell_of_static_programs() {
        let with = |marks: &[Mark]| Libc::of(&Elf { marks: marks.iter().copied().collect(), ..elf() });
        assert_eq!(with(&[Mark::Musl]), Libc::Musl);
        assert_eq!(with(&[Mark::Glibc, Mark::Nss]), Libc::Glibc);
        assert_eq!(with(&[Mark::Glibc, Mark::Musl]), Libc::Both);
        assert_eq!(with(&[]), Libc::Unknown);
        assert_eq!(Libc::of(&Elf { go: Some(GoBuild::default()), ..elf() }), Libc::None);
    }

    #[test]
    fn a_distributions_compiler_is_foreign_only_beside_our_own() {
        let ours = "GCC: (muslchain-0123456789abcdef) 14.3.0".to_owned();
        let theirs = "GCC: (Ubuntu 13.2.0-4ubuntu3) 13.2.0".to_owned();
        let with = |compilers: &[&String]| Elf { compilers: compilers.iter().copied().cloned().collect(), ..elf() };
        assert_eq!(Libc::of(&with(&[&ours])), Libc::Musl);
        assert!(foreign_compilers(&with(&[&theirs])).is_empty());
        assert_eq!(foreign_compilers(&with(&[&theirs, &ours])), [theirs.as_str()]);
    }
}

//! Texts in a program that tell which code it holds, also when it has no symbols any more.
//!
//! Each was tried on programs of Go 1.27 with and without `-s -w`, linked with musl 1.2.3 and glibc 2.36.

use std::collections::BTreeSet;
use std::ops::Range;

use memchr::memmem::Finder;
use serde::Serialize;

use super::input::Input;

/// How much of a program is searched, in bytes.
const SEARCHED: u64 = 512 << 20;

/// What is read at once while searching.
const CHUNK: u64 = 1 << 20;

/// Code that a program holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// musl's messages of errors or its printf.
    Musl,
    /// glibc's start code.
    Glibc,
    /// musl's `dlopen` for static programs, which only fails.
    DlopenStub,
    /// glibc's search for plug-ins that know users and hosts; in a Go program also Go's own resolver.
    Nss,
    /// Go's os/user through the C library.
    UserByC,
    /// Go's net through the C library's resolver.
    ResolverByC,
    /// Go's plugin.Open.
    Plugin,
    /// Go's time.LoadLocation.
    TimeZones,
    /// Go's table of time zones in the program.
    TimeZoneData,
    /// Go's crypto/x509 reading the system's certificates.
    CaRoots,
    /// The certificates of golang.org/x/crypto/x509roots/fallback in the program.
    CaRootsData,
}

/// The texts of C code.
const TEXTS: &[(Mark, &[u8])] = &[
    (Mark::Musl, b"No error information\0"),
    (Mark::Musl, b"-0X+0X 0X-0x+0x 0x\0"),
    (Mark::Glibc, b"GLIBC_TUNABLES\0"),
    (Mark::Glibc, b"FATAL: kernel too old\n"),
    (Mark::DlopenStub, b"Dynamic loading not supported\0"),
    (Mark::Nss, b"/etc/nsswitch.conf"),
];

/// The texts of Go code: names of functions, which end with a NUL in its table of them.
const GO_TEXTS: &[(Mark, &[u8])] = &[
    (Mark::UserByC, b"os/user._C_getpwuid_r\0"),
    (Mark::ResolverByC, b"net._C2func_getaddrinfo\0"),
    (Mark::Plugin, b"plugin.Open\0"),
    (Mark::TimeZones, b"time.LoadLocation\0"),
    (Mark::TimeZoneData, b"time/tzdata.loadFromEmbeddedTZData\0"),
    (Mark::CaRoots, b"crypto/x509.loadSystemRoots\0"),
    (Mark::CaRootsData, b"golang.org/x/crypto/x509roots/fallback.init"),
];

/// The marks in these ranges of `input`, of which the first 512 MiB are searched; Go's are looked for where `is_go`.
pub fn find(input: Input<'_>, ranges: Vec<Range<u64>>, is_go: bool) -> BTreeSet<Mark> {
    if ranges.is_empty() {
        return BTreeSet::new();
    }
    let texts = TEXTS.iter().chain(if is_go { GO_TEXTS } else { &[] });
    let finders: Vec<(Mark, Finder)> = texts.clone().map(|(mark, text)| (*mark, Finder::new(text))).collect();
    let overlap = texts.map(|(_, text)| text.len() as u64).max().unwrap_or(0);
    let mut found = BTreeSet::new();
    let mut left = SEARCHED;
    for range in merged(ranges, input.length()) {
        let mut at = range.start;
        while at < range.end && left > 0 {
            let size = CHUNK.min(range.end - at);
            let Some(chunk) = input.read_up_to(at, size + overlap.min(range.end - at - size)) else { return found };
            for (mark, finder) in &finders {
                if !found.contains(mark) && finder.find(&chunk).is_some() {
                    found.insert(*mark);
                }
            }
            at += size;
            left = left.saturating_sub(size);
        }
    }
    found
}

/// The ranges in order, each byte once, as far as the file goes.
fn merged(mut ranges: Vec<Range<u64>>, length: u64) -> Vec<Range<u64>> {
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        let range = range.start..range.end.min(length);
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ if range.start < range.end => merged.push(range),
            _ => {}
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_on_the_edge_of_two_chunks_is_found() {
        let text = b"Dynamic loading not supported\0";
        for shift in 0..=text.len() {
            let mut bytes = vec![b'x'; CHUNK as usize - shift];
            bytes.extend_from_slice(text);
            bytes.extend_from_slice(&[b'x'; 100]);
            let length = bytes.len() as u64;
            let ranges = [0..length / 2, length / 4..length].to_vec();
            assert_eq!(find(Input::new(&bytes, length), ranges, false), BTreeSet::from([Mark::DlopenStub]), "{shift}");
        }
    }

    #[test]
    fn each_byte_is_searched_once() {
        assert_eq!(
            merged(vec![5..9, 0..3, 2..6, 20..u64::MAX, 12..12, Range { start: 30, end: 2 }], 40),
            [0..9, 20..40]
        );
    }
}

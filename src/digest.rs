//! SHA-256 digests as a type, and streams that hash exactly the bytes which pass through them.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest;

/// A SHA-256 digest. Shown, read and serialised as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// The digest and the length in bytes of everything that `reader` still yields.
    pub fn of_reader(reader: impl Read) -> io::Result<(Self, u64)> {
        let mut hashing = HashingWriter::new(io::sink());
        io::copy(&mut io::BufReader::with_capacity(1 << 16, reader), &mut hashing)?;
        let (_, digest, length) = hashing.finish();
        Ok((digest, length))
    }

    /// The digest and the length in bytes of the file at `path`.
    pub fn of_file(path: &Path) -> io::Result<(Self, u64)> {
        Self::of_reader(fs_err::File::open(path)?)
    }

    /// The first `digits` hexadecimal digits, for names that people read.
    pub fn short(&self, digits: usize) -> String {
        let mut hex = self.to_string();
        hex.truncate(digits);
        hex
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

/// Why a text is no SHA-256 digest.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no SHA-256: it takes 64 hexadecimal digits")]
pub struct ParseSha256Error(String);

impl FromStr for Sha256 {
    type Err = ParseSha256Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || ParseSha256Error(text.to_owned());
        if text.len() != 64 || !text.is_ascii() {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digit = |c: u8| (c as char).to_digit(16).map(|d| d as u8);
            *byte = digit(pair[0]).zip(digit(pair[1])).map(|(h, l)| h << 4 | l).ok_or_else(wrong)?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Passes bytes on to an inner writer and hashes those that it accepted.
pub struct HashingWriter<W> {
    inner: W,
    hasher: sha2::Sha256,
    length: u64,
}

impl<W: Write> HashingWriter<W> {
    /// Starts with an empty hash.
    pub fn new(inner: W) -> Self {
        Self { inner, hasher: sha2::Sha256::new(), length: 0 }
    }

    /// Starts with the hash of what `already` yields: the bytes that `inner` took in an earlier run.
    pub fn resume(inner: W, already: impl Read) -> io::Result<Self> {
        let mut hashing = HashingWriter::new(io::sink());
        io::copy(&mut io::BufReader::with_capacity(1 << 16, already), &mut hashing)?;
        Ok(Self { inner, hasher: hashing.hasher, length: hashing.length })
    }

    /// Bytes accepted so far, those of an earlier run included.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The inner writer, the digest and the number of the bytes written.
    pub fn finish(self) -> (W, Sha256, u64) {
        (self.inner, Sha256(self.hasher.finalize().into()), self.length)
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let accepted = self.inner.write(buffer)?;
        self.hasher.update(&buffer[..accepted]);
        self.length += accepted as u64;
        Ok(accepted)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn text_and_back() {
        assert_eq!(Sha256::of(b"").to_string(), EMPTY);
        assert_eq!(EMPTY.parse::<Sha256>().unwrap(), Sha256::of(b""));
        assert_eq!(EMPTY.to_uppercase().parse::<Sha256>().unwrap(), Sha256::of(b""));
        for wrong in ["", "e3b0", &EMPTY.replace('e', "g"), &format!("{EMPTY}0"), &"é".repeat(32)] {
            assert!(wrong.parse::<Sha256>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_writer_hashes_what_the_inner_writer_accepted() {
        let mut room = [0u8; 3];
        let mut hashing = HashingWriter::new(&mut room[..]);
        assert_eq!(hashing.write(b"abcdef").unwrap(), 3);
        let (_, digest, length) = hashing.finish();
        assert_eq!((digest, length), (Sha256::of(b"abc"), 3));
    }

    #[test]
    fn a_resumed_writer_hashes_the_whole() {
        let mut tail = Vec::new();
        let mut hashing = HashingWriter::resume(&mut tail, &b"abc"[..]).unwrap();
        hashing.write_all(b"def").unwrap();
        let (_, digest, length) = hashing.finish();
        assert_eq!((digest, length), (Sha256::of(b"abcdef"), 6));
        assert_eq!(tail, b"def");
    }
}

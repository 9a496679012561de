//! A file, or a part of one, that is read in pieces of bounded size.
//!
//! Nothing is mapped: a mapped file that another process truncates would kill this one. And
//! nothing is read as a whole: lengths in the file are only believed as far as [`PIECE`].

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// The most that is read into memory at once, in bytes. A table that is larger counts as damaged.
pub const PIECE: u64 = 12 << 20;

/// Bytes that are read where they stand.
pub trait ReadAt {
    /// Fills as much of `buffer` as there is from `offset` on, and returns how much that was.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
}

impl ReadAt for File {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut have = 0;
        while have < buffer.len() {
            match FileExt::read_at(self, &mut buffer[have..], offset.saturating_add(have as u64)) {
                Ok(0) => break,
                Ok(count) => have += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(have)
    }
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.len());
        let count = buffer.len().min(self.len() - start);
        buffer[..count].copy_from_slice(&self[start..start + count]);
        Ok(count)
    }
}

/// A part of a file; offsets count from its beginning.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    bytes: &'a dyn ReadAt,
    start: u64,
    length: u64,
}

impl<'a> Input<'a> {
    /// The first `length` bytes.
    pub fn new(bytes: &'a dyn ReadAt, length: u64) -> Self {
        Self { bytes, start: 0, length }
    }

    /// How many bytes there are.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// A part of this part; `None` where it does not lie inside.
    pub fn part(&self, offset: u64, length: u64) -> Option<Self> {
        let inside = offset.checked_add(length)? <= self.length;
        inside.then_some(Self { bytes: self.bytes, start: self.start.checked_add(offset)?, length })
    }

    /// The bytes of a range; `None` where it does not lie inside, is larger than [`PIECE`], or cannot be read.
    pub fn read(&self, offset: u64, size: u64) -> Option<Vec<u8>> {
        let bytes = self.read_up_to(offset, size.min(PIECE))?;
        (bytes.len() as u64 == size).then_some(bytes)
    }

    /// The bytes of a range as far as they lie inside, at most [`PIECE`]; `None` where they cannot be read.
    pub fn read_up_to(&self, offset: u64, size: u64) -> Option<Vec<u8>> {
        let size = size.min(PIECE).min(self.length.saturating_sub(offset));
        let mut bytes = vec![0; usize::try_from(size).ok()?];
        let count = self.bytes.read_at(self.start.checked_add(offset)?, &mut bytes).ok()?;
        bytes.truncate(count);
        Some(bytes)
    }
}

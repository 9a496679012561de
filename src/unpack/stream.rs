//! From a file's name to the tar stream inside it.

use std::cell::Cell;
use std::io::{self, BufReader, Read};
use std::path::Path;

use super::ar;
use super::error::{UnpackError, read_error};

/// Most memory for decoding xz. `xz -9` asks for 65 MiB.
const XZ_MEMORY: u64 = 256 << 20;
/// Largest window of a zstd stream, as a power of two: 128 MiB, what `zstd` itself takes unasked.
const ZSTD_WINDOW: u32 = 27;
const BUFFER: usize = 128 << 10;

/// The packing of a file, told by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Tar(Compression),
    Deb,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Xz,
    Zstd,
}

impl Format {
    /// The format of a file of this name.
    pub(super) fn of(name: &str) -> Result<Self, UnpackError> {
        use Compression::*;
        const ENDINGS: [(&str, Format); 6] = [
            (".tar", Format::Tar(None)),
            (".tar.gz", Format::Tar(Gzip)),
            (".tgz", Format::Tar(Gzip)),
            (".tar.xz", Format::Tar(Xz)),
            (".tar.zst", Format::Tar(Zstd)),
            (".deb", Format::Deb),
        ];
        ENDINGS
            .iter()
            .find(|(ending, _)| name.ends_with(ending))
            .map(|(_, format)| *format)
            .ok_or_else(|| UnpackError::Format { name: name.to_owned() })
    }
}

/// The tar stream within `reader`. Errors name `archive`.
pub(super) fn tar_stream<'a>(
    format: Format,
    reader: impl Read + 'a,
    archive: &Path,
) -> Result<Box<dyn Read + 'a>, UnpackError> {
    match format {
        Format::Tar(compression) => decompress(compression, reader).map_err(|error| read_error(archive, error)),
        Format::Deb => {
            let (name, data) = ar::data_member(BufReader::with_capacity(BUFFER, reader))
                .map_err(|error| read_error(archive, error))?;
            match Format::of(&name)? {
                Format::Tar(compression) => decompress(compression, data).map_err(|error| read_error(archive, error)),
                Format::Deb => Err(UnpackError::Format { name }),
            }
        }
    }
}

fn decompress<'a>(compression: Compression, reader: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let reader = BufReader::with_capacity(BUFFER, reader);
    Ok(match compression {
        Compression::None => Box::new(reader),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(reader)),
        Compression::Xz => {
            let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, liblzma::stream::CONCATENATED)?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(reader, stream))
        }
        Compression::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(reader)?;
            decoder.window_log_max(ZSTD_WINDOW)?;
            Box::new(decoder)
        }
    })
}

/// Watches a stream from outside of the reader that owns it: how much may still be read, and whether the
/// stream has ended.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    allowance: Cell<u64>,
    ended: Cell<bool>,
}

impl Meter {
    /// Lets `bytes` more be read; a read beyond them fails.
    pub(crate) fn allow(&self, bytes: u64) {
        self.allowance.set(bytes);
    }

    /// Whether the stream was read to its end.
    pub(super) fn ended(&self) -> bool {
        self.ended.get()
    }

    /// The stream that is watched.
    pub(crate) fn watch<R: Read>(&self, inner: R) -> Metered<'_, R> {
        Metered { inner, meter: self }
    }
}

/// A stream that a [`Meter`] watches.
pub(crate) struct Metered<'a, R> {
    inner: R,
    meter: &'a Meter,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.meter.allowance.get();
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        if room == 0 && !buffer.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "an entry's header is too long"));
        }
        loop {
            match self.inner.read(&mut buffer[..room]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
                Ok(read) => {
                    self.meter.allowance.set(left - read as u64);
                    self.meter.ended.set(read == 0 && room > 0);
                    return Ok(read);
                }
            }
        }
    }
}

//! The compressed form of an archive: zstd frames that are compressed and decompressed several at a time.
//!
//! Each frame holds [`FRAME`] bytes, the last one fewer. Before it stands a skippable frame of zstd's format that says how long it is.
//! `pzstd` writes the same: whoever knows zstd reads it, and whoever knows of the lengths need not wait for one frame
//! to come to the next. Memory has a bound: one frame, compressed or not, for each thread, and a few that wait.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crate::digest::{HashingWriter, Sha256};

/// How much is compressed by itself. The programs of binutils have much in common: frames of 4 MiB come out an eighth longer.
pub const FRAME: usize = 8 << 20;

/// The lowest whose window is a whole frame. A C toolchain of 75 MB: 18.9 MB in 1.1 s, with level 19 17.0 MB in 41 s.
const LEVEL: i32 = 9;

/// What a skippable frame with a length begins with: its magic number and its own size, four bytes
/// (<https://github.com/facebook/zstd/blob/dev/contrib/pzstd/SkippableFrame.h>).
const SKIPPABLE: [u8; 8] = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0];

type Block = io::Result<Vec<u8>>;

/// Threads that do the same to one block after another.
struct Workers {
    jobs: Sender<(Vec<u8>, SyncSender<Block>)>,
}

impl Workers {
    fn new(threads: usize, work: fn(&[u8]) -> Block) -> Self {
        let (jobs, waiting) = channel::<(Vec<u8>, SyncSender<Block>)>();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..threads.max(1) {
            let waiting = waiting.clone();
            // It ends when nobody gives it work any more.
            thread::spawn(move || {
                while let Some((block, result)) = next(&waiting) {
                    // Nobody may want the result any more.
                    let _ = result.send(work(&block));
                }
            });
        }
        Self { jobs }
    }

    /// Where the result of a block will be.
    fn begin(&self, block: Vec<u8>) -> Receiver<Block> {
        let (result, later) = sync_channel(1);
        // What cannot be sent is dropped, with the result's place: whoever waits there hears of it.
        let _ = self.jobs.send((block, result));
        later
    }
}

fn next<T>(waiting: &Mutex<Receiver<T>>) -> Option<T> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

fn result_of(later: &Receiver<Block>) -> Block {
    later.recv().unwrap_or_else(|_| Err(io::Error::other("a thread for compression ended early")))
}

/// Compresses what is written to it.
pub struct Encoder<W> {
    out: HashingWriter<W>,
    workers: Workers,
    pending: VecDeque<Receiver<Block>>,
    most_pending: usize,
    current: Vec<u8>,
}

impl<W: Write> Encoder<W> {
    /// In so many threads.
    pub fn new(out: W, threads: usize) -> Self {
        let workers = Workers::new(threads, |block| zstd::bulk::compress(block, LEVEL));
        let out = HashingWriter::new(out);
        Self { out, workers, pending: VecDeque::new(), most_pending: threads, current: Vec::new() }
    }

    /// The digest and the length of what was written out.
    pub fn finish(mut self) -> io::Result<(Sha256, u64)> {
        if !self.current.is_empty() {
            self.begin_current();
        }
        while !self.pending.is_empty() {
            self.write_first()?;
        }
        self.out.flush()?;
        let (_, digest, length) = self.out.finish();
        Ok((digest, length))
    }

    fn begin_current(&mut self) {
        let block = std::mem::take(&mut self.current);
        self.pending.push_back(self.workers.begin(block));
    }

    fn write_first(&mut self) -> io::Result<()> {
        let Some(first) = self.pending.pop_front() else { return Ok(()) };
        let frame = result_of(&first)?;
        let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
        self.out.write_all(&SKIPPABLE)?;
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(&frame)
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(FRAME - self.current.len());
        if self.current.is_empty() {
            self.current.reserve_exact(FRAME);
        }
        self.current.extend_from_slice(&bytes[..taken]);
        if self.current.len() == FRAME {
            self.begin_current();
            if self.pending.len() >= self.most_pending {
                self.write_first()?;
            }
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Decompresses a stream, which is read, hashed and decompressed ahead of whoever reads from this.
pub struct Decoder {
    position: Arc<AtomicU64>,
    frames: Receiver<Receiver<Block>>,
    current: io::Cursor<Vec<u8>>,
    reader: JoinHandle<(Sha256, u64)>,
}

impl Decoder {
    /// In so many threads; the stream is read in one more.
    pub fn new(stream: impl Read + Send + 'static, threads: usize) -> Self {
        // One frame is waited for, and one is begun already that nobody waits for yet.
        let (out, frames) = sync_channel(threads.saturating_sub(2));
        let position = Arc::new(AtomicU64::new(0));
        let counter = position.clone();
        let reader = thread::spawn(move || read_frames(stream, threads, &counter, &out));
        Self { position, frames, current: io::Cursor::default(), reader }
    }

    /// How many bytes of the stream were read so far.
    pub fn position(&self) -> Arc<AtomicU64> {
        self.position.clone()
    }

    /// The digest and the length of the whole stream, whose rest is read.
    pub fn finish(mut self) -> io::Result<(Sha256, u64)> {
        io::copy(&mut self, &mut io::sink())?;
        self.reader.join().map_err(|_| io::Error::other("the thread that reads the archive ended early"))
    }
}

impl Read for Decoder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.current.read(buffer)? {
                0 if !buffer.is_empty() => {
                    // What was read takes memory no longer.
                    self.current = io::Cursor::default();
                    match self.frames.recv() {
                        Ok(frame) => self.current = io::Cursor::new(result_of(&frame)?),
                        Err(_) => return Ok(0),
                    }
                }
                count => return Ok(count),
            }
        }
    }
}

/// Has frame after frame decompressed, until the stream ends or nobody wants more. An error takes a frame's place.
fn read_frames(
    stream: impl Read,
    threads: usize,
    position: &AtomicU64,
    out: &SyncSender<Receiver<Block>>,
) -> (Sha256, u64) {
    let workers = Workers::new(threads, |frame| zstd::bulk::decompress(frame, FRAME));
    let mut stream = HashingReader { inner: stream, hashing: HashingWriter::new(io::sink()) };
    loop {
        let frame = match next_frame(&mut stream) {
            Ok(Some(frame)) => workers.begin(frame),
            Ok(None) => break,
            Err(error) => {
                let (result, later) = sync_channel(1);
                let _ = result.send(Err(error));
                let _ = out.send(later);
                break;
            }
        };
        position.store(stream.hashing.length(), Ordering::Relaxed);
        if out.send(frame).is_err() {
            break;
        }
    }
    let (_, digest, length) = stream.hashing.finish();
    (digest, length)
}

fn next_frame(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut head = [0; SKIPPABLE.len() + 4];
    match stream.read(&mut head[..1])? {
        0 => return Ok(None),
        _ => stream.read_exact(&mut head[1..])?,
    }
    let (magic, length) = head.split_at(SKIPPABLE.len());
    let length = u32::from_le_bytes(length.try_into().expect("four bytes were read")) as usize;
    if magic != SKIPPABLE || length > zstd::zstd_safe::compress_bound(FRAME) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not in frames with their lengths"));
    }
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame)?;
    Ok(Some(frame))
}

struct HashingReader<R> {
    inner: R,
    hashing: HashingWriter<io::Sink>,
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
                Ok(count) => {
                    self.hashing.write_all(&buffer[..count])?;
                    return Ok(count);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(content: &[u8], threads: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&mut out, threads);
        encoder.write_all(content).unwrap();
        let (digest, length) = encoder.finish().unwrap();
        assert_eq!((digest, length), (Sha256::of(&out), out.len() as u64));
        out
    }

    fn decoded(stream: &[u8]) -> io::Result<Vec<u8>> {
        let mut decoder = Decoder::new(io::Cursor::new(stream.to_vec()), 3);
        let mut content = Vec::new();
        decoder.read_to_end(&mut content)?;
        assert_eq!(decoder.finish()?, (Sha256::of(stream), stream.len() as u64));
        Ok(content)
    }

    /// Two frames and a bit.
    fn content() -> Vec<u8> {
        (0..2 * FRAME as u64 + 12345).map(|place| ((place * place) >> 13) as u8).collect()
    }

    #[test]
    fn what_comes_out_is_what_went_in_whatever_the_number_of_threads() {
        let stream = encoded(&content(), 1);
        assert_eq!(encoded(&content(), 4), stream);
        assert_eq!(decoded(&stream).unwrap(), content());
        assert_eq!(decoded(&encoded(b"", 2)).unwrap(), b"");
        // Who knows nothing of the lengths reads it too.
        assert_eq!(zstd::decode_all(stream.as_slice()).unwrap(), content());
    }

    #[test]
    fn what_is_cut_or_not_in_frames_is_an_error() {
        let stream = encoded(&content(), 2);
        for cut in [1, 11, 12, 40, stream.len() - 1] {
            assert!(decoded(&stream[..cut]).is_err(), "{cut}");
        }
        let mut damaged = stream.clone();
        damaged[stream.len() / 2] ^= 1;
        let came = decoded(&damaged);
        assert!(came.is_err() || came.is_ok_and(|came| came != content()));
        for other in [&b"something else entirely"[..], &zstd::encode_all(&content()[..], 1).unwrap()] {
            assert!(decoded(other).unwrap_err().to_string().contains("frames with their lengths"));
        }
    }

    #[test]
    fn a_frame_that_says_it_is_huge_takes_no_memory() {
        let mut bomb = SKIPPABLE.to_vec();
        bomb.extend(u32::MAX.to_le_bytes());
        assert!(decoded(&bomb).is_err());
        let frame = zstd::bulk::compress(&vec![0; 8 * FRAME], 3).unwrap();
        let mut bomb = SKIPPABLE.to_vec();
        bomb.extend((frame.len() as u32).to_le_bytes());
        bomb.extend(frame);
        assert!(decoded(&bomb).is_err());
    }
}

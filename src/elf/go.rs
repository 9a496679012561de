//! What Go's linker wrote about a build (debug/buildinfo and runtime/debug in Go's source).

use std::ops::Range;

use memchr::memmem::Finder;
use serde::{Serialize, Serializer};

use super::input::Input;
use super::printable;

const MAGIC: &[u8; 14] = b"\xff Go buildinf:";

/// Where the blob may begin.
const ALIGNMENT: u64 = 16;

/// The magic, the size of pointers, flags, and two pointers that are unused since Go 1.18.
const HEADER: u64 = 32;

/// The flag of a blob whose texts follow it: Go 1.18 and newer.
const INLINE: u8 = 2;

const LONGEST_TEXT: u64 = 1 << 20;
const CHUNK: u64 = 1 << 20;

/// How far data are searched: the linker puts the record near their beginning.
const SEARCHED: u64 = 32 << 20;

/// What is known of a Go build.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct GoBuild {
    /// Go's version, such as `go1.27.3`; empty where Go was older than 1.18, whose record is not read.
    pub version: String,
    /// The main package's path.
    pub path: String,
    /// `-tags`, `-buildmode`, `CGO_ENABLED`, `GOARCH`, the variant and so on. Few with `-trimpath`, none
    /// from other build systems.
    #[serde(serialize_with = "as_map")]
    pub settings: Vec<(String, String)>,
}

fn as_map<S: Serializer>(settings: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(settings.iter().map(|(name, value)| (name, value)))
}

impl GoBuild {
    /// The value of a setting, such as `GOARM`.
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether cgo was on, where it is said.
    pub fn cgo(&self) -> Option<bool> {
        self.setting("CGO_ENABLED").map(|value| value == "1")
    }
}

/// Reads the record of a Go program in `range`: its section, or the first segment of data.
pub fn read(input: Input<'_>, range: Range<u64>) -> Option<GoBuild> {
    let at = position(input, range)?;
    let header = input.read(at, HEADER)?;
    if header[15] & INLINE == 0 {
        return Some(GoBuild::default());
    }
    let (version, next) = text(input, at.checked_add(HEADER)?)?;
    let module = text(input, next).map(|(module, _)| module).unwrap_or_default();
    let (path, settings) = parsed(&module);
    Some(GoBuild { version: printable(&String::from_utf8_lossy(&version)), path, settings })
}

fn position(input: Input<'_>, range: Range<u64>) -> Option<u64> {
    let finder = Finder::new(MAGIC);
    let end = range.end.min(input.length()).min(range.start.saturating_add(SEARCHED));
    let mut at = range.start;
    while at < end {
        // It lies inside one chunk, because chunks begin where it may begin.
        let chunk = input.read_up_to(at, CHUNK.min(end - at))?;
        let mut hits = finder.find_iter(&chunk).map(|hit| hit as u64);
        if let Some(hit) = hits.find(|hit| hit % ALIGNMENT == 0) {
            return Some(at + hit);
        }
        at += CHUNK;
    }
    None
}

/// A text with its length before it, and the place after it.
fn text(input: Input<'_>, at: u64) -> Option<(Vec<u8>, u64)> {
    let bytes = input.read_up_to(at, 10)?;
    let mut length = 0u64;
    for (index, byte) in bytes.iter().enumerate() {
        length |= u64::from(byte & 0x7f).checked_shl(7 * index as u32)?;
        if byte & 0x80 == 0 {
            let start = at.checked_add(index as u64 + 1)?;
            let text = input.read(start, length.min(LONGEST_TEXT + 1))?;
            return (length <= LONGEST_TEXT).then_some((text, start + length));
        }
    }
    None
}

/// The main package and the settings from the module's lines, which stand between two marks of 16 bytes.
fn parsed(module: &[u8]) -> (String, Vec<(String, String)>) {
    let inner = module.get(16..module.len().saturating_sub(16)).unwrap_or_default();
    let inner = String::from_utf8_lossy(inner);
    let unquoted = |word| printable(&unquoted(word));
    let mut path = String::new();
    let mut settings = Vec::new();
    for line in inner.lines() {
        if let Some(value) = line.strip_prefix("path\t") {
            path = printable(value);
        } else if let Some((name, value)) = line.strip_prefix("build\t").and_then(|setting| setting.split_once('=')) {
            settings.push((unquoted(name), unquoted(value)));
        }
    }
    (path, settings)
}

/// A word without the quotes that Go's strconv.Quote puts around what has blanks.
fn unquoted(word: &str) -> String {
    let inner = word.strip_prefix('"').and_then(|word| word.strip_suffix('"'));
    inner.map_or_else(|| word.to_owned(), |inner| inner.replace("\\\"", "\"").replace("\\\\", "\\"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob(flags: u8, texts: &[&[u8]]) -> Vec<u8> {
        let mut blob = MAGIC.to_vec();
        blob.extend([8, flags]);
        blob.resize(HEADER as usize, 0);
        for text in texts {
            assert!(text.len() < 1 << 14);
            blob.extend([text.len() as u8 & 0x7f | 0x80, (text.len() >> 7) as u8]);
            blob.extend_from_slice(text);
        }
        blob
    }

    fn read_all(bytes: Vec<u8>) -> Option<GoBuild> {
        let length = bytes.len() as u64;
        read(Input::new(&bytes, length), 0..length)
    }

    #[test]
    fn the_record_is_found_at_its_alignment_only() {
        let module = b"0123456789abcdefpath\texample.com/x\nbuild\t-tags=a,b\nbuild\tGOARM=7\n\
                       build\t-ldflags=\"-s -X 'a=\\\"b\\\"'\"\n0123456789abcdef";
        let mut bytes = vec![0; 1 << 20];
        bytes.splice(8..8 + 14, MAGIC.iter().copied());
        bytes.extend(blob(INLINE, &[b"go1.27.3", module]));
        let build = read_all(bytes).unwrap();
        assert_eq!((build.version.as_str(), build.path.as_str()), ("go1.27.3", "example.com/x"));
        assert_eq!((build.setting("-tags"), build.setting("GOARM")), (Some("a,b"), Some("7")));
        assert_eq!(build.setting("-ldflags"), Some("-s -X 'a=\"b\"'"));
    }

    #[test]
    fn an_old_record_is_seen_and_not_read() {
        assert_eq!(read_all(blob(0, &[])), Some(GoBuild::default()));
    }

    #[test]
    fn a_length_that_lies_is_no_record() {
        let mut bytes = blob(INLINE, &[]);
        bytes.extend([0xff; 20]);
        assert_eq!(read_all(bytes), None);
        let mut bytes = blob(INLINE, &[]);
        bytes.extend([0x10, b'g']);
        assert_eq!(read_all(bytes), None);
    }
}

//! The outer format of a `.deb`: an `ar` archive of `debian-binary`, `control.tar.*` and `data.tar.*`.
//!
//! The layout is in deb(5) and ar(5): a magic, then for each member a header of 60 bytes in ASCII, the content, and a
//! newline if the content's length is odd.

use std::io::{self, Read};

const MAGIC: &[u8] = b"!<arch>\n";
const HEADER_END: &[u8] = b"`\n";
/// A `.deb` has three members; a few more are allowed and skipped, such as signatures.
const MAX_MEMBERS: usize = 16;

/// The name and the content of the member that holds the package's files.
pub(super) fn data_member<R: Read>(mut reader: R) -> io::Result<(String, io::Take<R>)> {
    let mut magic = [0; MAGIC.len()];
    reader.read_exact(&mut magic)?;
    if magic != MAGIC {
        return Err(invalid("it does not start as an ar archive"));
    }
    for number in 0..MAX_MEMBERS {
        let Some((name, size)) = read_header(&mut reader)? else {
            return Err(invalid("it has no member data.tar"));
        };
        if number == 0 {
            check_version(&name, size, &mut reader)?;
        } else if name == "data.tar" || name.starts_with("data.tar.") {
            return Ok((name, reader.take(size)));
        } else {
            let whole = size + size % 2;
            if io::copy(&mut reader.by_ref().take(whole), &mut io::sink())? != whole {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
    Err(invalid("none of its first members is data.tar"))
}

/// A member's name and size; nothing at the archive's end.
fn read_header(reader: &mut impl Read) -> io::Result<Option<(String, u64)>> {
    let mut header = Vec::with_capacity(60);
    reader.by_ref().take(60).read_to_end(&mut header)?;
    match header.len() {
        0 => return Ok(None),
        60 => (),
        _ => return Err(io::ErrorKind::UnexpectedEof.into()),
    }
    if !header.is_ascii() || !header.ends_with(HEADER_END) {
        return Err(invalid("a member's header is broken"));
    }
    let field = |range: std::ops::Range<usize>| String::from_utf8_lossy(&header[range]).trim_end().to_owned();
    let name = field(0..16);
    let name = name.strip_suffix('/').unwrap_or(&name).to_owned();
    let size = field(48..58);
    if size.is_empty() || !size.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid("a member's size is no number"));
    }
    let size = size.parse().map_err(|_| invalid("a member's size is no number"))?;
    Ok(Some((name, size)))
}

/// Reads the first member of a `.deb`, which tells the format's version.
fn check_version(name: &str, size: u64, reader: &mut impl Read) -> io::Result<()> {
    if name != "debian-binary" || size > 64 {
        return Err(invalid("its first member is not debian-binary"));
    }
    let mut version = vec![0; (size + size % 2) as usize];
    reader.read_exact(&mut version)?;
    if version.starts_with(b"2.") { Ok(()) } else { Err(invalid("its format is not version 2")) }
}

fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

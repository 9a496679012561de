//! Archives that would take too much: space, memory, time.

use std::io::{Read, Write};

use muslchain::unpack::{Refusal, UnpackError};

use crate::archives::{Place, Tar, gz, packed, xz, zst};

#[test]
fn the_bound_holds() {
    let place = Place::new();
    let two = |first: usize, second: usize| Tar::new().file("t/a", vec![0; first]).file("t/b", vec![0; second]).end();
    let too_many = Refusal::TooManyBytes { bound: 1000 };
    assert_eq!(place.refuses("x.tar", &two(1001, 0), "unpacked-bound = 1000"), (b"t/a".to_vec(), too_many.clone()));
    assert_eq!(place.refuses("x.tar", &two(600, 401), "unpacked-bound = 1000"), (b"t/b".to_vec(), too_many.clone()));

    // What stands in the header counts, before a byte of it is read.
    let claims = |kind| Tar::new().raw(kind, b"t/a", b"", b"", |header| header.set_size(1 << 60)).end();
    for kind in [b'0', b'5', b'7', b'g'] {
        assert_eq!(place.refuses("x.tar", &claims(kind), "unpacked-bound = 1000").1, too_many);
    }
    // A sparse file counts with its holes.
    let sparse = Tar::new().raw(b'S', b"t/sparse", b"", b"", |header| {
        let fields = header.as_gnu_mut().unwrap();
        fields.set_real_size(1 << 40);
        fields.sparse[0].set_offset(1 << 40);
        fields.sparse[0].set_length(0);
    });
    assert_eq!(place.refuses("x.tar", &sparse.end(), "unpacked-bound = 1000").1, too_many);
    // So does what is passed over in the outer archive.
    let inner = Tar::new().file("t/a", "x").end();
    let outer = Tar::new().file("w/big", vec![0; 1001]).file("w/i.tar", inner).end();
    assert_eq!(place.refuses("x.tar", &outer, "unpacked-bound = 1000\nnested = 'w/i.tar'").1, too_many);

    assert_eq!(place.unpack("x.tar", &two(600, 400), "unpacked-bound = 1000").unwrap().bytes, 1000);
}

#[test]
fn a_small_file_that_unpacks_to_much_is_refused() {
    let place = Place::new();
    let start = Tar::new().raw(b'0', b"t/bomb", b"", b"", |header| header.set_size(300 << 20)).0;
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.write_all(&start).unwrap();
    std::io::copy(&mut std::io::repeat(0).take(300 << 20), &mut encoder).unwrap();
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 1 << 20);
    let bound = 100 << 20;
    let (_, refusal) = place.refuses("x.tar.zst", &bomb, &format!("unpacked-bound = {bound}"));
    assert_eq!(refusal, Refusal::TooManyBytes { bound });
}

#[test]
fn a_headers_length_is_bounded() {
    let place = Place::new();
    for kind in [b'L', b'K', b'x'] {
        let tar = Tar::new().raw(kind, b"long", b"", &vec![b'n'; 2 << 20], |_| ()).file("t/a", "x");
        let error = place.fails("x.tar.gz", &gz(&tar.end()), "");
        assert!(matches!(error, UnpackError::Corrupt { .. }), "{error}");
        assert!(error.to_string().ends_with("an entry's header is too long"), "{error}");
    }
}

#[test]
fn a_decompressors_memory_is_bounded() {
    let place = Place::new();
    let tar = Tar::new().file("t/a", "x").end();

    // The xz format: stream header of 12 bytes; block header: size, flags, filter id, size of its properties, the
    // dictionary's size, padding, CRC-32. 40 stands for a dictionary of 4 GiB.
    let mut big = xz(&tar);
    let end = 12 + 4 * (usize::from(big[12]) + 1) - 4;
    assert_eq!(big[14..16], [0x21, 1]);
    big[16] = 40;
    let mut crc = flate2::Crc::new();
    crc.update(&big[12..end]);
    big[end..end + 4].copy_from_slice(&crc.sum().to_le_bytes());
    let error = place.fails("x.tar.xz", &big, "");
    assert!(error.to_string().ends_with("memory limit reached"), "{error}");

    // RFC 8878, 3.1.1.1.2: the window descriptor is the sixth byte, its upper five bits are the exponent less ten.
    let mut big = zst(&tar);
    assert_eq!(big[4] & 0x20, 0, "a window descriptor is there");
    big[5] = (31 - 10) << 3;
    let error = place.fails("x.tar.zst", &big, "");
    assert!(error.to_string().ends_with("Frame requires too much memory for decoding"), "{error}");
}

#[test]
fn the_largest_settings_in_use_are_within_the_memory_bounds() {
    let tar = Tar::new().file("t/a", "x").end();
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(&tar).unwrap();
    Place::new().unpacked("x.tar.zst", &encoder.finish().unwrap(), "");
    // `xz -9` has a dictionary of 64 MiB, which is 28 in the header.
    let mut nine = packed("x.xz", &tar);
    let end = 12 + 4 * (usize::from(nine[12]) + 1) - 4;
    nine[16] = 28;
    let mut crc = flate2::Crc::new();
    crc.update(&nine[12..end]);
    nine[end..end + 4].copy_from_slice(&crc.sum().to_le_bytes());
    Place::new().unpacked("x.tar.xz", &nine, "");
}

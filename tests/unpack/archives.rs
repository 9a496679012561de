//! Archives made byte by byte, and a place to unpack them in.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use muslchain::digest::Sha256;
use muslchain::fetch::VerifiedFile;
use muslchain::recipe::Selection;
use muslchain::source::Source;
use muslchain::unpack::{Refusal, UnpackError, Unpacked, unpack};

/// A tar archive without end marker.
#[derive(Default, Clone)]
pub struct Tar(pub Vec<u8>);

impl Tar {
    /// Empty.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry of any kind with any bytes as its names; `change` may spoil the header.
    pub fn raw(
        mut self,
        kind: u8,
        name: &[u8],
        link: &[u8],
        data: &[u8],
        change: impl FnOnce(&mut tar::Header),
    ) -> Self {
        let mut header = tar::Header::new_gnu();
        let fields = header.as_gnu_mut().unwrap();
        fields.name[..name.len()].copy_from_slice(name);
        fields.linkname[..link.len()].copy_from_slice(link);
        header.set_entry_type(tar::EntryType::new(kind));
        header.set_mode(0o644);
        header.set_uid(12345);
        header.set_gid(12345);
        header.set_mtime(1_000_000_000);
        header.set_size(data.len() as u64);
        change(&mut header);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(data);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub fn file(self, name: impl AsRef<[u8]>, data: impl AsRef<[u8]>) -> Self {
        self.raw(b'0', name.as_ref(), b"", data.as_ref(), |_| ())
    }

    pub fn folder(self, name: impl AsRef<[u8]>) -> Self {
        self.raw(b'5', name.as_ref(), b"", b"", |_| ())
    }

    pub fn symlink(self, name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.raw(b'2', name.as_ref(), target.as_ref(), b"", |_| ())
    }

    pub fn hard_link(self, name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.raw(b'1', name.as_ref(), target.as_ref(), b"", |_| ())
    }

    /// A GNU record with the name of the next entry.
    pub fn long_name(self, name: &[u8]) -> Self {
        self.raw(b'L', b"././@LongLink", b"", &[name, b"\0"].concat(), |_| ())
    }

    /// Pax records for the next entry (`x`) or all that follow (`g`).
    pub fn pax(self, kind: u8, records: &[(&str, &str)]) -> Self {
        let mut data = String::new();
        for (key, value) in records {
            let rest = format!(" {key}={value}\n");
            let length = (1..).find(|length| length - length.to_string().len() == rest.len()).unwrap();
            data += &format!("{length}{rest}");
        }
        self.raw(kind, b"pax", b"", data.as_bytes(), |_| ())
    }

    /// The whole archive.
    pub fn end(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}

pub fn gz(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

pub fn xz(data: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

pub fn zst(data: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// Compressed as the name says.
pub fn packed(name: &str, data: &[u8]) -> Vec<u8> {
    match name.rsplit('.').next().unwrap() {
        "gz" | "tgz" => gz(data),
        "xz" => xz(data),
        "zst" => zst(data),
        _ => data.to_owned(),
    }
}

/// An `ar` archive of these members.
pub fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    for (name, data) in members {
        writeln!(archive, "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`", 0, 0, 0, 100644, data.len()).unwrap();
        archive.extend_from_slice(data);
        archive.resize(archive.len().next_multiple_of(2), b'\n');
    }
    archive
}

/// A `.deb` with this `data.tar.*`.
pub fn deb(data_name: &str, tar: &[u8]) -> Vec<u8> {
    let control = gz(&Tar::new().file("./control", "Package: x\n").end());
    ar(&[("debian-binary", b"2.0\n"), ("control.tar.gz", &control), (data_name, &packed(data_name, tar))])
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    Folder { mode: u32 },
    File { mode: u32, modified: i64, content: Vec<u8> },
    Symlink(PathBuf),
}

/// All there is below `root`, links not followed.
pub fn snapshot(root: &Path) -> BTreeMap<PathBuf, Node> {
    let below = walkdir::WalkDir::new(root).min_depth(1).into_iter().map(|entry| {
        let entry = entry.unwrap();
        let metadata = entry.path().symlink_metadata().unwrap();
        let mode = metadata.permissions().mode() & 0o7777;
        let node = if metadata.is_dir() {
            Node::Folder { mode }
        } else if metadata.is_symlink() {
            Node::Symlink(std::fs::read_link(entry.path()).unwrap())
        } else {
            Node::File { mode, modified: metadata.mtime(), content: std::fs::read(entry.path()).unwrap() }
        };
        (entry.path().strip_prefix(root).unwrap().to_owned(), node)
    });
    below.collect()
}

/// A folder with something worth attacking, in which a tree may be unpacked.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("work")).unwrap();
        std::fs::create_dir(folder.path().join("outside")).unwrap();
        for name in ["victim", "outside/victim", "work/victim"] {
            std::fs::write(folder.path().join(name), "precious").unwrap();
        }
        Self { folder }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where the tree goes.
    pub fn tree(&self) -> PathBuf {
        self.path().join("work/tree")
    }

    /// Unpacks `bytes` as the file `name`; `keys` are further lines of the source's table entry.
    pub fn unpack(&self, name: &str, bytes: &[u8], keys: &str) -> Result<Unpacked, UnpackError> {
        self.unpack_selected(&Selection::default(), name, bytes, keys)
    }

    /// The same, of these parts.
    pub fn unpack_selected(
        &self,
        selection: &Selection,
        name: &str,
        bytes: &[u8],
        keys: &str,
    ) -> Result<Unpacked, UnpackError> {
        let file = self.path().join("archive");
        std::fs::write(&file, bytes).unwrap();
        let digest = Sha256::of_file(&file).unwrap().0;
        let source =
            format!("name = 'x'\nversion = '1'\nfile = '{name}'\nlicence = 'MIT'\nsha256 = '{digest}'\n{keys}\n");
        let source: Source = toml::from_str(&source).unwrap();
        let result = unpack(&VerifiedFile::check(&file, &source).unwrap(), &source, selection, &self.tree());
        std::fs::remove_file(&file).unwrap();
        result
    }

    /// Unpacks and looks at what came out.
    pub fn unpacked(&self, name: &str, bytes: &[u8], keys: &str) -> BTreeMap<PathBuf, Node> {
        self.unpack(name, bytes, keys).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!self.path().join("work/tree.partial").exists());
        snapshot(&self.tree())
    }

    /// Unpacks what must fail, and asserts that it changed nothing anywhere.
    pub fn fails(&self, name: &str, bytes: &[u8], keys: &str) -> UnpackError {
        let before = snapshot(self.path());
        let result = self.unpack(name, bytes, keys);
        let after = snapshot(self.path());
        assert_eq!(before, after, "something was written, or left: {result:?}");
        result.expect_err("it was unpacked")
    }

    /// Unpacks what must be refused, and tells which entry was and why.
    pub fn refuses(&self, name: &str, bytes: &[u8], keys: &str) -> (Vec<u8>, Refusal) {
        match self.fails(name, bytes, keys) {
            UnpackError::Refused { entry, refusal, .. } => (entry.as_os_str().as_bytes().to_vec(), refusal),
            other => panic!("not refused but: {other}"),
        }
    }
}

/// The content of the file at `path`.
pub fn content(tree: &BTreeMap<PathBuf, Node>, path: &str) -> String {
    match &tree[Path::new(path)] {
        Node::File { content, .. } => String::from_utf8(content.clone()).unwrap(),
        other => panic!("{path} is {other:?}"),
    }
}

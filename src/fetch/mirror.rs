//! Mirrors: places of the user's own that may have any source.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use reqwest::Url;

use super::Fetcher;
use super::cache::{Partial, Refused};
use super::error::{FetchError, Stop};
use super::progress::Progress;
use crate::source::Source;

/// A place that may have any source, as `<place>/<file>`, or laid out like a Debian archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mirror {
    /// The address of a folder, by `http` or `https`.
    Url(Url),
    /// A local folder. Its files are copied, never moved.
    Folder(PathBuf),
}

/// Why a text names no mirror.
#[derive(Debug, thiserror::Error)]
pub enum ParseMirrorError {
    /// It is empty.
    #[error("a mirror is a URL or a folder, not an empty text")]
    Empty,
    /// It looks like a URL and is none.
    #[error("`{text}` is no URL: {reason}")]
    Url {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It is a URL of a kind that is not spoken.
    #[error("`{text}` is no mirror: it takes http://, https://, file:// or a folder, not {scheme}://")]
    Scheme {
        /// What was given.
        text: String,
        /// Its scheme.
        scheme: String,
    },
}

impl FromStr for Mirror {
    type Err = ParseMirrorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(ParseMirrorError::Empty);
        }
        let Some((scheme, _)) = text.split_once("://") else { return Ok(Self::Folder(text.into())) };
        let wrong = |reason: String| ParseMirrorError::Url { text: text.to_owned(), reason };
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => Ok(Self::Url(text.parse().map_err(|error| wrong(format!("{error}")))?)),
            "file" => Url::parse(text)
                .map_err(|error| wrong(error.to_string()))?
                .to_file_path()
                .map(Self::Folder)
                .map_err(|()| wrong("a file URL takes three slashes and an absolute path".to_owned())),
            other => Err(ParseMirrorError::Scheme { text: text.to_owned(), scheme: other.to_owned() }),
        }
    }
}

/// Where a mirror would have one file.
pub(super) enum Place {
    Url(Url),
    File(PathBuf),
}

impl Mirror {
    /// Where this mirror would have `source`: by its name, and by its path in a Debian archive.
    pub(super) fn places(&self, source: &Source) -> Vec<Place> {
        let paths = [Some(source.file.as_str()), source.distribution.as_ref().map(|it| it.path.as_str())];
        paths.into_iter().flatten().map(|path| self.place(path)).collect()
    }

    fn place(&self, path: &str) -> Place {
        match self {
            Self::Folder(folder) => Place::File(folder.join(path)),
            Self::Url(base) => {
                let mut url = base.clone();
                if let Ok(mut segments) = url.path_segments_mut() {
                    segments.pop_if_empty().extend(path.split('/'));
                }
                Place::Url(url)
            }
        }
    }
}

/// Whether the file of a folder mirror is one that could be `source`.
pub(super) fn examine(path: &Path, source: &Source) -> Result<u64, String> {
    // A pipe or a device would be waited for without end.
    let found = match path.metadata() {
        Ok(metadata) if metadata.is_file() => metadata.len(),
        Ok(_) => return Err("is not a regular file".to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err("no such file".to_owned()),
        Err(error) => return Err(error.to_string()),
    };
    match source.size {
        Some(size) if size != found => Err(format!("has {found} bytes, expected {size}")),
        _ => Ok(found),
    }
}

impl Fetcher<'_> {
    /// Copies `path` into the cache and hashes what is copied.
    pub(super) fn copy(&self, path: &Path, partial: &Partial<'_>) -> Result<super::VerifiedFile, Stop> {
        let unreadable = |error: std::io::Error| Stop::Origin(error.to_string());
        let size = examine(path, partial.source()).map_err(Stop::Origin)?;
        let mut original = std::fs::File::open(path).map_err(unreadable)?.take(size);
        let origin = path.display().to_string();
        let mut progress = Progress::start(self.observer, &partial.source().file, &origin, 0, Some(size));
        let mut sink = partial.restart(None)?;
        let mut buffer = vec![0; 1 << 17];
        loop {
            let count = original.read(&mut buffer).map_err(unreadable)?;
            if count == 0 {
                break;
            }
            sink.write_all(&buffer[..count]).map_err(|error| FetchError::local(partial.path(), error))?;
            progress.at(sink.length());
        }
        match partial.publish(sink) {
            Ok(file) => Ok(progress.done(file)),
            Err(Refused::Wrong(reason)) => {
                partial.discard()?;
                Err(Stop::Origin(reason))
            }
            Err(Refused::Here(error)) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_name_a_mirror() {
        for (text, folder) in
            [("/srv/mirror", "/srv/mirror"), ("file:///srv/a%20b", "/srv/a b"), ("../here", "../here")]
        {
            assert_eq!(text.parse::<Mirror>().unwrap(), Mirror::Folder(folder.into()));
        }
        for text in ["https://mirror.example/x", "http://[::1]:8080", "HTTP://mirror.example/"] {
            assert!(matches!(text.parse::<Mirror>().unwrap(), Mirror::Url(_)), "{text}");
        }
    }

    #[test]
    fn texts_that_name_none_say_why() {
        for (text, why) in [
            ("", "not an empty text"),
            ("ftp://mirror.example/", "not ftp://"),
            ("http://", "is no URL"),
            ("file://host/x", "three slashes"),
        ] {
            let error = text.parse::<Mirror>().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_place_keeps_the_folder_and_quotes_the_name() {
        for base in ["https://mirror.example/gnu", "https://mirror.example/gnu/"] {
            let Place::Url(url) = base.parse::<Mirror>().unwrap().place("pool/main/a b~c+d.tar") else { panic!() };
            assert_eq!(url.as_str(), "https://mirror.example/gnu/pool/main/a%20b~c+d.tar");
        }
    }
}

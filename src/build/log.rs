//! What the output of a build's programs tells.

use std::io;
use std::path::Path;

/// Lines of a failed stage's log that an error shows.
const TAIL_LINES: usize = 15;

/// Whether a line of a build's output is the call of a compiler: it names an input to compile and
/// an output. Not one is the question of configure scripts whether a compiler takes both.
pub fn is_compilation(line: &[u8]) -> bool {
    let holds = |word: &[u8]| memchr::memmem::find(line, word).is_some();
    holds(b" -c ") && holds(b" -o ") && !line.starts_with(b"checking ")
}

/// The end of a log, from the first line that looks like the cause where there is one.
pub fn lines_that_matter(log: &Path) -> io::Result<Vec<String>> {
    let bytes = fs_err::read(log)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    // Configure scripts ask for much that is not there and go on.
    let looks_like_the_cause = |line: &&str| {
        let cause = ["error:", "Error:", "No space left", "fatal:", "Killed"];
        let by_make = line.starts_with("make") && line.contains("*** ");
        by_make || (!line.starts_with("checking ") && cause.iter().any(|word| line.contains(word)))
    };
    let recent = lines.len().saturating_sub(400);
    let start = lines[recent..].iter().position(looks_like_the_cause).map(|place| recent + place);
    let start = start.unwrap_or(lines.len().saturating_sub(TAIL_LINES)).min(lines.len());
    const WIDEST: usize = 300;
    Ok(lines[start..].iter().take(TAIL_LINES).map(|line| line.chars().take(WIDEST).collect()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compilations_are_told_from_other_lines() {
        assert!(is_compilation(b"g++ -fno-PIE -c -O1 -o tree.o ../tree.cc\n"));
        assert!(!is_compilation(b"g++ -O1 -o cc1 tree.o\n"));
        assert!(!is_compilation(b"checking whether gcc understands -c and -o together... yes\n"));
    }

    #[test]
    fn the_cause_is_shown_not_the_end_of_the_noise() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("x.log");
        let noise = "make: leaving\n".repeat(40);
        fs_err::write(&log, format!("{noise}x.c:1: error: no such thing\n{noise}")).unwrap();
        let shown = lines_that_matter(&log).unwrap();
        assert_eq!((shown[0].as_str(), shown.len()), ("x.c:1: error: no such thing", TAIL_LINES));
        fs_err::write(&log, format!("checking for otool... not found\n{noise}make[1]: *** [all] Error 2\n")).unwrap();
        assert_eq!(lines_that_matter(&log).unwrap(), ["make[1]: *** [all] Error 2"]);
        fs_err::write(&log, "only\nthis\n").unwrap();
        assert_eq!(lines_that_matter(&log).unwrap(), ["only", "this"]);
    }
}

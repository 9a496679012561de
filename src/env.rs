//! The environment in which plain `go build` makes a static binary with a toolchain.
//!
//! Measured with Go 1.24, 1.26 and 1.27: `-static` in CGO_LDFLAGS asks for external
//! linking since Go 1.27 (cmd/go/internal/work/security.go; golang/go#77768), in CGO_CFLAGS it does so
//! before, because it is not among the flags that allow internal linking. Neither is replaced by the
//! user's own `-ldflags`, as GOFLAGS would be. CC is one bare word found through PATH: Go's linker
//! probes the first word only, and a path would be part of what it builds.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::store::Manifest;
use crate::target::Port;

/// What Go takes where CGO_CFLAGS and CGO_LDFLAGS are not set (DefaultCFlags in cmd/go/internal/work/exec.go).
const GO_DEFAULT_FLAGS: &str = "-O2 -g";

/// The flag that makes Go link with the C compiler and that one link statically.
const STATIC: &str = "-static";

/// A change to one variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The variable has this value.
    Set(String),
    /// A folder goes before what the variable holds.
    Prepend(PathBuf),
    /// A word goes after what the variable holds, or after a default where it holds nothing.
    Append {
        /// The word.
        word: &'static str,
        /// What comes before it where the variable is empty.
        default: &'static str,
    },
}

/// The changes that make a toolchain the one for `port`, by variable.
///
/// `present` is the environment they will be applied to: what it has already is not added again.
pub fn changes(
    manifest: &Manifest,
    toolchain: &Path,
    port: &Port,
    present: &BTreeMap<String, String>,
) -> BTreeMap<String, Change> {
    let triple = &manifest.triple;
    let set = |text: &str| Change::Set(text.to_owned());
    let mut changes = BTreeMap::from([
        ("GOOS".to_owned(), set("linux")),
        ("CGO_ENABLED".to_owned(), set("1")),
        ("CC".to_owned(), set(&format!("{triple}-gcc"))),
        ("AR".to_owned(), set(&format!("{triple}-ar"))),
        // The host's own libraries must not be found: they are for another C library.
        (
            "PKG_CONFIG_LIBDIR".to_owned(),
            Change::Set(toolchain.join(triple).join("lib/pkgconfig").display().to_string()),
        ),
    ]);
    // Without C++, a name that does not exist: the message names it, where `g++` would compile for
    // the host.
    changes.insert("CXX".to_owned(), set(&format!("{triple}-g++")));
    changes.extend(port.env.iter().map(|(name, value)| (name.clone(), set(value))));

    let bin = toolchain.join("bin");
    let first_in_path = present.get("PATH").and_then(|path| path.split(':').next());
    if first_in_path.map(Path::new) != Some(&bin) {
        changes.insert("PATH".to_owned(), Change::Prepend(bin));
    }
    for name in ["CGO_CFLAGS", "CGO_LDFLAGS"] {
        let has_it = present.get(name).is_some_and(|value| value.split_whitespace().any(|word| word == STATIC));
        if !has_it {
            changes.insert(name.to_owned(), Change::Append { word: STATIC, default: GO_DEFAULT_FLAGS });
        }
    }
    changes
}

/// A path of the store that no shell can use.
#[derive(Debug, thiserror::Error)]
#[error("the store's path {path:?} has a {what}: set MUSLCHAIN_HOME to another folder")]
pub struct Unspeakable {
    path: String,
    what: &'static str,
}

/// The changes as one line for `sh`, which survives an unquoted `eval $(...)`: there the shell
/// splits it at blanks, expands what looks like a file name pattern, and joins it with single blanks.
pub fn to_sh(changes: &BTreeMap<String, Change>) -> Result<String, Unspeakable> {
    let mut line = String::new();
    for (name, change) in changes {
        let value = match change {
            Change::Set(text) => quoted(text)?,
            Change::Prepend(folder) => format!("{}\"${{{name}:+:${name}}}\"", quoted(&in_path(folder)?)?),
            Change::Append { word, default } => format!("\"${{{name}:-{default}}} {word}\""),
        };
        line.push_str(&format!("{name}={value}; "));
    }
    let names: Vec<&str> = changes.keys().map(String::as_str).collect();
    line.push_str(&format!("export {}", names.join(" ")));
    Ok(line)
}

/// What an `eval` of it fails by: printed when there is no environment to print.
pub const FAILURE_FOR_SH: &str = "false";

/// A folder as it can stand in PATH.
fn in_path(folder: &Path) -> Result<Cow<'_, str>, Unspeakable> {
    let path = folder.to_string_lossy();
    if path.contains(':') {
        let what = "colon in it, which parts the folders of PATH";
        return Err(Unspeakable { path: path.into_owned(), what });
    }
    Ok(path)
}

/// Quotes character by character, so that each blank stands alone between quotes: two in a row
/// would be joined to one.
fn quoted(text: &str) -> Result<String, Unspeakable> {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '/' | '.' | '_' | '-' | '+' | ':' | '@' | '%' | ',' | '=' => {
                out.push(character);
            }
            '\n' | '\r' => {
                let what = "line break in it, which no shell can evaluate";
                return Err(Unspeakable { path: text.to_owned(), what });
            }
            // Anything that a pattern is made of, and the tab, which would become a blank, must not
            // be in the line itself: they are spelled by their number.
            '*' | '?' | '[' | ']' | '\\' | '\t' => {
                out.push_str(&format!("\"$(awk 'BEGIN{{printf\"%c\",{}}}')\"", u32::from(character)));
            }
            '\'' => out.push_str("\"'\""),
            _ => {
                out.push('\'');
                out.push(character);
                out.push('\'');
            }
        }
    }
    Ok(if out.is_empty() { "''".to_owned() } else { out })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_never_stand_side_by_side() {
        let line = quoted("/home/a  b").unwrap();
        assert_eq!(line, "/home/a' '' 'b");
        assert!(!line.contains("  "));
    }

    #[test]
    fn nothing_that_a_shell_expands_is_left_outside_quotes() {
        for character in "*?[]\\\t".chars() {
            assert!(!quoted(&format!("/x{character}y")).unwrap().contains(character), "{character:?}");
        }
        assert!(quoted("/a\nb").is_err());
    }
}

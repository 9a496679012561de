//! For sh and its kin.

use super::{Change, EnvError, Environment, OUR_PATH, SAVED};

/// The changes as one line for `sh`, which survives an unquoted `eval $(...)`: there the shell splits it at
/// blanks, expands what looks like a file name pattern, and joins it with single blanks. What the user's
/// variables hold is not in it, but for a PATH that was changed inside of an environment.
pub fn sh(environment: &Environment) -> Result<String, EnvError> {
    let mut assignments = String::new();
    let (mut set, mut unset) = (Vec::new(), Vec::new());
    for (name, change) in &environment.changes {
        match assigned(name, change)? {
            Some(value) => {
                assignments.push_str(&format!("{name}={value}; "));
                set.push(name.as_str());
            }
            None => unset.push(name.as_str()),
        }
    }
    let commands = [("export", set), ("unset", unset)];
    let commands = commands.iter().filter(|(_, names)| !names.is_empty());
    let commands: Vec<String> = commands.map(|(command, names)| format!("{command} {}", names.join(" "))).collect();
    // Without any there is a command that does nothing.
    Ok(if commands.is_empty() { ":".to_owned() } else { format!("{assignments}{}", commands.join("; ")) })
}

/// What stands to the right of `NAME=`.
fn assigned(name: &str, change: &Change) -> Result<Option<String>, EnvError> {
    Ok(Some(match change {
        Change::Set(text) => quoted(text)?,
        Change::Unset => return Ok(None),
        Change::Append { word, default: "" } => format!("\"${{{name}:+${name} }}{word}\""),
        Change::Append { word, default } => format!("\"${{{name}:-{default}}} {word}\""),
        Change::Save(other) => format!("\"${{{other}+=}}${{{other}--}}\""),
        Change::Restore => format!("\"${{{SAVED}{name}#=}}\""),
        Change::Before(folders) => format!("{}\"${{{name}:+:${name}}}\"", quoted(folders)?),
        Change::Instead(Some(folders)) => format!("{}\"${{{name}#\"${OUR_PATH}\"}}\"", quoted(folders)?),
        Change::Instead(None) => format!("\"${{{name}#\"${OUR_PATH}:\"}}\""),
    }))
}

/// Quotes character by character, so that each blank stands alone between quotes: two in a row
/// would be joined to one.
fn quoted(text: &str) -> Result<String, EnvError> {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '/' | '.' | '_' | '-' | '+' | ':' | '@' | '%' | ',' | '=' => {
                out.push(character);
            }
            '\n' | '\r' => {
                let what = "line break in it, which no shell can evaluate";
                return Err(EnvError::Path { path: text.to_owned(), what });
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

//! For what is not sh: final values, in the words of each.

use std::ffi::OsStr;

use serde_json::{Value, json};

use super::{EnvError, Environment};
use crate::digest::Sha256;

/// Commands for fish.
pub fn fish(environment: &Environment) -> Result<String, EnvError> {
    let word = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    let lines = environment.values().into_iter().map(|(name, value)| {
        let Some(value) = value else { return Ok(format!("set -eg {name}")) };
        let value = text("fish", name, &value)?.to_owned();
        let words: Vec<String> = match name {
            // A list in fish, which joins it for others.
            "PATH" => value.split(':').map(word).collect(),
            _ => vec![word(&value)],
        };
        Ok(format!("set -gx {name} {}", words.join(" ")))
    });
    Ok(lines.collect::<Result<Vec<_>, _>>()?.join("\n"))
}

/// Commands for PowerShell.
pub fn pwsh(environment: &Environment) -> Result<String, EnvError> {
    let lines = environment.values().into_iter().map(|(name, value)| {
        let Some(value) = value else { return Ok(format!("Remove-Item -ErrorAction Ignore Env:{name}")) };
        Ok(format!("$env:{name} = {}", in_single_quotes_for_pwsh(text("pwsh", name, &value)?)))
    });
    Ok(lines.collect::<Result<Vec<_>, _>>()?.join("\n"))
}

/// Within single quotes a quote is written twice, and four more characters are quotes
/// (IsSingleQuote in PowerShell's CharTraits.cs).
fn in_single_quotes_for_pwsh(text: &str) -> String {
    let mut out = String::from("'");
    for character in text.chars() {
        out.push(character);
        if matches!(character, '\'' | '\u{2018}'..='\u{201b}') {
            out.push(character);
        }
    }
    out.push('\'');
    out
}

/// A record for nu's `load-env` and `with-env`: JSON, which is a part of NUON.
pub fn nu(environment: &Environment) -> Result<String, EnvError> {
    let mut record = object("nu", environment)?;
    if let Some(path) = record.get_mut("PATH") {
        // A list in nu, which joins it for others.
        *path = path.as_str().unwrap_or_default().split(':').collect();
    }
    Ok(Value::Object(record).to_string())
}

/// A document for programs.
pub fn json(environment: &Environment) -> Result<Value, EnvError> {
    let data = environment.data();
    let unset: Vec<&str> = data.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
    Ok(json!({
        "schema": 1,
        "env": object("json", environment)?,
        "path": environment.folders,
        "unset": unset,
    }))
}

fn object(format: &'static str, environment: &Environment) -> Result<serde_json::Map<String, Value>, EnvError> {
    let mut object = serde_json::Map::new();
    for (name, value) in environment.data() {
        if let Some(value) = value {
            object.insert(name.to_owned(), text(format, name, &value)?.into());
        }
    }
    Ok(object)
}

/// Lines of NAME=VALUE, quoted as sh, Compose and the usual libraries read them.
pub fn dotenv(environment: &Environment) -> Result<String, EnvError> {
    let mut lines = Vec::new();
    for (name, value) in environment.data() {
        if let Some(value) = value {
            lines.push(format!("{name}={}", in_quotes_for_dotenv(text("dotenv", name, &value)?)));
        }
    }
    Ok(lines.join("\n"))
}

/// Single quotes mean the same to all who read such files, but who cares for sh cannot have one between them.
fn in_quotes_for_dotenv(text: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/._-+:@%,=".contains(character);
    if text.chars().all(is_plain) {
        return text.to_owned();
    }
    if !text.contains('\'') {
        return format!("'{text}'");
    }
    let mut out = String::from("\"");
    for character in text.chars() {
        if "\\\"$`".contains(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
    out
}

/// Lines for make's `include`.
pub fn make(environment: &Environment) -> Result<String, EnvError> {
    let mut lines = Vec::new();
    for (name, value) in environment.data() {
        let line = match value {
            None => format!("unexport {name}"),
            // What is before PATH here is not what is where the file is included.
            Some(_) if name == "PATH" && !environment.folders.is_empty() => {
                format!("export PATH := {}:$(PATH)", escaped_for_make(&environment.folders.join(":")))
            }
            Some(value) => {
                let value = text("make", name, &value)?;
                if value.contains(['\n', '\r']) {
                    return Err(EnvError::Value { name: name.to_owned(), what: "a line break", format: "make" });
                }
                format!("export {name} := {}", escaped_for_make(value))
            }
        };
        lines.push(line);
    }
    Ok(lines.join("\n"))
}

/// A value to the right of `:=` (GNU make's manual, "Using Variables" and "What Makefiles Contain").
fn escaped_for_make(text: &str) -> String {
    let mut out = String::new();
    let mut backslashes = 0;
    for character in text.chars() {
        match character {
            '$' => out.push('$'),
            // It begins a comment unless an odd number of backslashes is before it, of which half stay.
            '#' => out.push_str(&"\\".repeat(backslashes + 1)),
            _ => {}
        }
        backslashes = if character == '\\' { backslashes + 1 } else { 0 };
        out.push(character);
    }
    // A blank at the start would be dropped, and a backslash at the end would take the next line in.
    let before = if text.starts_with([' ', '\t']) { "$()" } else { "" };
    let after = if backslashes > 0 { "$()" } else { "" };
    format!("{before}{out}{after}")
}

/// What is appended to the files of a job's step of GitHub Actions.
pub struct GithubFiles {
    /// To the file that GITHUB_ENV names.
    pub env: String,
    /// To the file that GITHUB_PATH names; empty if PATH stays as it is.
    pub path: String,
}

/// What makes the following steps of a job on GitHub have the environment.
pub fn github(environment: &Environment) -> Result<GithubFiles, EnvError> {
    let mut env = String::new();
    for (name, value) in environment.data() {
        let Some(value) = value.filter(|_| name != "PATH") else { continue };
        let value = text("github", name, &value)?;
        // Nothing that somebody put into a variable can have a line with its own digest.
        let delimiter = format!("muslchain_{}", Sha256::of(value.as_bytes()));
        env.push_str(&format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"));
    }
    // Each line goes before those that came earlier.
    let path = environment.folders.iter().rev().map(|folder| format!("{folder}\n")).collect();
    Ok(GithubFiles { env, path })
}

fn text<'a>(format: &'static str, name: &str, value: &'a OsStr) -> Result<&'a str, EnvError> {
    let refused = || EnvError::Value { name: name.to_owned(), what: "bytes that are no UTF-8", format };
    value.to_str().ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_for_powershell() {
        assert_eq!(in_single_quotes_for_pwsh("a'b\u{2019}c $d `e\n"), "'a''b\u{2019}\u{2019}c $d `e\n'");
    }

    #[test]
    fn quotes_for_dotenv() {
        assert_eq!(in_quotes_for_dotenv("/a-b.c"), "/a-b.c");
        assert_eq!(in_quotes_for_dotenv("-O2 $x #\"y\""), "'-O2 $x #\"y\"'");
        assert_eq!(in_quotes_for_dotenv("it's $x"), "\"it's \\$x\"");
    }
}

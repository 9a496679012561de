//! `muslchain env`.

use std::ffi::OsString;
use std::io::{self, Write};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use super::context::Context;
use super::environment::{Chosen, EnvironmentOptions, System};
use super::{print, print_json};
use crate::env::{self, Environment};

/// Options of `env`.
#[derive(Args)]
pub struct Options {
    /// The port of Go, or a target that serves one port only
    #[arg(value_name = "TARGET|PORT", required_unless_present = "unset")]
    target: Option<String>,
    #[command(flatten)]
    environment: EnvironmentOptions,
    /// How it is written; for a pipe and for `$(...)` sh unless said, for a terminal as $SHELL reads it
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// Give the shell back as it was before the first environment
    #[arg(long, conflicts_with_all = ["target", "system", "pie", "no_path"])]
    unset: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line for sh, dash, bash, zsh, busybox: eval $(muslchain env PORT)
    Sh,
    /// Commands for fish: muslchain env --format fish PORT | source
    Fish,
    /// Commands for PowerShell: muslchain env --format pwsh PORT | Out-String | Invoke-Expression
    Pwsh,
    /// A record for nu: muslchain env --format nu PORT | from nuon | load-env
    Nu,
    /// Lines of NAME=VALUE, quoted where needed
    Dotenv,
    /// A document for programs
    Json,
    /// Nothing: appends to the files that $GITHUB_ENV and $GITHUB_PATH name
    Github,
    /// Lines for make's include
    Make,
}

impl Options {
    /// Runs the command.
    pub fn run(self, context: &Context) -> Result<()> {
        let said = if self.json { Some(Format::Json) } else { self.format };
        if self.unset {
            let format = said.unwrap_or_else(|| Format::guessed(context));
            if ![Format::Sh, Format::Fish, Format::Pwsh].contains(&format) {
                bail!("--unset is for a shell that keeps an environment: sh, fish or pwsh");
            }
            return self.write(context, &Environment::undone(&context.variables), format, said);
        }
        let chosen = Chosen::find(context, self.target.as_deref().unwrap_or_default())?;
        if let Some(file) = self.file(&chosen)? {
            if said.is_some() {
                bail!("--format is for environments: CMake and Meson read a file of their own");
            }
            return Ok(print(&format!("{file}\n"))?);
        }
        let environment = self.environment.environment(context, &chosen)?;
        self.write(context, &environment, said.unwrap_or_else(|| Format::guessed(context)), said)
    }

    /// What a build system reads that has no environment.
    fn file(&self, chosen: &Chosen) -> Result<Option<String>> {
        Ok(match self.environment.system {
            Some(System::Cmake) => Some(env::cmake(&chosen.toolchain())?),
            Some(System::Meson) => Some(env::meson(&chosen.toolchain())?),
            Some(System::Cargo | System::Autotools) | None => None,
        })
    }

    fn write(&self, context: &Context, environment: &Environment, format: Format, said: Option<Format>) -> Result<()> {
        let text = match format {
            Format::Sh => env::sh(environment)?,
            Format::Fish => env::fish(environment)?,
            Format::Pwsh => env::pwsh(environment)?,
            Format::Nu => env::nu(environment)?,
            Format::Dotenv => env::dotenv(environment)?,
            Format::Make => env::make(environment)?,
            Format::Json => return print_json(&env::json(environment)?),
            Format::Github => return append_for_github(context, environment),
        };
        print(&format!("{text}\n"))?;
        if said.is_none() && context.shown {
            let words =
                context.arguments.iter().skip(1).map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
            let _ = writeln!(io::stderr(), "\nThat only shows it. To have it here: {}", format.taking(&words));
        }
        Ok(())
    }
}

impl Format {
    /// Who reads a pipe is not known, and `$SHELL` is the user's login shell, which need not be the one that runs.
    fn guessed(context: &Context) -> Self {
        let shell = context.variable("SHELL").filter(|_| context.shown);
        match shell.and_then(|shell| shell.rsplit('/').next()) {
            Some("fish") => Self::Fish,
            Some("pwsh") => Self::Pwsh,
            Some("nu") => Self::Nu,
            _ => Self::Sh,
        }
    }

    /// How a shell takes over what muslchain prints when it is called with `words`.
    fn taking(self, words: &str) -> String {
        match self {
            Self::Fish => format!("muslchain {words} --format fish | source"),
            Self::Pwsh => format!("muslchain {words} --format pwsh | Out-String | Invoke-Expression"),
            Self::Nu => format!("muslchain {words} --format nu | from nuon | load-env"),
            _ => format!("eval $(muslchain {words})"),
        }
    }
}

/// What makes the evaluation fail where there is nothing to evaluate; nothing for a format that is not evaluated.
pub fn failure(arguments: &[OsString]) -> Option<&'static str> {
    let words: Vec<&str> = arguments.iter().skip(1).map(|word| word.to_str().unwrap_or_default()).collect();
    if words.iter().find(|word| !word.starts_with('-')) != Some(&"env") || words.contains(&"--json") {
        return None;
    }
    if option(&words, "--for").is_some_and(|system| ["cmake", "meson"].contains(&system)) {
        return None;
    }
    match option(&words, "--format") {
        None | Some("sh" | "fish") => Some("false"),
        Some("pwsh") => Some("throw 'muslchain env failed'"),
        // Not even a format: a shell may be waiting.
        Some(other) => Format::from_str(other, false).is_err().then_some("false"),
    }
}

fn option<'a>(words: &[&'a str], name: &str) -> Option<&'a str> {
    words.iter().enumerate().find_map(|(place, word)| match word.strip_prefix(name)? {
        "" => words.get(place + 1).copied(),
        rest => rest.strip_prefix('='),
    })
}

fn append_for_github(context: &Context, environment: &Environment) -> Result<()> {
    let files = env::github(environment)?;
    for (name, text) in [("GITHUB_ENV", files.env), ("GITHUB_PATH", files.path)] {
        if text.is_empty() {
            continue;
        }
        let Some(path) = context.variable(name) else {
            bail!("{name} is not set: --format github is for a step of a job of GitHub Actions");
        };
        let mut file = fs_err::OpenOptions::new().append(true).create(true).open(path)?;
        file.write_all(text.as_bytes()).with_context(|| name)?;
    }
    Ok(())
}

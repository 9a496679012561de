//! `muslchain key`.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use fs_err::os::unix::fs::OpenOptionsExt;

use super::context::{Context, variable};
use super::print;
use crate::trust::{PublicKey, SigningKey};
use crate::whole;

/// The file of the key that signs, in the user's folder of settings.
const SIGNING_FILE: &str = "signing.key";

/// The file of the keys that are trusted, in the user's folder of settings.
const TRUSTED_FILE: &str = "trusted-keys";

/// Options of `key`.
#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a key to sign with, trust it here, and print its public half
    New {
        /// Protect it with the password that MUSLCHAIN_KEY_PASSWORD holds
        #[arg(long)]
        password: bool,
    },
    /// Print the public half of the key that signs here: what others trust
    Export,
    /// Trust artifacts that are signed with a key
    Trust {
        /// The public key: one line that begins with RW
        key: PublicKey,
        /// Whose it is, for those who read the file
        #[arg(long, value_name = "TEXT")]
        comment: Option<String>,
    },
    /// Trust a key no longer
    Distrust {
        /// The public key
        key: PublicKey,
    },
    /// Print the keys that are trusted
    List,
}

impl Options {
    /// Runs the command.
    pub fn run(self, context: &Context) -> Result<()> {
        match self.command {
            Command::New { password } => new(context, password),
            Command::Export => match signing(context)? {
                Some(key) => Ok(print(&format!("{}\n", key.public()))?),
                None => bail!("there is no key to sign with: `muslchain key new` makes one"),
            },
            Command::Trust { key, comment } => trust(context, &key, comment.as_deref().unwrap_or("trusted by hand")),
            Command::Distrust { key } => distrust(context, &key),
            Command::List => {
                let lines = trusted(context)?.iter().map(|key| format!("{key}\n")).collect::<String>();
                Ok(print(&lines)?)
            }
        }
    }
}

/// The keys that are trusted: those of the user's file, and of a variable.
pub fn trusted(context: &Context) -> Result<Vec<PublicKey>> {
    let mut keys = Vec::new();
    if let Some(path) = in_config_folder(context, TRUSTED_FILE)? {
        for line in lines_of(&path)?.iter().filter(|line| is_key(line)) {
            keys.push(line.trim().parse::<PublicKey>().with_context(|| path.display().to_string())?);
        }
    }
    for word in context.variable(variable::TRUST).unwrap_or_default().split_whitespace() {
        keys.push(word.parse::<PublicKey>().context(variable::TRUST)?);
    }
    Ok(keys)
}

/// The key that signs: what the variable holds, or the user's file.
pub fn signing(context: &Context) -> Result<Option<SigningKey>> {
    let password = context.variable(variable::KEY_PASSWORD).map(str::to_owned);
    if let Some(text) = context.variable(variable::SIGNING_KEY) {
        return Ok(Some(SigningKey::from_text(text, password).context(variable::SIGNING_KEY)?));
    }
    let Some(path) = in_config_folder(context, SIGNING_FILE)?.filter(|path| path.exists()) else { return Ok(None) };
    let text = fs_err::read_to_string(&path)?;
    Ok(Some(SigningKey::from_text(&text, password).with_context(|| path.display().to_string())?))
}

fn new(context: &Context, with_password: bool) -> Result<()> {
    let path = needed(context, SIGNING_FILE)?;
    if path.exists() {
        bail!("{} is there already: what it signed would not be renewed by another key", path.display());
    }
    let password = match (with_password, context.variable(variable::KEY_PASSWORD)) {
        (false, _) => None,
        (true, Some(password)) => Some(password.to_owned()),
        (true, None) => bail!("--password takes the password from {}: set it", variable::KEY_PASSWORD),
    };
    let (key, text) = SigningKey::generate(password)?;
    make_folder_of(&path)?;
    let mut file = fs_err::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    add_trusted(context, key.public(), "made here")?;
    Ok(print(&format!("{}\n", key.public()))?)
}

fn trust(context: &Context, key: &PublicKey, comment: &str) -> Result<()> {
    if comment.contains('\n') {
        bail!("a comment is one line");
    }
    add_trusted(context, key, comment)
}

fn add_trusted(context: &Context, key: &PublicKey, comment: &str) -> Result<()> {
    let path = needed(context, TRUSTED_FILE)?;
    let mut lines = lines_of(&path)?;
    if lines.iter().any(|line| line.trim() == key.to_string()) {
        return Ok(());
    }
    lines.push(format!("# {comment}, id {}", key.id()));
    lines.push(key.to_string());
    write_lines(&path, &lines)
}

fn distrust(context: &Context, key: &PublicKey) -> Result<()> {
    let path = needed(context, TRUSTED_FILE)?;
    let lines = lines_of(&path)?;
    let Some(place) = lines.iter().position(|line| line.trim() == key.to_string()) else {
        bail!("{} has no such key", path.display());
    };
    // Its comment goes with it.
    let begin = if place > 0 && !is_key(&lines[place - 1]) { place - 1 } else { place };
    let left: Vec<String> = lines[..begin].iter().chain(&lines[place + 1..]).cloned().collect();
    write_lines(&path, &left)
}

fn is_key(line: &str) -> bool {
    !line.trim().is_empty() && !line.trim_start().starts_with('#')
}

fn lines_of(path: &Path) -> Result<Vec<String>> {
    match fs_err::read_to_string(path) {
        Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn write_lines(path: &Path, lines: &[String]) -> Result<()> {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    Ok(whole::write(path, |file| file.write_all(text.as_bytes()))?)
}

fn make_folder_of(path: &Path) -> Result<()> {
    Ok(fs_err::create_dir_all(path.parent().unwrap_or(Path::new(".")))?)
}

fn in_config_folder(context: &Context, file: &str) -> Result<Option<PathBuf>> {
    Ok(context.config_folder()?.map(|folder| folder.join(file)))
}

fn needed(context: &Context, file: &str) -> Result<PathBuf> {
    in_config_folder(context, file)?.context("HOME is not set, so keys have no place: set XDG_CONFIG_HOME to a folder")
}

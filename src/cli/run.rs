//! `muslchain run`.

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::Result;
use clap::Args;

use super::context::Context;
use super::environment::{Chosen, EnvironmentOptions};

/// What shells exit with where a command is not there, and where it cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_RUNNABLE: u8 = 126;

/// Options of `run`.
#[derive(Args)]
pub struct Options {
    /// The port of Go, or a target that serves one port only
    #[arg(value_name = "TARGET|PORT")]
    target: String,
    #[command(flatten)]
    environment: EnvironmentOptions,
    /// The command with its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Options {
    /// Becomes the command, so that its signals and its exit code are its own. Returns only where that fails.
    pub fn run(self, context: &Context) -> Result<u8> {
        let chosen = Chosen::find(context, &self.target)?;
        let environment = self.environment.environment(context, &chosen)?;
        let mut command = Command::new(&self.command[0]);
        command.args(&self.command[1..]);
        for (name, value) in environment.values() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let error = command.exec();
        let _ = writeln!(io::stderr(), "muslchain: {}: {error}", self.command[0].to_string_lossy());
        Ok(if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { NOT_RUNNABLE })
    }
}

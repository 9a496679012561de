//! The hidden command by which the program enters a room and becomes a stage's shell.

use std::io::{self, Write};

use clap::Args;
use serde::Deserialize;

use super::context::Context;
use crate::sandbox::{self, NO_ROOM, Room};

/// The command's name.
pub const COMMAND: &str = "__room";

/// The first process of a room's PID namespace.
const INNER: &str = "inner";

/// Options of the hidden command.
#[derive(Args)]
pub struct Options {
    #[arg(value_parser = [INNER])]
    place: Option<String>,
}

impl Options {
    /// Runs the command: the exit code is the stage's.
    pub fn run(self, context: &Context) -> u8 {
        // Standard input stays open after it.
        let mut input = serde_json::Deserializer::from_reader(io::stdin().lock());
        let entered = Room::deserialize(&mut input)
            .map_err(io::Error::from)
            .and_then(|room| sandbox::enter(&room, self.place.is_some(), &context.program, &[COMMAND, INNER]));
        match entered {
            Ok(code) => u8::try_from(code).unwrap_or(u8::MAX),
            Err(error) => {
                let _ = writeln!(io::stderr(), "muslchain: the stage's room cannot be set up: {error}");
                NO_ROOM as u8
            }
        }
    }
}

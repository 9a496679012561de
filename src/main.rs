//! The `muslchain` command.

use std::process::ExitCode;

use muslchain::cli;

fn main() -> ExitCode {
    match std::panic::catch_unwind(|| cli::Context::of_process().map(|context| cli::run(&context))) {
        Ok(Ok(code)) => code,
        Ok(Err(error)) => cli::not_started(&error),
        // The panic's own message is on stderr already.
        Err(_) => cli::own_fault("please report the message above"),
    }
}

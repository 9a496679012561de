//! What `check` tells of programs, libraries, archives and any other file.

#[path = "../support/mod.rs"]
mod support;

mod compiled;
mod hostile;
mod made;
mod output;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::Place;
use support::process::Ran;

/// A place where the recipes are those that came with the program.
struct Checks {
    place: Place,
}

impl Checks {
    fn new() -> Self {
        Self { place: Place::new() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.place.project.join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.file(name), bytes).unwrap();
    }

    fn check(&self, arguments: &[&str]) -> Ran {
        let mut command = self.place.command(&[&["check"], arguments].concat());
        command.env_remove("MUSLCHAIN_RECIPES");
        Ran::of(command)
    }

    /// The document of one file.
    #[track_caller]
    fn document(&self, arguments: &[&str]) -> serde_json::Value {
        let document = self.check(&[&["--json"], arguments].concat()).json();
        assert_eq!(document["schema"], 1);
        document["files"][0].clone()
    }

    /// Compiles C for this machine with the host's compiler.
    fn compile(&self, name: &str, source: &str, flags: &[&str]) {
        self.write("source.c", source.as_bytes());
        run(Command::new("gcc").args(["-o", name, "source.c"]).args(flags).current_dir(&self.place.project));
    }
}

/// The level and topic of each finding, such as `fails dynamic`.
fn findings(document: &serde_json::Value) -> Vec<String> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let findings = document["findings"].as_array().unwrap();
    findings.iter().map(|finding| format!("{} {}", text(&finding["level"]), text(&finding["topic"]))).collect()
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn copy(from: &Path, to: &Path) {
    std::fs::copy(from, to).unwrap();
}

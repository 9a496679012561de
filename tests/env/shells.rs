//! The shells in which the line is evaluated.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::process::Ran;
use crate::support::{PROGRAM, Place};

/// A shell with its arguments before the script; what it takes to make an unquoted line dangerous.
pub struct Shell {
    /// The program and its arguments.
    pub words: &'static [&'static str],
    /// What is set first.
    pub options: &'static str,
}

/// The one that is no kin of sh.
pub const FISH: Shell = Shell { words: &["fish", "--no-config", "-c"], options: "" };

pub const SHELLS: &[Shell] = &[
    Shell { words: &["dash", "-c"], options: "set -eu" },
    Shell { words: &["busybox", "sh", "-c"], options: "set -eu" },
    Shell { words: &["bash", "-c"], options: "set -eu" },
    Shell { words: &["bash", "-c"], options: "set -eu; shopt -s nullglob extglob dotglob" },
    Shell { words: &["bash", "-c"], options: "set -eu; shopt -s failglob globstar" },
    Shell { words: &["bash", "--posix", "-c"], options: "set -eu" },
    Shell { words: &["zsh", "-f", "-c"], options: "set -eu" },
    Shell { words: &["zsh", "-f", "-c"], options: "set -eu; setopt extendedglob nullglob shwordsplit" },
    Shell { words: &["zsh", "--emulate", "sh", "-c"], options: "set -eu" },
];

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Shell> {
    SHELLS.iter().chain([&FISH])
}

impl Shell {
    /// The ways to evaluate `muslchain env` with these arguments.
    pub fn ways(&self, arguments: &str) -> Vec<String> {
        match self.words[0] {
            "fish" => vec![format!("muslchain env --format fish {arguments} | source")],
            _ => both_ways(arguments).to_vec(),
        }
    }

    /// A command that runs `script` as the user whose `place` it is. PATH is that of `path`.
    pub fn command(&self, place: &Place, path: &str, script: &str) -> Command {
        let name = self.words[0];
        assert!(
            std::env::split_paths(path).any(|folder| folder.join(name).is_file()),
            "the shell {name} is not installed; ci/packages names its package"
        );
        let mut command = place.command(&[]);
        let mut shell = Command::new(name);
        shell.args(&self.words[1..]).arg(format!("{}\n{script}", self.options)).env_clear();
        shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if name == "fish" {
            // In the C locale it changes whatever is not ASCII in its own environment.
            shell.env("LC_ALL", "C.UTF-8");
        }
        shell.env("PATH", path).current_dir(command.current_dir(&place.project).get_current_dir().unwrap());
        shell
    }

    /// The exported variables after `script`.
    pub fn environment(
        &self,
        place: &Place,
        path: &str,
        more: &[(&str, &str)],
        script: &str,
    ) -> BTreeMap<String, String> {
        let mut command = self.command(place, path, &format!("{script}\n/usr/bin/env -0"));
        command.envs(more.iter().copied());
        let ran = Ran::of(command);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{:?} {}: {script}\n{ran:#?}", self.words, self.options);
        let pairs = ran.stdout.split_terminator('\0').map(|pair| pair.split_once('=').unwrap());
        // What shells keep for themselves.
        let own = ["_", "PWD", "OLDPWD", "SHLVL", "LOGNAME", "USER", "LC_ALL"];
        pairs.filter(|(name, _)| !own.contains(name)).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

/// A PATH with the program under test and the system's programs.
pub fn path() -> String {
    format!("{}:/usr/local/bin:/usr/bin:/bin", Path::new(PROGRAM).parent().unwrap().display())
}

/// What is there beside the records that `env` makes for itself.
pub fn without_records(environment: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let is_record = |name: &str| name.starts_with("MUSLCHAIN_SAVED_") || name == "MUSLCHAIN_PATH";
    environment.into_iter().filter(|(name, _)| !is_record(name)).collect()
}

/// The folders that go before PATH for a toolchain.
pub fn folders(toolchain: &Path) -> String {
    let store = toolchain.parent().unwrap().parent().unwrap();
    let shims = store.join("shims").join(toolchain.file_name().unwrap());
    format!("{}:{}/bin", shims.display(), toolchain.display())
}

/// Installs, and returns the toolchain's folder.
pub fn installed(place: &Place, target: &str) -> PathBuf {
    place.install(&[target]).succeeds();
    PathBuf::from(place.run(&["dir", target]).succeeds().stdout.trim_end_matches('\n'))
}

/// The two ways to write it.
pub fn both_ways(name: &str) -> [String; 2] {
    [format!("eval $(muslchain env {name})"), format!("eval \"$(muslchain env {name})\"")]
}

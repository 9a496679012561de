//! Programs of the host: where they are, and what they are.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::digest::Sha256;
use crate::plan::FoundCompiler;
use crate::recipe::HostTools;
use crate::sandbox::SEARCH_PATH;

/// Tools that the user named by the path of their first program, by the table's names; the others are beside it.
pub type NamedTools = BTreeMap<String, PathBuf>;

/// A program of the host: what a key cannot cover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Where it is.
    pub path: PathBuf,
    /// The first line of what it says to `--version`; empty where it knows no such option.
    pub version: String,
    /// The digest of its file.
    pub sha256: Sha256,
}

/// The programs of a tool that are there: of one that is of use in some versions only, those of the best version, all or
/// none.
pub(super) fn programs_of(
    table: &HostTools,
    named: &NamedTools,
    tool: &String,
) -> io::Result<BTreeMap<String, Program>> {
    let names = table.programs_of(tool);
    if let (Some(path), Some(main)) = (named.get(tool), names.first()) {
        let folder = path.parent().unwrap_or(Path::new("/"));
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        // Packages put a version behind the names of all of them.
        let suffix = file.strip_prefix(main.as_str()).unwrap_or_default();
        let place = |name: &String| match name == main {
            true => path.clone(),
            false => folder.join(format!("{name}{suffix}")),
        };
        let places = names.iter().map(|name| (name, place(name)));
        let programs: BTreeMap<String, Program> =
            places.filter(|(_, path)| is_executable(path)).map(found).collect::<io::Result<_>>()?;
        let lowest = table.get(tool).and_then(|row| row.versions.as_ref()).map_or(0, |versions| versions.at_least);
        let version = programs.get(main).and_then(|program| number_in(&program.version));
        let will_do = lowest == 0 || version.is_some_and(|version| version >= lowest);
        return Ok(if will_do { programs } else { BTreeMap::new() });
    }
    let Some(versions) = table.get(tool).and_then(|row| row.versions.as_ref()) else {
        return names.iter().filter_map(|name| Some((name, find_program(name)?))).map(found).collect();
    };
    for suffix in &versions.suffixes {
        let paths = names.iter().map(|name| Some((name, find_program(&format!("{name}{suffix}"))?)));
        let Some(paths) = paths.collect::<Option<Vec<_>>>() else { continue };
        let programs: BTreeMap<String, Program> = paths.into_iter().map(found).collect::<io::Result<_>>()?;
        let first = names.first().and_then(|name| programs.get(name));
        if first.and_then(|program| number_in(&program.version)).is_some_and(|number| number >= versions.at_least) {
            return Ok(programs);
        }
    }
    Ok(BTreeMap::new())
}

fn found((name, path): (&String, PathBuf)) -> io::Result<(String, Program)> {
    Ok((name.clone(), Program::at(path)?))
}

/// The first number of a version in a line such as `Debian clang version 19.1.7 (3)`.
fn number_in(line: &str) -> Option<u32> {
    let word = line.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    word.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

/// The compilers of this machine that serve every target, each looked for once.
pub struct HostCompilers<'a> {
    table: &'a HostTools,
    named: &'a NamedTools,
    found: Mutex<BTreeMap<String, Option<FoundCompiler>>>,
}

impl<'a> HostCompilers<'a> {
    /// As the table names them, or where the user says.
    pub fn new(table: &'a HostTools, named: &'a NamedTools) -> Self {
        Self { table, named, found: Default::default() }
    }

    /// The one that is called `tool` in the table, if this machine has one that will do.
    pub fn find(&self, tool: &String) -> io::Result<Option<FoundCompiler>> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = found.get(tool) {
            return Ok(known.clone());
        }
        let programs = programs_of(self.table, self.named, tool)?;
        let main = self.table.programs_of(tool).first().and_then(|name| programs.get(name));
        let compiler = main.map(|main| FoundCompiler {
            path: main.path.clone(),
            version: main.version.clone(),
            sha256: main.sha256,
        });
        found.insert(tool.clone(), compiler.clone());
        Ok(compiler)
    }
}

/// The program's place in [`SEARCH_PATH`].
pub(super) fn find_program(name: &str) -> Option<PathBuf> {
    // A path is not for recipes to say: those of a project may be anybody's.
    if name.contains('/') {
        return None;
    }
    SEARCH_PATH.split(':').map(|folder| Path::new(folder).join(name)).find(|path| is_executable(path))
}

pub(super) fn is_executable(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok() && path.is_file()
}

impl Program {
    pub(super) fn at(path: PathBuf) -> io::Result<Self> {
        let text = said_by(&path, "--version");
        let (sha256, _) = Sha256::of_file(&path)?;
        Ok(Self { path, version: text.lines().next().unwrap_or_default().to_owned(), sha256 })
    }
}

/// What a program prints when it is given `option`.
pub(super) fn said_by(program: &Path, option: &str) -> String {
    let output = Command::new(program)
        .arg(option)
        .env_clear()
        .env("PATH", SEARCH_PATH)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}

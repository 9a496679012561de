//! What a build needs of the host, looked at before the first byte is fetched.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::plan::Plan;
use crate::recipe::HostTools;
use crate::sandbox::SEARCH_PATH;

/// What was found on the host.
#[derive(Debug, Clone)]
pub struct Host {
    /// Whether programs for the host can be linked statically; else what to install for that.
    pub static_link: Result<(), NoStaticLink>,
    /// Each tool's own version line.
    pub tools: BTreeMap<String, String>,
}

/// A host that links no static programs. A toolchain can be built, but runs only where the host's
/// C library is at least as new.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "this host links no static programs, so the toolchain will need this host's C library; for one that runs on any Linux install{}",
    install_commands(packages)
)]
pub struct NoStaticLink {
    packages: BTreeMap<String, BTreeSet<String>>,
}

/// Everything that the host lacks, in one message.
#[derive(Debug, Default, thiserror::Error)]
pub struct Lacking {
    /// Programs and libraries, with what each is for.
    pub tools: Vec<(String, String)>,
    /// Package manager to the packages that have them.
    pub packages: BTreeMap<String, BTreeSet<String>>,
    /// Folders without enough room.
    pub room: Vec<Room>,
}

/// A folder without enough room, in bytes.
#[derive(Debug)]
pub struct Room {
    /// The folder.
    pub folder: PathBuf,
    /// What is free.
    pub free: u64,
    /// What the work needs.
    pub needed: u64,
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this machine lacks what a build needs")?;
        for (tool, purpose) in &self.tools {
            write!(f, "\n  {tool}: {purpose}")?;
        }
        for room in &self.room {
            let gigabytes = |bytes: u64| bytes as f64 / 1e9;
            let (free, needed) = (gigabytes(room.free), gigabytes(room.needed));
            write!(f, "\n  room in {}: {free:.1} GB are free, {needed:.1} GB are needed", room.folder.display())?;
        }
        f.write_str(&install_commands(&self.packages))
    }
}

/// One line for each package manager, with the command that installs the packages.
fn install_commands(packages: &BTreeMap<String, BTreeSet<String>>) -> String {
    let commands = [("apt", "apt-get install"), ("dnf", "dnf install"), ("apk", "apk add"), ("pacman", "pacman -S")];
    let line = |(manager, command): (&str, &str)| {
        let names: Vec<&str> = packages.get(manager)?.iter().map(String::as_str).collect();
        (!names.is_empty()).then(|| format!("\n    {command} {}", names.join(" ")))
    };
    commands.into_iter().filter_map(line).collect()
}

impl Lacking {
    fn add(&mut self, name: &str, purpose: &str, packages: &BTreeMap<String, String>) {
        self.tools.push((name.to_owned(), purpose.to_owned()));
        collect_packages(&mut self.packages, packages);
    }
}

fn collect_packages(all: &mut BTreeMap<String, BTreeSet<String>>, packages: &BTreeMap<String, String>) {
    for (manager, names) in packages {
        all.entry(manager.clone()).or_default().extend(names.split(' ').map(str::to_owned));
    }
}

/// Why the host could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// Something is missing.
    #[error(transparent)]
    Lacking(#[from] Lacking),
    /// The file system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Checks that the host can build `plans`, the work tree and the store being below `store`. If one
/// was `begun` before, how much room it still needs is not known, and not asked.
pub fn check(plans: &[Plan], tools: &HostTools, store: &Path, begun: bool) -> Result<Host, HostError> {
    let mut lacking = Lacking::default();
    let mut found = BTreeMap::new();
    for name in tools_of(plans) {
        if let Some(path) = find_program(name) {
            found.insert(name.to_owned(), version_line(&path));
        } else if let Some(tool) = tools.tools.iter().find(|tool| tool.name == name) {
            lacking.add(name, &tool.purpose, &tool.packages);
        } else {
            lacking.add(name, "named by the recipe", &BTreeMap::new());
        }
    }
    for compiler in COMPILERS {
        let tool = tools.tools.iter().find(|tool| tool.name == compiler.name);
        if let Some(tool) = tool.filter(|_| found.contains_key(compiler.name))
            && !compiler.links(&[])?
        {
            lacking.add(compiler.library, &format!("{} links no program without it", compiler.name), &tool.packages);
        }
    }
    let mut static_link = Ok(());
    for compiler in COMPILERS {
        if found.contains_key(compiler.name) && !compiler.links(&["-static"])? {
            let mut packages = BTreeMap::new();
            collect_packages(&mut packages, &tools.static_libc.packages);
            static_link = Err(NoStaticLink { packages });
        }
    }
    fs_err::create_dir_all(store)?;
    let needed = plans.iter().map(|plan| plan.recipe.disk.work_gb * 1_000_000_000).max().unwrap_or(0)
        + plans.iter().map(|plan| plan.recipe.disk.store_mb * 1_000_000).sum::<u64>();
    let space = rustix::fs::statvfs(store).map_err(io::Error::from)?;
    let free = space.f_bavail * space.f_frsize;
    if free < needed && !begun {
        lacking.room.push(Room { folder: store.to_owned(), free, needed });
    }
    if lacking.tools.is_empty() && lacking.room.is_empty() {
        Ok(Host { static_link, tools: found })
    } else {
        Err(lacking.into())
    }
}

fn tools_of(plans: &[Plan]) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for plan in plans {
        names.extend(plan.recipe.host_tools.iter().map(String::as_str));
        for extra in &plan.recipe.host_tools_for {
            let version = plan.components.get(&extra.component).map(|source| source.version.as_str());
            if version.is_some_and(|version| !version.starts_with(&extra.unless_version)) {
                names.extend(extra.tools.iter().map(String::as_str));
            }
        }
    }
    names
}

/// The program's place in [`SEARCH_PATH`].
fn find_program(name: &str) -> Option<PathBuf> {
    SEARCH_PATH.split(':').map(|folder| Path::new(folder).join(name)).find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok() && path.is_file()
}

/// The first line of `--version`; empty where a program knows no such option.
fn version_line(program: &Path) -> String {
    let output = Command::new(program)
        .arg("--version")
        .env_clear()
        .env("PATH", SEARCH_PATH)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

/// A compiler of the host and a program that needs its library.
struct Compiler {
    name: &'static str,
    library: &'static str,
    file: &'static str,
    source: &'static str,
}

const COMPILERS: [Compiler; 2] = [
    Compiler {
        name: "gcc",
        library: "the host's C library",
        file: "probe.c",
        source: "#include <stdio.h>\nint main(void) { return puts(\"x\") < 0; }\n",
    },
    Compiler {
        name: "g++",
        library: "the host's C++ library",
        file: "probe.cc",
        source: "#include <iostream>\nint main() { std::cout << 1; }\n",
    },
];

impl Compiler {
    /// Whether it links its program with these flags.
    fn links(&self, flags: &[&str]) -> io::Result<bool> {
        let folder = tempfile::tempdir()?;
        fs_err::write(folder.path().join(self.file), self.source)?;
        let Some(program) = find_program(self.name) else { return Ok(false) };
        let status = Command::new(program)
            .args(flags)
            .args(["-o", "probe", self.file])
            .current_dir(folder.path())
            .env_clear()
            .env("PATH", SEARCH_PATH)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        Ok(status.success())
    }
}

//! What a build needs of the host, looked at before anything is asked of the network.
//!
//! Which recipe will build is not known by then. So the host is looked at once for all that may, and each is then held
//! against what was found: [`Survey::check`] tells everything that one lacks, or several together.

mod compiler;
mod program;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::Path;

pub use self::compiler::is_compiler;
pub use self::program::{HostCompilers, NamedTools, Program};

use self::compiler::{COMPILERS, Compiler};
use self::program::programs_of;
use crate::plan::Plan;
use crate::recipe::{HostTool, HostTools, Recipe};
use crate::sandbox::{self, Isolation};

const STATIC_LIBRARIES: &str = "static libraries of C and C++";

/// What a build needs of the host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Tools, by their names in the table.
    pub tools: BTreeSet<String>,
    /// Room below the store, in bytes.
    pub room: u64,
    /// Whether programs for the host have to be linked statically. Otherwise a build goes on without.
    pub static_link: bool,
}

impl Needs {
    /// Those of one build.
    pub fn of_plan(plan: &Plan) -> Self {
        let versions = plan.components.iter().map(|(name, source)| (name.clone(), source.version.clone())).collect();
        Self::of(&plan.recipe, &versions, 1, 1)
    }

    /// Those of `toolchains` builds by `recipe`, so many at once, with these versions of components in place of its own.
    pub fn of(recipe: &Recipe, versions: &BTreeMap<String, String>, toolchains: usize, at_once: usize) -> Self {
        let room =
            recipe.disk.work_gb * 1_000_000_000 * at_once as u64 + recipe.disk.store_mb * 1_000_000 * toolchains as u64;
        Self { tools: recipe.host_tools_with(versions), room, static_link: false }
    }

    /// The same without the tools that a toolchain has too.
    pub fn bootstrapped(mut self, table: &HostTools) -> Self {
        self.tools.retain(|tool| table.get(tool).is_none_or(|row| !row.in_toolchains));
        self
    }

    /// What either needs.
    pub fn or(mut self, other: &Self) -> Self {
        self.tools.extend(other.tools.iter().cloned());
        Self { tools: self.tools, room: self.room.max(other.room), static_link: self.static_link || other.static_link }
    }
}

/// How the host is looked at.
pub struct Look<'a> {
    /// Programs and the packages that have them.
    pub table: &'a HostTools,
    /// Where the user says that tools are.
    pub named: &'a NamedTools,
    /// The store, which work trees are in.
    pub store: &'a Path,
    /// The level of isolation that was asked for; the best possible one where none was.
    pub isolation: Option<Isolation>,
    /// This very program.
    pub program: &'a Path,
    /// Arguments with which it enters a room.
    pub room_arguments: &'a [&'a str],
}

/// A host as it was found.
#[derive(Debug)]
pub struct Survey<'a> {
    /// Programs and the packages that have them.
    pub table: &'a HostTools,
    named: &'a NamedTools,
    store: &'a Path,
    programs: BTreeMap<String, Program>,
    /// Compilers without their library.
    unfit: Vec<&'static Compiler>,
    free: u64,
    /// The level that builds can have; else what the kernel does not allow.
    isolation: Result<Isolation, &'static str>,
    /// Whether programs for the host can be linked statically; else what to install for that.
    pub static_link: Result<(), NoStaticLink>,
}

/// What a build uses of the host.
#[derive(Debug, Clone)]
pub struct Host {
    /// The programs that its stages call, and those that its compilers call in turn.
    pub programs: BTreeMap<String, Program>,
    /// The level at which its stages run.
    pub isolation: Isolation,
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
    tools: Vec<(String, String)>,
    /// Package manager to the packages that have them.
    packages: BTreeMap<String, BTreeSet<String>>,
    /// What no package has, with what is known of it.
    others: Vec<(String, String)>,
    /// Whether it lacks the libraries to link statically too, as far as can be told. That alone would be no reason to
    /// refuse a build.
    static_libraries: bool,
    /// Whether the kernel does not allow the isolation that was asked for, or none at all.
    pub isolation: bool,
    /// Whether the store's path is of no use to a build.
    pub path: bool,
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this machine lacks what a build needs")?;
        for (tool, purpose) in &self.tools {
            write!(f, "\n  {tool}: {purpose}")?;
        }
        if self.static_libraries {
            write!(f, "\n  {STATIC_LIBRARIES}: not required; with them the toolchain runs on any Linux")?;
        }
        f.write_str(&install_commands(&self.packages))?;
        for (what, known) in &self.others {
            write!(f, "\n  {what}: {known}")?;
        }
        Ok(())
    }
}

impl Lacking {
    /// What is lacking, in one line.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.tools.iter().chain(&self.others).map(|(name, _)| name.as_str()).collect();
        format!("this machine lacks {}", names.join(", "))
    }

    fn add_tool(&mut self, name: &str, purpose: &str, tool: Option<&HostTool>) {
        self.tools.push((name.to_owned(), purpose.to_owned()));
        if let Some(tool) = tool {
            collect_packages(&mut self.packages, &tool.packages);
        }
    }
}

impl<'a> Look<'a> {
    /// Looks for `tools` and all else that a build may need. `scratch` is an empty folder below the store, which
    /// rooms are set up in.
    pub fn survey(&self, tools: &BTreeSet<String>, scratch: &Path) -> io::Result<Survey<'a>> {
        let mut programs = BTreeMap::new();
        for tool in tools {
            programs.extend(programs_of(self.table, self.named, tool)?);
        }
        let mut unfit = Vec::new();
        let mut static_link = Ok(());
        for compiler in COMPILERS.iter().filter(|compiler| tools.contains(compiler.name)) {
            let Some(path) = programs.get(compiler.name).map(|program: &Program| program.path.clone()) else {
                continue;
            };
            programs.extend(compiler.called(&path)?);
            if !compiler.links(&path, &[])? {
                unfit.push(compiler);
            }
            if !compiler.links(&path, &["-static"])? {
                let mut packages = BTreeMap::new();
                collect_packages(&mut packages, &self.table.static_libc.packages);
                static_link = Err(NoStaticLink { packages });
            }
        }
        let space = rustix::fs::statvfs(scratch).map_err(io::Error::from)?;
        Ok(Survey {
            table: self.table,
            named: self.named,
            store: self.store,
            programs,
            unfit,
            free: space.f_bavail * space.f_frsize,
            isolation: self.isolation(scratch)?,
            static_link,
        })
    }

    fn isolation(&self, scratch: &Path) -> io::Result<Result<Isolation, &'static str>> {
        let (wanted, refused): (&[Isolation], _) = match self.isolation {
            None => (&[Isolation::Namespaces, Isolation::Landlock], "neither namespaces nor Landlock to this user"),
            Some(Isolation::Namespaces) => (&[Isolation::Namespaces], "no namespaces to this user"),
            Some(Isolation::Landlock) => (&[Isolation::Landlock], "no Landlock"),
            Some(Isolation::None) => return Ok(Ok(Isolation::None)),
        };
        for level in wanted {
            if sandbox::is_possible(*level, self.program, self.room_arguments, scratch)? {
                return Ok(Ok(*level));
            }
        }
        Ok(Err(refused))
    }
}

impl Survey<'_> {
    /// What a build with these needs uses of the host, or everything that it lacks.
    pub fn check(&self, needs: &Needs) -> Result<Host, Lacking> {
        let mut lacking = Lacking::default();
        let mut programs = BTreeMap::new();
        for tool in &needs.tools {
            for name in self.table.programs_of(tool) {
                if let Some(program) = self.programs.get(name) {
                    programs.insert(name.clone(), program.clone());
                } else {
                    let row = self.table.get(tool);
                    let purpose = row.map_or("named by the recipe", |row| &row.purpose);
                    match self.named.get(tool) {
                        Some(path) => {
                            let purpose =
                                format!("{purpose}; {} is none, or its tools are not beside it", path.display());
                            lacking.add_tool(name, &purpose, None);
                        }
                        None => lacking.add_tool(name, purpose, row),
                    }
                }
            }
        }
        for compiler in self.unfit.iter().filter(|compiler| programs.contains_key(compiler.name)) {
            let purpose = format!("{} links no program without it", compiler.name);
            lacking.add_tool(compiler.library, &purpose, self.table.get(compiler.name));
        }
        // Without a compiler nobody knows. What is named too much is asked for once; what is named too late costs a build.
        let unknown =
            |compiler: &Compiler| needs.tools.contains(compiler.name) && !programs.contains_key(compiler.name);
        let links_statically = self.static_link.is_ok() && !COMPILERS.iter().any(unknown);
        if needs.static_link && !links_statically {
            let purpose = "what compiles the others' programs is linked with them";
            lacking.tools.push((STATIC_LIBRARIES.to_owned(), purpose.to_owned()));
            collect_packages(&mut lacking.packages, &self.table.static_libc.packages);
        }
        if self.free < needs.room {
            let [free, needed] = [self.free, needs.room].map(|bytes| bytes as f64 / 1e9);
            let known = format!("{free:.1} GB are free, {needed:.1} GB are needed");
            lacking.others.push((format!("room in {}", self.store.display()), known));
        }
        if let Err(refused) = self.isolation {
            lacking.others.push(("isolation of builds".to_owned(), format!("the kernel allows {refused}")));
            lacking.isolation = true;
        }
        if self.isolation != Ok(Isolation::Namespaces) && self.store.to_string_lossy().contains(char::is_whitespace) {
            let known = format!("{} has one, and only in namespaces a build does not see it", self.store.display());
            lacking.others.push(("a path without a blank".to_owned(), known));
            lacking.path = true;
        }
        if let (Ok(isolation), true, true) = (self.isolation, lacking.tools.is_empty(), lacking.others.is_empty()) {
            let compilers = COMPILERS.iter().filter(|compiler| needs.tools.contains(compiler.name));
            for name in compilers.flat_map(|compiler| compiler.calls) {
                if let Some(program) = self.programs.get(*name) {
                    programs.insert((*name).to_owned(), program.clone());
                }
            }
            return Ok(Host { programs, isolation });
        }
        if !needs.static_link && !links_statically {
            lacking.static_libraries = true;
            collect_packages(&mut lacking.packages, &self.table.static_libc.packages);
        }
        Err(lacking)
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

fn collect_packages(all: &mut BTreeMap<String, BTreeSet<String>>, packages: &BTreeMap<String, String>) {
    for (manager, names) in packages {
        all.entry(manager.clone()).or_default().extend(names.split(' ').map(str::to_owned));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Sha256;
    use crate::recipe::Recipes;

    fn survey<'a>(table: &'a HostTools, store: &'a str, programs: &[&str]) -> Survey<'a> {
        static NONE: NamedTools = NamedTools::new();
        Survey {
            table,
            named: &NONE,
            store: Path::new(store),
            programs: programs.iter().map(|name| ((*name).to_owned(), program(name))).collect(),
            unfit: Vec::new(),
            free: 5_000_000_000,
            isolation: Ok(Isolation::Namespaces),
            static_link: Ok(()),
        }
    }

    fn program(name: &str) -> Program {
        let path = Path::new("/usr/bin").join(name);
        Program { path, version: format!("{name} 1"), sha256: Sha256::of(name.as_bytes()) }
    }

    fn needs(programs: &[&str], room: u64) -> Needs {
        Needs { tools: programs.iter().map(|name| (*name).to_owned()).collect(), room, static_link: false }
    }

    #[test]
    fn what_is_lacking_is_told_in_one_message() {
        let table = Recipes::embedded().host_tools().unwrap();
        let mut host = survey(&table, "/my home", &["g++", "make"]);
        host.unfit.push(&COMPILERS[1]);
        host.isolation = Err("no namespaces to this user");
        let lacking = host.check(&needs(&["gcc", "g++", "m4", "make"], 6_000_000_000)).unwrap_err();
        assert!(lacking.isolation && lacking.path);
        let expected = "this machine lacks what a build needs
  gcc: the host's C compiler
  m4: GMP's macro processor
  the host's C++ library: g++ links no program without it
  static libraries of C and C++: not required; with them the toolchain runs on any Linux
    apt-get install g++ gcc libc6-dev m4
    dnf install gcc gcc-c++ glibc-devel glibc-static libstdc++-static m4
    apk add g++ gcc m4 musl-dev
    pacman -S gcc glibc m4
  room in /my home: 5.0 GB are free, 6.0 GB are needed
  isolation of builds: the kernel allows no namespaces to this user
  a path without a blank: /my home has one, and only in namespaces a build does not see it";
        assert_eq!(lacking.to_string(), expected);
    }

    #[test]
    fn a_host_that_only_links_no_static_programs_will_do() {
        let table = Recipes::embedded().host_tools().unwrap();
        let mut host = survey(&table, "/my home", &["as", "gcc", "m4"]);
        host.static_link = Err(NoStaticLink { packages: BTreeMap::new() });
        let found = host.check(&needs(&["gcc"], 5_000_000_000)).unwrap();
        assert_eq!(found.programs, BTreeMap::from(["as", "gcc"].map(|name| (name.to_owned(), program(name)))));
        let lacking = host.check(&needs(&["gcc", "patch"], 0)).unwrap_err();
        assert_eq!(lacking.names(), "this machine lacks patch");
        assert!(lacking.to_string().contains("dnf install glibc-static libstdc++-static patch\n"), "{lacking}");
    }

    #[test]
    fn a_recipe_needs_what_its_chosen_versions_need() {
        let recipes = Recipes::embedded();
        let recipe = recipes.recipe("musl-cross-make").unwrap();
        let with =
            |version: &str| Needs::of(&recipe, &BTreeMap::from([("linux".to_owned(), version.to_owned())]), 2, 1);
        assert!(Needs::of(&recipe, &BTreeMap::new(), 1, 1).tools.contains("rsync"));
        assert!(!with("debian").tools.contains("rsync"));
        assert_eq!(with("debian").room, 6_800_000_000);
        let both = with("debian").or(&needs(&["rsync"], 1));
        assert!(both.tools.contains("rsync") && both.tools.contains("m4") && both.room == 6_800_000_000);
    }
}

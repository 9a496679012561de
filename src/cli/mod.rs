//! The command line: one file per command. Only here is anything printed.

mod audit;
mod cache;
mod check;
mod context;
mod dir;
mod env;
mod environment;
mod export;
mod fetch;
mod gc;
mod import;
mod install;
mod key;
mod list;
mod lock;
mod progress;
mod remotes;
mod room;
mod run;
mod settings;
mod show;
mod targets;
mod uninstall;
mod verify;
mod which;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};

pub use context::Context;

use crate::recipe::Recipes;
use crate::store::Store;

/// The user can mend it.
const USERS: u8 = 1;

/// We have to mend it.
const OURS: u8 = 2;

const AFTER_HELP: &str = "\
A target is named by its triple (aarch64-linux-musl), its short name (aarch64, arm64) or a port of Go \
(linux/arm64, linux/arm/v7). `muslchain targets` lists all.

  muslchain install x86_64 aarch64
  muslchain run linux/arm64 -- go build ./...

Settings come from flags, variables (MUSLCHAIN_RECIPE for --recipe, and so on), the nearest toolchains.toml \
above the current folder, and $XDG_CONFIG_HOME/muslchain/config.toml; the first that says something wins. \
The store is $MUSLCHAIN_HOME, else $XDG_DATA_HOME/muslchain.";

/// Builds, verifies, caches and hands out musl cross-toolchains for static cgo programs.
#[derive(Parser)]
#[command(name = "muslchain", version, after_help = AFTER_HELP, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    output: OutputOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args, Clone, Copy)]
struct OutputOptions {
    /// Print errors only [env: MUSLCHAIN_QUIET]
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Output")]
    quiet: bool,
    /// Print what is done, line by line [env: MUSLCHAIN_VERBOSE]
    #[arg(short, long, global = true, help_heading = "Output")]
    verbose: bool,
    /// Print lines, not moving bars [env: MUSLCHAIN_NO_PROGRESS]
    #[arg(long, global = true, help_heading = "Output")]
    no_progress: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Build toolchains and put them into the store
    Install(install::Options),
    /// Remove toolchains from the store
    Uninstall(uninstall::Options),
    /// List the toolchains in the store; a * marks the one that its target means
    List(list::Options),
    /// List the targets that toolchains can be built for
    Targets(targets::Options),
    /// Print the environment in which plain `go build` is static, for `eval`
    ///
    /// The line is for sh and its kin, with or without quotes: `eval $(muslchain env linux/arm64)`. It sets GOOS,
    /// GOARCH and the variant, CGO_ENABLED, CC, CXX, AR and PKG_CONFIG, puts the toolchain before PATH,
    /// and adds -static to CGO_CFLAGS and CGO_LDFLAGS. When something is wrong, it makes the eval fail. Another port's
    /// environment takes its place, and --unset gives back what was there before the first one.
    ///
    /// For one command, `muslchain run` is simpler: it leaves the shell alone.
    Env(env::Options),
    /// Run one command in the environment of a port
    ///
    /// `muslchain run linux/arm64 -- go build ./...` builds for linux/arm64, and the shell stays as it is. The command
    /// takes muslchain's place, so signals and the exit code are its own. 127 says that there is no such command,
    /// 126 that it cannot be run, 1 that there is no such environment.
    Run(run::Options),
    /// Bring the sources here, for a later install without network
    Fetch(fetch::Options),
    /// Remove what is kept for later builds, beyond the cap
    ///
    /// Stages' results and unpacked sources are kept so that the next toolchain is built sooner; `install` keeps them
    /// below the cap by itself. What was used longest ago goes first; `--keep-gb 0` removes all of it. Toolchains and
    /// downloaded sources stay.
    Gc(gc::Options),
    /// Write a toolchain to one file, for a machine that cannot build it or reach anything
    ///
    /// The same toolchain gives the same bytes, whoever packs it. What calls the host's clang stays here.
    Export(export::Options),
    /// Put toolchains into the store that `export` wrote
    ///
    /// Every file in it has to have the digest that its list of contents says. Who made it is not known: take
    /// it from whom you trust.
    Import(import::Options),
    /// Write down what a project's toolchains are to be, to the byte, in toolchains.lock
    ///
    /// It stands beside toolchains.toml and belongs into the repository: every source with its digest, and for each target and host the
    /// key and the digest of what the toolchain holds, where one was seen. `install` takes from it what moving versions mean;
    /// `install --locked` installs what it says, or nothing.
    Lock(lock::Options),
    /// Exchange toolchains with remotes: places that keep them for many machines
    ///
    /// `install` takes a toolchain from the first remote that has it, if somebody signed it whose key is trusted here. A remote
    /// is a folder, a web server, a registry of containers or, where that was built in, a bucket; `--remote`, MUSLCHAIN_REMOTE and the settings name them.
    Cache(cache::Options),
    /// Make and trust the keys that artifacts are signed with
    ///
    /// Keys and signatures are in minisign's format.
    Key(key::Options),
    /// Show what a toolchain is made of
    Show(show::Options),
    /// Tell whether toolchains are as they were published, or come out the same when built once more
    ///
    /// Every file is held against the list that was made when the toolchain was published. With --rebuild, the
    /// toolchain is built from nothing beside itself, and what differs is told file by file, in ELF files and
    /// archives down to the sections; the other result stays for a look. The exit code is 1 if anything differs.
    Verify(verify::Options),
    /// List the known vulnerabilities of what toolchains are made of, and what mended them
    ///
    /// The table that they are looked up in is part of muslchain and has a date. The exit code is 1 if a toolchain has any
    /// that no patch of its recipe mended; what builds it again is told.
    Audit(audit::Options),
    /// Tell whether a program will run, where, and why not
    ///
    /// It passes if it is static (nothing of the machine's is needed but the kernel), whole, and for the port that
    /// --port names. A dynamic program, a shared library and an archive compiled for glibc do not pass; warnings do,
    /// unless --strict is given. The exit code is 1 if any file does not pass. What an empty image lacks for it (time
    /// zones, certificates, users) is noted with a remedy.
    Check(check::Options),
    /// Print the path of a toolchain's compiler or another program of it
    Which(which::Options),
    /// Print the folder of a toolchain, or of the store
    Dir(dir::Options),
    /// Enter a room and become a stage of a build
    #[command(name = room::COMMAND, hide = true)]
    Room(room::Options),
}

/// Runs the command line of `context` and returns the exit code: 0 done, 1 the user's to fix, 2 ours.
pub fn run(context: &Context) -> ExitCode {
    let code = match Cli::try_parse_from(&context.arguments) {
        Ok(cli) => dispatch(context, cli),
        Err(error) => usage(&error),
    };
    match code {
        0 => ExitCode::SUCCESS,
        code => failure(code, &context.arguments),
    }
}

fn failure(code: u8, arguments: &[OsString]) -> ExitCode {
    if let Some(line) = env::failure(arguments) {
        // Nothing printed would make `eval $(muslchain env ...)` succeed.
        let _ = print(&format!("{line}\n"));
    }
    ExitCode::from(code)
}

fn dispatch(context: &Context, cli: Cli) -> u8 {
    if let Err(error) = context.refuse_what_is_not_utf8() {
        complain(&error);
        return USERS;
    }
    let output = cli.output;
    let result = match cli.command {
        Command::Install(options) => options.run(context, output),
        Command::Uninstall(options) => options.run(context, output),
        Command::List(options) => options.run(context),
        Command::Targets(options) => options.run(context),
        Command::Env(options) => options.run(context),
        Command::Fetch(options) => options.run(context, output),
        Command::Gc(options) => options.run(context, output),
        Command::Export(options) => options.run(context, output),
        Command::Import(options) => options.run(context, output),
        Command::Lock(options) => options.run(context, output),
        Command::Cache(options) => options.run(context, output),
        Command::Key(options) => options.run(context),
        Command::Show(options) => options.run(context),
        Command::Audit(options) => options.run(context),
        Command::Verify(options) => options.run(context, output),
        Command::Check(options) => options.run(context),
        Command::Which(options) => options.run(context),
        Command::Dir(options) => options.run(context),
        Command::Run(options) => return options.run(context).unwrap_or_else(|error| exit_code(&error)),
        Command::Room(options) => return options.run(context),
    };
    match result {
        Ok(()) => 0,
        Err(error) => exit_code(&error),
    }
}

/// That of a failure, after saying what it is.
fn exit_code(error: &anyhow::Error) -> u8 {
    if is_broken_pipe(error) {
        return 0;
    }
    complain(error);
    USERS
}

fn usage(error: &clap::Error) -> u8 {
    // Whether anybody reads it changes nothing.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => 0,
        _ => USERS,
    }
}

/// Whether whoever reads the output closed it.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error.downcast_ref::<io::Error>().is_some_and(broken)
}

fn complain(error: &anyhow::Error) {
    let _ = writeln!(io::stderr(), "muslchain: {error:#}");
    for hint in install::hints(error) {
        let _ = writeln!(io::stderr(), "{hint}");
    }
}

/// Says why there is no context to run in, and returns the exit code for that.
pub fn not_started(error: &io::Error) -> ExitCode {
    let _ = writeln!(io::stderr(), "muslchain: {error}");
    failure(USERS, &Context::arguments_of_process())
}

/// Says that the program itself failed, and returns the exit code for that.
pub fn own_fault(what: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "muslchain: internal error: {what}");
    failure(OURS, &Context::arguments_of_process())
}

/// Writes data to stdout.
fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Writes a document for programs to stdout.
fn print_json(document: &serde_json::Value) -> anyhow::Result<()> {
    Ok(print(&format!("{}\n", serde_json::to_string_pretty(document)?))?)
}

/// Writes a list to stdout: as a document for programs with `items` under the key `name`, or as columns for people.
fn print_list<T>(
    json: bool,
    name: &str,
    items: &[T],
    document: impl Fn(&T) -> serde_json::Value,
    row: impl Fn(&T) -> Vec<String>,
) -> anyhow::Result<()> {
    if json {
        let documents: Vec<_> = items.iter().map(document).collect();
        return print_json(&serde_json::json!({ "schema": 1, name: documents }));
    }
    Ok(print_table(&items.iter().map(row).collect::<Vec<_>>())?)
}

/// Columns for people: as wide as their content, the last one open.
fn print_table(rows: &[Vec<String>]) -> io::Result<()> {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    print(&text)
}

fn store(context: &Context) -> anyhow::Result<Store> {
    Ok(Store::at(context.store()?))
}

/// The embedded recipes, or those that the settings name.
fn recipes(context: &Context) -> anyhow::Result<Recipes> {
    Ok(settings::Settings::load(context, settings::Flags::default())?.recipes)
}

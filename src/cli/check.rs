//! `muslchain check`.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use rustix::fs::OFlags;
use serde_json::{Value, json};

use super::context::Context;
use super::{is_broken_pipe, print, print_json, recipes};
use crate::check::{self, ArchiveFacts, Distributions, Level, Libc, Report, Subject, Wanted};
use crate::elf::input::Input;
use crate::elf::{Elf, Kind};
use crate::target::Targets;

/// Options of `check`.
#[derive(Args)]
pub struct Options {
    /// Programs, or archives of objects (.a)
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The target or port that they must be for, such as linux/arm/v6
    #[arg(long, value_name = "PORT|TARGET")]
    port: Option<String>,
    /// Let warnings count as failures
    #[arg(long)]
    strict: bool,
    /// Print a document for programs
    #[arg(long)]
    json: bool,
}

/// A file that was looked at: what is known, or why nothing is.
struct Checked<'a> {
    path: &'a Path,
    report: Result<Report>,
}

impl Options {
    /// Runs the command.
    pub fn run(self, context: &Context) -> Result<()> {
        let targets = recipes(context)?.targets()?;
        let wanted = match &self.port {
            Some(name) => Some(targets.find(name)?).map(|(target, port)| Wanted { target, port }),
            None => None,
        };
        let mut documents = Vec::new();
        let mut bad = 0;
        for path in &self.files {
            let checked = Checked { path, report: check_file(&context.folder.join(path), &targets, wanted) };
            bad += usize::from(!checked.is_ok(self.strict));
            if self.json {
                documents.push(checked.document(self.strict));
            } else if let Err(error) = &checked.report {
                writeln!(io::stderr(), "muslchain: {}: {error:#}", path.display())?;
            } else {
                heard_or_not(print(&checked.words(self.strict)?).map_err(Into::into))?;
            }
        }
        if self.json {
            let document = json!({ "schema": 1, "ok": bad == 0, "strict": self.strict, "files": documents });
            heard_or_not(print_json(&document))?;
        }
        match (bad, self.files.as_slice()) {
            (0, _) => Ok(()),
            (_, [path]) => bail!("{} did not pass the check", path.display()),
            (bad, files) => bail!("{bad} of {} files did not pass the check", files.len()),
        }
    }
}

/// The verdict counts although its reader closed the pipe, as `grep -q` does.
fn heard_or_not(printed: Result<()>) -> Result<()> {
    match printed {
        Err(error) if is_broken_pipe(&error) => Ok(()),
        printed => printed,
    }
}

fn check_file(path: &Path, targets: &Targets, wanted: Option<Wanted<'_>>) -> Result<Report> {
    // Without NONBLOCK, opening a pipe waits for who writes into it.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    // Not fs_err: the path stands before every message of this command.
    let file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        bail!("it is a folder");
    }
    if !metadata.is_file() {
        bail!("it is no regular file");
    }
    Ok(check::check(Input::new(&file, metadata.len()), targets, wanted)?)
}

impl Checked<'_> {
    fn is_ok(&self, strict: bool) -> bool {
        self.report.as_ref().is_ok_and(|report| report.is_ok(strict))
    }

    fn document(&self, strict: bool) -> Value {
        let path = self.path.display().to_string();
        let report = match &self.report {
            Ok(report) => report,
            Err(error) => return json!({ "path": path, "ok": false, "error": format!("{error:#}") }),
        };
        let distributions = match &report.subject {
            Subject::Elf(elf) => elf.glibc.map(Distributions::for_glibc),
            Subject::Archive(_) => None,
        };
        json!({
            "path": path,
            "ok": report.is_ok(strict),
            "verdict": report.verdict(strict),
            "libc": report.libc,
            "ports": report.ports,
            "distributions": distributions,
            "findings": report.findings,
            "facts": report.subject,
        })
    }

    fn words(&self, strict: bool) -> Result<String> {
        let mut text = String::new();
        let Ok(report) = &self.report else { return Ok(text) };
        writeln!(text, "{}: {}", self.path.display(), report.verdict(strict))?;
        let lines = match &report.subject {
            Subject::Elf(elf) => elf_lines(elf, report.libc),
            Subject::Archive(archive) => archive_lines(archive),
        };
        for (name, line) in lines {
            writeln!(text, "  {name:<8} {line}")?;
        }
        for finding in &report.findings {
            let level = match finding.level {
                Level::Fails => "fails",
                Level::Warns => "warns",
                Level::Notes => "note",
            };
            writeln!(text, "  {level:<8} {}\n           -> {}", finding.what, finding.remedy)?;
        }
        Ok(text)
    }
}

type Lines = Vec<(&'static str, String)>;

fn elf_lines(elf: &Elf, libc: Libc) -> Lines {
    let mut lines = vec![("file", file_words(elf))];
    if elf.kind == Kind::Object {
        return lines;
    }
    lines.push(("libc", libc.words().to_owned()));
    if let Some(interpreter) = &elf.interpreter {
        lines.push(("starts", interpreter.clone()));
    }
    if !elf.libraries.is_empty() {
        lines.push(("needs", elf.libraries.join(", ")));
    }
    if let Some(path) = &elf.library_path {
        lines.push(("looks in", path.clone()));
    }
    if let Some(version) = elf.glibc {
        let distributions = Distributions::for_glibc(version);
        let names = |names: Vec<&str>| if names.is_empty() { "none known".to_owned() } else { names.join(", ") };
        lines.push(("glibc", format!("{version} or newer: {}", names(distributions.with))));
        lines.push(("", format!("not on: {}", names(distributions.without))));
    }
    if let Some(stack) = elf.stack {
        let executable = if stack.executable { "executable" } else { "not executable" };
        let threads = match stack.size {
            0 => "threads have the C library's default".to_owned(),
            size => format!("threads have {} KiB", size >> 10),
        };
        lines.push(("stack", format!("{executable}, {threads}")));
    }
    if let Some(go) = &elf.go {
        lines.push(("go", go_words(go)));
    }
    lines
}

fn file_words(elf: &Elf) -> String {
    let kind = match (elf.kind, elf.is_static()) {
        (Kind::Program, true) => "static",
        (Kind::PositionIndependentProgram, true) => "static-pie",
        (Kind::Program, false) => "dynamic",
        (Kind::PositionIndependentProgram, false) => "dynamic, position-independent",
        (Kind::SharedLibrary, _) => "shared library",
        (Kind::Object, _) => "object",
        (Kind::Other, _) => "neither program nor library",
    };
    let endian = check::endian_words(elf.endian);
    let mut words = format!("{kind}, {}-bit {endian} {}", elf.class, elf.machine);
    if let Some(tag) = elf.cpu_arch {
        words.push_str(&format!(", {}", check::cpu_arch(tag)));
    }
    if let Some(level) = elf.isa.filter(|level| *level > 1) {
        words.push_str(&format!(", needs x86-64-v{level}"));
    }
    match elf.float {
        Some(float) => words.push_str(&format!(", {}", check::float_words(float))),
        None if elf.machine == "arm" => words.push_str(", float ABI not stated"),
        None => {}
    }
    if elf.flags != 0 {
        words.push_str(&format!(", e_flags 0x{:x}", elf.flags));
    }
    words
}

fn go_words(go: &crate::elf::go::GoBuild) -> String {
    const SHOWN: &[&str] =
        &["GOARCH", "GOARM", "GOARM64", "GOAMD64", "GO386", "GOMIPS", "GOMIPS64", "GOPPC64", "GORISCV64"];
    if go.version.is_empty() {
        return "older than 1.18, whose record is not read".to_owned();
    }
    let cgo = match go.cgo() {
        Some(true) => "cgo",
        Some(false) => "no cgo",
        None => "cgo not stated",
    };
    let mut words = vec![go.version.clone(), cgo.to_owned()];
    if let Some(mode) = go.setting("-buildmode") {
        words.push(format!("-buildmode={mode}"));
    }
    if let Some(tags) = go.setting("-tags") {
        words.push(format!("-tags={tags}"));
    }
    words.extend(SHOWN.iter().filter_map(|name| Some(format!("{name}={}", go.setting(name)?))));
    words.join(", ")
}

fn archive_lines(archive: &ArchiveFacts) -> Lines {
    let machines: Vec<&str> = archive.machines.iter().map(String::as_str).collect();
    let others = if archive.others == 0 { String::new() } else { format!(", {} other files", archive.others) };
    let mut lines = vec![("file", format!("archive of {} objects{others}: {}", archive.objects, machines.join("; ")))];
    if let Some(go) = &archive.go {
        lines.push(("go", go_words(go)));
    }
    lines
}

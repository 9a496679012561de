//! A private view of a Debian archive, by the machine's own `apt-get`.
//!
//! Guarantee: nothing of the system's configuration or state changes, and no host is named here:
//! the address is the one from which the machine gets its own packages. The indexes are believed
//! only if Debian's archive key signed them. Works as root and as any user.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use fs_err as fs;

use crate::event::{Event, Observer};
use crate::lock::FileLock;

/// How the distribution's archive is asked.
#[derive(Debug, Clone)]
pub struct Apt {
    /// A folder for the private lists of packages; about 60 MB per suite and kind.
    pub state: PathBuf,
    /// The `apt-get` to run.
    pub apt_get: PathBuf,
    /// The `apt-cache` to run.
    pub apt_cache: PathBuf,
}

impl Apt {
    /// The machine's own tools, with their state in `state`.
    pub fn new(state: impl Into<PathBuf>) -> Self {
        Self { state: state.into(), apt_get: "apt-get".into(), apt_cache: "apt-cache".into() }
    }
}

/// Why the distribution's archive cannot supply something.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ArchiveError {
    /// The settings leave the archive alone, or allow no network.
    #[error("not asked: offline or switched off")]
    Off,
    /// No `apt-get` here.
    #[error("this machine has no {}", .0.display())]
    NoApt(PathBuf),
    /// The machine gets its packages from elsewhere.
    #[error("this machine's packages do not come from a Debian archive{}", .0.as_ref().map(|it| format!(" but from {it}")).unwrap_or_default())]
    NotDebian(Option<String>),
    /// The lists of packages could not be had.
    #[error("no list of {suite}'s packages: {reason}")]
    Lists {
        /// The release.
        suite: String,
        /// What `apt-get` said.
        reason: String,
    },
    /// The release has no such package, or none with these bytes.
    #[error("{suite} has no {what}")]
    NotListed {
        /// The release.
        suite: String,
        /// What was looked for.
        what: String,
    },
    /// The file is listed, and did not come.
    #[error("{package} is listed and did not arrive: {reason}")]
    NotSent {
        /// The package and its version.
        package: String,
        /// What `apt-get` said.
        reason: String,
    },
    /// The private folder or the command could not be used.
    #[error("{0}")]
    Local(String),
}

impl From<io::Error> for ArchiveError {
    fn from(error: io::Error) -> Self {
        Self::Local(error.to_string())
    }
}

/// Which half of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Source,
    Binary,
}

/// The views that this process made, by suite and kind; failures too, so that each is made once.
#[derive(Default)]
pub(super) struct Views(HashMap<(String, Kind), Result<View, ArchiveError>>);

impl Views {
    /// The view of `suite`, updated at its first use, and the lock that keeps other processes out
    /// of it meanwhile.
    pub(super) fn get(
        &mut self,
        apt: &Apt,
        suite: &str,
        kind: Kind,
        observer: &dyn Observer,
    ) -> Result<(&View, FileLock), ArchiveError> {
        let view = self.0.entry((suite.to_owned(), kind)).or_insert_with(|| View::update(apt, suite, kind, observer));
        let view = view.as_ref().map_err(|error| error.clone())?;
        Ok((view, lock(&view.folder, suite, observer)?))
    }
}

fn lock(folder: &Path, suite: &str, observer: &dyn Observer) -> io::Result<FileLock> {
    let what = format!("the list of {suite}'s packages");
    FileLock::acquire(&folder.join("lock"), |holder| observer.event(Event::Waiting { what: &what, holder }))
}

/// The up-to-date lists of one suite and kind.
pub(super) struct View {
    apt: Apt,
    folder: PathBuf,
}

impl View {
    fn update(apt: &Apt, suite: &str, kind: Kind, observer: &dyn Observer) -> Result<Self, ArchiveError> {
        // Asked before anything is made: most machines without apt never get further.
        let bases = bases(apt)?;
        fs::create_dir_all(&apt.state)?;
        // apt reads relative paths as below /.
        let state = fs::canonicalize(&apt.state)?;
        let (name, line) = match kind {
            Kind::Source => ("source", "deb-src [target=Sources"),
            Kind::Binary => ("binary", "deb [target=Packages"),
        };
        let folder = state.join(format!("{suite}-{name}"));
        for needed in ["lists/partial", "cache/archives/partial", "parts"] {
            fs::create_dir_all(folder.join(needed))?;
        }
        let _lock = lock(&folder, suite, observer)?;
        // An empty status: what is installed here must not look like something that the suite has.
        fs::write(folder.join("status"), "")?;
        let view = Self { apt: apt.clone(), folder };
        let keyring = KEYRINGS.iter().find(|it| Path::new(it).exists());
        let signed_by = keyring.map(|it| format!(" signed-by={it}")).unwrap_or_default();
        let mut reason = "the machine names no archive".to_owned();
        for base in bases {
            fs::write(view.folder.join("sources.list"), format!("{line}{signed_by}] {base} {suite} main\n"))?;
            observer.event(Event::Busy { doing: &format!("reading the distribution's list of {suite}'s packages") });
            let output = run(view.command(&apt.apt_get).args(["-qq", "update"]))?;
            if output.status.success() {
                return Ok(view);
            }
            reason = complaint(&output);
        }
        Err(ArchiveError::Lists { suite: suite.to_owned(), reason })
    }

    /// What `apt-cache` prints of a package.
    pub(super) fn cache(&self, arguments: &[&str]) -> Result<String, ArchiveError> {
        // Its status is not asked: an unknown package prints nothing, which is the answer.
        let output = run(self.command(&self.apt.apt_cache).args(arguments))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// An `apt-get` that works in `folder`.
    pub(super) fn get(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = self.command(&self.apt.apt_get);
        command.current_dir(folder).arg("-qq").args(arguments);
        command
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = plain(program);
        let mut set = |name: &str, path: &str| {
            let mut option = OsString::from(format!("{name}="));
            option.push(self.folder.join(path));
            command.arg("-o").arg(option);
        };
        set("Dir::Etc::SourceList", "sources.list");
        set("Dir::Etc::SourceParts", "parts");
        set("Dir::Etc::Preferences", "no-preferences");
        set("Dir::Etc::PreferencesParts", "parts");
        set("Dir::State", "");
        set("Dir::State::Lists", "lists");
        set("Dir::State::Status", "status");
        set("Dir::Cache", "cache");
        set("Dir::Cache::Archives", "cache/archives");
        for option in FIXED_OPTIONS {
            command.args(["-o", option]);
        }
        command
    }
}

/// Where Debian's package of its keys puts them, by its versions. Absent on other distributions:
/// then the keys that the machine trusts decide.
const KEYRINGS: [&str; 2] =
    ["/usr/share/keyrings/debian-archive-keyring.pgp", "/usr/share/keyrings/debian-archive-keyring.gpg"];

/// Options that do not depend on the folder.
const FIXED_OPTIONS: [&str; 8] = [
    // root's downloads would go to a user that cannot write to a private folder.
    "APT::Sandbox::User=root",
    // A release that the user prefers is not in the private list, which apt takes for a mistake.
    "APT::Default-Release=",
    "Acquire::Languages=none",
    // Without it, old lists pass for new ones when the archive does not answer.
    "APT::Update::Error-Mode=any",
    "Acquire::AllowInsecureRepositories=false",
    "Acquire::AllowWeakRepositories=false",
    "Acquire::AllowDowngradeToInsecureRepositories=false",
    "APT::Get::AllowUnauthenticated=false",
];

/// The addresses from which this machine gets Debian's packages, by its own configuration.
fn bases(apt: &Apt) -> Result<Vec<String>, ArchiveError> {
    let format = "$(REPO_URI)\t$(ORIGIN)\t$(LABEL)";
    let output = run(plain(&apt.apt_get).args(["indextargets", "--format", format, "Created-By: Packages"]))?;
    choose_bases(&String::from_utf8_lossy(&output.stdout))
}

/// Those of `lines` that are Debian's main archive. Before its first `apt-get update` a machine,
/// a container mostly, does not know whose its archives are: then all may be, and the signature
/// tells.
fn choose_bases(lines: &str) -> Result<Vec<String>, ArchiveError> {
    let mut debian = Vec::new();
    let mut unknown = Vec::new();
    let mut other = None;
    for line in lines.lines() {
        let mut fields = line.split('\t');
        let (Some(base), Some(origin), Some(label)) = (fields.next(), fields.next(), fields.next()) else { continue };
        let list = match (origin, label) {
            ("Debian", "Debian") => &mut debian,
            // The other parts of Debian: security, backports.
            ("Debian", _) => continue,
            (unknown_yet, _) if unknown_yet.is_empty() || unknown_yet.starts_with("$(") => &mut unknown,
            (origin, _) => {
                other.get_or_insert_with(|| origin.to_owned());
                continue;
            }
        };
        if !base.starts_with("cdrom:") && !list.iter().any(|it| it == base) {
            list.push(base.to_owned());
        }
    }
    match (debian.is_empty(), unknown.is_empty()) {
        (false, _) => Ok(debian),
        (true, false) => Ok(unknown),
        (true, true) => Err(ArchiveError::NotDebian(other)),
    }
}

fn plain(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("LC_ALL", "C").stdin(Stdio::null());
    command
}

/// Runs a command of apt to its end.
pub(super) fn run(command: &mut Command) -> Result<Output, ArchiveError> {
    command.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ArchiveError::NoApt(command.get_program().into()),
        _ => ArchiveError::Local(format!("cannot run {}: {error}", command.get_program().display())),
    })
}

/// The first thing that apt calls an error.
pub(super) fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find_map(|line| line.strip_prefix("E: ")).or_else(|| text.lines().last());
    line.map_or_else(|| output.status.to_string(), |line| line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_is_the_machines_own_debian_archive() {
        let lines = "cdrom:[x]/\tDebian\tDebian\n\
                     http://security.example/\tDebian\tDebian-Security\n\
                     http://a.example/debian/\tDebian\tDebian\n\
                     http://a.example/debian/\tDebian\tDebian\n\
                     http://unread.example/\t$(ORIGIN)\t$(LABEL)\n\
                     http://tools.example/\tTools Inc.\tTools\n";
        assert_eq!(choose_bases(lines).unwrap(), ["http://a.example/debian/"]);
    }

    #[test]
    fn before_the_first_update_every_archive_may_be_debians() {
        let lines = "http://a.example/\t$(ORIGIN)\t$(LABEL)\nhttp://b.example/\t$(ORIGIN)\t$(LABEL)\n";
        assert_eq!(choose_bases(lines).unwrap(), ["http://a.example/", "http://b.example/"]);
    }

    #[test]
    fn another_distributions_archive_is_named() {
        let error = choose_bases("http://a.example/\tUbuntu\tUbuntu\n").unwrap_err();
        assert_eq!(error.to_string(), "this machine's packages do not come from a Debian archive but from Ubuntu");
        let error = choose_bases("").unwrap_err();
        assert_eq!(error.to_string(), "this machine's packages do not come from a Debian archive");
    }
}

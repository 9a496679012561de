//! The room in which a stage runs.
//!
//! A stage sees the host's system folders and its inputs read-only, its work tree at one constant
//! path, a small set of variables, no network and no HOME. How far that is enforced has a level:
//! user, mount, PID, IPC and network namespaces where the kernel allows them, else Landlock, else
//! nothing, which the user has to ask for by name. The level reached is reported, never assumed.
//!
//! Known limits: under Landlock the work tree keeps its own path and the inputs in it are writable
//! (a rule can only give, not take), host processes are visible, and only TCP is closed. A killed owner takes all
//! processes of a room of namespaces with it, elsewhere only the stage's shell: what that one started
//! goes on, and holds the toolchain's lock. The host's compiler is an input that no level pins. `tests/install/room.rs` looks around in rooms of all
//! levels.
//!
//! A room is entered by a fresh process that has one thread: the program calls itself with a
//! [`Room`] on standard input (`enter`), sets the room up and becomes the stage's shell.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
use rustix::process::Signal;
use rustix::thread::UnshareFlags;
use serde::{Deserialize, Serialize};

/// Where the host's programs are looked for.
pub const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The work tree's path in a room of namespaces.
pub const WORK_IN_ROOM: &str = "/muslchain";

/// The path of the tools' folder in a room of namespaces.
const TOOLS_IN_ROOM: &str = "/muslchain-tools";

/// The path of the folder beside the work tree that a stage may write to, in a room of namespaces.
const WRITABLE_IN_ROOM: &str = "/muslchain-launcher";

/// What a room with the network shows of the host for it: names of hosts and how they are looked up.
const NETWORK: &[&str] = &["/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf"];

/// The exit code of a room that could not be set up: none that shells use.
pub const NO_ROOM: i32 = 213;

/// What a room shows of the host beside the work tree. Folders of package managers that keep
/// programs elsewhere are among them; those that a host lacks are passed over.
const SYSTEM: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/gnu/store",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/passwd",
    "/etc/group",
];

const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom", "tty"];

/// The folders that have to be shown for `program` to be of use: none if it is in one that every room shows, else its own
/// and, where that is a `bin`, what packages put beside it.
pub fn shown_for(program: &Path) -> io::Result<Vec<PathBuf>> {
    let real = fs_err::canonicalize(program)?;
    if SYSTEM.iter().any(|system| real.starts_with(system)) {
        return Ok(Vec::new());
    }
    let folder = real.parent().unwrap_or(Path::new("/"));
    if folder == Path::new("/") {
        return Err(io::Error::other(format!("{}: a build would have to see the whole machine", real.display())));
    }
    let beside: &[&str] = if folder.ends_with("bin") { &["lib", "lib64", "libexec", "include"] } else { &[] };
    let beside = beside.iter().map(|name| folder.with_file_name(name)).filter(|path| path.is_dir());
    Ok(std::iter::once(folder.to_owned()).chain(beside).collect())
}

/// How far a stage is kept from the rest of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// Not at all.
    None,
    /// Landlock: files by rule, TCP closed.
    Landlock,
    /// Namespaces: a root folder of its own, no network, own processes.
    Namespaces,
}

impl Isolation {
    /// The level's name in messages, manifests and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Landlock => "landlock",
            Self::Namespaces => "namespaces",
        }
    }

    /// Where a work tree at `work` is seen by the stages of this level.
    pub fn work_in_room(self, work: &Path) -> PathBuf {
        match self {
            Self::Namespaces => WORK_IN_ROOM.into(),
            Self::Landlock | Self::None => work.to_owned(),
        }
    }

    /// Where a folder that they may write to is seen by the stages of this level.
    pub fn writable_in_room(self, writable: &Path) -> PathBuf {
        match self {
            Self::Namespaces => WRITABLE_IN_ROOM.into(),
            Self::Landlock | Self::None => writable.to_owned(),
        }
    }

    /// Where a folder of tools at `tools` is seen by the stages of this level.
    pub fn tools_in_room(self, tools: &Path) -> PathBuf {
        match self {
            Self::Namespaces => TOOLS_IN_ROOM.into(),
            Self::Landlock | Self::None => tools.to_owned(),
        }
    }
}

/// A room and the script that runs in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Room {
    /// The level.
    pub isolation: Isolation,
    /// The work tree on the host.
    pub work: PathBuf,
    /// Folders on the host with programs that are not in the system's, shown read-only where they are.
    pub shown: Vec<PathBuf>,
    /// A folder on the host that is shown read-only: the programs that the script may call by name.
    pub tools: PathBuf,
    /// Folders that the script may only read: where each is on the host, and where it is seen, relative to the work tree.
    pub read_only: Vec<(PathBuf, PathBuf)>,
    /// A folder on the host that the script may write to, beside its work tree.
    pub writable: Option<PathBuf>,
    /// Whether it has the network.
    pub network: bool,
    /// The script's folder, relative to the work tree.
    pub folder: PathBuf,
    /// The script, relative to the work tree.
    pub script: PathBuf,
    /// All variables that the script sees.
    pub environment: BTreeMap<String, String>,
}

impl Room {
    /// Runs the script by calling `program` (this very program) with `arguments`, which have to
    /// lead to [`enter`]. Output goes to `output`.
    pub fn run(
        &self,
        program: &Path,
        arguments: &[&str],
        output: impl FnOnce() -> io::Result<(Stdio, Stdio)>,
    ) -> io::Result<ExitStatus> {
        let (stdout, stderr) = output()?;
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()?;
        let mut stdin = child.stdin.take().ok_or_else(|| io::Error::other("no pipe to the room"))?;
        // One that died before it read all of it is told by its exit status.
        let _ = stdin.write_all(&serde_json::to_vec(self)?);
        let status = child.wait();
        // Open until here: by its end a room knows that its owner is gone.
        drop(stdin);
        status
    }
}

/// A script's exit code; 128 and the signal's number where a signal ended it, as shells say it.
pub fn exit_code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(NO_ROOM)
}

/// Whether this machine can set up rooms of this level: one is set up in the folder `work` to find out.
pub fn is_possible(isolation: Isolation, program: &Path, arguments: &[&str], work: &Path) -> io::Result<bool> {
    fs_err::write(work.join("probe.sh"), "exit 0\n")?;
    let room = Room {
        isolation,
        work: work.to_owned(),
        shown: Vec::new(),
        tools: work.to_owned(),
        read_only: Vec::new(),
        writable: None,
        network: false,
        folder: PathBuf::new(),
        script: "probe.sh".into(),
        environment: BTreeMap::from([("PATH".to_owned(), SEARCH_PATH.to_owned())]),
    };
    let status = room.run(program, arguments, || Ok((Stdio::null(), Stdio::null())))?;
    Ok(status.success())
}

/// Sets the room up and becomes its script. Returns only if that failed.
///
/// `inner` is false in the process that was started first; it starts itself again as the first
/// process of a new PID namespace and hands the exit status on.
pub fn enter(room: &Room, inner: bool, program: &Path, inner_arguments: &[&str]) -> io::Result<i32> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have died before it could be told to send the signal.
    if owner_is_gone()? {
        return Ok(NO_ROOM);
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    match (room.isolation, inner) {
        (Isolation::Namespaces, false) => {
            unshare_namespaces(room.network)?;
            keep_right_to_mount()?;
            let status = room.run(program, inner_arguments, || Ok((Stdio::inherit(), Stdio::inherit())))?;
            return Ok(exit_code(status));
        }
        (Isolation::Namespaces, true) => {
            build_root(room)?;
            drop_rights()?;
        }
        (Isolation::Landlock, _) => restrict_with_landlock(room)?,
        (Isolation::None, _) => {}
    }
    let work = room.isolation.work_in_room(&room.work);
    let error = Command::new("/bin/sh")
        .arg("-eu")
        .arg(work.join(&room.script))
        .current_dir(work.join(&room.folder))
        .env_clear()
        .envs(&room.environment)
        .stdin(Stdio::null())
        .exec();
    Err(error)
}

/// Whether the process that asked for the room is gone. While it lives it holds the other end of standard input, on
/// which nothing comes after the room.
fn owner_is_gone() -> io::Result<bool> {
    let stdin = io::stdin();
    rustix::fs::fcntl_setfl(&stdin, rustix::fs::OFlags::NONBLOCK)?;
    match rustix::io::read(&stdin, &mut [0; 1]) {
        Err(rustix::io::Errno::AGAIN) => Ok(false),
        Ok(_) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

fn unshare_namespaces(network: bool) -> io::Result<()> {
    let user = rustix::process::getuid().as_raw();
    let group = rustix::process::getgid().as_raw();
    let mut others = UnshareFlags::NEWNS | UnshareFlags::NEWPID | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS;
    others.set(UnshareFlags::NEWNET, !network);
    match unshare(others | UnshareFlags::NEWUSER) {
        Ok(()) => {
            fs_err::write("/proc/self/setgroups", "deny")?;
            fs_err::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
            fs_err::write("/proc/self/gid_map", format!("{group} {group} 1"))?;
        }
        // A container may forbid user namespaces to a root that needs none.
        Err(_) if user == 0 => unshare(others)?,
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Lets the program that is executed next mount: of an ordinary user's rights in a new user namespace, only those in
/// the ambient set outlast it.
fn keep_right_to_mount() -> io::Result<()> {
    use rustix::thread::{CapabilitySet, capabilities, configure_capability_in_ambient_set, set_capabilities};
    let mut rights = capabilities(None)?;
    rights.inheritable |= CapabilitySet::SYS_ADMIN;
    set_capabilities(None, rights)?;
    Ok(configure_capability_in_ambient_set(CapabilitySet::SYS_ADMIN, true)?)
}

/// Takes all rights beyond an ordinary user's from the stage, so that it cannot mount again what is read-only.
fn drop_rights() -> io::Result<()> {
    use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs};
    let none = CapabilitySet::empty();
    // Without this, root would have them back at the next program.
    set_no_new_privs(true)?;
    Ok(set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?)
}

#[allow(unsafe_code)]
fn unshare(flags: UnshareFlags) -> io::Result<()> {
    // SAFETY: unsafe for CLONE_FILES only, which would take descriptors from under other threads;
    // it is not among the flags, and this process has one thread.
    Ok(unsafe { rustix::thread::unshare_unsafe(flags) }?)
}

/// Makes a root folder that shows what a stage may see, and moves into it.
fn build_root(room: &Room) -> io::Result<()> {
    use rustix::mount::{mount, mount_change, unmount};
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;

    // Any folder will do to mount on; the work tree's own is there and is ours.
    let root = room.work.as_path();
    let opened = |path: &Path| rustix::fs::open(path, rustix::fs::OFlags::PATH, rustix::fs::Mode::empty());
    let path_of = |fd: &OwnedFd| PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()));
    let (opened_work, opened_tools) = (opened(root)?, opened(&room.tools)?);
    let (work_tree, tools) = (path_of(&opened_work), path_of(&opened_tools));
    let plain = MountFlags::NOSUID | MountFlags::NODEV;
    // The host's folders are bound before the new root hides the work tree's path.
    mount("tmpfs", root, "tmpfs", plain, Some(c"mode=755"))?;
    let inside = |path: &str| root.join(path.trim_start_matches('/'));

    for path in SYSTEM {
        show_system_path(Path::new(path), &inside(path))?;
    }
    for path in if room.network { NETWORK } else { &[] } {
        // Symlinks may lead to where nothing is shown.
        if let Ok(real) = fs_err::canonicalize(path) {
            fs_err::create_dir_all(inside("/etc"))?;
            fs_err::write(inside(path), "")?;
            bind_read_only(&real, &inside(path))?;
        }
    }
    fs_err::create_dir_all(inside("/dev/shm"))?;
    for device in DEVICES {
        let (host, here) = (format!("/dev/{device}"), inside("/dev").join(device));
        if Path::new(&host).exists() {
            fs_err::write(&here, "")?;
            rustix::mount::mount_bind(&host, &here)?;
        }
    }
    for (name, target) in [("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")] {
        symlink(target, inside("/dev").join(name))?;
    }
    fs_err::create_dir_all(inside("/proc"))?;
    // A container that masks parts of /proc does not let a new one be mounted: show what there is.
    if mount("proc", inside("/proc"), "proc", plain | MountFlags::NOEXEC, None).is_err() {
        rustix::mount::mount_bind_recursive("/proc", inside("/proc"))?;
    }

    fs_err::create_dir_all(inside(TOOLS_IN_ROOM))?;
    bind_read_only(&tools, &inside(TOOLS_IN_ROOM))?;
    if let Some(writable) = &room.writable {
        fs_err::create_dir_all(inside(WRITABLE_IN_ROOM))?;
        rustix::mount::mount_bind(writable, inside(WRITABLE_IN_ROOM))?;
    }
    let work = inside(WORK_IN_ROOM);
    fs_err::create_dir_all(&work)?;
    rustix::mount::mount_bind(&work_tree, &work)?;
    for (from, at) in &room.read_only {
        // One of the work tree itself is not seen at its place on the host any more.
        let from = from.strip_prefix(root).map_or(from.clone(), |inside| work.join(inside));
        bind_read_only(&from, &work.join(at))?;
    }
    fs_err::create_dir_all(work.join("tmp"))?;
    fs_err::create_dir_all(inside("/tmp"))?;
    rustix::mount::mount_bind(work.join("tmp"), inside("/tmp"))?;
    // After it: they may be below the host's own /tmp.
    for path in &room.shown {
        show_system_path(path, &root.join(path.strip_prefix("/").unwrap_or(path)))?;
    }

    std::env::set_current_dir(root)?;
    rustix::process::pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    std::env::set_current_dir("/")?;
    mount_read_only("/")
}

/// Shows a file or folder of the host at `here`, read-only; a symlink is copied, for hosts where
/// /bin is one.
fn show_system_path(host: &Path, here: &Path) -> io::Result<()> {
    let Ok(kind) = fs_err::symlink_metadata(host).map(|metadata| metadata.file_type()) else {
        return Ok(());
    };
    if let Some(parent) = here.parent() {
        fs_err::create_dir_all(parent)?;
    }
    if kind.is_symlink() {
        return symlink(fs_err::read_link(host)?, here);
    }
    if kind.is_dir() {
        fs_err::create_dir_all(here)?;
    } else {
        fs_err::write(here, "")?;
    }
    bind_read_only(host, here)
}

fn bind_read_only(from: &Path, to: &Path) -> io::Result<()> {
    rustix::mount::mount_bind_recursive(from, to)?;
    mount_read_only(to)
}

/// Remounts read-only. A mount that came from outside a user namespace keeps its own restrictions,
/// and the kernel refuses a remount that would drop one of them: they are said again.
fn mount_read_only(path: impl AsRef<Path>) -> io::Result<()> {
    use rustix::fs::StatVfsMountFlags as Present;
    let present = rustix::fs::statvfs(path.as_ref())?.f_flag;
    let kept = [
        (Present::NOSUID, MountFlags::NOSUID),
        (Present::NODEV, MountFlags::NODEV),
        (Present::NOEXEC, MountFlags::NOEXEC),
        (Present::NOATIME, MountFlags::NOATIME),
        (Present::NODIRATIME, MountFlags::NODIRATIME),
        (Present::RELATIME, MountFlags::RELATIME),
    ];
    let flags = kept
        .into_iter()
        .filter(|(bit, _)| present.contains(*bit))
        .fold(MountFlags::BIND | MountFlags::RDONLY, |flags, (_, flag)| flags | flag);
    Ok(rustix::mount::mount_remount(path.as_ref(), flags, c"")?)
}

fn restrict_with_landlock(room: &Room) -> io::Result<()> {
    use landlock::{
        ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
        RulesetCreatedAttr,
    };
    let failed = |error: landlock::RulesetError| io::Error::other(error);
    let read = AccessFs::from_read(ABI::V4);
    let all = AccessFs::from_all(ABI::V4);
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))
        .map_err(failed)?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)
        .map_err(failed)?;
    if !room.network {
        ruleset = ruleset.handle_access(AccessNet::from_all(ABI::V4)).map_err(failed)?;
    }
    let mut created = ruleset.create().map_err(failed)?;
    let mut allow = |path: &Path, access: BitFlags<AccessFs>| -> io::Result<()> {
        if let Ok(folder) = PathFd::new(path) {
            let access = if path.is_dir() { access } else { access & AccessFs::from_file(ABI::V4) };
            (&mut created).add_rule(PathBeneath::new(folder, access)).map_err(failed)?;
        }
        Ok(())
    };
    for path in SYSTEM.iter().copied().chain(["/proc"]).map(Path::new).chain([room.tools.as_path()]) {
        allow(path, read)?;
    }
    for path in &room.shown {
        allow(path, read)?;
    }
    for device in DEVICES {
        allow(&Path::new("/dev").join(device), read | AccessFs::WriteFile)?;
    }
    for path in [Some(&room.work), room.writable.as_ref()].into_iter().flatten() {
        allow(path, all)?;
    }
    for path in if room.network { NETWORK } else { &[] } {
        allow(Path::new(path), read)?;
    }
    created.restrict_self().map_err(failed)?;
    Ok(())
}

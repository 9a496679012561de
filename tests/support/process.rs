//! Runs of the program: whole ones, and ones that are watched and killed.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long anything is waited for before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A run that ended.
#[derive(Debug)]
pub struct Ran {
    /// The exit code; -1 after a signal.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

impl Ran {
    /// Runs a command to its end.
    pub fn of(command: Command) -> Self {
        let output = assert_cmd::Command::from_std(command).timeout(PATIENCE).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Asserts success.
    #[track_caller]
    pub fn succeeds(self) -> Self {
        assert_eq!(self.code, 0, "{self:#?}");
        self
    }

    /// Asserts that it failed for the user to mend, that stderr has each of `parts`, and that stdout is empty.
    #[track_caller]
    pub fn refuses(self, parts: &[&str]) -> Self {
        assert_eq!(self.stdout, "", "{self:#?}");
        self.finds(parts)
    }

    /// Asserts that it found what must not be, which stdout may tell, and that stderr has each of `parts`.
    #[track_caller]
    pub fn finds(self, parts: &[&str]) -> Self {
        assert_eq!(self.code, 1, "{self:#?}");
        self.says(parts)
    }

    /// Asserts that stderr has each of `parts`.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.stderr.contains(part), "`{part}` is missing:\n{}", self.stderr);
        }
        self
    }

    /// Stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The stages that were run, in order.
    pub fn stages(&self) -> Vec<&str> {
        stages(self.stderr.lines())
    }

    /// The stages that had been finished before, in order.
    pub fn reused(&self) -> Vec<&str> {
        let name = |line| str::strip_suffix(line, " was finished before")?.split(' ').next_back();
        self.stderr.lines().filter_map(name).collect()
    }
}

/// The stages whose start these lines tell, in order.
pub fn stages<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    lines.filter(|line| line.contains(": stage ")).filter_map(|line| line.split(' ').next_back()).collect()
}

/// A run that goes on.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    /// The lines of stderr that were read so far.
    pub read: Vec<String>,
}

impl Running {
    /// Starts a command.
    pub fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, lines, read: Vec::new() }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of stderr with `part` in it.
    #[track_caller]
    pub fn wait_for(&mut self, part: &str) {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    let found = line.contains(part);
                    self.read.push(line);
                    if found {
                        return;
                    }
                }
                Err(why) => panic!("no line with `{part}` ({why}):\n{}", self.read.join("\n")),
            }
        }
    }

    /// Kills it as nothing can be caught.
    pub fn kill(&mut self) {
        kill_process(Pid::from_child(&self.child), Signal::KILL).unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end. Stdout was not kept.
    #[track_caller]
    pub fn end(mut self) -> Ran {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => self.read.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(why) => panic!("it does not end ({why}):\n{}", self.read.join("\n")),
            }
        }
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        Ran { code, stdout: String::new(), stderr: self.read.join("\n") }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only a test that failed leaves it running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that a test started, which ends with it.
pub struct Served(Child);

impl Served {
    /// Starts one that listens on `address` in the end. `package` is what ci/setup installs it with.
    #[track_caller]
    pub fn on(address: &str, package: &str, command: &mut Command) -> Self {
        let served = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let served = Self(served.unwrap_or_else(|error| panic!("{error}: it is in the package {package}")));
        until(&format!("{package} listens"), || std::net::TcpStream::connect(address).is_ok());
        served
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An address that nobody listens on.
pub fn free_port(host: &str) -> String {
    let listener = std::net::TcpListener::bind((host, 0)).unwrap();
    format!("{host}:{}", listener.local_addr().unwrap().port())
}

/// Waits until `condition` holds.
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A number of seconds to sleep that no other process has among its arguments.
pub fn unmistakable() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("98765.{}{:03}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Whether a process has `argument` among its arguments.
pub fn is_running(argument: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes
        .filter_map(|process| std::fs::read(process.path().join("cmdline")).ok())
        .any(|command| command.split(|byte| *byte == 0).any(|word| word == argument.as_bytes()))
}

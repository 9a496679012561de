//! How many compilations run at once, in all stages of all toolchains together: GNU make's jobserver
//! (<https://www.gnu.org/software/make/manual/html_node/POSIX-Jobserver.html>), a pipe with one byte for each job.
//!
//! A stage takes one for itself as long as it runs, as make counts itself; what it has make do beside that takes the
//! others, so that the configure run of one toolchain leaves its jobs to another's compilations. A killed make
//! keeps what it had: whoever kills a stage ends the run.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, retry_on_intr};

const BYTE: &[u8] = b"+";

/// The pipe. Programs that are started inherit both its ends.
#[derive(Debug)]
pub struct JobServer {
    take: OwnedFd,
    give: OwnedFd,
}

/// One job; given back when dropped.
#[derive(Debug)]
pub struct Job<'a> {
    server: &'a JobServer,
}

impl JobServer {
    /// One with this many jobs to give away.
    pub fn new(jobs: usize) -> io::Result<Self> {
        let (take, give) = rustix::pipe::pipe()?;
        for _ in 0..jobs {
            rustix::io::write(&give, BYTE)?;
        }
        Ok(Self { take, give })
    }

    /// What makes GNU make a client: the content of MAKEFLAGS.
    pub fn make_flags(&self) -> String {
        // The second name is that of versions before 4.2.
        let [take, give] = [&self.take, &self.give].map(AsRawFd::as_raw_fd);
        format!("-j --jobserver-auth={take},{give} --jobserver-fds={take},{give}")
    }

    /// Takes a job, when there is one.
    pub fn job(&self) -> io::Result<Job<'_>> {
        loop {
            match rustix::io::read(&self.take, &mut [0; 1]) {
                Ok(1) => return Ok(Job { server: self }),
                Ok(_) => return Err(io::Error::other("the pipe of jobs is closed")),
                Err(Errno::INTR) => {}
                // A client may have set the pipe's common state so that reading does not wait.
                Err(Errno::AGAIN) => {
                    retry_on_intr(|| poll(&mut [PollFd::new(&self.take, PollFlags::IN)], None))?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Drop for Job<'_> {
    fn drop(&mut self) {
        // There is room for as many as were taken.
        let _ = rustix::io::write(&self.server.give, BYTE);
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn make_takes_no_more_jobs_than_are_left() {
        let server = JobServer::new(3).unwrap();
        let _other = server.job().unwrap();
        let _own = server.job().unwrap();
        let folder = tempfile::tempdir().unwrap();
        // The first two goals wait for each other, so that two must run at once; each counts who runs.
        let makefile = "all: a b c d e\n.PHONY: all a b c d e\na b c d e:\n\
                        \t@touch run-$@ seen-$@; \\\n\
                        \tcase $@ in a) other=b ;; b) other=a ;; *) other=$@ ;; esac; \\\n\
                        \twhile [ ! -e seen-$$other ]; do sleep 0.01; done; \\\n\
                        \tls run-* | wc -l >> counts; rm run-$@\n";
        fs_err::write(folder.path().join("Makefile"), makefile).unwrap();
        let status = Command::new("make").current_dir(folder.path()).env("MAKEFLAGS", server.make_flags()).status();
        assert!(status.unwrap().success());
        let counts = fs_err::read_to_string(folder.path().join("counts")).unwrap();
        let most = counts.lines().map(|line| line.trim().parse::<u32>().unwrap()).max();
        // One that make has itself, and the one that is left.
        assert!(most <= Some(2), "{counts}");
        // Given back, also where make changed the pipe's state.
        drop(server.job().unwrap());
        drop(server.job().unwrap());
    }
}

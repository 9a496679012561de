//! A registry of containers: the real server, with its authentication on.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::process::{Served, free_port};

/// The line that `htpasswd -nbB me secret` prints.
const USERS: &str = "me:$2y$05$TBcVW8nvTpGSG3kor3HQQeq5uET15EyKbfT60chw40d.NDdaS6DOi\n";

/// `me:secret`, as docker keeps it.
const LOGIN: &str = "bWU6c2VjcmV0";

/// Runs until it is dropped.
pub struct Registry {
    _process: Served,
    /// As `oci:` has it.
    host: String,
    folder: PathBuf,
}

impl Registry {
    /// On this address of the machine; with a certificate and its key where they are said.
    pub fn on(address: &str, folder: &Path, tls: Option<(&str, &str)>) -> Self {
        let host = free_port(address);
        let folder = folder.join("registry");
        std::fs::create_dir(&folder).unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let tls = tls.map_or(String::new(), |(certificate, key)| {
            format!(", tls: {{ certificate: '{}', key: '{}' }}", file("cert.pem", certificate), file("key.pem", key))
        });
        let config = format!(
            "version: 0.1\nstorage: {{ filesystem: {{ rootdirectory: '{}' }}, delete: {{ enabled: true }} }}\n\
             http: {{ addr: '{host}'{tls} }}\nauth: {{ htpasswd: {{ realm: test, path: '{}' }} }}\n",
            folder.display(),
            file("users", USERS)
        );
        let config = file("config.yml", &config);
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let mut command = Command::new("docker-registry");
        let command = command.args(["serve", &config]).stderr(log);
        let process = Served::on(&host, "docker-registry", command);
        Self { _process: process, host, folder }
    }

    /// A repository of it.
    pub fn remote(&self) -> String {
        format!("oci://{}/team/toolchains", self.host)
    }

    /// Logs a user in, as `docker login` does.
    pub fn log_in(&self, home: &Path) {
        let folder = home.join(".docker");
        std::fs::create_dir_all(&folder).unwrap();
        let text = format!("{{ \"auths\": {{ \"{}\": {{ \"auth\": \"{LOGIN}\" }} }} }}", self.host);
        std::fs::write(folder.join("config.json"), text).unwrap();
    }

    /// The files of a blob.
    pub fn blob(&self, digest: &str) -> PathBuf {
        self.folder.join("docker/registry/v2/blobs/sha256").join(&digest[..2]).join(digest).join("data")
    }
}

//! What `docker login` and its kin keep of registries' credentials
//! (<https://docs.docker.com/reference/cli/docker/login/#credential-stores>).

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;

use super::Credentials;

/// The file's name in its folder, `$DOCKER_CONFIG` or `~/.docker`.
pub const CONFIG_FILE: &str = "config.json";

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: BTreeMap<String, Entry>,
    creds_store: Option<String>,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    identitytoken: Option<String>,
}

/// What a helper says.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Helped {
    username: String,
    secret: String,
}

/// The credentials for `registry`, a host with its port, by the file of that text. An error is one line.
pub fn credentials(text: &str, registry: &str) -> Result<Option<Credentials>, String> {
    let config: Config = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if let Some(helper) = config.cred_helpers.get(registry) {
        return ask(helper, registry);
    }
    let entry = config.auths.iter().find(|(name, _)| host_of(name) == registry).map(|(_, entry)| entry);
    let Some(entry) = entry else { return Ok(None) };
    if let Some(token) = entry.identitytoken.clone().filter(|token| !token.is_empty()) {
        return Ok(Some(Credentials::Bearer(token)));
    }
    match (entry.auth.as_deref().filter(|auth| !auth.is_empty()), &config.creds_store) {
        (Some(auth), _) => {
            let wrong = || format!("what it has for {registry} is not in its form");
            let decoded = BASE64.decode(auth).map_err(|_| wrong())?;
            let decoded = String::from_utf8(decoded).map_err(|_| wrong())?;
            let (user, password) = decoded.split_once(':').ok_or_else(wrong)?;
            Ok(Some(Credentials::Basic { user: user.to_owned(), password: password.to_owned() }))
        }
        (None, Some(store)) => ask(store, registry),
        (None, None) => Ok(None),
    }
}

/// Asks the program that keeps them.
fn ask(helper: &str, registry: &str) -> Result<Option<Credentials>, String> {
    let program = format!("docker-credential-{helper}");
    let failed = |error: std::io::Error| format!("{program}: {error}");
    let mut command = Command::new(&program);
    let mut child = command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(registry.as_bytes()).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    if !output.status.success() {
        // That is how it says that it has none.
        return Ok(None);
    }
    let helped: Helped = serde_json::from_slice(&output.stdout).map_err(|error| format!("{program}: {error}"))?;
    Ok(Some(match helped.username.as_str() {
        "<token>" => Credentials::Bearer(helped.secret),
        _ => Credentials::Basic { user: helped.username, password: helped.secret },
    }))
}

/// Some entries are whole addresses.
fn host_of(name: &str) -> &str {
    let name = name.split_once("://").map_or(name, |(_, rest)| rest);
    name.split('/').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_by_host() {
        let text = r#"{ "auths": {
            "https://registry.example/v1/": { "auth": "bWU6czpjcmV0" },
            "localhost:5000": { "auth": "", "identitytoken": "token" },
            "empty.example": {},
            "wrong.example": { "auth": "!" }
        }, "other": 1 }"#;
        let basic = Credentials::Basic { user: "me".to_owned(), password: "s:cret".to_owned() };
        assert_eq!(credentials(text, "registry.example"), Ok(Some(basic)));
        assert_eq!(credentials(text, "localhost:5000"), Ok(Some(Credentials::Bearer("token".to_owned()))));
        for none in ["empty.example", "localhost", "elsewhere.example"] {
            assert_eq!(credentials(text, none), Ok(None), "{none}");
        }
        assert!(credentials(text, "wrong.example").is_err() && credentials("", "x").is_err());
    }
}

//! Remotes as flags, variables and files name them, and as they are asked.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use clap::Args;

use super::context::{Context, variable};
use super::settings::{Settings, switch};
use crate::config::{RemoteConfig, TrustWord};
use crate::event::{Event, Observer};
use crate::remote::{self, Access, Credentials, Remote, docker, shown};

/// The longest time that a remote may be given, in seconds: a day.
const LONGEST: u64 = 24 * 60 * 60;

/// Where toolchains are that need not be built.
#[derive(Args, Default, Clone)]
pub struct RemoteFlags {
    /// A place that keeps toolchains, asked before those of the settings; may be given more than once
    /// [env: MUSLCHAIN_REMOTE]
    #[arg(long = "remote", value_name = "URL|DIR")]
    remotes: Vec<String>,
    /// Ask no remote [env: MUSLCHAIN_NO_REMOTE]
    #[arg(long, conflicts_with = "remotes")]
    no_remote: bool,
}

impl RemoteFlags {
    /// Whether no remote is to be asked.
    pub fn are_none(&self, context: &Context) -> Result<bool> {
        Ok(self.no_remote || (self.remotes.is_empty() && switch(context, variable::NO_REMOTE)?.unwrap_or(false)))
    }

    /// Those that are named.
    pub fn configs(&self, context: &Context) -> Result<Vec<RemoteConfig>> {
        named(context, self.remotes.iter().map(String::as_str).collect())
    }

    /// Whether any is named.
    pub fn names_some(&self) -> bool {
        !self.remotes.is_empty()
    }
}

/// Those that flags or a variable name, with the token that another variable holds.
pub fn named(context: &Context, urls: Vec<&str>) -> Result<Vec<RemoteConfig>> {
    let token_variable = context.variable(variable::REMOTE_TOKEN).map(|_| variable::REMOTE_TOKEN.to_owned());
    let over_a_network = urls.iter().filter(|url| url.contains("://") && !url.starts_with("file:")).count();
    if token_variable.is_some() && over_a_network > 1 {
        bail!("{} is for one remote, and several are named: config.toml has room for more", variable::REMOTE_TOKEN);
    }
    let config = |url: &str| RemoteConfig {
        token_variable: token_variable.clone(),
        named: true,
        ..RemoteConfig::at(url.to_owned())
    };
    Ok(urls.into_iter().map(config).collect())
}

/// Those of the settings; offline, folders only. One whose credentials cannot be had is told of, and not asked.
pub fn open(context: &Context, settings: &Settings, observer: &dyn Observer) -> Result<Vec<Remote>> {
    let is_aws = |(name, value): (&String, &OsString)| {
        name.starts_with("AWS_").then(|| Some((name.clone(), value.to_str()?.to_owned()))).flatten()
    };
    let aws: BTreeMap<String, String> = context.variables.iter().filter_map(is_aws).collect();
    let mut remotes = Vec::new();
    for config in &settings.remotes {
        let limit = config.time_limit.unwrap_or(remote::TIME_LIMIT.as_secs());
        if limit == 0 || limit > LONGEST {
            bail!("{}: a time limit of {limit} seconds; it may be from 1 to {LONGEST}", shown(&config.url));
        }
        let is_folder = !config.url.contains("://") || config.url.starts_with("file:");
        if config.trust == Some(TrustWord::None) && !is_folder {
            bail!(
                "{}: trust = \"none\" is for folders: what comes over a network has to be signed",
                shown(&config.url)
            );
        }
        if settings.fetch.offline && !is_folder {
            continue;
        }
        let credentials = match credentials(context, config) {
            Ok(credentials) => credentials,
            Err(error) => {
                let why = format!("{}: {error:#}", shown(&config.url));
                observer.event(Event::Refused { file: &config.url, why: &why });
                continue;
            }
        };
        let limit = Duration::from_secs(limit);
        let mut remote = Remote::at(&config.url, &context.folder, credentials, limit, &aws)?;
        remote.access = config.access.unwrap_or(Access::Read);
        remote.trusts_anybody = config.trust == Some(TrustWord::None);
        remote.named = config.named;
        remotes.push(remote);
    }
    Ok(remotes)
}

/// Those of them that are written to: those that were named for this run, or else those of which the settings say so.
pub fn writable(remotes: &[Remote]) -> Vec<&Remote> {
    let any_named = remotes.iter().any(|remote| remote.named);
    let is_writable = |remote: &&Remote| if any_named { remote.named } else { remote.access == Access::ReadWrite };
    remotes.iter().filter(is_writable).collect()
}

fn credentials(context: &Context, config: &RemoteConfig) -> Result<Option<Credentials>> {
    let secret = |name: &Option<String>| -> Result<Option<String>> {
        let Some(name) = name else { return Ok(None) };
        match context.variable(name) {
            Some(value) => Ok(Some(value.to_owned())),
            None => bail!("the variable {name}, which holds its secret, is not set"),
        }
    };
    Ok(match (secret(&config.token_variable)?, &config.user) {
        (Some(token), _) => Some(Credentials::Bearer(token)),
        (None, Some(user)) => {
            let password = secret(&config.password_variable)?.unwrap_or_default();
            Some(Credentials::Basic { user: user.clone(), password })
        }
        (None, None) => docker_credentials(context, &config.url)?,
    })
}

/// What `docker login` keeps for a registry.
fn docker_credentials(context: &Context, address: &str) -> Result<Option<Credentials>> {
    let Some(registry) = address.strip_prefix("oci://").and_then(|rest| rest.split('/').next()) else {
        return Ok(None);
    };
    let folder = match (context.variable("DOCKER_CONFIG"), context.variable("HOME")) {
        (Some(folder), _) => context.folder.join(folder),
        (None, Some(home)) => Path::new(home).join(".docker"),
        (None, None) => return Ok(None),
    };
    let path = folder.join(docker::CONFIG_FILE);
    match fs_err::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        text => docker::credentials(&text?, registry).map_err(|why| anyhow!("{}: {why}", path.display())),
    }
}

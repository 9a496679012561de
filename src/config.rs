//! Settings in files and variables: toolchains.toml of a project, config.toml of a user.
//!
//! Both files have the same keys; a key that is not known is refused with file and line. Of several
//! layers the nearest one that says something wins, for each key of its own: flag, variable, project,
//! user, default.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::launcher;
use crate::remote::Access;
use crate::sandbox::Isolation;

/// The name of a project's file.
pub const PROJECT_FILE: &str = "toolchains.toml";

/// The settings that hold when no layer says otherwise.
const DEFAULT: &str = include_str!("../toolchains.toml");

/// One layer of settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// A recipe's name, or `auto`.
    pub recipe: Option<String>,
    /// Languages that toolchains compile.
    pub languages: Option<Vec<String>>,
    /// Component to version.
    #[serde(default)]
    pub versions: BTreeMap<String, String>,
    /// Whether compilers have muslchain's defaults: static, large thread stacks, no paths of the machine.
    pub defaults: Option<bool>,
    /// How well toolchains' own programs are compiled.
    pub grade: Option<String>,
    /// Whether they are compiled by a toolchain for this machine, built first.
    pub bootstrap: Option<bool>,
    /// Places to look for sources before all others: URLs or folders.
    #[serde(default)]
    pub mirrors: Vec<String>,
    /// Compilations at once.
    pub jobs: Option<usize>,
    /// Whether the network is left alone.
    pub offline: Option<bool>,
    /// Whether work trees stay after a build.
    pub keep_work: Option<bool>,
    /// The clang that recipes call, if not the one that is found.
    pub clang: Option<PathBuf>,
    /// The C compiler of this machine that compilers are compiled with, if not the one that is found; its C++ compiler is beside it.
    pub cc: Option<PathBuf>,
    /// What the host's compilers are called through.
    pub launcher: Option<launcher::Kind>,
    /// The most that is kept for later builds, in gigabytes (10^9 bytes).
    pub keep_gb: Option<u64>,
    /// The level of isolation that builds must have.
    pub isolation: Option<Isolation>,
    /// A folder of recipes in place of the embedded ones.
    pub recipes: Option<PathBuf>,
    /// What is installed when no target is named.
    pub targets: Option<Vec<String>>,
    /// Places that keep toolchains for many machines.
    #[serde(default, rename = "remote")]
    pub remotes: Vec<RemoteConfig>,
}

/// A place that keeps toolchains.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RemoteConfig {
    /// A folder's path, or a URL.
    pub url: String,
    /// What may be done with it; reading if absent.
    pub access: Option<Access>,
    /// Whose signatures count, if not those of the keys that the user trusts.
    pub trust: Option<TrustWord>,
    /// How many seconds one toolchain may take.
    pub time_limit: Option<u64>,
    /// The name to log in with.
    pub user: Option<String>,
    /// The variable that holds the password.
    pub password_variable: Option<String>,
    /// The variable that holds a token.
    pub token_variable: Option<String>,
    /// Whether a flag or a variable named it, for this run.
    #[serde(skip)]
    pub named: bool,
}

/// Whose signatures count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrustWord {
    /// Nobody has to sign: for folders only.
    None,
}

impl RemoteConfig {
    /// One of which nothing is said but where it is.
    pub fn at(url: String) -> Self {
        Self {
            url,
            access: None,
            trust: None,
            time_limit: None,
            user: None,
            password_variable: None,
            token_variable: None,
            named: false,
        }
    }
}

/// Why a file of settings is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It could not be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It is not what it should be.
    #[error("{}: {message}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line, key and what is wrong.
        message: String,
    },
}

impl Config {
    /// The settings that come with the program.
    pub fn default_settings() -> Self {
        toml::from_str(DEFAULT).expect("the repository's toolchains.toml is tested")
    }

    /// The settings in the file at `path`; relative paths in it are taken from its folder.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = fs_err::read_to_string(path)?;
        let mut config: Self = toml::from_str(&text)
            .map_err(|error| ConfigError::Invalid { path: path.to_owned(), message: error.to_string() })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        config.recipes = config.recipes.map(|recipes| folder.join(recipes));
        config.clang = config.clang.map(|clang| folder.join(clang));
        config.cc = config.cc.map(|cc| folder.join(cc));
        let places = config.mirrors.iter_mut().chain(config.remotes.iter_mut().map(|remote| &mut remote.url));
        for place in places.filter(|place| !place.contains("://")) {
            *place = folder.join(&*place).display().to_string();
        }
        Ok(config)
    }

    /// The project's file that is nearest to `folder`: in it or in one above it.
    pub fn find_project(folder: &Path) -> Option<PathBuf> {
        folder.ancestors().map(|folder| folder.join(PROJECT_FILE)).find(|path| path.is_file())
    }

    /// This layer where it says something, and `farther` elsewhere. Mirrors and remotes of both are asked, this
    /// layer's first; versions are taken one by one.
    pub fn over(self, farther: Self) -> Self {
        let mut versions = farther.versions;
        versions.extend(self.versions);
        Self {
            recipe: self.recipe.or(farther.recipe),
            languages: self.languages.or(farther.languages),
            versions,
            defaults: self.defaults.or(farther.defaults),
            grade: self.grade.or(farther.grade),
            bootstrap: self.bootstrap.or(farther.bootstrap),
            mirrors: self.mirrors.into_iter().chain(farther.mirrors).collect(),
            jobs: self.jobs.or(farther.jobs),
            offline: self.offline.or(farther.offline),
            keep_work: self.keep_work.or(farther.keep_work),
            clang: self.clang.or(farther.clang),
            cc: self.cc.or(farther.cc),
            launcher: self.launcher.or(farther.launcher),
            keep_gb: self.keep_gb.or(farther.keep_gb),
            isolation: self.isolation.or(farther.isolation),
            recipes: self.recipes.or(farther.recipes),
            targets: self.targets.or(farther.targets),
            remotes: self.remotes.into_iter().chain(farther.remotes).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_layer_wins_key_by_key() {
        let near: Config = toml::from_str("recipe = 'debian'\nmirrors = ['near']\nversions = { gcc = '1' }").unwrap();
        let far: Config =
            toml::from_str("recipe = 'auto'\njobs = 3\nmirrors = ['far']\nversions = { gcc = '2', musl = '3' }")
                .unwrap();
        let merged = near.over(far);
        assert_eq!(merged.recipe.as_deref(), Some("debian"));
        assert_eq!(merged.jobs, Some(3));
        assert_eq!(merged.mirrors, ["near", "far"]);
        assert_eq!((merged.versions["gcc"].as_str(), merged.versions["musl"].as_str()), ("1", "3"));
    }

    #[test]
    fn an_unknown_key_is_refused_with_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(PROJECT_FILE);
        fs_err::write(&path, "recipe = 'auto'\nlanguage = 'c'\n").unwrap();
        let message = Config::read(&path).unwrap_err().to_string();
        for part in ["toolchains.toml", "line 2", "language"] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }

    #[test]
    fn folders_are_taken_from_the_files_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(PROJECT_FILE);
        let text = "mirrors = ['vendor/x', '/y', 'https://z.example/']\nrecipes = 'r'\n[[remote]]\nurl = 'cache'\n";
        fs_err::write(&path, text).unwrap();
        let config = Config::read(&path).unwrap();
        let below = |name: &str| folder.path().join(name).display().to_string();
        assert_eq!(config.mirrors, [below("vendor/x"), "/y".to_owned(), "https://z.example/".to_owned()]);
        assert_eq!(config.recipes, Some(folder.path().join("r")));
        assert_eq!(config.remotes, [RemoteConfig::at(below("cache"))]);
    }

    #[test]
    fn a_projects_file_is_found_from_below() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        fs_err::create_dir_all(&below).unwrap();
        fs_err::write(folder.path().join(PROJECT_FILE), "").unwrap();
        assert_eq!(Config::find_project(&below), Some(folder.path().join(PROJECT_FILE)));
    }

    #[test]
    fn the_default_settings_are_valid() {
        assert_eq!(Config::default_settings().recipe.as_deref(), Some("auto"));
    }
}

//! Flags, variables, the project's file and the user's file, put together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;

use super::context::{Context, variable};
use super::remotes::{RemoteFlags, named};
use crate::choice::RecipeChoice;
use crate::config::{Config, RemoteConfig};
use crate::fetch::{self, Mirror};
use crate::host::NamedTools;
use crate::launcher::{self, Launcher};
use crate::lockfile::{LOCK_FILE, LockFile};
use crate::plan::{GradeChoice, Request};
use crate::recipe::Recipes;
use crate::remote::shown;
use crate::sandbox::Isolation;

/// The user's file of settings.
const USER_FILE: &str = "config.toml";

/// What `install` and `fetch` share.
#[derive(Args, Default)]
pub struct Flags {
    /// The recipe that builds: musl-cross-make, debian, clang, or auto for the first that is possible here
    /// [env: MUSLCHAIN_RECIPE]
    #[arg(long, value_name = "NAME")]
    recipe: Option<String>,
    /// A component's version, such as gcc=14.2.0 [env: MUSLCHAIN_SET]
    #[arg(long = "set", value_name = "COMPONENT=VERSION")]
    versions: Vec<String>,
    /// What the toolchain compiles, such as c,c++ [env: MUSLCHAIN_LANGUAGES]
    #[arg(long, value_delimiter = ',', value_name = "LIST")]
    languages: Option<Vec<String>>,
    /// Leave the compiler as upstream makes it: not static unless asked, small thread stacks
    /// [env: MUSLCHAIN_DEFAULTS=0]
    #[arg(long)]
    no_defaults: bool,
    /// How well the toolchain's own programs are compiled: fast, built soonest, or release, which compile sooner. If not
    /// said, what is built here is fast, and one of the other grade will do where it need not be built [env: MUSLCHAIN_GRADE]
    #[arg(long, value_name = "GRADE")]
    grade: Option<String>,
    /// Compile them by a toolchain for this machine, which is built first: what comes out does not depend on this
    /// machine's compiler then [env: MUSLCHAIN_BOOTSTRAP]
    #[arg(long)]
    bootstrap: bool,
    /// Keep the work tree of a build that went well [env: MUSLCHAIN_KEEP_WORK]
    #[arg(long)]
    keep_work: bool,
    /// The clang that the recipe of that name calls; the tools that come with it stand beside it [env: MUSLCHAIN_CLANG]
    #[arg(long, value_name = "PATH")]
    clang: Option<PathBuf>,
    /// The C compiler of this machine, gcc or clang, that compilers are compiled with; its C++ compiler stands beside it
    /// [env: MUSLCHAIN_CC]
    #[arg(long, value_name = "PATH")]
    cc: Option<PathBuf>,
    /// Call the host's compilers through ccache or distcc [env: MUSLCHAIN_LAUNCHER]
    #[arg(long, value_name = "PROGRAM")]
    launcher: Option<String>,
    /// The most that stages' results and unpacked sources take afterwards, in gigabytes [env: MUSLCHAIN_KEEP_GB]
    #[arg(long, value_name = "N")]
    keep_gb: Option<u64>,
    #[command(flatten)]
    means: Means,
    /// Which remotes are asked, for the commands that ask any.
    #[arg(skip)]
    pub remotes: RemoteFlags,
}

/// What changes nothing of a toolchain but how it is come by.
#[derive(Args, Default, Clone)]
pub struct Means {
    /// A folder of recipes in place of the embedded ones [env: MUSLCHAIN_RECIPES]
    #[arg(long, value_name = "DIR")]
    recipes: Option<PathBuf>,
    /// Compilations at once; as many as there are processors if not said [env: MUSLCHAIN_JOBS]
    #[arg(short, long, value_name = "N")]
    jobs: Option<usize>,
    /// Leave the network alone [env: MUSLCHAIN_OFFLINE]
    #[arg(long)]
    offline: bool,
    /// A place to look for sources before all others; may be given more than once
    /// [env: MUSLCHAIN_MIRROR]
    #[arg(long = "mirror", value_name = "URL|DIR")]
    mirrors: Vec<String>,
    /// How builds are kept from the rest of the machine: namespaces, landlock or none; the best that
    /// the kernel allows if not said [env: MUSLCHAIN_ISOLATION]
    #[arg(long, value_name = "LEVEL")]
    isolation: Option<String>,
}

/// All settings of a run.
pub struct Settings {
    /// The recipes.
    pub recipes: Recipes,
    /// Which of them builds.
    pub recipe: RecipeChoice,
    /// What of it.
    pub request: Request,
    /// How sources are fetched.
    pub fetch: fetch::Settings,
    /// Compilations at once.
    pub jobs: usize,
    /// Whether work trees stay.
    pub keep_work: bool,
    /// The most that is kept for later builds, in bytes.
    pub kept_cap: u64,
    /// Where the user says that tools of the host are.
    pub named_tools: NamedTools,
    /// What the host's compilers are called through.
    pub launcher: Option<Launcher>,
    /// The level of isolation that was asked for.
    pub isolation: Option<Isolation>,
    /// What is installed when no target is named.
    pub targets: Vec<String>,
    /// Places that keep toolchains, in the order in which they are asked.
    pub remotes: Vec<RemoteConfig>,
    /// Where the project's lock is, or would be.
    pub lock_path: Option<PathBuf>,
    /// The project's lock.
    pub lock: Option<LockFile>,
}

impl Settings {
    /// Puts the layers together, the nearest first.
    pub fn load(context: &Context, flags: Flags) -> anyhow::Result<Self> {
        let no_remote = flags.remotes.are_none(context)?;
        let mut variables = from_variables(context)?;
        if flags.remotes.names_some() {
            variables.remotes.clear();
        }
        let mut config = flags.into_config(context)?.over(variables);
        let mut lock_path = None;
        if let Some(path) = Config::find_project(&context.folder) {
            let project = Config::read(&path)?;
            refuse_what_is_not_a_projects(&project, &path)?;
            config = config.over(project);
            lock_path = Some(path.with_file_name(LOCK_FILE));
        }
        let users = context.config_folder()?.map(|folder| folder.join(USER_FILE));
        if let Some(path) = users.filter(|path| path.is_file()) {
            config = config.over(Config::read(&path)?);
        }
        if no_remote {
            config.remotes.clear();
        }
        let mut settings = Self::from_config(context, config.over(Config::default_settings()))?;
        if let Some(path) = lock_path {
            settings.lock = LockFile::read(&path)?;
            settings.lock_path = Some(path);
        }
        Ok(settings)
    }

    fn from_config(context: &Context, config: Config) -> anyhow::Result<Self> {
        let mut fetch = fetch::Settings::new(super::store(context)?.sources());
        fetch.offline = config.offline.unwrap_or(false);
        for mirror in &config.mirrors {
            fetch.mirrors.push(mirror.parse::<Mirror>()?);
        }
        if config.jobs == Some(0) {
            bail!("jobs is 0: at least one is needed");
        }
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self {
            recipes: config.recipes.map_or_else(Recipes::embedded, Recipes::in_folder),
            recipe: match config.recipe.as_deref() {
                None | Some("auto") => RecipeChoice::Auto,
                Some(name) => RecipeChoice::Named(name.to_owned()),
            },
            request: Request {
                versions: config.versions,
                languages: config.languages.unwrap_or_default(),
                plain: !config.defaults.unwrap_or(true),
                grade: config.grade.map_or(GradeChoice::Soonest, GradeChoice::Named),
                bootstrap: config.bootstrap.unwrap_or(false),
            },
            fetch,
            jobs: config.jobs.unwrap_or(processors),
            keep_work: config.keep_work.unwrap_or(false),
            kept_cap: config.keep_gb.unwrap_or(0).saturating_mul(1_000_000_000),
            named_tools: named_tools(config.clang, config.cc)?,
            launcher: config.launcher.map(|kind| launcher(context, kind)).transpose()?,
            isolation: config.isolation,
            targets: config.targets.unwrap_or_default(),
            remotes: config.remotes,
            lock_path: None,
            lock: None,
        })
    }
}

/// Whoever clones a repository has not asked for these.
fn refuse_what_is_not_a_projects(project: &Config, path: &Path) -> anyhow::Result<()> {
    let refused = |what: &str| {
        bail!("{}: {what}, which is not a project's to say: set it in your own config.toml", path.display())
    };
    if project.isolation == Some(Isolation::None) {
        bail!(
            "{}: isolation = \"none\" is not a project's to say: say `--isolation none`, or set it in your own \
             config.toml",
            path.display()
        );
    }
    let programs =
        [("clang", project.clang.is_some()), ("cc", project.cc.is_some()), ("launcher", project.launcher.is_some())];
    for (key, said) in programs {
        if said {
            return refused(&format!("{key} names a program that is run on this machine"));
        }
    }
    // What they build runs on this machine, outside of any room, and for every other project too.
    if project.recipes.is_some() {
        return refused("recipes names scripts that make the programs which all projects here would be compiled by");
    }
    for remote in &project.remotes {
        let url = shown(&remote.url);
        if remote.trust.is_some() {
            return refused(&format!("the remote {url} has a trust"));
        }
        // Toolchains would be put, and files removed, wherever the project says.
        if remote.access.is_some() {
            return refused(&format!("the remote {url} has an access"));
        }
        // It would send what the variable holds to wherever the project says.
        if remote.user.is_some() || remote.password_variable.is_some() || remote.token_variable.is_some() {
            return refused(&format!("the remote {url} has a user, or a variable with a secret"));
        }
    }
    Ok(())
}

impl From<Means> for Flags {
    fn from(means: Means) -> Self {
        Self { means, ..Self::default() }
    }
}

impl From<RemoteFlags> for Flags {
    fn from(remotes: RemoteFlags) -> Self {
        Self { remotes, ..Self::default() }
    }
}

impl Flags {
    fn into_config(self, context: &Context) -> anyhow::Result<Config> {
        Ok(Config {
            recipe: self.recipe,
            languages: self.languages,
            versions: versions(self.versions.iter().map(String::as_str)).context("--set")?,
            defaults: self.no_defaults.then_some(false),
            grade: self.grade,
            bootstrap: self.bootstrap.then_some(true),
            mirrors: self.means.mirrors,
            jobs: self.means.jobs,
            offline: self.means.offline.then_some(true),
            keep_work: self.keep_work.then_some(true),
            clang: self.clang.map(|clang| context.folder.join(clang)),
            cc: self.cc.map(|cc| context.folder.join(cc)),
            launcher: self.launcher.as_deref().map(launcher_kind).transpose().context("--launcher")?,
            keep_gb: self.keep_gb,
            isolation: self.means.isolation.as_deref().map(isolation).transpose().context("--isolation")?,
            recipes: self.means.recipes.map(|recipes| context.folder.join(recipes)),
            targets: None,
            remotes: self.remotes.configs(context)?,
        })
    }
}

fn from_variables(context: &Context) -> anyhow::Result<Config> {
    let words = |name| context.variable(name).unwrap_or_default().split_whitespace();
    fn number<T: std::str::FromStr>(context: &Context, name: &str) -> anyhow::Result<Option<T>> {
        let parse = |text: &str| text.parse().ok().with_context(|| format!("{name} is `{text}`, which is no number"));
        context.variable(name).map(parse).transpose()
    }
    Ok(Config {
        recipe: context.variable(variable::RECIPE).map(str::to_owned),
        languages: context.variable(variable::LANGUAGES).map(|list| list.split(',').map(str::to_owned).collect()),
        versions: versions(words(variable::SET)).context(variable::SET)?,
        defaults: switch(context, variable::DEFAULTS)?,
        grade: context.variable(variable::GRADE).map(str::to_owned),
        bootstrap: switch(context, variable::BOOTSTRAP)?,
        mirrors: words(variable::MIRROR).map(str::to_owned).collect(),
        jobs: number(context, variable::JOBS)?,
        offline: switch(context, variable::OFFLINE)?,
        keep_work: switch(context, variable::KEEP_WORK)?,
        clang: context.variable(variable::CLANG).map(|clang| context.folder.join(clang)),
        cc: context.variable(variable::CC).map(|cc| context.folder.join(cc)),
        launcher: context.variable(variable::LAUNCHER).map(launcher_kind).transpose().context(variable::LAUNCHER)?,
        keep_gb: number(context, variable::KEEP_GB)?,
        isolation: context.variable(variable::ISOLATION).map(isolation).transpose().context(variable::ISOLATION)?,
        recipes: context.variable(variable::RECIPES).map(|recipes| context.folder.join(recipes)),
        targets: None,
        remotes: named(context, words(variable::REMOTE).collect())?,
    })
}

/// A variable that is on or off.
pub fn switch(context: &Context, name: &str) -> anyhow::Result<Option<bool>> {
    match context.variable(name) {
        None => Ok(None),
        Some("1" | "true" | "yes" | "on") => Ok(Some(true)),
        Some("0" | "false" | "no" | "off") => Ok(Some(false)),
        Some(other) => bail!("{name} is `{other}`: set it to 1 or 0"),
    }
}

/// Where the user says that tools of the host are.
fn named_tools(clang: Option<PathBuf>, cc: Option<PathBuf>) -> anyhow::Result<NamedTools> {
    let mut tools: NamedTools = clang.map(|clang| ("clang".to_owned(), clang)).into_iter().collect();
    if let Some(cc) = cc {
        let name = cc.file_name().unwrap_or_default().to_string_lossy();
        // Behind the name there may be a version, and before it a triple.
        let names = [("clang", "clang++"), ("gcc", "g++"), ("cc", "c++")];
        let of_both = names.into_iter().find_map(|(c, cxx)| Some((name.rfind(c)?, c, cxx)));
        let Some((place, c, cxx)) = of_both else {
            bail!("{}: which C++ compiler goes with it is not known; name a gcc or clang", cc.display());
        };
        let beside = cc.with_file_name(format!("{}{cxx}{}", &name[..place], &name[place + c.len()..]));
        tools.extend([("gcc".to_owned(), cc.clone()), ("g++".to_owned(), beside)]);
    }
    Ok(tools)
}

fn launcher_kind(text: &str) -> anyhow::Result<launcher::Kind> {
    match launcher::Kind::ALL.into_iter().find(|kind| kind.name() == text) {
        Some(kind) => Ok(kind),
        None => bail!("`{text}` is no launcher: it is ccache or distcc"),
    }
}

/// With its own folder where it would be without muslchain, and the user's variables for it.
fn launcher(context: &Context, kind: launcher::Kind) -> anyhow::Result<Launcher> {
    let own = format!("{}_", kind.name().to_uppercase());
    let of_it = |(name, _): &(&String, _)| name.starts_with(&own) && *name != kind.folder_variable();
    let text = |(name, value): (&String, &std::ffi::OsString)| Some((name.clone(), value.to_str()?.to_owned()));
    let variables = context.variables.iter().filter(of_it).filter_map(text).collect();
    let folder = match context.variable(kind.folder_variable()) {
        Some(folder) => context.folder.join(folder),
        None => context.launcher_folder(kind)?,
    };
    Ok(Launcher { kind, folder, variables })
}

fn isolation(text: &str) -> anyhow::Result<Isolation> {
    let levels = [Isolation::Namespaces, Isolation::Landlock, Isolation::None];
    match levels.into_iter().find(|level| level.name() == text) {
        Some(level) => Ok(level),
        None => bail!("`{text}` is no level of isolation: it is namespaces, landlock or none"),
    }
}

fn versions<'a>(words: impl Iterator<Item = &'a str>) -> anyhow::Result<BTreeMap<String, String>> {
    let mut versions = BTreeMap::new();
    for word in words {
        match word.split_once('=') {
            Some((component, version)) if !component.is_empty() && !version.is_empty() => {
                versions.insert(component.to_owned(), version.to_owned());
            }
            _ => bail!("`{word}` is no COMPONENT=VERSION, such as gcc=14.2.0"),
        }
    }
    Ok(versions)
}

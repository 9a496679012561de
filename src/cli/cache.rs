//! `muslchain cache`.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use indicatif::DecimalBytes;
use serde_json::json;

use super::context::Context;
use super::install::{Order, Preparation, install};
use super::progress::Progress;
use super::remotes::{self, RemoteFlags};
use super::settings::Settings;
use super::show::find_all;
use super::{OutputOptions, key, print, print_json, print_list, store};
use crate::artifact::Artifact;
use crate::cache::{self, Cache, CacheError, Pushed};
use crate::digest::Sha256;
use crate::plan::{GradeChoice, Linkage, Plan, host_triple};
use crate::rebuild::rebuild;
use crate::remote::Remote;
use crate::store::Manifest;
use crate::trust::SigningKey;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Options of `cache`.
#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Put toolchains at a remote, signed
    ///
    /// They go to each remote that `--remote` or MUSLCHAIN_REMOTE names, or else to those whose access is read-write in the settings. What is there
    /// already is not sent again, but its signature gets a new date.
    Push(Push),
    /// Build for others what the remotes lack, and put it there: `install` and `push`
    ///
    /// Unless a grade is said or locked, it is `release`: built once, and used by many.
    Build(Build),
    /// Take toolchains from a remote, and build nothing: `install --no-build`
    Pull(Asked),
    /// List what the remotes have of targets, with the settings as they are
    Ls(Ls),
    /// Tell whether what the remotes have of targets is whole, signed and what it says
    ///
    /// Each archive is fetched and every file in it held against its list. The exit code is 1 if anything is wrong, or
    /// if no remote has one.
    Verify(Verify),
    /// Remove toolchains from a remote, of every grade unless one is said
    Rm(Asked),
    /// Remove from a remote that is a folder what has expired and what nothing belongs to
    Gc {
        #[command(flatten)]
        remotes: RemoteFlags,
        /// Only tell what would go
        #[arg(long)]
        dry_run: bool,
    },
    /// Print one line that changes when what would be installed does: the key for a CI's own cache
    Key(Order),
    /// Print the folder to keep in a CI's own cache: the store
    Dir,
    /// Print what the store's parts take
    Size {
        /// Print a document for programs
        #[arg(long)]
        json: bool,
    },
}

/// Targets, and the remotes that are asked for them.
#[derive(Args)]
struct Asked {
    #[command(flatten)]
    order: Order,
    #[command(flatten)]
    remotes: RemoteFlags,
}

#[derive(Args)]
struct Push {
    /// Targets, ports, or toolchains' full names; all toolchains that can go elsewhere if none is given
    #[arg(value_name = "TARGET|PORT|NAME")]
    names: Vec<String>,
    #[command(flatten)]
    remotes: RemoteFlags,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Args)]
struct Build {
    #[command(flatten)]
    asked: Asked,
    #[command(flatten)]
    signing: Signing,
}

/// How toolchains are put at remotes.
#[derive(Args)]
struct Signing {
    /// For how many days the signature holds
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    expires: u64,
    /// Take the place of another toolchain that the remote has for the same key
    #[arg(long)]
    replace: bool,
}

#[derive(Args)]
struct Ls {
    #[command(flatten)]
    asked: Asked,
    /// Print a document for programs
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Verify {
    #[command(flatten)]
    asked: Asked,
    /// Build them here too, from nothing, and compare
    #[arg(long)]
    rebuild: bool,
}

/// What a remote has of a plan.
struct Found<'a> {
    remote: &'a Remote,
    plan: Plan,
    artifact: Result<Artifact, CacheError>,
}

impl Options {
    /// Runs the command.
    pub fn run(self, context: &Context, output: OutputOptions) -> Result<()> {
        match self.command {
            Command::Push(options) => options.run(context, output),
            Command::Build(options) => options.run(context, output),
            Command::Pull(asked) => install(context, asked.ordered(), output, false, false),
            Command::Ls(options) => options.run(context, output),
            Command::Verify(options) => options.run(context, output),
            Command::Rm(asked) => remove(context, asked, output),
            Command::Gc { remotes, dry_run } => gc(context, remotes, dry_run, output),
            Command::Key(order) => print_key(context, order, output),
            Command::Dir => Ok(print(&format!("{}\n", store(context)?.root().display()))?),
            Command::Size { json } => size(context, json),
        }
    }
}

impl Asked {
    fn ordered(self) -> Order {
        self.order.asking(self.remotes)
    }
}

impl Push {
    fn run(self, context: &Context, output: OutputOptions) -> Result<()> {
        let everything = self.names.is_empty();
        let settings = Settings::load(context, self.remotes.into())?;
        let progress = Progress::new(context, output)?;
        let all = remotes::open(context, &settings, &progress)?;
        let pusher = self.signing.pusher(context, &all)?;
        let store = store(context)?;
        store.sweep(&progress)?;
        let cache = Cache::new(&store, &all, &[], None, &progress);
        for manifest in find_all(context, &store, &self.names)? {
            if !everything || manifest.host_compiler.is_none() {
                pusher.push(&cache, &manifest, &progress)?;
            }
        }
        Ok(())
    }
}

impl Build {
    fn run(self, context: &Context, output: OutputOptions) -> Result<()> {
        let preparation = Preparation::new(context, self.asked.ordered(), output)?.with_remotes(context)?;
        let mut preparation = preparation.kept_to_lock(context, false)?;
        let settings = &mut preparation.settings;
        if settings.request.grade == GradeChoice::Soonest && settings.lock.is_none() {
            settings.request.grade = GradeChoice::Best;
        }
        preparation.run(context, |installer, targets| {
            let pusher = self.signing.pusher(context, installer.cache.remotes)?;
            installer.chooser.for_others = true;
            for toolchain in installer.install(targets)? {
                pusher.push(&installer.cache, &toolchain.manifest, &preparation.progress)?;
            }
            anyhow::Ok(())
        })
    }
}

/// Who puts toolchains where.
struct Pusher<'a> {
    remotes: Vec<&'a Remote>,
    signer: Option<SigningKey>,
    lifetime: Duration,
    replace: bool,
}

impl Signing {
    /// An error if there is nowhere to put anything, or nobody to sign for it.
    fn pusher<'a>(&self, context: &Context, all: &'a [Remote]) -> Result<Pusher<'a>> {
        let remotes = remotes::writable(all);
        if remotes.is_empty() {
            bail!(
                "there is no remote to put anything at: `--remote URL|DIR` names one, or access = \"read-write\" in the settings"
            );
        }
        let signer = key::signing(context)?;
        if let (None, Some(remote)) = (&signer, remotes.iter().find(|remote| !remote.trusts_anybody)) {
            return Err(CacheError::NoKey(remote.to_string()).into());
        }
        let lifetime = DAY.saturating_mul(u32::try_from(self.expires).unwrap_or(u32::MAX));
        Ok(Pusher { remotes, signer, lifetime, replace: self.replace })
    }
}

impl Pusher<'_> {
    fn push(&self, cache: &Cache<'_>, manifest: &Manifest, progress: &Progress) -> Result<()> {
        let packed = cache.pack(manifest)?;
        for remote in &self.remotes {
            let what = match cache.push(remote, &packed, self.signer.as_ref(), self.lifetime, self.replace)? {
                Pushed::New => "is there now",
                Pushed::Renewed => "was there, and is signed anew",
            };
            progress.say(&format!("{remote}: {} {what}", manifest.name));
        }
        Ok(())
    }
}

impl Ls {
    fn run(self, context: &Context, output: OutputOptions) -> Result<()> {
        let preparation = Preparation::of_all(context, self.asked.ordered(), output)?.with_remotes(context)?;
        preparation.run(context, |installer, targets| {
            let found = look_up(&installer.cache, installer.known_plans(targets)?)?;
            preparation.progress.finish();
            let document = |found: &Found<'_>| {
                let (name, remote) = (found.plan.name(), found.remote.to_string());
                match &found.artifact {
                    Ok(artifact) => json!({
                        "name": name, "remote": remote, "digest": artifact.digest, "size": artifact.size,
                        "sequence": artifact.sequence, "expires": artifact.expires,
                    }),
                    Err(error) => json!({ "name": name, "remote": remote, "refused": error.to_string() }),
                }
            };
            let row = |found: &Found<'_>| {
                let what = match &found.artifact {
                    Ok(artifact) => format!("{}, until {}", DecimalBytes(artifact.size), artifact.expiry()),
                    Err(error) => format!("refused: {error}"),
                };
                vec![found.plan.name(), found.remote.to_string(), what]
            };
            print_list(self.json, "artifacts", &found, document, row)
        })
    }
}

impl Verify {
    fn run(self, context: &Context, output: OutputOptions) -> Result<()> {
        let preparation = Preparation::new(context, self.asked.ordered(), output)?.with_remotes(context)?;
        let (mut good, mut bad) = (0, Vec::new());
        preparation.run(context, |installer, targets| {
            for found in look_up(&installer.cache, installer.known_plans(targets)?)? {
                let taken =
                    found.artifact.and_then(|artifact| installer.cache.take(found.remote, &artifact, Duration::ZERO));
                let came = match taken {
                    Ok(came) => came,
                    Err(error @ (CacheError::Io(_) | CacheError::Store(_))) => return Err(error.into()),
                    Err(error) => {
                        bad.push(error.to_string());
                        continue;
                    }
                };
                let name = &came.manifest.name;
                good += 1;
                print(&format!(
                    "{}: {name} is as it was signed: {} files, sha256:{}\n",
                    found.remote,
                    came.contents.files(),
                    came.manifest.contents
                ))?;
                if self.rebuild {
                    let rebuilt =
                        rebuild(installer, &found.plan.target, &came.manifest, &came.contents, &came.folder())?;
                    if rebuilt.differences.is_empty() {
                        print(&format!("{name} came out the same when it was built here\n"))?;
                    } else {
                        let lines: String =
                            rebuilt.differences.iter().map(|difference| format!("\n  {difference}")).collect();
                        bad.push(format!("{}: {name} came out otherwise when it was built here:{lines}", found.remote));
                    }
                }
            }
            anyhow::Ok(())
        })?;
        preparation.progress.finish();
        match (good, &bad[..]) {
            (0, []) => bail!("no remote has any of them"),
            (_, []) => Ok(()),
            (_, bad) => bail!("{}", bad.join("\n")),
        }
    }
}

/// What the remotes have of these plans, one after another.
fn look_up<'a>(cache: &Cache<'a>, plans: Vec<Vec<Plan>>) -> Result<Vec<Found<'a>>> {
    let mut found = Vec::new();
    for plan in plans.into_iter().flatten().filter(|plan| plan.host_compiler.is_none()) {
        for remote in cache.remotes {
            match cache.look_up(remote, &plan.key(), &plan.name()) {
                Ok(None) => {}
                Ok(Some(artifact)) => found.push(Found { remote, plan: plan.clone(), artifact: Ok(artifact) }),
                Err(error) => found.push(Found { remote, plan: plan.clone(), artifact: Err(error) }),
            }
        }
    }
    Ok(found)
}

fn remove(context: &Context, asked: Asked, output: OutputOptions) -> Result<()> {
    let preparation = Preparation::new(context, asked.ordered(), output)?.with_remotes(context)?;
    let mut removed = 0;
    preparation.run(context, |installer, targets| {
        for plan in installer.known_plans(targets)?.iter().flatten() {
            for remote in remotes::writable(installer.cache.remotes) {
                if cache::remove(remote, &plan.key())? {
                    preparation.progress.say(&format!("{remote}: {} removed", plan.name()));
                    removed += 1;
                }
            }
        }
        anyhow::Ok(())
    })?;
    match removed {
        0 => bail!("no remote that may be written has any of them"),
        _ => Ok(()),
    }
}

fn gc(context: &Context, remotes: RemoteFlags, dry_run: bool, output: OutputOptions) -> Result<()> {
    let settings = Settings::load(context, remotes.into())?;
    let mut any = false;
    let all = remotes::open(context, &settings, &Progress::new(context, output)?)?;
    for remote in remotes::writable(&all) {
        let Some(garbage) = cache::garbage(remote, SystemTime::now())? else {
            if remote.named {
                bail!("{remote}: only what is in a folder can be looked through; a server has means of its own");
            }
            continue;
        };
        any = true;
        for path in garbage {
            if !dry_run {
                fs_err::remove_file(&path)?;
            }
            print(&format!("{}\n", path.display()))?;
        }
    }
    match any {
        true => Ok(()),
        false => bail!("there is no remote to look through: `--remote DIR` names one"),
    }
}

fn print_key(context: &Context, order: Order, output: OutputOptions) -> Result<()> {
    let preparation = Preparation::new(context, order, output)?;
    preparation.run(context, |installer, targets| {
        let candidates = installer.chooser.candidates(targets, Linkage::Static)?;
        let mut text = String::new();
        for candidate in candidates {
            // What a moving version means is not asked of the network: until it is found out, it is the recipe's name.
            let names = candidate.plans.iter().flatten().map(Plan::name).collect::<Vec<_>>();
            text.push_str(&format!("{} {}\n", candidate.recipe, names.join(" ")));
        }
        let host = host_triple();
        let machine = host.split('-').next().unwrap_or_default();
        print(&format!("muslchain-{machine}-{}\n", Sha256::of(text.as_bytes()).short(16)))?;
        anyhow::Ok(())
    })
}

fn size(context: &Context, as_json: bool) -> Result<()> {
    let store = store(context)?;
    let mut sizes: BTreeMap<String, u64> = BTreeMap::new();
    for entry in walkdir::WalkDir::new(store.root()).min_depth(1).into_iter() {
        // What a build removes meanwhile counts for nothing.
        let Ok(entry) = entry else { continue };
        let part = entry.path().strip_prefix(store.root())?.components().next();
        let part = part.map(|part| part.as_os_str().to_string_lossy().into_owned()).unwrap_or_default();
        let blocks = entry.metadata().map_or(0, |metadata| metadata.blocks());
        *sizes.entry(part).or_default() += blocks * 512;
    }
    let bytes: u64 = sizes.values().sum();
    if as_json {
        return print_json(&json!({ "schema": 1, "parts": sizes, "bytes": bytes }));
    }
    let line = |(part, bytes): (&String, &u64)| format!("{:>10}  {part}\n", DecimalBytes(*bytes));
    let lines: String = sizes.iter().map(line).collect();
    Ok(print(&format!("{lines}{:>10}  in all\n", DecimalBytes(bytes)))?)
}

//! The exchange of toolchains between the store and remotes.
//!
//! Guarantee: a toolchain that came from a remote is published only when a trusted key signed its manifest, its archive has
//! the digest that the manifest says, and its folder holds what its own list says. A remote that is down, slow or lying is told
//! of and passed over; what is wrong with this machine is an error. What is put at a remote has its document written last, so that who asks
//! meanwhile finds what was there before, or nothing. `tests/cache` has remotes that do each of these.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::artifact::{self, Artifact, Refusal, Trust};
use crate::contents::Contents;
use crate::digest::Sha256;
use crate::event::{Event, Observer};
use crate::lockfile::LockFile;
use crate::pack::{self, PackError};
use crate::plan::{Key, Plan};
use crate::remote::{Remote, RemoteError};
use crate::scratch::{Kind, Scratch};
use crate::store::{Manifest, Store, StoreError};
use crate::trust::{KeyError, PublicKey, SigningKey, plain};

/// How long a blob may wait for its document.
const FRESH: Duration = Duration::from_secs(24 * 60 * 60);

/// The archive's name in its folder of a moment.
const ARCHIVE: &str = "archive";

/// A store and its remotes.
pub struct Cache<'a> {
    /// The store.
    pub store: &'a Store,
    /// Those that are asked, in order.
    pub remotes: &'a [Remote],
    /// Whose signatures are trusted.
    pub keys: &'a [PublicKey],
    /// What toolchains have to hold, whoever signed for them.
    pub locked: Option<&'a LockFile>,
    /// Hears of everything.
    pub observer: &'a dyn Observer,
    /// What the remotes, by their places in the list, said of keys.
    asked: Mutex<HashMap<(usize, Key), Answer>>,
    /// Those that did not answer, and why: each toolchain would wait for them again.
    down: Mutex<HashMap<usize, String>>,
}

/// What a remote said of a key: an artifact that is believed, and the time it took to be told; or why there is none.
type Answer = Result<(Artifact, Duration), String>;

/// Why the exchange failed.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// A remote did not do what was asked.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// What a remote has is not believed.
    #[error("{remote}: what it has for {name} is refused: {refusal}")]
    Refused {
        /// The remote.
        remote: String,
        /// The toolchain.
        name: String,
        /// Why.
        refusal: Refusal,
    },
    /// An archive is not what its signed manifest says.
    #[error("{remote}: the archive of {name} is refused: {}", plain(why))]
    Archive {
        /// The remote.
        remote: String,
        /// The toolchain.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// A remote has no such artifact.
    #[error("{remote} has no {name}")]
    Absent {
        /// The remote.
        remote: String,
        /// The toolchain.
        name: String,
    },
    /// A toolchain that calls a compiler of this machine.
    #[error("{name} calls this machine's {tool}: it is of no use elsewhere, and built there as soon")]
    Bound {
        /// The toolchain.
        name: String,
        /// The compiler.
        tool: String,
    },
    /// The toolchain's folder is not as it was published.
    #[error("{0} is not as it was published: `muslchain verify {0}` tells what was changed")]
    Changed(String),
    /// The remote has other contents for the same key.
    #[error(
        "{remote} has another {name}: its contents are sha256:{theirs}, here they are sha256:{ours}. `muslchain cache verify \
         --rebuild` builds it and compares; `--replace` puts this one in its place"
    )]
    Differs {
        /// The remote.
        remote: String,
        /// The toolchain.
        name: String,
        /// The digest of its list of contents there.
        theirs: Sha256,
        /// That of the one here.
        ours: Sha256,
    },
    /// A remote has to be signed for, and there is no key.
    #[error(
        "{0}: what is put there has to be signed: `muslchain key new` makes a key, MUSLCHAIN_SIGNING_KEY may hold one"
    )]
    NoKey(String),
    /// The key cannot sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file system refused; the message names the path.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A toolchain in the form in which it goes to remotes.
pub struct Packed {
    scratch: Scratch,
    manifest: Manifest,
    digest: Sha256,
    size: u64,
}

/// What became of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// The archive is there now.
    New,
    /// It was there; its manifest was signed anew.
    Renewed,
}

/// A toolchain that came from a remote and is not in the store: it is gone when this is dropped.
pub struct Unpublished {
    scratch: Scratch,
    /// Its manifest.
    pub manifest: Manifest,
    /// What its folder holds.
    pub contents: Contents,
}

impl Unpublished {
    /// Its folder.
    pub fn folder(&self) -> PathBuf {
        self.scratch.path().join("out")
    }
}

impl<'a> Cache<'a> {
    /// Asks nobody yet.
    pub fn new(
        store: &'a Store,
        remotes: &'a [Remote],
        keys: &'a [PublicKey],
        locked: Option<&'a LockFile>,
        observer: &'a dyn Observer,
    ) -> Self {
        Self { store, remotes, keys, locked, observer, asked: Mutex::default(), down: Mutex::default() }
    }

    /// Whether any remote has an artifact of that plan that is believed.
    pub fn offers(&self, plan: &Plan) -> Result<bool, StoreError> {
        // What calls a compiler of the host is nobody else's.
        if plan.host_compiler.is_some() {
            return Ok(false);
        }
        for number in 0..self.remotes.len() {
            if self.answer(number, plan)?.is_ok() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Why no remote has an artifact of that plan, in one line for each.
    pub fn reasons(&self, plan: &Plan) -> Result<Vec<String>, StoreError> {
        if plan.host_compiler.is_some() {
            return Ok(vec!["it calls a compiler of this machine, and is built here".to_owned()]);
        }
        if self.remotes.is_empty() {
            return Ok(vec!["there is no remote to ask".to_owned()]);
        }
        let answers = (0..self.remotes.len()).map(|number| self.answer(number, plan));
        Ok(answers.collect::<Result<Vec<_>, _>>()?.into_iter().filter_map(Result::err).collect())
    }

    /// Takes the toolchain from the first remote that has it, and publishes it. Returns its manifest and the remote, or nothing
    /// if none has it; what is wrong with remotes is told.
    ///
    /// The caller holds the toolchain's lock.
    pub fn pull(&self, plan: &Plan) -> Result<Option<(Manifest, String)>, CacheError> {
        if plan.host_compiler.is_some() {
            return Ok(None);
        }
        for (number, remote) in self.remotes.iter().enumerate() {
            let Ok((artifact, spent)) = self.answer(number, plan)? else { continue };
            match self.take(remote, &artifact, spent) {
                Ok(came) => {
                    self.store.publish(&came.folder(), &came.contents, &came.manifest)?;
                    // What nobody signed may say anything.
                    if !remote.trusts_anybody {
                        self.store.record_sequence(&remote.to_string(), &came.manifest.key, artifact.sequence)?;
                    }
                    return Ok(Some((came.manifest, remote.to_string())));
                }
                Err(error @ (CacheError::Remote(_) | CacheError::Archive { .. } | CacheError::Absent { .. })) => {
                    self.observer.event(Event::Refused { file: &plan.name(), why: &error.to_string() });
                    // So that it is not asked for this again.
                    self.asked().insert((number, plan.key()), Err(error.to_string()));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// What a remote says of a plan's key. It is asked once; what is wrong with its answer is told then.
    fn answer(&self, number: usize, plan: &Plan) -> Result<Answer, StoreError> {
        let key = plan.key();
        if let Some(answer) = self.asked().get(&(number, key)) {
            return Ok(answer.clone());
        }
        let (remote, name) = (&self.remotes[number], plan.name());
        let down = self.down.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned();
        if let Some(why) = down {
            return Ok(Err(format!("not asked again: {why}")));
        }
        self.observer.event(Event::Busy { doing: &format!("asking {remote} for {name}") });
        let asked = Instant::now();
        let answer = match self.look_up(remote, &key, &name) {
            Ok(Some(artifact)) => Ok((artifact, asked.elapsed())),
            Ok(None) => Err(format!("{remote} has none")),
            Err(CacheError::Store(error)) => return Err(error),
            Err(error) => {
                self.observer.event(Event::Refused { file: &name, why: &error.to_string() });
                if matches!(error, CacheError::Remote(_)) {
                    self.down.lock().unwrap_or_else(PoisonError::into_inner).insert(number, error.to_string());
                }
                Err(error.to_string())
            }
        };
        self.asked().insert((number, key), answer.clone());
        Ok(answer)
    }

    /// What a remote has for a key, if it is believed.
    pub fn look_up(&self, remote: &Remote, key: &Key, name: &str) -> Result<Option<Artifact>, CacheError> {
        let Some(document) = remote.document(key)? else { return Ok(None) };
        let refused = |refusal| CacheError::Refused { remote: remote.to_string(), name: name.to_owned(), refusal };
        let trust = if remote.trusts_anybody { Trust::Anybody } else { Trust::Keys(self.keys) };
        let seen = self.store.sequence(&remote.to_string(), key)?;
        let artifact = Artifact::believe(&document, key, trust, seen, SystemTime::now()).map_err(refused)?;
        if artifact.toolchain.name != name {
            return Err(refused(Refusal::Other(artifact.toolchain.name)));
        }
        let found = artifact.toolchain.contents;
        match self.locked.and_then(|lock| lock.contents_of(key)).filter(|locked| *locked != found) {
            Some(locked) => Err(refused(Refusal::NotLocked { found, locked })),
            None => Ok(Some(artifact)),
        }
    }

    /// Brings an artifact here and unpacks it beside the store's toolchains. Everything about it was checked. Of the remote's time, as
    /// much was spent before.
    pub fn take(&self, remote: &Remote, artifact: &Artifact, spent: Duration) -> Result<Unpublished, CacheError> {
        let (name, origin) = (&artifact.toolchain.name, &remote.to_string());
        let stream = remote
            .blob(&artifact.digest, artifact.size, spent)?
            .ok_or_else(|| CacheError::Absent { remote: origin.clone(), name: format!("archive of {name}") })?;
        let total = Some(artifact.size);
        self.observer.event(Event::DownloadStarted { file: name, origin, have: 0, total });
        let progress = |have| self.observer.event(Event::DownloadProgress { file: name, have, total });
        let scratch = self.store.scratch(Kind::Import)?;
        let out = scratch.path().join("out");
        fs_err::create_dir(&out)?;
        let refused = |why: String| CacheError::Archive { remote: origin.clone(), name: name.clone(), why };
        let unpacked =
            pack::unpack(name, stream, &artifact.toolchain, &out, &progress).map_err(|error| match error {
                PackError::Wrong { message, .. } => refused(message),
                PackError::Io(error) => CacheError::Io(error),
            })?;
        if (unpacked.digest, unpacked.size) != (artifact.digest, artifact.size) {
            return Err(refused(format!("its digest is sha256:{}, not sha256:{}", unpacked.digest, artifact.digest)));
        }
        self.observer.event(Event::DownloadDone { file: name, origin });
        Ok(Unpublished { scratch, manifest: artifact.toolchain.clone(), contents: unpacked.contents })
    }

    /// Packs an installed toolchain, for [`Self::push`].
    pub fn pack(&self, manifest: &Manifest) -> Result<Packed, CacheError> {
        let contents = packable(self.store, manifest)?;
        self.observer.event(Event::Busy { doing: &format!("packing {}", manifest.name) });
        let scratch = self.store.scratch(Kind::Pack)?;
        let file = fs_err::File::create_new(scratch.path().join(ARCHIVE))?;
        let (digest, size) = pack::pack(&self.store.toolchain(&manifest.name), manifest, &contents, file)?;
        Ok(Packed { scratch, manifest: manifest.clone(), digest, size })
    }

    /// Puts a packed toolchain at a remote and signs for it, for so long. An archive that is there already is not sent
    /// again.
    pub fn push(
        &self,
        remote: &Remote,
        packed: &Packed,
        signer: Option<&SigningKey>,
        lifetime: Duration,
        replace: bool,
    ) -> Result<Pushed, CacheError> {
        if signer.is_none() && !remote.trusts_anybody {
            return Err(CacheError::NoKey(remote.to_string()));
        }
        let manifest = &packed.manifest;
        let document = remote.document(&manifest.key)?;
        // Whoever signed it: other contents are not overwritten unasked.
        let present = document.as_ref().and_then(|document| Artifact::claimed(document).ok());
        if let Some(present) = &present
            && present.toolchain.contents != manifest.contents
            && !replace
        {
            return Err(CacheError::Differs {
                remote: remote.to_string(),
                name: manifest.name.clone(),
                theirs: present.toolchain.contents,
                ours: manifest.contents,
            });
        }
        let mut pushed = Pushed::Renewed;
        if !remote.has_blob(&packed.digest, packed.size)? {
            self.observer.event(Event::Busy { doing: &format!("putting {} at {remote}", manifest.name) });
            remote.put_blob(&packed.digest, &packed.scratch.path().join(ARCHIVE))?;
            pushed = Pushed::New;
        }
        let now = artifact::seconds(SystemTime::now());
        // It goes on behind what is signed there, and behind nothing that anybody may have written.
        let ours: Vec<PublicKey> = signer.iter().map(|signer| signer.public().clone()).collect();
        let signed = document.and_then(|document| Artifact::signed_by(&document, &ours));
        let sequence = signed.map_or(now, |signed| now.max(signed.sequence.saturating_add(1)));
        let expires = now.saturating_add(lifetime.as_secs());
        let document = Artifact::new(manifest.clone(), (packed.digest, packed.size), sequence, expires);
        remote.put_document(&document, &document.document(signer)?)?;
        Ok(pushed)
    }

    fn asked(&self) -> std::sync::MutexGuard<'_, HashMap<(usize, Key), Answer>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes a key's artifact from a remote; whether there was one.
pub fn remove(remote: &Remote, key: &Key) -> Result<bool, RemoteError> {
    let Some(document) = remote.document(key)? else { return Ok(false) };
    remote.remove_document(key)?;
    // Behind it, so that nobody is sent to what is gone.
    if let Ok(artifact) = Artifact::claimed(&document) {
        remote.remove_blob(&artifact.digest)?;
    }
    Ok(true)
}

/// What of a remote's folder nobody needs: documents that have expired, and blobs that no other document names, unless they were
/// put there within the last day. Nothing for a remote that is no folder.
pub fn garbage(remote: &Remote, now: SystemTime) -> Result<Option<Vec<PathBuf>>, RemoteError> {
    let Some(folder) = remote.files() else { return Ok(None) };
    let failed = |error: io::Error| remote.error(error.to_string());
    let (mut garbage, mut named) = (Vec::new(), BTreeSet::new());
    for path in files_in(&folder.documents).map_err(failed)? {
        // What is not understood is left alone, and so is what a later one may understand.
        let Ok(artifact) = Artifact::claimed(&fs_err::read(&path).map_err(failed)?) else { continue };
        match artifact.expires <= artifact::seconds(now) {
            true => garbage.push(path),
            false => drop(named.insert(artifact.digest.to_string())),
        }
    }
    for path in files_in(&folder.blobs).map_err(failed)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let modified = fs_err::metadata(&path).and_then(|metadata| metadata.modified()).map_err(failed)?;
        // A push writes the blob before its document.
        let is_fresh = now.duration_since(modified).is_ok_and(|age| age < FRESH);
        if !named.contains(&*name) && !is_fresh {
            garbage.push(path);
        }
    }
    Ok(Some(garbage))
}

/// The files of a remote's folder that are called as what a remote keeps is. What a link leads to is not the remote's.
fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let is_folder = match fs_err::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        metadata => metadata?.is_dir(),
    };
    if !is_folder {
        return Ok(Vec::new());
    }
    let entries = fs_err::read_dir(folder)?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let is_called_so = entry.file_name().to_str().is_some_and(|name| name.parse::<Sha256>().is_ok());
        if is_called_so && entry.file_type()?.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// The list of what an installed toolchain's folder holds, if it may go elsewhere.
pub fn packable(store: &Store, manifest: &Manifest) -> Result<Contents, CacheError> {
    if let Some(compiler) = &manifest.host_compiler {
        return Err(CacheError::Bound { name: manifest.name.clone(), tool: compiler.commands.tool.clone() });
    }
    match store.changes(manifest)?.is_empty() {
        true => Ok(store.contents(manifest)?),
        false => Err(CacheError::Changed(manifest.name.clone())),
    }
}

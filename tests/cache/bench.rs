//! Two machines and a folder between them.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use muslchain::artifact::{Artifact, seconds};
use muslchain::digest::Sha256;
use muslchain::trust::{Signed, SigningKey};
use serde_json::Value;

use crate::support::process::Ran;
use crate::support::recipes::{add_source, archive};
use crate::support::{Place, entries};

/// A machine that has built `tiny` and pushed it to a folder, and another one that trusts its key.
pub struct Bench {
    /// Who built.
    pub builder: Place,
    /// Who wants it. It has the same recipes, and can build too.
    pub user: Place,
    /// The remote.
    pub remote: PathBuf,
    /// The builder's key.
    pub key: String,
}

impl Bench {
    /// With the artifact at the remote.
    pub fn new() -> Self {
        let bench = Self::without_artifact();
        bench.push(&[]).succeeds();
        bench
    }

    /// With a toolchain that does not fit into two megabytes, packed or not.
    pub fn large() -> Self {
        let bench = Self::without_artifact();
        let digests = (0..70_000_u32).map(|number| Sha256::of(&number.to_le_bytes()).to_string());
        let content = digests.collect::<String>();
        for place in [&bench.builder, &bench.user] {
            add_source(&place.recipes, &place.mirror, "beta", "9.0", &archive(&[("content", &content)]), "");
            place.edit("toolchains/tiny/recipe.toml", "beta = \"1.0\"", "beta = \"9.0\"");
        }
        bench.builder.install(&["tiny"]).succeeds();
        bench.push(&[]).succeeds();
        bench
    }

    /// With nothing at the remote yet.
    pub fn without_artifact() -> Self {
        let (builder, user) = (Place::new(), Place::new());
        builder.install(&["tiny"]).succeeds();
        let key = builder.run(&["key", "new"]).succeeds().stdout.trim().to_owned();
        user.run(&["key", "trust", &key]).succeeds();
        let remote = builder.path().join("remote");
        Self { builder, user, remote, key }
    }

    /// Pushes `tiny` there.
    pub fn push(&self, options: &[&str]) -> Ran {
        self.builder.run(&[&["cache", "push", "--remote", self.remote.to_str().unwrap(), "tiny"], options].concat())
    }

    /// The user's install of `tiny` from the remote, where nothing may be built.
    pub fn pull(&self) -> Ran {
        self.user.run(&["cache", "pull", "--remote", self.remote.to_str().unwrap(), "tiny"])
    }

    /// The user's install of `tiny` from the remote, or the sources.
    pub fn install(&self) -> Ran {
        self.user.install(&["--remote", self.remote.to_str().unwrap(), "tiny"])
    }

    /// The only document at the remote.
    pub fn document(&self) -> PathBuf {
        the_only(&self.remote.join("ac"))
    }

    /// The only blob at the remote.
    pub fn blob(&self) -> PathBuf {
        the_only(&self.remote.join("cas"))
    }

    /// The key that the builder signs with.
    pub fn signer(&self) -> SigningKey {
        let text = std::fs::read_to_string(self.builder.home.join(".config/muslchain/signing.key")).unwrap();
        SigningKey::from_text(&text, None).unwrap()
    }

    /// Changes what the document says, and signs it anew.
    pub fn change(&self, signer: &SigningKey, change: impl FnOnce(&mut Value)) {
        let signed = Signed::read(&std::fs::read(self.document()).unwrap()).unwrap();
        let mut payload: Value = serde_json::from_str(&signed.payload).unwrap();
        change(&mut payload);
        let signed = signer.sign(payload.to_string(), "changed").unwrap();
        std::fs::write(self.document(), serde_json::to_vec(&signed).unwrap()).unwrap();
    }

    /// What the document says.
    pub fn artifact(&self) -> Artifact {
        Artifact::claimed(&std::fs::read(self.document()).unwrap()).unwrap()
    }

    /// Asserts that what the remote has is not taken, for a reason of which these are parts: told even to who wants to hear little,
    /// a failure where nothing may be built, and none where it may.
    #[track_caller]
    pub fn is_refused(&self, parts: &[&str]) {
        let remote = self.remote.to_str().unwrap();
        let ran = self.user.run(&["cache", "pull", "--quiet", "--remote", remote, "tiny"]).refuses(&["refused: "]);
        for part in parts {
            assert!(ran.stderr.contains(part), "`{part}` is missing:\n{}", ran.stderr);
        }
        assert!(self.user.toolchains().is_empty() && self.user.works().is_empty());
        assert!(entries(&self.user.store().join("current")).is_empty());
        self.user.run(&["cache", "verify", "--remote", remote, "tiny"]).refuses(parts);
        let ran = self.install().succeeds().says(&["refused: ", "tiny-linux-musl installed: "]);
        assert_eq!(ran.stages(), ["first", "second", "last"]);
    }
}

/// The second of now.
pub fn now() -> u64 {
    seconds(SystemTime::now())
}

#[track_caller]
fn the_only(folder: &Path) -> PathBuf {
    let [file] = &entries(folder)[..] else { panic!("{}: {:?}", folder.display(), entries(folder)) };
    file.clone()
}

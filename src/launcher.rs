//! Programs that the host's compiler is called through, for those who build often or have a build farm.
//!
//! What they do changes how long a build takes, and nothing else: they are no part of a key. They need what other
//! stages' programs must not have, a place outside of the work tree, or the network, and a build gives them that and reports it.
//! Not among them: sccache, whose server is asked over TCP, of which a room has none.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// <https://ccache.dev>: keeps what compilations made.
    Ccache,
    /// <https://www.distcc.org>: has other machines compile. Stages have the network then.
    Distcc,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Ccache, Self::Distcc];

    /// The program's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ccache => "ccache",
            Self::Distcc => "distcc",
        }
    }

    /// The variable that tells it where its own files are.
    pub fn folder_variable(self) -> &'static str {
        match self {
            Self::Ccache => "CCACHE_DIR",
            Self::Distcc => "DISTCC_DIR",
        }
    }

    /// What it is told by variables where the user says nothing else.
    pub fn defaults(self) -> impl Iterator<Item = (String, String)> {
        let defaults: &[(&str, &str)] = match self {
            // Without, it keeps nothing of what begins with a precompiled header (its manual, "Precompiled headers").
            Self::Ccache => &[("CCACHE_SLOPPINESS", "pch_defines,time_macros")],
            Self::Distcc => &[],
        };
        defaults.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
    }

    /// Whether it needs the network.
    pub fn needs_network(self) -> bool {
        self == Self::Distcc
    }
}

/// A program that the host's compilers are called through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launcher {
    /// Which.
    pub kind: Kind,
    /// Where its own files are: shown to stages, and they may write there.
    pub folder: PathBuf,
    /// What the user tells it by variables.
    pub variables: BTreeMap<String, String>,
}

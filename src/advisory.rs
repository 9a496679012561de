//! Known vulnerabilities of components, and which of them a toolchain has.
//!
//! The table is `recipes/advisories.toml`. A version that a distribution repacked counts as the upstream version that it
//! is made from. Limit: only what the table lists is known, up to its date.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::digest::Sha256;
use crate::recipe::{RecipeError, Recipes};
use crate::store::{Manifest, PatchRecord};

/// The table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Advisories {
    /// The day up to which it is complete, as far as its makers know: YYYY-MM-DD.
    pub as_of: String,
    #[serde(rename = "advisory")]
    entries: Vec<Advisory>,
}

/// A vulnerability.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advisory {
    /// Its identifier, such as `CVE-2025-26519`.
    pub id: String,
    /// The component that has it.
    pub component: String,
    /// The first version that has it; all earlier ones too if absent.
    #[serde(default)]
    from: Option<String>,
    /// The first version that is without it; none is if absent.
    #[serde(default)]
    until: Option<String>,
    /// What it is, in a few words.
    pub summary: String,
    /// The digests of the patches that mend it: all of one of these sets.
    #[serde(default)]
    patches: Vec<Vec<Sha256>>,
}

/// A vulnerability of a component's version, and whether the toolchain has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its identifier.
    pub id: String,
    /// The component.
    pub component: String,
    /// The component's upstream version.
    pub version: String,
    /// What it is.
    pub summary: String,
    /// The patches that mended it, by their files' names; empty where nothing did.
    pub mended_by: Vec<String>,
}

impl Advisories {
    /// The recipes' table.
    pub fn of(recipes: &Recipes) -> Result<Self, RecipeError> {
        recipes.table("advisories.toml")
    }

    /// The vulnerabilities of the versions that the toolchain is made of, in the table's order.
    pub fn findings(&self, manifest: &Manifest) -> Vec<Finding> {
        let finding = |advisory: &Advisory| {
            let version = manifest.components.get(&advisory.component)?.upstream_version();
            advisory.concerns(version).then(|| Finding {
                id: advisory.id.clone(),
                component: advisory.component.clone(),
                version: version.to_owned(),
                summary: advisory.summary.clone(),
                mended_by: advisory.mended_by(manifest),
            })
        };
        self.entries.iter().filter_map(finding).collect()
    }
}

impl Advisory {
    fn concerns(&self, version: &str) -> bool {
        let from = self.from.as_deref().is_none_or(|from| compare(version, from) != Ordering::Less);
        let until = self.until.as_deref().is_none_or(|until| compare(version, until) == Ordering::Less);
        from && until
    }

    fn mended_by(&self, manifest: &Manifest) -> Vec<String> {
        let applied = |digest: &Sha256| {
            let is_it = |patch: &&PatchRecord| patch.component == self.component && patch.sha256 == *digest;
            manifest.patches.iter().find(is_it).map(|patch| patch.file.clone())
        };
        let set = |set: &Vec<Sha256>| set.iter().map(applied).collect::<Option<Vec<String>>>();
        self.patches.iter().find_map(set).unwrap_or_default()
    }
}

/// Of versions that are numbers between dots: `1.2.10` follows `1.2.9`.
fn compare(one: &str, other: &str) -> Ordering {
    let numbers = |version: &str| -> Vec<u64> { version.split('.').map(|part| part.parse().unwrap_or(0)).collect() };
    numbers(one).cmp(&numbers(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_between_two_are_concerned() {
        let table = Advisories::of(&Recipes::embedded()).unwrap();
        let concerned = |version: &str| -> Vec<&str> {
            table.entries.iter().filter(|entry| entry.concerns(version)).map(|entry| entry.id.as_str()).collect()
        };
        assert_eq!(concerned("1.2.6"), ["CVE-2026-6042", "CVE-2026-40200"]);
        assert_eq!(concerned("1.2.5")[0], "CVE-2025-26519");
        assert!(concerned("1.1.23").contains(&"CVE-2019-14697") && !concerned("1.1.24").contains(&"CVE-2019-14697"));
        assert!(!concerned("0.9.12").contains(&"CVE-2014-3484"));
        assert_eq!(compare("1.2.10", "1.2.9"), Ordering::Greater);
    }
}

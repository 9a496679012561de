//! What remotes have of the plans, before anything is built.

use std::collections::BTreeMap;

use super::{InstallError, Installed, Installer, Way};
use crate::choice::{Candidate, ChoiceError};
use crate::event::Event;
use crate::plan::{Linkage, Plan};
use crate::target::Target;

/// A toolchain that no remote has, and why.
#[derive(Debug)]
pub struct NotOffered {
    /// Its name.
    pub name: String,
    /// What each remote said.
    pub reasons: Vec<String>,
}

pub(super) fn listed(absent: &[NotOffered]) -> String {
    let lines = |absent: &NotOffered| -> String {
        let reasons: String = absent.reasons.iter().map(|reason| format!("\n    {reason}")).collect();
        format!("\n  {}{reasons}", absent.name)
    };
    absent.iter().map(lines).collect()
}

pub(super) fn note_ways(installed: &mut [Installed], pulled: &BTreeMap<String, String>) {
    for toolchain in installed {
        if let Some(remote) = pulled.get(&toolchain.manifest.name) {
            toolchain.way = Way::Pulled(remote.clone());
        }
    }
}

impl Installer<'_> {
    /// The plans by every recipe that may build, for those who ask remotes: what moving versions mean is asked of the network
    /// where it is not known. A recipe of which that cannot be found out is told of; where there is no other, that is the error.
    pub fn known_plans(&self, targets: &[&Target]) -> Result<Vec<Vec<Plan>>, InstallError> {
        let candidates = self.chooser.candidates(targets, Linkage::Static)?;
        let mut known = Vec::new();
        // By recipe: all its grades have the same reason.
        let mut unknown = BTreeMap::new();
        for candidate in &candidates {
            match self.known_of(candidate, targets) {
                Ok(plans) => known.push(plans),
                Err(error) => drop(unknown.entry(&candidate.recipe).or_insert(error)),
            }
        }
        if known.is_empty()
            && let Some((_, error)) = unknown.pop_first()
        {
            return Err(error.into());
        }
        for (recipe, error) in unknown {
            self.chooser.observer.event(Event::Note(&format!("recipe {recipe} is left out: {error}")));
        }
        Ok(known)
    }

    fn known_of(&self, candidate: &Candidate, targets: &[&Target]) -> Result<Vec<Plan>, ChoiceError> {
        match &candidate.plans {
            Some(plans) => Ok(plans.clone()),
            None => self.chooser.plans_by(&candidate.recipe, &candidate.grade, targets, Linkage::Static),
        }
    }

    /// Takes everything from the remotes, by the first recipe by which they and the store have all of it. Nothing if there is
    /// none; where nothing may be built, that is an error.
    pub(super) fn pull_all(
        &self,
        candidates: &[Candidate],
        targets: &[&Target],
    ) -> Result<Option<Vec<Installed>>, InstallError> {
        if self.cache.remotes.is_empty() && self.may_build {
            return Ok(None);
        }
        let mut absent: Vec<NotOffered> = Vec::new();
        for candidate in candidates {
            let plans = match self.known_of(candidate, targets) {
                Ok(plans) => plans,
                Err(error) => {
                    let name = format!("recipe {}", candidate.recipe);
                    if !absent.iter().any(|other| other.name == name) {
                        absent.push(NotOffered { name, reasons: vec![error.to_string()] });
                    }
                    continue;
                }
            };
            let mut offered = true;
            for plan in self.missing(&plans)? {
                offered &= self.cache.offers(&plan)?;
            }
            let pulled = if offered { self.pull(&plans)? } else { BTreeMap::new() };
            let missing = self.missing(&plans)?;
            if missing.is_empty() {
                let mut installed =
                    plans.iter().map(|plan| self.take_installed(plan)).collect::<Result<Vec<_>, _>>()?;
                note_ways(&mut installed, &pulled);
                return Ok(Some(installed));
            }
            for plan in missing {
                absent.push(NotOffered { name: plan.name(), reasons: self.cache.reasons(&plan)? });
            }
        }
        match self.may_build {
            true => Ok(None),
            false => Err(InstallError::NotOffered(absent)),
        }
    }

    /// Takes from the remotes what they have of the plans, and says of each toolchain that came where it is from.
    pub(super) fn pull(&self, plans: &[Plan]) -> Result<BTreeMap<String, String>, InstallError> {
        let mut pulled = BTreeMap::new();
        for plan in self.missing(plans)? {
            if !self.cache.offers(&plan)? {
                continue;
            }
            let name = plan.name();
            let _lock = self.store().lock(&name, &name, self.chooser.observer)?;
            // Whoever had the lock may have brought it.
            if self.store().manifest(&name)?.is_none()
                && let Some((_, remote)) = self.cache.pull(&plan)?
            {
                pulled.insert(name, remote);
            }
        }
        Ok(pulled)
    }
}

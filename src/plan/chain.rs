//! The chain of keys: what each link covers.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde::Serialize;

use super::{FoundCompiler, Key, Linkage, Plan, PlanError, PlannedStage, Tree};
use crate::digest::Sha256;
use crate::recipe::{HostCompiler, Recipes, Scope, Selection};

/// Changes when the meaning of a plan changes without its data: how sources are unpacked, what
/// variables a stage sees.
const KEY_SCHEMA: u32 = 4;

impl Plan {
    pub(super) fn first_link(&self) -> Key {
        #[derive(Serialize)]
        struct FirstLink<'a> {
            schema: u32,
            recipe: &'a str,
            host: &'a str,
            linkage: Linkage,
            environment: &'a BTreeMap<String, String>,
            host_programs: &'a BTreeSet<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            host_compiler: Option<&'a FoundCompiler>,
            #[serde(skip_serializing_if = "Option::is_none")]
            commands: Option<&'a HostCompiler>,
            #[serde(skip_serializing_if = "Option::is_none")]
            bootstrap: Option<(Key, &'a BTreeSet<String>)>,
        }
        Key::over(&FirstLink {
            schema: KEY_SCHEMA,
            recipe: &self.recipe_name,
            host: &self.host,
            linkage: self.linkage,
            environment: &self.environment,
            host_programs: &self.host_programs,
            host_compiler: self.host_compiler.as_ref(),
            commands: self.recipe.host_compiler.as_ref(),
            bootstrap: self.bootstrap.as_ref().map(|bootstrap| (bootstrap.plan.key(), &bootstrap.programs)),
        })
    }

    /// What the stages of the compiler proper know beside the host.
    fn link_of_compiler(&self, before: Key) -> Key {
        #[derive(Serialize)]
        struct CompilerLink<'a> {
            before: Key,
            languages: &'a [String],
            triple: &'a str,
            gcc_options: &'a [String],
        }
        Key::over(&CompilerLink {
            before,
            languages: &self.languages,
            triple: &self.compiler.triple,
            gcc_options: &self.compiler.gcc_options,
        })
    }

    /// What all other stages know of the toolchain's target.
    fn link_of_target(&self, before: Key) -> Key {
        #[derive(Serialize)]
        struct TargetLink<'a> {
            before: Key,
            triple: &'a str,
            gcc_options: &'a [String],
            driver_specs: &'a str,
            kernel_arch: &'a str,
            multiarch: &'a str,
            #[serde(skip_serializing_if = "<[String]>::is_empty")]
            compiler_arguments: &'a [String],
            plain: bool,
        }
        Key::over(&TargetLink {
            before,
            triple: &self.target.triple,
            gcc_options: &self.target.gcc_options,
            driver_specs: &self.target.driver_specs,
            kernel_arch: &self.target.kernel_arch,
            multiarch: &self.target.multiarch,
            compiler_arguments: self.compiler_arguments(),
            plain: self.plain,
        })
    }

    pub(super) fn chain(&self, recipes: &Recipes) -> Result<Vec<PlannedStage>, PlanError> {
        let mut before = self.first_link();
        let mut scope = Scope::Host;
        let mut stages = Vec::new();
        for stage in self.recipe.stages.iter().filter(|stage| self.bootstrap.is_some() || !stage.bootstrap_only) {
            if stage.scope < scope {
                let (recipe, stage, scope) = (self.recipe_name.clone(), stage.name.clone(), stage.scope);
                return Err(PlanError::LateStage { recipe, stage, scope });
            }
            if stage.interface.is_some() && stage.scope < Scope::Target {
                let (recipe, stage, scope) = (self.recipe_name.clone(), stage.name.clone(), stage.scope);
                return Err(PlanError::EarlyInterface { recipe, stage, scope });
            }
            if scope < Scope::Compiler && stage.scope >= Scope::Compiler {
                before = self.link_of_compiler(before);
            }
            if scope < Scope::Target && stage.scope >= Scope::Target {
                before = self.link_of_target(before);
            }
            scope = stage.scope;
            let files = recipes.files_of(&self.recipe_name, stage)?;
            let mut unpack = Vec::new();
            for (component, place) in &stage.unpack {
                let source = self.components.get(component).ok_or_else(|| PlanError::UnknownComponent {
                    recipe: self.recipe_name.clone(),
                    name: component.clone(),
                    known: self.components.keys().cloned().collect(),
                })?;
                let mut fixup = source.fixup.as_deref().map(|name| recipes.fixup(name)).transpose()?;
                if let Some(file) = self.recipe.fixups.get(component) {
                    fixup.get_or_insert_default().extend(recipes.file_of(&self.recipe_name, file)?);
                }
                let (folder, selection) = (self.with_versions(place.folder()), place.selection());
                unpack.push(Tree { source: source.clone(), folder, selection, fixup });
            }
            let mut planned = PlannedStage {
                name: stage.name.clone(),
                script: stage.script.clone(),
                files,
                scope: stage.scope,
                unpack,
                steps: self.of_languages(&stage.steps),
                seconds: self.of_languages(&stage.seconds),
                pace: stage.pace.clone(),
                snapshot: stage.snapshot,
                interface: stage.interface.clone(),
                additions: stage.additions,
                before,
                key: before,
            };
            planned.key = planned.key_behind(before);
            before = planned.key;
            stages.push(planned);
        }
        Ok(stages)
    }

    /// What determines the additions of the stage `number`: as its key, but of a stage before it that has an interface no more than
    /// the digest of that file, which `interface` is asked for by its name.
    pub fn key_by_sight(&self, number: usize, interface: impl Fn(&str) -> io::Result<Sha256>) -> io::Result<Key> {
        #[derive(Serialize)]
        struct Sight {
            before: Key,
            interface: Sha256,
        }
        let mut seen = None;
        for stage in &self.stages[..number] {
            let before = seen.unwrap_or(stage.before);
            if let Some(file) = &stage.interface {
                seen = Some(Key::over(&Sight { before, interface: interface(file)? }));
            } else if seen.is_some() {
                seen = Some(stage.key_behind(before));
            }
        }
        let stage = &self.stages[number];
        Ok(stage.key_behind(seen.unwrap_or(stage.before)))
    }
}

impl PlannedStage {
    /// Its key, where `before` covers all that is before it.
    fn key_behind(&self, before: Key) -> Key {
        #[derive(Serialize)]
        struct Link<'a> {
            before: Key,
            name: &'a str,
            script: &'a str,
            files: BTreeMap<&'a str, Sha256>,
            unpack: Vec<LinkTree<'a>>,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            additions: bool,
        }
        #[derive(Serialize)]
        struct LinkTree<'a> {
            folder: &'a str,
            version: &'a str,
            sha256: Sha256,
            nested: Option<&'a str>,
            #[serde(flatten)]
            selection: &'a Selection,
            fixup: Option<Sha256>,
        }

        Key::over(&Link {
            before,
            name: &self.name,
            script: &self.script,
            files: self.files.iter().map(|(file, content)| (file.as_str(), Sha256::of(content))).collect(),
            unpack: self
                .unpack
                .iter()
                .map(|tree| LinkTree {
                    folder: &tree.folder,
                    version: tree.source.upstream_version(),
                    sha256: tree.source.sha256,
                    nested: tree.source.nested.as_deref(),
                    selection: &tree.selection,
                    fixup: tree.fixup.as_deref().map(Sha256::of),
                })
                .collect(),
            additions: self.additions,
        })
    }
}

//! The chain of keys: what each link covers.

use std::collections::{BTreeMap, BTreeSet};

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
        #[derive(Serialize)]
        struct Link<'a> {
            before: Key,
            name: &'a str,
            script: &'a str,
            files: BTreeMap<&'a str, Sha256>,
            unpack: Vec<LinkTree<'a>>,
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

        let mut before = self.first_link();
        let mut scope = Scope::Host;
        let mut stages = Vec::new();
        for stage in self.recipe.stages.iter().filter(|stage| self.bootstrap.is_some() || !stage.bootstrap_only) {
            if stage.scope < scope {
                let (recipe, stage, scope) = (self.recipe_name.clone(), stage.name.clone(), stage.scope);
                return Err(PlanError::LateStage { recipe, stage, scope });
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
            let key = Key::over(&Link {
                before,
                name: &stage.name,
                script: &stage.script,
                files: files.iter().map(|(file, content)| (file.as_str(), Sha256::of(content))).collect(),
                unpack: unpack
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
            });
            before = key;
            stages.push(PlannedStage {
                name: stage.name.clone(),
                script: stage.script.clone(),
                files,
                scope: stage.scope,
                unpack,
                steps: self.of_languages(&stage.steps),
                seconds: self.of_languages(&stage.seconds),
                pace: stage.pace.clone(),
                snapshot: stage.snapshot,
                key,
            });
        }
        Ok(stages)
    }
}

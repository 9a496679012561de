//! What a build leaves in writing: the toolchain's manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::Run;
use crate::contents::Contents;
use crate::digest::Sha256;
use crate::plan::Linkage;
use crate::store::{BootstrapRecord, CompilerRecord, MANIFEST_SCHEMA, Manifest, PatchRecord, StageRecord};

/// The file of the work tree in which stages say what they patched: lines of COMPONENT SHA256  FILE.
const PATCHES_FILE: &str = "applied-patches";

impl Run<'_> {
    /// The host's compiler, with the commands that the toolchain's languages have.
    fn host_compiler(&self) -> Option<CompilerRecord> {
        let found = self.plan.host_compiler.clone()?;
        let mut commands = self.plan.recipe.host_compiler.clone()?;
        let has = |language: &String| self.plan.languages.contains(language);
        commands.programs.retain(|_, command| command.language.as_ref().is_none_or(has));
        Some(CompilerRecord { found, commands })
    }

    /// The toolchain that took the place of the host's compiler.
    fn bootstrap(&self) -> io::Result<Option<BootstrapRecord>> {
        let Some(bootstrap) = &self.plan.bootstrap else { return Ok(None) };
        let name = bootstrap.plan.name();
        let manifest = self.builder.store.manifest(&name).map_err(io::Error::other)?;
        let manifest = manifest.ok_or_else(|| io::Error::other(format!("{name} was uninstalled meanwhile")))?;
        Ok(Some(BootstrapRecord { name, key: manifest.key, contents: manifest.contents }))
    }

    /// The digests of the files that stages saw, and of the fix-ups.
    fn recipe_files(&self) -> BTreeMap<String, Sha256> {
        let files = self.plan.stages.iter().flat_map(|stage| &stage.files);
        let files = files.map(|(name, content)| (name.clone(), Sha256::of(content)));
        let trees = self.plan.stages.iter().flat_map(|stage| &stage.unpack);
        let fixups =
            trees.filter_map(|tree| Some((Manifest::fixup_of(&tree.source.name), Sha256::of(tree.fixup.as_ref()?))));
        files.chain(fixups).collect()
    }

    /// The patches that stages recorded.
    fn patches(&self) -> io::Result<BTreeSet<PatchRecord>> {
        let path = self.tree.join(PATCHES_FILE);
        let text = match fs_err::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text?,
        };
        let record = |line: &str| {
            let (component, rest) = line.split_once(' ')?;
            let (digest, file) = rest.split_once("  ")?;
            let file = file.rsplit('/').next().unwrap_or(file).to_owned();
            Some(PatchRecord { component: component.to_owned(), file, sha256: digest.parse().ok()? })
        };
        let wrong = |line: &str| io::Error::other(format!("{}: `{line}` names no patch", path.display()));
        text.lines().map(|line| record(line).ok_or_else(|| wrong(line))).collect()
    }

    pub(super) fn manifest(&self, name: &str, stages: Vec<StageRecord>, contents: &Contents) -> io::Result<Manifest> {
        let (builder, plan) = (self.builder, self.plan);
        Ok(Manifest {
            schema: MANIFEST_SCHEMA,
            name: name.to_owned(),
            key: plan.key(),
            triple: plan.target.triple.clone(),
            recipe: plan.recipe_name.clone(),
            languages: plan.languages.clone(),
            host: plan.host.clone(),
            host_static: plan.linkage == Linkage::Static,
            gcc_options: plan.target.gcc_options.clone(),
            defaults: !plan.plain,
            environment: plan.environment.clone(),
            grade: plan.grade.clone(),
            recipe_files: self.recipe_files(),
            patches: self.patches()?,
            components: plan.components.clone(),
            host_tools: builder.host.programs.clone(),
            host_compiler: self.host_compiler(),
            bootstrap: self.bootstrap()?,
            launcher: self.launcher().map(|launcher| launcher.kind),
            isolation: builder.isolation.name().to_owned(),
            stages,
            muslchain: env!("CARGO_PKG_VERSION").to_owned(),
            contents: Sha256::of(&contents.to_bytes()?),
        })
    }
}

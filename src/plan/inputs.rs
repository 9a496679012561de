//! The choice of a plan's inputs: what was asked for, held against what the recipe and the tables have.

use std::collections::{BTreeMap, BTreeSet};

use super::{Bootstrap, FoundCompiler, GradeChoice, Linkage, Plan, PlanError, Request, host_machine};
use crate::recipe::{Recipe, Recipes};
use crate::source::{Source, Sources};
use crate::target::{Served, Target};

pub(super) fn choose_compiler(
    recipe: &Recipe,
    recipe_name: &str,
    target: &Target,
    found: Option<&FoundCompiler>,
) -> Result<Option<FoundCompiler>, PlanError> {
    let Some(wanted) = &recipe.host_compiler else { return Ok(None) };
    let (recipe, tool) = (recipe_name.to_owned(), wanted.tool.clone());
    let reason = match target.host_compilers.get(&wanted.tool) {
        Some(Served::With(_)) => None,
        Some(Served::Not(refused)) => Some(refused.refused.clone()),
        None => Some(format!("it is not known how {tool} compiles for it")),
    };
    if let Some(reason) = reason {
        return Err(PlanError::NotServed { recipe, target: target.triple.clone(), reason });
    }
    found.cloned().map(Some).ok_or(PlanError::NoHostCompiler { recipe, tool })
}

/// The toolchain for this machine that compiles the others' programs. How well its own are compiled changes nothing of
/// what it makes.
pub(super) fn choose_bootstrap(
    recipes: &Recipes,
    sources: &Sources,
    recipe_name: &str,
    request: &Request,
    resolved: &[Source],
) -> Result<Bootstrap, PlanError> {
    let recipe = recipes.recipe(recipe_name)?;
    let targets = recipes.targets()?;
    let (target, _) = targets.find(host_machine()).map_err(PlanError::NoTargetOfHost)?;
    let own = Request {
        versions: request.versions.clone(),
        languages: recipe.languages.clone(),
        plain: false,
        grade: GradeChoice::Soonest,
        bootstrap: false,
    };
    let plan = Plan::new(recipes, sources, recipe_name, target, &own, Linkage::Static, resolved, None)?;
    let table = recipes.host_tools()?;
    let tools = recipe.host_tools_with(&request.versions);
    let replaced = tools.iter().filter(|tool| table.get(tool).is_some_and(|row| row.in_toolchains));
    let programs = replaced.flat_map(|tool| table.programs_of(tool)).cloned().collect();
    Ok(Bootstrap { plan: Box::new(plan), programs })
}

pub(super) fn programs_of(recipes: &Recipes, tools: &BTreeSet<String>) -> Result<BTreeSet<String>, PlanError> {
    let table = recipes.host_tools()?;
    Ok(tools.iter().flat_map(|tool| table.programs_of(tool)).cloned().collect())
}

pub(super) fn owner_of_compiler(recipes: &Recipes, target: &Target) -> Result<Target, PlanError> {
    let Some(owner) = &target.compiler_of else { return Ok(target.clone()) };
    let targets = recipes.targets()?;
    let found = targets.iter().find(|other| other.triple == *owner && other.compiler_of.is_none());
    found.cloned().ok_or_else(|| PlanError::NoSuchCompiler { target: target.triple.clone(), owner: owner.clone() })
}

pub(super) fn choose_components(
    recipe: &Recipe,
    recipe_name: &str,
    sources: &Sources,
    request: &Request,
    resolved: &[Source],
) -> Result<BTreeMap<String, Source>, PlanError> {
    for name in request.versions.keys() {
        if !recipe.components.contains_key(name) {
            return Err(PlanError::UnknownComponent {
                recipe: recipe_name.to_owned(),
                name: name.clone(),
                known: recipe.components.keys().cloned().collect(),
            });
        }
    }
    let mut chosen = BTreeMap::new();
    for (name, default) in &recipe.components {
        let version = request.versions.get(name).unwrap_or(default);
        let source = if let Some(moving) = sources.moving(name, version) {
            let known = resolved.iter().find(|source| source.name == *name && moving.stands_for(source));
            known.ok_or_else(|| PlanError::Unresolved(Box::new(moving.clone())))?
        } else {
            sources.get(name, version).ok_or_else(|| PlanError::UnknownVersion {
                name: name.clone(),
                version: version.clone(),
                known: sources.versions(name).into_iter().map(str::to_owned).collect(),
            })?
        };
        chosen.insert(name.clone(), source.clone());
    }
    Ok(chosen)
}

/// The grade's name, if the recipe has any, and its variables.
pub(super) fn choose_grade(
    recipe: &Recipe,
    recipe_name: &str,
    request: &Request,
) -> Result<(Option<String>, BTreeMap<String, String>), PlanError> {
    let chosen = match &request.grade {
        GradeChoice::Named(grade) => recipe.grades.get_key_value(grade).ok_or_else(|| PlanError::UnknownGrade {
            recipe: recipe_name.to_owned(),
            grade: grade.clone(),
            known: recipe.grades.keys().cloned().collect(),
        })?,
        GradeChoice::Soonest => match recipe.grades.first() {
            Some(first) => first,
            None => return Ok((None, BTreeMap::new())),
        },
        GradeChoice::Best => match recipe.grades.last() {
            Some(last) => last,
            None => return Ok((None, BTreeMap::new())),
        },
    };
    Ok((Some(chosen.0.clone()), chosen.1.clone()))
}

pub(super) fn choose_languages(
    recipe: &Recipe,
    recipe_name: &str,
    request: &Request,
) -> Result<Vec<String>, PlanError> {
    for language in &request.languages {
        if !recipe.languages.contains(language) {
            return Err(PlanError::UnknownLanguage {
                recipe: recipe_name.to_owned(),
                language: language.clone(),
                known: recipe.languages.clone(),
            });
        }
    }
    let wanted = |(place, language): &(usize, &String)| *place == 0 || request.languages.contains(language);
    Ok(recipe.languages.iter().enumerate().filter(wanted).map(|(_, language)| language.clone()).collect())
}

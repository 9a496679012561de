//! Why no plan can be made.

use crate::recipe::{RecipeError, Scope};
use crate::source::Moving;
use crate::target::UnknownTarget;

/// Why no plan can be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A recipe file is wrong or missing.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// `--set` names a component that the recipe has not.
    #[error("recipe {recipe} has no component `{name}`; it has {}", known.join(", "))]
    UnknownComponent {
        /// The recipe.
        recipe: String,
        /// What was asked for.
        name: String,
        /// Its components.
        known: Vec<String>,
    },
    /// A version without a digest in the table of sources.
    #[error("no digest is known for {name} {version}; known versions: {}", known.join(", "))]
    UnknownVersion {
        /// The component.
        name: String,
        /// What was asked for.
        version: String,
        /// Versions in the table.
        known: Vec<String>,
    },
    /// A language that the recipe cannot build.
    #[error("recipe {recipe} cannot build `{language}`; it can build {}", known.join(", "))]
    UnknownLanguage {
        /// The recipe.
        recipe: String,
        /// What was asked for.
        language: String,
        /// What it can build.
        known: Vec<String>,
    },
    /// A grade that the recipe has not.
    #[error("recipe {recipe} has no grade `{grade}`; it has {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") })]
    UnknownGrade {
        /// The recipe.
        recipe: String,
        /// What was asked for.
        grade: String,
        /// Its grades.
        known: Vec<String>,
    },
    /// A recipe that compiles no programs for the host.
    #[error(
        "recipe {recipe} compiles no programs for this machine, so there is nothing to bootstrap: where a file of settings says \
         `bootstrap`, MUSLCHAIN_BOOTSTRAP=0 says otherwise"
    )]
    NothingToBootstrap {
        /// The recipe.
        recipe: String,
    },
    /// There is no target of this machine's own kind.
    #[error("no toolchain can be built that compiles for this machine: {0}")]
    NoTargetOfHost(UnknownTarget),
    /// This machine has no compiler that the recipe's toolchains could call.
    #[error("recipe {recipe} needs this machine's {tool}, and none that will do was found")]
    NoHostCompiler {
        /// The recipe.
        recipe: String,
        /// The compiler's name among the host tools.
        tool: String,
    },
    /// A compiler of the host that cannot serve a target.
    #[error("recipe {recipe} builds nothing for {target}: {reason}")]
    NotServed {
        /// The recipe.
        recipe: String,
        /// The target's triple.
        target: String,
        /// Why the compiler cannot serve it.
        reason: String,
    },
    /// A target's row names another that is not in the table.
    #[error("target {target} has the compiler of {owner}, which is no target with a compiler of its own")]
    NoSuchCompiler {
        /// The target.
        target: String,
        /// The triple in its row.
        owner: String,
    },
    /// A stage of the compiler proper after one of the target.
    #[error("recipe {recipe}: stage {stage} has the scope `{scope}` and stands behind one of a narrower scope")]
    LateStage {
        /// The recipe.
        recipe: String,
        /// The stage.
        stage: String,
        /// Its scope.
        scope: Scope,
    },
    /// A stage whose interface would hide what is decided behind it.
    #[error(
        "stage {stage} of recipe {recipe} has an interface, but its scope is {scope}: only stages of the scope target may have one"
    )]
    EarlyInterface {
        /// The recipe.
        recipe: String,
        /// The stage.
        stage: String,
        /// Its scope.
        scope: Scope,
    },
    /// A moving version that has not been resolved yet.
    #[error("{} {} has not been resolved to a file yet", .0.name, .0.version)]
    Unresolved(Box<Moving>),
}

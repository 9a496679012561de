//! The variables that a stage's script sees.

use std::collections::BTreeMap;
use std::path::Path;

use crate::jobs::JobServer;
use crate::plan::{Linkage, Plan, VERSION_MARK};
use crate::recipe::Scope;

fn text(value: &str) -> String {
    value.to_owned()
}

/// The variables that every script sees, its work tree being at `work` in its room and its tools at `tools`.
pub fn of_any(work: &Path, tools: &Path) -> BTreeMap<String, String> {
    BTreeMap::from([
        (text("PATH"), tools.display().to_string()),
        (text("LC_ALL"), text("C")),
        (text("TZ"), text("UTC")),
        (text("SOURCE_DATE_EPOCH"), text("0")),
        (text("TMPDIR"), work.join("tmp").display().to_string()),
        (text("WORK"), work.display().to_string()),
    ])
}

/// All variables that the stage `number` sees, its work tree being at `work` in its room and its tools at `tools`. Those that
/// shape its result are covered by its key: of versions, it is told those of the components that
/// are unpacked by then, and of compiler and target what its scope allows.
pub fn of_stage(plan: &Plan, number: usize, work: &Path, tools: &Path, jobs: &JobServer) -> BTreeMap<String, String> {
    let (host_static, host_ldflags) = match plan.linkage {
        Linkage::Static => ("yes", "-static"),
        Linkage::Dynamic => ("no", "-static-libgcc -static-libstdc++"),
    };
    let mut environment = plan.environment.clone();
    let unpacked = plan.stages[..=number].iter().flat_map(|stage| &stage.unpack);
    environment.extend(unpacked.map(|tree| {
        let variable = format!("{}_VERSION", tree.source.name.to_uppercase().replace('-', "_"));
        (variable, tree.source.upstream_version().to_owned())
    }));
    // The toolchain's key depends on every stage, so that only the last one may know it.
    if number + 1 == plan.stages.len() {
        environment.insert(text("VERSION_TEXT"), plan.version_text());
    }
    environment.extend(of_any(work, tools));
    environment.extend([
        (text("BUILD_TRIPLE"), plan.host.clone()),
        (text("HOST_STATIC"), text(host_static)),
        (text("HOST_LDFLAGS"), text(host_ldflags)),
        (text("VERSION_MARK"), text(VERSION_MARK)),
        (text("MAKEFLAGS"), jobs.make_flags()),
    ]);
    let scope = plan.stages[number].scope;
    if scope >= Scope::Compiler {
        environment.extend([
            (text("COMPILER_TRIPLE"), plan.compiler.triple.clone()),
            (text("COMPILER_OPTIONS"), plan.compiler.gcc_options.join(" ")),
            (text("COMPILED_LANGUAGES"), plan.languages.join(",")),
        ]);
    }
    if scope >= Scope::Target {
        environment.extend([
            (text("TARGET"), plan.target.triple.clone()),
            (text("GCC_TARGET_OPTIONS"), plan.target.gcc_options.join(" ")),
            (text("DRIVER_SPECS"), plan.target.driver_specs.clone()),
            (text("COMPILER_ARGUMENTS"), plan.compiler_arguments().join(" ")),
            (text("KERNEL_ARCH"), plan.target.kernel_arch.clone()),
            (text("MULTIARCH"), plan.target.multiarch.clone()),
            (text("DEFAULTS"), text(if plan.plain { "no" } else { "yes" })),
        ]);
    }
    environment
}

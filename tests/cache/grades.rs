//! How well a toolchain's own programs are compiled follows from what it is built for.

use crate::bench::Bench;
use crate::support::Place;
use crate::support::recipes::add_recipe;

/// Recipes with two grades, which what they build tells.
fn grades(bench: &Bench) {
    for place in [&bench.builder, &bench.user] {
        let grades = "[grades.fast]\nHOW = \"soon\"\n[grades.release]\nHOW = \"well\"\n\n[environment]";
        place.edit("toolchains/tiny/recipe.toml", "[environment]", grades);
        place.before("last", "echo \"${HOW-}\" > out/lib/how");
    }
}

fn how(place: &Place) -> String {
    let folder = place.run(&["dir", "tiny"]).succeeds().stdout;
    std::fs::read_to_string(format!("{}/lib/how", folder.trim())).unwrap()
}

fn build_for_others(bench: &Bench, options: &[&str]) -> crate::support::process::Ran {
    let (remote, mirror) = (bench.remote.to_str().unwrap(), bench.builder.mirror.to_str().unwrap());
    bench.builder.run(&[&["cache", "build", "--remote", remote, "--mirror", mirror, "tiny"], options].concat())
}

#[test]
fn what_is_built_for_others_is_built_well_and_what_is_built_here_soon() {
    let bench = Bench::without_artifact();
    grades(&bench);
    bench.user.install(&["tiny"]).succeeds();
    assert_eq!(how(&bench.user), "soon\n");
    bench.user.run(&["uninstall", "tiny"]).succeeds();

    build_for_others(&bench, &[]).succeeds().says(&[" is there now"]);
    assert_eq!(how(&bench.builder), "well\n");
    // Nobody has to say the grade to have it.
    let ran = bench.install().succeeds();
    assert_eq!((ran.stages().len(), how(&bench.user).as_str()), (0, "well\n"), "{ran:#?}");
    // It does as long as it is there.
    bench.user.install(&["tiny"]).succeeds().says(&["is installed"]);
    let ran = bench.install().succeeds();
    assert_eq!((ran.stages().len(), how(&bench.user).as_str()), (0, "well\n"), "{ran:#?}");
    // What was asked for by name is that.
    let remote = bench.remote.to_str().unwrap();
    bench.user.install(&["tiny", "--grade", "fast", "--remote", remote]).succeeds();
    assert_eq!(how(&bench.user), "soon\n");

    // Again: what the remote has is not built.
    bench.builder.run(&["uninstall", "tiny"]).succeeds();
    bench.builder.run(&["key", "trust", &bench.key]).succeeds();
    let ran = build_for_others(&bench, &[]).succeeds().says(&["was there, and is signed anew"]);
    assert_eq!(ran.stages().len(), 0, "{ran:#?}");
    build_for_others(&bench, &["--grade", "fast"]).succeeds();
    assert_eq!(how(&bench.builder), "soon\n");
}

#[test]
fn nothing_is_built_that_cannot_be_put_anywhere() {
    let bench = Bench::without_artifact();
    bench.builder.run(&["uninstall", "tiny"]).succeeds();
    let mirror = bench.builder.mirror.to_str().unwrap();
    bench.builder.run(&["cache", "build", "tiny", "--mirror", mirror]).refuses(&["no remote to put anything at"]);
    std::fs::remove_file(bench.builder.home.join(".config/muslchain/signing.key")).unwrap();
    build_for_others(&bench, &[]).refuses(&["has to be signed"]);
    assert!(bench.builder.toolchains().is_empty());
}

#[test]
fn a_lock_says_the_grade() {
    let bench = Bench::without_artifact();
    grades(&bench);
    std::fs::write(bench.user.project.join("toolchains.toml"), "targets = [\"tiny\"]\ngrade = \"release\"\n").unwrap();
    bench.user.run(&["lock", "--mirror", bench.user.mirror.to_str().unwrap()]).succeeds();
    std::fs::write(bench.user.project.join("toolchains.toml"), "targets = [\"tiny\"]\n").unwrap();
    bench.user.install(&["--locked"]).succeeds();
    assert_eq!(how(&bench.user), "well\n");
    bench.user.install(&["--locked", "--grade", "fast"]).refuses(&["grade: fast, locked is release"]);
}

#[test]
fn a_lock_of_another_recipe_says_nothing_of_the_grade() {
    let bench = Bench::without_artifact();
    grades(&bench);
    add_recipe(&bench.user.recipes, "plain", r#"["sh"]"#);
    std::fs::write(bench.user.project.join("toolchains.toml"), "targets = [\"tiny\"]\nrecipe = \"tiny\"\n").unwrap();
    bench.user.run(&["lock", "--mirror", bench.user.mirror.to_str().unwrap()]).succeeds();
    bench.user.install(&["--recipe", "plain"]).succeeds();
    assert!(bench.user.toolchains()[0].to_str().unwrap().contains("-plain-"));
}

#[test]
fn what_calls_a_compiler_of_this_machine_is_not_built_for_others() {
    let bench = Bench::without_artifact();
    bench.builder.run(&["uninstall", "tiny"]).succeeds();
    let compiler = "[host-compiler]\ntool = \"sh\"\nprograms = {}\n\n[components]";
    bench.builder.edit("toolchains/tiny/recipe.toml", "[components]", compiler);
    build_for_others(&bench, &["--recipe", "tiny"]).refuses(&["call this machine's sh", "`--recipe` names another"]);
    assert!(bench.builder.toolchains().is_empty());
}

#[test]
fn a_recipe_that_nothing_is_known_of_is_told_of_once() {
    let bench = Bench::new();
    grades(&bench);
    crate::lock::moving(&bench.user);
    let ask = |command: &str| {
        bench.user.run(&["cache", command, "--offline", "--remote", bench.remote.to_str().unwrap(), "tiny"])
    };
    for command in ["ls", "verify"] {
        ask(command).refuses(&["beta `newest` means the newest beta of nowhere, which cannot be found out"]);
    }
    let ran = ask("pull").refuses(&["recipe tiny"]);
    assert_eq!(ran.stderr.matches("cannot be found out").count(), 1, "{ran:#?}");
}

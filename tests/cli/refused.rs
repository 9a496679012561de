//! What is refused, and how.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::support::Place;
use crate::support::process::Ran;

#[test]
fn an_unknown_target_gets_the_nearest_names() {
    let place = Place::new();
    for command in ["install", "fetch", "env", "show", "which", "dir", "uninstall"] {
        let ran = place.run(&[command, "tinny"]);
        let printed = if command == "env" { "false\n" } else { "" };
        assert_eq!((ran.code, ran.stdout.as_str()), (1, printed), "{command}");
        ran.says(&["no target is called `tinny`", "did you mean `tiny`", "muslchain targets"]);
    }
    place.run(&["install", "linux/amr64"]).refuses(&["did you mean `linux/arm64`"]);
    place.run(&["install", "zzzz"]).refuses(&["no target is called `zzzz`; `muslchain targets` lists all"]);
    assert!(!place.store().exists());
}

#[test]
fn another_system_gets_one_sentence_why_not() {
    let place = Place::new();
    for (name, system) in [("windows/amd64", "windows"), ("darwin/arm64", "darwin"), ("Windows/AMD64", "windows")] {
        let ran = place.run(&["install", name]).refuses(&[name, "musl is a C library for Linux", system]);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
}

#[test]
fn one_wrong_target_among_right_ones_installs_nothing() {
    let place = Place::new();
    place.install(&["tiny", "tinny"]).refuses(&["`tinny`"]);
    assert!(!place.store().exists());
}

#[test]
fn what_no_recipe_knows_is_refused_with_what_it_knows() {
    let place = Place::new();
    for (arguments, parts) in [
        (&["--set", "nonsense"][..], &["--set", "`nonsense`", "COMPONENT=VERSION"][..]),
        (&["--set", "=1"], &["--set", "`=1`"]),
        (&["--set", "beta="], &["--set", "`beta=`"]),
        (&["--set", "betta=1.0"], &["no component `betta`", "alpha, beta"]),
        (&["--set", "beta=9.9"], &["no digest is known for beta 9.9", "1.0, 2.0, 3.0, 1.0-mended"]),
        (&["--languages", "fortran"], &["cannot build `fortran`", "c, c++"]),
        (&["--recipe", "tinny"], &["no recipe is called `tinny`", "tiny"]),
        (&["--jobs", "0"], &["jobs is 0"]),
        (&["--isolation", "strong"], &["--isolation", "`strong`", "namespaces, landlock or none"]),
        (&["--mirror", "ftp://mirror.example"], &["ftp://mirror.example", "https://"]),
    ] {
        for recipe in [&["--recipe", "tiny"][..], &[]] {
            if arguments[0] != "--recipe" {
                let ran = place.install(&[&["tiny"], recipe, arguments].concat()).refuses(parts);
                // No place is asked for the sources of what cannot be.
                assert!(!ran.stderr.contains("looking for") && !ran.stderr.contains("adds a place"), "{ran:#?}");
            }
        }
        place.run(&[&["fetch", "tiny"], arguments].concat()).refuses(parts);
    }
    assert!(!place.store().join("toolchains").exists());
}

#[test]
fn a_usage_error_is_the_users_to_mend() {
    let place = Place::new();
    for arguments in [
        &[][..],
        &["instal"],
        &["install", "--nonsense", "tiny"],
        &["install", "--jobs", "many", "tiny"],
        &["list", "--quiet", "--verbose"],
        &["help"],
    ] {
        let ran = place.run(arguments);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{arguments:?}: {ran:#?}");
        assert!(["Usage: muslchain", "--help"].iter().any(|part| ran.stderr.contains(part)), "{arguments:?}: {ran:#?}");
    }
}

#[test]
fn a_wrong_file_of_settings_is_refused_with_file_line_and_key() {
    let place = Place::new();
    let project = place.project.join("toolchains.toml");
    std::fs::write(&project, "recipe = 'tiny'\n\nlanguage = ['c']\n").unwrap();
    place.install(&["tiny"]).refuses(&[project.to_str().unwrap(), "line 3", "`language`"]);
    std::fs::write(&project, "recipe = 'tiny'\njobs = 'two'\n").unwrap();
    place.run(&["targets"]).refuses(&[project.to_str().unwrap(), "line 2", "jobs"]);
    std::fs::remove_file(&project).unwrap();

    let user = place.home.join(".config/muslchain/config.toml");
    std::fs::create_dir_all(user.parent().unwrap()).unwrap();
    std::fs::write(&user, "[version]\nbeta = '1.0'\n").unwrap();
    place.install(&["tiny"]).refuses(&[user.to_str().unwrap(), "line 1", "`version`"]);
    std::fs::write(&user, "isolation = 'strong'\n").unwrap();
    place.install(&["tiny"]).refuses(&[user.to_str().unwrap(), "line 1", "`strong`", "namespaces"]);
    assert!(!place.store().exists());
}

#[test]
fn a_project_cannot_leave_isolation_out() {
    let place = Place::new();
    let project = place.project.join("toolchains.toml");
    std::fs::write(&project, "isolation = 'none'\n").unwrap();
    place.install(&["tiny"]).refuses(&[project.to_str().unwrap(), "`--isolation none`"]);
    std::fs::remove_file(&project).unwrap();
    let user = place.home.join(".config/muslchain/config.toml");
    std::fs::create_dir_all(user.parent().unwrap()).unwrap();
    std::fs::write(&user, "isolation = 'none'\n").unwrap();
    place.install(&["tiny"]).succeeds();
}

#[test]
fn a_wrong_recipe_is_refused_with_file_line_and_key() {
    let place = Place::new();
    place.edit("toolchains/tiny/recipe.toml", "named-after", "flavour = 1\nnamed-after");
    let file = place.recipes.join("toolchains/tiny/recipe.toml");
    let recipes = place.recipes.to_str().unwrap();
    let mut command = place.command(&["install", "tiny", "--recipes", recipes]);
    command.env_remove("MUSLCHAIN_RECIPES");
    Ran::of(command).refuses(&[file.to_str().unwrap(), "line 3", "`flavour`"]);

    let place = Place::new();
    place.edit("sources.toml", "licence", "license");
    place.install(&["tiny"]).refuses(&["sources.toml", "line 7", "`license`"]);

    let place = Place::new();
    place.edit("toolchains/tiny/recipe.toml", "script = \"last.sh\"", "script = \"lost.sh\"");
    let ran = place.install(&["tiny"]).refuses(&["lost.sh", "No such file"]);
    assert!(!ran.stderr.contains("is possible here"), "{}", ran.stderr);

    let place = Place::new();
    let nowhere = place.path().join("nowhere");
    place.install(&["tiny", "--recipes", nowhere.to_str().unwrap()]).refuses(&[nowhere.to_str().unwrap()]);
}

#[test]
fn without_home_the_message_says_what_to_set() {
    let place = Place::new();
    let without_home = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.env_remove("HOME");
        command
    };
    for command in [&["list"][..], &["targets"], &["install", "tiny"], &["dir"]] {
        Ran::of(without_home(command)).refuses(&["HOME is not set", "MUSLCHAIN_HOME"]);
    }
    let mut command = without_home(&["dir"]);
    command.env("MUSLCHAIN_HOME", "/somewhere/else");
    assert_eq!(Ran::of(command).succeeds().stdout, "/somewhere/else\n");
}

#[test]
fn a_variable_that_is_not_utf8_is_refused_by_name() {
    let place = Place::new();
    let run = |arguments: &[&str], name: &str| {
        let mut command = place.command(arguments);
        command.env(name, OsStr::from_bytes(b"/somewhere/h\xf6me"));
        command
    };
    for command in
        [&["list"][..], &["targets"], &["install", "tiny"], &["uninstall", "tiny"], &["dir"], &["which", "tiny"]]
    {
        Ran::of(run(command, "MUSLCHAIN_HOME")).refuses(&["MUSLCHAIN_HOME is not valid UTF-8", "set it"]);
        Ran::of(run(command, "MUSLCHAIN_JOBS")).refuses(&["MUSLCHAIN_JOBS is not valid UTF-8", "set it"]);
        Ran::of(run(command, "HOME")).refuses(&["HOME is not valid UTF-8", "set XDG_"]);
    }
    Ran::of(run(&["list"], "XDG_DATA_HOME")).refuses(&["XDG_DATA_HOME is not valid UTF-8", "set XDG_DATA_HOME"]);
    Ran::of(run(&["targets"], "XDG_CONFIG_HOME")).refuses(&["XDG_CONFIG_HOME is not valid UTF-8"]);
    let ran = Ran::of(run(&["env", "tiny"], "MUSLCHAIN_HOME"));
    assert_eq!((ran.code, ran.stdout.as_str()), (1, "false\n"), "{ran:#?}");
    // What is not asked is in nobody's way.
    Ran::of(run(&["dir"], "OTHER")).succeeds();
    let mut command = run(&["targets"], "HOME");
    command.envs([("MUSLCHAIN_HOME", place.path()), ("XDG_CONFIG_HOME", place.path())]);
    Ran::of(command).succeeds();

    // A relative store is below the current folder.
    let folder = place.path().join(OsStr::from_bytes(b"h\xf6me"));
    std::fs::create_dir(&folder).unwrap();
    let mut command = place.command(&["dir"]);
    command.env("MUSLCHAIN_HOME", "store").current_dir(folder);
    Ran::of(command).refuses(&["the store's path is not valid UTF-8", "set MUSLCHAIN_HOME"]);
}

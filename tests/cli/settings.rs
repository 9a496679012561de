//! Which setting wins.

use crate::support::Place;

#[test]
fn the_nearest_setting_wins() {
    let place = Place::new();
    let user = place.home.join(".config/muslchain/config.toml");
    std::fs::create_dir_all(user.parent().unwrap()).unwrap();
    let named = |name: &str| format!("no recipe is called `{name}`");
    let variable = [("MUSLCHAIN_RECIPE", "by-variable")];

    std::fs::write(&user, "recipe = 'by-user'\n").unwrap();
    place.run(&["install", "tiny"]).refuses(&[&named("by-user")]);
    std::fs::write(place.project.join("toolchains.toml"), "recipe = 'by-project'\n").unwrap();
    place.run(&["install", "tiny"]).refuses(&[&named("by-project")]);
    place.run_with(&variable, &["install", "tiny"]).refuses(&[&named("by-variable")]);
    place.run_with(&variable, &["install", "tiny", "--recipe", "by-flag"]).refuses(&[&named("by-flag")]);
    // An empty variable says nothing.
    place.run_with(&[("MUSLCHAIN_RECIPE", "")], &["install", "tiny"]).refuses(&[&named("by-project")]);
}

#[test]
fn versions_are_merged_one_by_one() {
    let place = Place::new();
    std::fs::write(place.project.join("toolchains.toml"), "[versions]\nbeta = '2.0'\nalpha = '7'\n").unwrap();
    place.install(&["tiny", "--recipe", "tiny", "--set", "beta=3.0"]).refuses(&["no digest is known for alpha 7"]);
    let mirror = place.mirror.to_str().unwrap();
    place.run_with(&[("MUSLCHAIN_SET", "alpha=1.0"), ("MUSLCHAIN_MIRROR", mirror)], &["install", "tiny"]).succeeds();
    assert_eq!(place.run(&["show", "tiny", "--json"]).json()["components"]["beta"]["version"], "2.0");
}

#[test]
fn every_option_is_a_variable_too() {
    let place = Place::new();
    let mirror = place.mirror.to_str().unwrap();
    place.edit("sources.toml", "urls = []", "urls = ['https://sources.invalid/alpha.tar']");
    for (name, value, parts) in [
        ("MUSLCHAIN_SET", "alpha=1.0 nonsense", &["MUSLCHAIN_SET", "`nonsense`"][..]),
        ("MUSLCHAIN_LANGUAGES", "c,fortran", &["`fortran`"]),
        ("MUSLCHAIN_GRADE", "best", &["no grade `best`", "it has none"]),
        ("MUSLCHAIN_JOBS", "0", &["jobs is 0"]),
        ("MUSLCHAIN_JOBS", "many", &["MUSLCHAIN_JOBS", "`many`"]),
        ("MUSLCHAIN_OFFLINE", "maybe", &["MUSLCHAIN_OFFLINE", "`maybe`"]),
        ("MUSLCHAIN_KEEP_WORK", "maybe", &["MUSLCHAIN_KEEP_WORK", "`maybe`"]),
        ("MUSLCHAIN_NO_PROGRESS", "maybe", &["MUSLCHAIN_NO_PROGRESS", "`maybe`"]),
        ("MUSLCHAIN_ISOLATION", "strong", &["MUSLCHAIN_ISOLATION", "`strong`"]),
        ("MUSLCHAIN_MIRROR", "ftp://mirror.example", &["ftp://"]),
        ("MUSLCHAIN_OFFLINE", "1", &["alpha-1.0.tar", "offline"]),
    ] {
        place.run_with(&[(name, value)], &["install", "tiny", "--recipe", "tiny"]).refuses(parts);
    }
    let home = place.path().join("elsewhere");
    let variables = [
        ("MUSLCHAIN_HOME", home.to_str().unwrap()),
        ("MUSLCHAIN_MIRROR", mirror),
        ("MUSLCHAIN_RECIPE", "tiny"),
        ("MUSLCHAIN_LANGUAGES", "c"),
        ("MUSLCHAIN_JOBS", "3"),
        ("MUSLCHAIN_KEEP_WORK", "1"),
        ("MUSLCHAIN_OFFLINE", "1"),
    ];
    // The stage has one of the jobs itself; the others wait in the pipe.
    let count = "fd=${MAKEFLAGS#*auth=}; fd=${fd%%,*}; head -c 2 /proc/self/fd/$fd\necho; mkdir -p out/lib\n";
    place.script("first", &format!("PATH=/usr/bin:/bin; {count}"));
    place.run_with(&variables, &["install", "tiny"]).succeeds();
    let work = &crate::support::entries(&home.join("work"))[0];
    assert!(work.join("tree").exists());
    let logs = &crate::support::entries(&home.join("logs"))[0];
    assert_eq!(std::fs::read_to_string(logs.join("1-first.log")).unwrap(), "++\n");
    assert!(place.toolchains().is_empty());
}

#[test]
fn a_projects_file_counts_below_its_folder() {
    let place = Place::new();
    std::fs::write(place.project.join("toolchains.toml"), "mirrors = ['./vendor']\n").unwrap();
    std::fs::rename(&place.mirror, place.project.join("vendor")).unwrap();
    let below = place.project.join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    let mut command = place.command(&["install", "tiny", "--offline"]);
    command.current_dir(below);
    crate::support::process::Ran::of(command).succeeds();
}

#[test]
fn programs_that_are_run_are_not_a_projects_to_name() {
    let place = Place::new();
    let lines = [
        ("clang = './evil'", "clang"),
        ("cc = './gcc'", "cc"),
        ("launcher = 'ccache'", "launcher"),
        ("recipes = '.'", "recipes"),
    ];
    for (line, key) in lines {
        std::fs::write(place.project.join("toolchains.toml"), format!("{line}\n")).unwrap();
        place.install(&["tiny"]).refuses(&["toolchains.toml", key, "your own config.toml"]);
    }
    std::fs::remove_file(place.project.join("toolchains.toml")).unwrap();
    // Nor are recipes' tools paths.
    let evil = place.project.join("evil");
    std::fs::write(&evil, "#!/bin/sh\n: > ran\n").unwrap();
    std::fs::set_permissions(&evil, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    place.edit("host-tools.toml", "\"cat\"", "\"cat\", \"/proc/self/cwd/evil\"");
    place.install(&["tiny"]).refuses(&["/proc/self/cwd/evil: runs the stages"]);
    assert!(!place.project.join("ran").exists());
}

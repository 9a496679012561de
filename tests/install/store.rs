//! Toolchains in the store: how they come there, what is found of them, how they go.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::recipes::{add_source, archive};
use crate::support::{Place, entries};

const STAGES: [&str; 3] = ["first", "second", "last"];

fn name_of(folder: &Path) -> &str {
    folder.file_name().unwrap().to_str().unwrap()
}

#[test]
fn a_toolchain_is_built_and_published() {
    let place = Place::new();
    let ran = place.install(&["linux/arm64"]).succeeds();
    assert_eq!(ran.stages(), STAGES);

    let [toolchain] = &place.toolchains()[..] else { panic!("{:?}", place.toolchains()) };
    assert!(name_of(toolchain).starts_with("tiny-linux-musl-tiny-beta1.0-"), "{}", toolchain.display());
    ran.says(&[toolchain.to_str().unwrap()]);
    let current = place.store().join("current/tiny-linux-musl");
    assert!(current.is_symlink());
    assert_eq!(current.canonicalize().unwrap(), toolchain.canonicalize().unwrap());
    assert_eq!(std::fs::read_to_string(toolchain.join("lib/beta")).unwrap(), "beta 1.0\n");

    for entry in walkdir::WalkDir::new(toolchain) {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        let executable = entry.path().starts_with(toolchain.join("bin"));
        if entry.file_type().is_file() {
            assert_eq!(mode & 0o777, if executable { 0o555 } else { 0o444 }, "{}", entry.path().display());
        }
    }
    let compiler = std::process::Command::new(toolchain.join("bin/tiny-linux-musl-cc")).output().unwrap();
    assert_eq!(compiler.stdout, b"this is cc\n");
    assert!(place.works().is_empty(), "{:?}", place.works());
}

#[test]
fn what_is_there_is_not_built_again() {
    let place = Place::new();
    let options = ["tiny", "--recipe", "tiny"];
    place.install(&options).succeeds();
    let folder = place.toolchains().remove(0);
    let manifest = std::fs::read(folder.join("manifest.json")).unwrap();

    // Neither the sources nor the network are needed any more,
    std::fs::remove_dir_all(&place.mirror).unwrap();
    std::fs::remove_dir_all(place.store().join("sources")).unwrap();
    for more in [&[][..], &["--offline"]] {
        for options in [&options[..], &["small"]] {
            let ran = place.run(&[&["install"], options, more].concat()).succeeds();
            assert_eq!((ran.stages().len(), ran.reused().len()), (0, 0), "{ran:#?}");
            ran.says(&["tiny-linux-musl is installed", folder.to_str().unwrap()]);
        }
    }
    // nor are jobs, isolation or mirrors what a toolchain is told by.
    place.install(&["tiny", "--jobs", "7", "--isolation", "none", "--keep-work"]).succeeds();
    assert_eq!(place.toolchains(), std::slice::from_ref(&folder));
    assert_eq!(std::fs::read(folder.join("manifest.json")).unwrap(), manifest);
}

#[test]
fn an_installed_toolchain_is_found() {
    let place = Place::new();
    place.install(&["tiny", "other"]).succeeds();
    let [other, tiny] = &place.toolchains()[..] else { panic!("{:?}", place.toolchains()) };

    let list = place.run(&["list"]).succeeds().stdout;
    assert_eq!(list.lines().count(), 2);
    assert!(list.lines().all(|line| line.starts_with('*')), "{list}");
    for name in ["tiny", "linux/arm64", "tiny-linux-musl", name_of(tiny)] {
        assert_eq!(place.run(&["dir", name]).succeeds().stdout, format!("{}\n", tiny.display()));
        assert!(place.run(&["show", name]).succeeds().stdout.contains(name_of(tiny)));
    }
    let gcc = other.join("bin/other-linux-musl-cc");
    assert_eq!(place.run(&["which", "other"]).succeeds().stdout, format!("{}\n", gcc.display()));
    let ar = tiny.join("bin/tiny-linux-musl-ar");
    assert_eq!(place.run(&["which", "tiny", "ar"]).succeeds().stdout, format!("{}\n", ar.display()));
    assert_eq!(place.run(&["which", "tiny", "tiny-linux-musl-ar"]).succeeds().stdout, format!("{}\n", ar.display()));
    place
        .run(&["which", "tiny", "gfortran"])
        .refuses(&["has no program `gfortran`", tiny.join("bin").to_str().unwrap()]);
    assert_eq!(place.run(&["dir"]).succeeds().stdout, format!("{}\n", place.store().display()));
}

#[test]
fn uninstalling_leaves_no_trace_of_a_toolchain() {
    let place = Place::new();
    place.install(&["tiny", "other"]).succeeds();
    place.run(&["uninstall", "tiny", "tinny"]).refuses(&["`tinny`"]);
    assert_eq!(place.toolchains().len(), 2);
    let tiny = place.toolchains().remove(1);
    place.run(&["uninstall", "tiny"]).succeeds().says(&["removed"]);

    let [other] = &place.toolchains()[..] else { panic!("{:?}", place.toolchains()) };
    assert_eq!(entries(&place.store().join("current")), [place.store().join("current/other-linux-musl")]);
    assert_eq!(entries(&place.store().join("logs")), [place.store().join("logs").join(name_of(other))]);
    assert!(place.works().is_empty());
    for command in ["uninstall", "show", "dir", "which"] {
        place.run(&[command, "tiny"]).refuses(&["no toolchain for tiny", "is installed"]);
        let gone = name_of(&tiny);
        place.run(&[command, gone]).refuses(&[&format!("no toolchain is called `{gone}`"), "muslchain list"]);
    }
    assert_eq!(place.run(&["list"]).succeeds().stdout.lines().count(), 1);
}

#[test]
fn the_last_installed_toolchain_is_the_current_one() {
    let place = Place::new();
    let install = |version: &str| {
        place.install(&["tiny", "--set", &format!("beta={version}")]).succeeds();
        place.run(&["dir", "tiny"]).succeeds().stdout.trim().to_owned()
    };
    let current = || place.run(&["dir", "tiny"]).succeeds().stdout.trim().to_owned();
    let uninstall = |folder: &str| place.run(&["uninstall", name_of(Path::new(folder))]).succeeds();
    let now = |folder: &str| format!("tiny-linux-musl means {} now\n", name_of(Path::new(folder)));

    let [first, second, third] = ["1.0", "2.0", "3.0"].map(install);
    assert_eq!(place.toolchains().len(), 3);
    for (folder, version) in [(&first, "1.0"), (&second, "2.0"), (&third, "3.0")] {
        let content = std::fs::read_to_string(Path::new(folder).join("lib/beta")).unwrap();
        assert_eq!(content, format!("beta {version}\n"));
    }
    // Installing what is there makes it current again.
    assert_eq!(install("1.0"), first);
    // One that is not current goes without changing what is.
    assert!(!uninstall(&third).stderr.contains(" now"));
    assert_eq!(current(), first);
    // The current one goes: another takes its place.
    uninstall(&first).says(&[&now(&second)]);
    assert_eq!(current(), second);
    assert_eq!(install("3.0"), third);
    uninstall(&third);
    assert_eq!(current(), second);
    assert!(!uninstall(&second).stderr.contains(" now"));
    place.run(&["dir", "tiny"]).refuses(&["no toolchain for tiny-linux-musl is installed"]);
}

#[test]
fn a_toolchain_without_its_link_can_go_and_come() {
    // As a power cut between publishing and linking leaves it.
    let place = Place::new();
    let cut = || {
        place.install(&["tiny"]).succeeds();
        std::fs::remove_file(place.store().join("current/tiny-linux-musl")).unwrap();
    };
    cut();
    let name = name_of(&place.toolchains()[0]).to_owned();
    for command in ["show", "dir", "which"] {
        let parts = ["tiny-linux-musl means none of its toolchains", "install tiny-linux-musl", "muslchain list"];
        place.run(&[command, "tiny"]).refuses(&parts);
        place.run(&[command, &name]).succeeds();
    }
    assert_eq!(place.run(&["targets", "--json"]).json()["targets"][0]["installed"], true);
    assert_eq!(place.install(&["tiny"]).succeeds().stages().len(), 0);
    place.run(&["dir", "tiny"]).succeeds();
    cut();
    place.run(&["uninstall", "tiny"]).succeeds();
    assert!(place.toolchains().is_empty());
}

#[test]
fn a_damaged_manifest_is_told_with_the_folder_to_remove() {
    let place = Place::new();
    place.install(&["tiny", "other"]).succeeds();
    let folder = place.toolchains().remove(1);
    std::fs::remove_file(folder.join("manifest.json")).unwrap();
    std::fs::write(folder.join("manifest.json"), "{").unwrap();
    let said = format!("{}: the toolchain's manifest.json: ", folder.display());
    for command in [&["list"][..], &["show", "tiny"], &["uninstall", "tiny"], &["install", "tiny"]] {
        place.run(command).refuses(&[&said, "remove it"]);
    }
    std::fs::remove_dir_all(&folder).unwrap();
    place.run(&["dir", "tiny"]).refuses(&["no toolchain for tiny-linux-musl is installed"]);
    place.install(&["tiny"]).succeeds();
    assert_eq!(place.run(&["list"]).succeeds().stdout.lines().count(), 2);
}

#[test]
fn a_toolchain_of_a_target_that_is_no_more_can_go() {
    let place = Place::new();
    place.install(&["other"]).succeeds();
    place.edit("targets.toml", "other-linux-musl", "another-linux-musl");
    place.run(&["uninstall", "other-linux-musl"]).succeeds().says(&["removed"]);
    assert!(place.toolchains().is_empty());
}

#[test]
fn a_changed_later_source_goes_on_from_the_kept_stage() {
    let place = Place::new();
    assert_eq!(place.install(&["tiny"]).succeeds().stages(), STAGES);
    let ran = place.install(&["tiny", "--set", "beta=2.0"]).succeeds();
    assert_eq!((ran.reused(), ran.stages()), (vec!["first"], vec!["second", "last"]), "{ran:#?}");
    let folder = place.run(&["dir", "tiny"]).succeeds().stdout;
    let read = |file: &str| std::fs::read_to_string(Path::new(folder.trim()).join("lib").join(file)).unwrap();
    assert_eq!((read("alpha"), read("beta")), ("alpha 1.0\n".to_owned(), "beta 2.0\n".to_owned()));

    // What was uninstalled as well,
    place.run(&["uninstall", "tiny"]).succeeds();
    let ran = place.install(&["tiny"]).succeeds();
    assert_eq!((ran.reused(), ran.stages()), (vec!["first"], vec!["second", "last"]), "{ran:#?}");
    // but another target has nothing in common.
    assert_eq!(place.install(&["other"]).succeeds().stages(), STAGES);
    // A changed script begins where it counts.
    place.before("second", "# changed");
    assert_eq!(place.install(&["tiny"]).succeeds().reused(), ["first"]);
    place.before("first", "# changed");
    assert_eq!(place.install(&["tiny"]).succeeds().stages(), STAGES);
}

#[test]
fn a_kept_work_tree_is_there_and_in_nobodys_way() {
    let place = Place::new();
    place.install(&["tiny", "--keep-work"]).succeeds();
    let [work] = &place.works()[..] else { panic!("{:?}", place.works()) };
    assert!(work.join("tree/src/beta/content").exists());
    // Neither a later install removes it,
    place.install(&["tiny"]).succeeds();
    assert!(work.join("tree/src/beta/content").exists());
    // nor does it pass for a toolchain that is not finished: its result is published.
    place.run(&["uninstall", "tiny"]).succeeds();
    let ran = place.install(&["tiny", "--keep-work"]).succeeds();
    assert_eq!(ran.stages(), ["second", "last"]);
    assert!(place.toolchains()[0].join("lib/beta").exists());
    std::fs::remove_dir_all(place.store().join("toolchains")).unwrap();
    place.install(&["tiny"]).succeeds();
    assert!(place.toolchains()[0].join("lib/beta").exists());
    assert!(place.works().is_empty());
}

#[test]
fn a_repacked_source_is_mended_before_it_is_used() {
    let place = Place::new();
    place.install(&["tiny", "--set", "beta=1.0-mended"]).succeeds();
    let toolchain = place.toolchains().remove(0);
    assert_eq!(std::fs::read_to_string(toolchain.join("lib/beta")).unwrap(), "beta 1.0-mended\nmended\n");
    assert!(name_of(&toolchain).contains("-beta1.0-"));
}

#[test]
fn what_was_built_at_another_path_is_not_gone_on_from() {
    // The work tree's path, which is in what a stage makes, differs between levels of isolation.
    let place = Place::new();
    place.before("second", "[ -e tried ] || { touch tried; exit 3; }");
    place.install(&["tiny", "--isolation", "none"]).refuses(&["stage second"]);
    place.install(&["tiny", "--isolation", "landlock"]).refuses(&["stage 1 of 3, first", "stage second"]);
    let ran = place.install(&["tiny", "--isolation", "landlock"]).succeeds();
    assert_eq!((ran.reused(), ran.stages()), (vec!["first"], vec!["second", "last"]));
    assert!(entries(&place.store().join("stages")).is_empty(), "a snapshot holds for one path only");
}

#[test]
fn a_fixup_that_fails_leaves_no_tree_that_passes_for_mended() {
    let place = Place::new();
    let fixup = place.recipes.join("fixups/mend.sh");
    let options = ["tiny", "--set", "beta=1.0-mended"];
    std::fs::write(&fixup, "echo broken >> content; exit 3\n").unwrap();
    for _ in 0..2 {
        place.install(&options).refuses(&["stage fixup", "exit code 3", "fixup-beta.log"]);
    }
    // Where nothing is shared too. Its text counts, so what changes is what it finds.
    let switch = "[ -e ../../broken-once ] || { echo broken >> content; touch ../../broken-once; exit 3; }\n";
    std::fs::write(&fixup, format!("{switch}echo mended >> content\n")).unwrap();
    let options = [&options[..], &["--isolation", "none"]].concat();
    place.install(&options).refuses(&["stage fixup", "exit code 3", "fixup-beta.log"]);
    let ran = place.install(&options).succeeds();
    assert_eq!((ran.reused(), ran.stages()), (vec!["first"], vec!["second", "last"]));
    let content = std::fs::read_to_string(place.toolchains()[0].join("lib/beta")).unwrap();
    assert_eq!(content, "beta 1.0-mended\nmended\n");
}

#[test]
fn what_a_fixup_changes_is_not_newer_than_what_is_built_of_it() {
    let place = Place::new();
    let archive = archive(&[("content", "beta of two files\n"), ("other", "")]);
    add_source(&place.recipes, &place.mirror, "beta", "two", &archive, "fixup = \"mend.sh\"\n");
    place.before("second", "cp -p src/beta/content src/beta/other .\n[ ! content -nt other ]");
    place.install(&["tiny", "--set", "beta=two"]).succeeds();
    let content = std::fs::read_to_string(place.toolchains()[0].join("lib/beta")).unwrap();
    assert_eq!(content, "beta of two files\nmended\n");
}

#[test]
fn a_recipe_mends_a_source_behind_the_sources_own_fixup() {
    let place = Place::new();
    std::fs::write(place.recipes.join("toolchains/tiny/mend-more.sh"), "echo mended by the recipe >> content\n")
        .unwrap();
    let fixups = "[fixups]\nbeta = \"mend-more.sh\"\n\n[environment]";
    place.edit("toolchains/tiny/recipe.toml", "[environment]", fixups);
    let content = |version: &str| {
        let name = place.install(&["tiny", "--set", &format!("beta={version}")]).succeeds();
        let folder = place.run(&["dir", "tiny"]).succeeds().stdout;
        (name.reused().len(), std::fs::read_to_string(Path::new(folder.trim()).join("lib/beta")).unwrap())
    };
    assert_eq!(content("1.0"), (0, "beta 1.0\nmended by the recipe\n".to_owned()));
    assert_eq!(content("1.0-mended"), (1, "beta 1.0-mended\nmended\nmended by the recipe\n".to_owned()));
    // Its text counts.
    std::fs::write(place.recipes.join("toolchains/tiny/mend-more.sh"), "echo otherwise >> content\n").unwrap();
    assert_eq!(content("1.0"), (1, "beta 1.0\notherwise\n".to_owned()));
}

#[test]
fn a_damaged_snapshot_is_told_and_its_stages_run_again() {
    let place = Place::new();
    place.install(&["tiny", "--isolation", "namespaces"]).succeeds();
    let [snapshot] = &entries(&place.store().join("stages"))[..] else { panic!("not one snapshot") };
    std::fs::write(snapshot, "not what was written").unwrap();
    let ran = place.install(&["tiny", "--isolation", "namespaces", "--set", "beta=2.0"]).succeeds();
    let ran = ran.says(&[&format!("the snapshot {} is damaged", snapshot.display())]);
    assert_eq!((ran.reused().len(), ran.stages()), (0, vec!["first", "second", "last"]));
    let ran = place.install(&["tiny", "--isolation", "namespaces", "--set", "beta=3.0"]).succeeds();
    assert_eq!((ran.reused(), ran.stages()), (vec!["first"], vec!["second", "last"]));
}

#[test]
fn a_toolchain_of_a_newer_muslchain_is_told() {
    let place = Place::new();
    place.install(&["tiny"]).succeeds();
    let manifest = place.toolchains()[0].join("manifest.json");
    std::fs::set_permissions(&manifest, PermissionsExt::from_mode(0o644)).unwrap();
    std::fs::write(&manifest, "{ \"schema\": 2, \"of\": \"another shape\" }").unwrap();
    place.run(&["show", "tiny"]).refuses(&[place.toolchains()[0].to_str().unwrap(), "a newer muslchain made it"]);
}

#[test]
fn a_build_that_was_given_up_is_listed_and_can_be_removed() {
    let place = Place::new();
    place.before("second", "exit 3");
    place.install(&["tiny"]).refuses(&["stage second"]);
    let [work] = &place.works()[..] else { panic!("{:?}", place.works()) };
    let name = name_of(work).to_owned();
    place.run(&["list"]).succeeds().says(&[&format!("{name} is not finished"), "no toolchain is installed"]);
    place.run(&["uninstall", &name]).succeeds().says(&["removed"]);
    assert!(place.works().is_empty() && entries(&place.store().join("logs")).is_empty());
    let listed = place.run(&["list"]).succeeds();
    assert!(!listed.stderr.contains("not finished"), "{listed:#?}");
}

#[test]
fn fetched_sources_are_enough_without_network() {
    let place = Place::new();
    let mirror = place.mirror.to_str().unwrap();
    place.run(&["install", "tiny", "--offline"]).refuses(&["alpha-1.0.tar"]);
    let fetched = place.run(&["fetch", "--mirror", mirror, "tiny", "other"]).succeeds().stdout;
    assert_eq!(fetched.lines().count(), 2, "{fetched}");
    assert!(place.toolchains().is_empty() && place.works().is_empty());
    std::fs::remove_dir_all(&place.mirror).unwrap();
    for line in fetched.lines() {
        assert!(Path::new(line.split_whitespace().last().unwrap()).is_file(), "{line}");
    }
    place.run(&["install", "tiny", "other", "--offline"]).succeeds();
    assert_eq!(place.toolchains().len(), 2);
}

#[test]
fn a_home_of_any_name_will_do() {
    for name in ["my  höme", "a'b\"c", "x*[y]?$HOME `id` \\n", "tab\tand\nline"] {
        let place = Place::with_home(name);
        place.install(&["tiny"]).succeeds();
        assert_eq!(place.toolchains().len(), 1, "{name}");
        let gcc = place.toolchains()[0].join("bin/tiny-linux-musl-cc");
        assert_eq!(place.run(&["which", "tiny"]).succeeds().stdout, format!("{}\n", gcc.display()));
        place.run(&["uninstall", "tiny"]).succeeds();
    }
}

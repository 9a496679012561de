//! What is said and kept when something fails.

use crate::support::process::Ran;
use crate::support::recipes::add_recipe;
use crate::support::server::Server;
use crate::support::{Place, entries};

/// Fails the first time and only then.
const FAIL_ONCE: &str = "\
i=0; while [ $i -lt 40 ]; do echo \"line $i\"; i=$((i + 1)); done
[ -e failed-once ] || { touch failed-once; echo 'frob.c:7: error: no frobnicator' >&2; echo 'frob: giving up'; exit 7; }";

#[test]
fn a_failed_stage_says_what_where_and_how_to_go_on() {
    let place = Place::new();
    place.before("second", FAIL_ONCE);
    let ran = place.install(&["tiny"]).refuses(&[
        "stage second of tiny-linux-musl-tiny-beta1.0-",
        "failed with exit code 7",
        "  | frob.c:7: error: no frobnicator\n  | frob: giving up\n",
        "goes on at this stage",
    ]);
    assert!(!ran.stderr.contains("| line"), "the noise is shown:\n{}", ran.stderr);
    let log = ran.stderr.lines().find_map(|line| line.strip_prefix("the whole log: ")).unwrap();
    assert!(log.ends_with("/2-second.log"), "{log}");
    assert!(std::fs::read_to_string(log).unwrap().starts_with("line 0\nline 1\n"));
    assert!(place.toolchains().is_empty());
    place.run(&["dir", "tiny"]).refuses(&["no toolchain for"]);

    let ran = place.install(&["tiny"]).succeeds();
    assert_eq!((ran.reused(), ran.stages()), (vec!["first"], vec!["second", "last"]), "{ran:#?}");
    assert_eq!(std::fs::read_to_string(place.toolchains()[0].join("lib/beta")).unwrap(), "beta 1.0\n");
}

#[test]
fn a_stage_without_snapshot_is_not_run_again_either() {
    let place = Place::new();
    place.before("last", FAIL_ONCE);
    place.install(&["tiny"]).refuses(&["stage last"]);
    let ran = place.install(&["tiny"]).succeeds();
    assert_eq!((ran.reused(), ran.stages()), (vec!["first", "second"], vec!["last"]), "{ran:#?}");
    // The times in the manifest are those of the run that did the work.
    let shown = place.run(&["show", "tiny", "--json"]).json();
    assert!(shown["stages"].as_array().unwrap().iter().all(|stage| stage["seconds"].as_f64().unwrap() > 0.0));
}

#[test]
fn a_stage_that_fails_in_the_middle_of_a_line_of_commands_fails() {
    let place = Place::new();
    place.before("first", "false\necho 'went on'");
    let ran = place.install(&["tiny"]).refuses(&["stage first", "exit code 1"]);
    assert!(!ran.stderr.contains("went on"));
    // An unset variable is a mistake as well.
    place.before("first", "echo $NO_SUCH_VARIABLE");
    place.install(&["tiny"]).refuses(&["NO_SUCH_VARIABLE"]);
}

#[test]
fn everything_that_the_host_lacks_is_named_at_once_and_before_the_network_is_asked() {
    for recipe in [&["--recipe", "tiny"][..], &[]] {
        let place = Place::with_home("my  home");
        let server = Server::of(&place.mirror);
        let tools = r#"host-tools = ["sh", "muslchain-test-saw", "muslchain-test-hammer", "muslchain-test-plane"]"#;
        place.edit("toolchains/tiny/recipe.toml", r#"host-tools = ["sh"]"#, tools);
        place.edit("toolchains/tiny/recipe.toml", "work-gb = 0", "work-gb = 9000000");
        let options = ["install", "tiny", "--mirror", &server.address, "--isolation", "none"];
        let ran = place.run(&[&options, recipe].concat()).refuses(&[
            "this machine lacks what a build needs",
            "muslchain-test-hammer: hits nails",
            "muslchain-test-saw: cuts boards",
            "muslchain-test-plane: named by the recipe",
            "apt-get install hammer-apt nails saw-apt\n",
            "dnf install hammer-dnf saw-dnf\n",
            "apk add hammer-apk saw-apk\n",
            "pacman -S hammer-pacman saw-pacman\n",
            "room in",
            "9000000.0 GB are needed",
            "a path without a blank",
            place.store().to_str().unwrap(),
            "set MUSLCHAIN_HOME",
        ]);
        assert_eq!(ran.stderr.matches("nails").count(), 2, "{}", ran.stderr);
        assert!(!ran.stderr.contains("looking for the sources"), "{}", ran.stderr);
        assert_eq!(server.requests(), 0);
        assert!(!place.store().join("sources").exists() && place.works().is_empty());
    }
}

#[test]
fn a_moving_version_is_not_asked_for_where_the_host_lacks_something() {
    let place = Place::new();
    let table = place.recipes.join("sources.toml");
    let moving =
        "[[moving]]\nname = 'beta'\nversion = 'newest'\nsuite = 'nowhere'\npackage = 'beta'\nlicence = 'MIT'\n";
    std::fs::write(&table, std::fs::read_to_string(&table).unwrap() + moving).unwrap();
    place.edit("toolchains/tiny/recipe.toml", r#"host-tools = ["sh"]"#, r#"host-tools = ["muslchain-test-saw"]"#);
    for recipe in [&["--recipe", "tiny"][..], &[]] {
        let ran = place.install(&[&["tiny", "--set", "beta=newest"], recipe].concat());
        let ran = ran.refuses(&["this machine lacks what a build needs", "muslchain-test-saw: cuts boards"]);
        assert!(!ran.stderr.contains("newest"), "{}", ran.stderr);
    }
}

#[test]
fn a_recipe_that_the_host_cannot_build_by_is_passed_over() {
    let place = Place::new();
    add_recipe(&place.recipes, "spare", r#"["sh"]"#);
    place.edit("toolchains/tiny/recipe.toml", r#"["sh"]"#, r#"["sh", "muslchain-test-saw"]"#);
    let reason = "this machine lacks muslchain-test-saw";
    // With no sources for the other one, both reasons are told;
    place.run(&["install", "tiny"]).refuses(&[
        "no recipe is possible here",
        &format!("tiny: {reason}"),
        "spare: alpha-1.0.tar",
        "--mirror",
    ]);
    // the one that was named is not passed over;
    place.install(&["tiny", "--recipe", "tiny"]).refuses(&["muslchain-test-saw: cuts boards", "apt-get install"]);
    // else the next one builds.
    let ran = place.install(&["tiny"]).succeeds();
    ran.says(&[&format!("recipe spare is used: tiny is not possible here ({reason})")]);
    assert!(place.toolchains()[0].to_str().unwrap().contains("tiny-linux-musl-spare-"));
    let shown = place.run(&["show", "tiny", "--json"]).json();
    assert!(shown["host_tools"]["sh"].is_object() && shown["host_tools"]["muslchain-test-saw"].is_null());
}

#[test]
fn what_every_recipe_lacks_is_named_at_once() {
    let place = Place::new();
    let server = Server::of(&place.mirror);
    add_recipe(&place.recipes, "spare", r#"["sh", "muslchain-test-hammer"]"#);
    place.edit("toolchains/tiny/recipe.toml", r#"["sh"]"#, r#"["sh", "muslchain-test-saw"]"#);
    place.run(&["install", "tiny", "--mirror", &server.address]).refuses(&[
        "this machine lacks what a build needs",
        "muslchain-test-saw: cuts boards",
        "muslchain-test-hammer: hits nails",
        "apt-get install hammer-apt nails saw-apt\n",
    ]);
    assert_eq!(server.requests(), 0);
}

#[test]
fn the_host_is_not_looked_at_for_what_is_installed() {
    let place = Place::new();
    place.install(&["tiny"]).succeeds();
    place.edit("toolchains/tiny/recipe.toml", "work-gb = 0", "work-gb = 9000000");
    place.install(&["tiny"]).succeeds().says(&["tiny-linux-musl is installed"]);
    place.install(&["tiny", "other"]).refuses(&["9000000.0 GB"]);
}

#[test]
fn a_component_may_need_more_of_the_host() {
    let place = Place::new();
    let for_beta = "[[host-tools-for]]\ncomponent = \"beta\"\nunless-version = \"1.0\"\n\
                    tools = [\"muslchain-test-saw\"]\n\n[[stage]]";
    place.edit("toolchains/tiny/recipe.toml", "[[stage]]", for_beta);
    place.install(&["tiny", "--set", "beta=2.0"]).refuses(&["muslchain-test-saw", "saw-apk"]);
    place.install(&["tiny"]).succeeds();
}

#[test]
fn too_little_room_is_told_before_any_download() {
    let place = Place::new();
    place.edit("toolchains/tiny/recipe.toml", "work-gb = 0", "work-gb = 9000000");
    place.install(&["tiny"]).refuses(&["room in", place.store().to_str().unwrap(), "9000000.0 GB are needed"]);
    assert!(!place.store().join("sources").exists());
}

#[test]
fn wrong_bytes_are_named_and_nothing_of_them_stays() {
    let place = Place::new();
    let path = place.mirror.join("beta-1.0.tar");
    let right = std::fs::read(&path).unwrap();
    let mut wrong = right.clone();
    wrong[600] ^= 1;
    std::fs::write(&path, &wrong).unwrap();
    let [found, expected] = [&wrong, &right].map(|bytes| muslchain::digest::Sha256::of(bytes).to_string());
    place.install(&["tiny"]).refuses(&["beta-1.0.tar", &found, &expected, "--mirror"]);
    assert!(place.toolchains().is_empty() && place.works().is_empty());
    for entry in walkdir::WalkDir::new(place.store().join("sources")) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() && !entry.path().to_string_lossy().contains("alpha") {
            let content = std::fs::read(entry.path()).unwrap();
            assert!(content.len() < 100, "{}", entry.path().display());
        }
    }
    // The right ones make it good.
    std::fs::write(&path, right).unwrap();
    place.install(&["tiny"]).succeeds();
}

#[test]
fn a_missing_source_is_named_with_every_place_that_was_asked() {
    let place = Place::new();
    std::fs::remove_file(place.mirror.join("beta-1.0.tar")).unwrap();
    let [one, other] = ["one", "other"].map(|name| place.path().join(name));
    let options = ["--mirror", one.to_str().unwrap(), "--mirror", other.to_str().unwrap(), "--recipe", "tiny"];
    place.install(&[&["tiny"], &options[..]].concat()).refuses(&[
        "beta-1.0.tar",
        one.to_str().unwrap(),
        other.to_str().unwrap(),
        place.mirror.to_str().unwrap(),
        "no such file",
    ]);
    // Without the name of a recipe, each one that was tried is named.
    place.install(&["tiny"]).refuses(&["no recipe is possible here", "tiny: beta-1.0.tar"]);
}

#[test]
fn a_stage_that_leaves_a_process_behind_does_not_hold_the_install_up() {
    let place = Place::new();
    let seconds = crate::support::process::unmistakable();
    place.before("first", &format!("sleep {seconds} &"));
    place.install(&["tiny", "--isolation", "namespaces"]).succeeds();
    assert!(!crate::support::process::is_running(&seconds));
}

#[test]
fn a_killed_stage_is_a_failed_stage() {
    let place = Place::new();
    place.before("first", "sh -c 'kill -9 $$'\n");
    place.install(&["tiny"]).refuses(&["stage first", "exit code 137"]);
}

#[test]
fn the_store_may_not_be_writable() {
    let place = Place::new();
    std::fs::create_dir_all(place.store().parent().unwrap()).unwrap();
    std::fs::write(place.store(), "a file in the store's place").unwrap();
    let ran: Ran = place.install(&["tiny"]);
    assert_eq!(ran.code, 1, "{ran:#?}");
    ran.says(&[place.store().to_str().unwrap()]);
    assert!(entries(&place.home.join(".local/share")).len() == 1);
}

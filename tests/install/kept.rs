//! What is kept for later builds, and how it goes.

use crate::support::process::until;
use crate::support::{Place, entries};

fn names(place: &Place, folder: &str) -> Vec<String> {
    entries(&place.store().join(folder)).iter().map(|path| path.file_name().unwrap().display().to_string()).collect()
}

fn install(place: &Place, more: &[&str]) -> crate::support::process::Ran {
    place.install(&[&["tiny", "--isolation", "namespaces"], more].concat()).succeeds()
}

#[test]
fn a_source_is_unpacked_once_for_all_toolchains() {
    let place = Place::new();
    install(&place, &["--set", "beta=1.0-mended", "other", "--jobs", "2"]);
    // One for alpha and one for the mended beta, each with its size.
    let unpacked = names(&place, "unpacked");
    assert_eq!(unpacked.len(), 4, "{unpacked:?}");
    let ran = install(&place, &["--set", "beta=2.0", "--verbose"]);
    assert!(ran.stderr.contains("unpacking beta-2.0.tar") && !ran.stderr.contains("unpacking alpha"), "{}", ran.stderr);
    assert_eq!(names(&place, "unpacked").len(), 6);
    // The same file with other mending is another source.
    std::fs::write(place.recipes.join("fixups/mend.sh"), "echo otherwise >> content\n").unwrap();
    install(&place, &["--set", "beta=1.0-mended"]);
    assert_eq!(names(&place, "unpacked").len(), 8);
    let folder = place.run(&["dir", "tiny"]).stdout;
    let content = std::fs::read_to_string(std::path::Path::new(folder.trim()).join("lib/beta")).unwrap();
    assert_eq!(content, "beta 1.0-mended\notherwise\n");
}

#[test]
fn the_sources_of_later_stages_are_unpacked_while_earlier_ones_run() {
    let place = Place::new();
    place.before("first", "while [ ! -e go ]; do sleep 0.02; done");
    let mut running = place.begin_install(&["tiny", "--isolation", "namespaces", "--jobs", "2"]);
    running.wait_for("stage 1 of 3");
    until("beta is unpacked", || names(&place, "unpacked").len() == 4);
    let work = |work: &std::path::PathBuf| work.join("tree").exists();
    let tree = place.works().into_iter().find(work).unwrap().join("tree");
    // The stage that runs does not see it.
    assert!(tree.join("src/alpha").exists() && !tree.join("src/beta").exists());
    std::fs::write(tree.join("go"), "").unwrap();
    running.end().succeeds();
}

#[test]
fn what_is_not_shared_is_unpacked_in_the_work_tree() {
    let place = Place::new();
    place.install(&["tiny", "--isolation", "none"]).succeeds();
    assert_eq!((names(&place, "unpacked").len(), names(&place, "stages").len()), (0, 0));
}

#[test]
fn what_was_used_longest_ago_goes_first() {
    let place = Place::new();
    for version in ["1.0", "2.0", "3.0"] {
        install(&place, &["--set", &format!("beta={version}")]);
    }
    let kept = |place: &Place| place.run(&["gc", "--dry-run", "--json"]).succeeds().json();
    let before = kept(&place);
    // The snapshot and alpha, which all use, and three of beta.
    assert_eq!(before["kept"].as_array().unwrap().len(), 5);
    assert_eq!(names(&place, "stages").len(), 1);
    // Used again, beta 1.0 is not the first to go any more.
    place.run(&["uninstall", "tiny"]).succeeds();
    install(&place, &["--set", "beta=1.0"]);
    let after = kept(&place);
    assert_eq!(after["kept"][0], before["kept"][1]);
    assert_eq!(after["kept"][4], before["kept"][0]);

    place.run(&["gc", "--keep-gb", "1"]).succeeds().says(&["0 removed"]);
    place.run(&["gc", "--keep-gb", "0"]).succeeds().says(&["5 removed", "0 B kept"]);
    assert_eq!((names(&place, "unpacked").len(), names(&place, "stages").len()), (0, 0));
    // Nothing but time was lost.
    assert_eq!(place.toolchains().len(), 1);
    let ran = install(&place, &["--set", "beta=2.0"]);
    assert_eq!((ran.reused().len(), ran.stages().len()), (0, 3));
}

#[test]
fn an_install_keeps_below_the_cap_by_itself() {
    let place = Place::new();
    install(&place, &["--keep-gb", "0"]);
    assert_eq!((names(&place, "unpacked").len(), names(&place, "stages").len()), (0, 0));
    place.run(&["verify"]).succeeds();
}

#[test]
fn nothing_goes_while_a_build_is_under_way() {
    let place = Place::new();
    place.before("second", "while [ ! -e go ]; do sleep 0.02; done");
    let mut run = place.begin_install(&["tiny", "--isolation", "namespaces"]);
    run.wait_for("stage 2 of 3");
    until("both are unpacked", || names(&place, "unpacked").len() == 4);
    place.run(&["gc", "--keep-gb", "0"]).refuses(&["a build is under way", "run this again"]);
    std::fs::write(place.works()[0].join("tree/go"), "").unwrap();
    run.end().succeeds();
    place.run(&["gc", "--keep-gb", "0"]).succeeds().says(&["3 removed"]);
}

#[test]
fn a_kept_work_tree_shows_the_sources() {
    let place = Place::new();
    install(&place, &["--keep-work"]);
    let source = place.works()[0].join("tree/src/alpha");
    assert!(source.is_symlink());
    assert_eq!(std::fs::read_to_string(source.join("content")).unwrap(), "alpha 1.0\n");
}

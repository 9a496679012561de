//! Several processes at one store.

use crate::support::process::{Running, stages, until};
use crate::support::{Place, entries};

/// Goes on when the file `go` is in the work tree.
const UNTIL_TOLD: &str = "echo waits; while [ ! -e go ]; do sleep 0.02; done";

fn tell(place: &Place) {
    let [work] = &place.works()[..] else { panic!("{:?}", place.works()) };
    std::fs::write(work.join("tree/go"), "").unwrap();
}

/// Tells the build for a target, of several.
fn tell_the_one(place: &Place, triple: &str) {
    let is_it = |work: &std::path::PathBuf| work.file_name().unwrap().to_str().unwrap().starts_with(triple);
    let work = place.works().into_iter().find(is_it).expect(triple);
    std::fs::write(work.join("tree/go"), "").unwrap();
}

#[test]
fn two_that_want_the_same_toolchain_build_it_once() {
    let place = Place::new();
    place.before("first", UNTIL_TOLD);
    let mut one = place.begin_install(&["tiny"]);
    one.wait_for("stage 1 of 3");
    let mut other = place.begin_install(&["tiny"]);
    other.wait_for("waiting for tiny-linux-musl-tiny-beta1.0-");
    assert!(other.read.last().unwrap().ends_with(&format!(": process {} has it", one.id())), "{:?}", other.read);
    tell(&place);
    let [one, other] = [one.end().succeeds(), other.end().succeeds()];
    assert_eq!(stages(one.stderr.lines()), ["first", "second", "last"]);
    assert_eq!((stages(other.stderr.lines()).len(), other.reused().len()), (0, 0), "{other:#?}");
    other.says(&["tiny-linux-musl is installed: "]);
    assert_eq!(place.toolchains().len(), 1);
}

#[test]
fn many_that_start_at_once_build_it_once() {
    let place = Place::new();
    let runs: Vec<Running> = (0..6).map(|_| place.begin_install(&["tiny"])).collect();
    let runs: Vec<_> = runs.into_iter().map(|run| run.end().succeeds()).collect();
    let all = runs.iter().flat_map(|ran| ran.stages()).collect::<Vec<_>>();
    assert_eq!(all, ["first", "second", "last"], "{runs:#?}");
    assert_eq!(place.toolchains().len(), 1);
    assert!(place.works().is_empty());
}

#[test]
fn different_toolchains_do_not_wait_for_each_other() {
    let place = Place::new();
    place.before("first", "[ \"$TARGET\" = other-linux-musl ] || { while [ ! -e go ]; do sleep 0.02; done; }");
    let mut one = place.begin_install(&["tiny"]);
    one.wait_for("stage 1 of 3");
    let other = place.install(&["other"]).succeeds();
    assert!(!other.stderr.contains("waiting"), "{}", other.stderr);
    tell(&place);
    one.end().succeeds();
    assert_eq!(place.toolchains().len(), 2);
}

#[test]
fn toolchains_of_one_run_are_built_at_once_as_far_as_there_are_jobs() {
    let place = Place::new();
    place.before("first", &format!("[ \"$TARGET\" = other-linux-musl ] || {{ {UNTIL_TOLD}; }}"));
    let mut run = place.begin_install(&["tiny", "other", "--jobs", "2"]);
    run.wait_for("other-linux-musl: last took");
    tell_the_one(&place, "tiny");
    run.end().succeeds();
    assert_eq!(place.toolchains().len(), 2);

    let place = Place::new();
    let ran = place.install(&["tiny", "other", "--jobs", "1"]).succeeds();
    let stage = |line: &&str| line.contains(": stage ");
    let triples: Vec<&str> = ran.stderr.lines().filter(stage).map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(triples, [["tiny-linux-musl"; 3], ["other-linux-musl"; 3]].concat());
}

#[test]
fn toolchains_of_one_run_do_once_what_they_have_in_common() {
    let place = Place::new();
    place.edit("toolchains/tiny/recipe.toml", "script = \"first.sh\"\n", "script = \"first.sh\"\nscope = \"host\"\n");
    place.before("first", UNTIL_TOLD);
    let mut run = place.begin_install(&["tiny", "other", "--isolation", "namespaces", "--jobs", "4"]);
    run.wait_for("waiting for stage first of ");
    for triple in ["tiny", "other"] {
        tell_the_one(&place, triple);
    }
    let ran = run.end().succeeds();
    assert_eq!(ran.stages().iter().filter(|stage| **stage == "first").count(), 1, "{ran:#?}");
    assert_eq!(ran.reused(), ["first"], "{ran:#?}");
    assert_eq!(place.toolchains().len(), 2);
}

#[test]
fn when_one_fails_those_that_have_begun_go_on_to_their_ends() {
    let place = Place::new();
    place.before("first", &format!("[ \"$TARGET\" = other-linux-musl ] || exit 3\n{UNTIL_TOLD}"));
    let mut run = place.begin_install(&["other", "tiny", "--jobs", "2"]);
    run.wait_for("tiny-linux-musl failed; no other is begun");
    tell_the_one(&place, "other");
    run.end().refuses(&["stage first of tiny-linux-musl", "exit code 3"]);
    let [other] = &place.toolchains()[..] else { panic!("{:?}", place.toolchains()) };
    assert!(other.to_str().unwrap().contains("other-linux-musl"));
}

#[test]
fn one_takes_over_from_one_that_is_killed() {
    let place = Place::new();
    place.before("second", UNTIL_TOLD);
    let mut one = place.begin_install(&["tiny"]);
    one.wait_for("stage 2 of 3");
    let mut other = place.begin_install(&["tiny"]);
    other.wait_for("waiting for");
    one.kill();
    other.wait_for("stage 2 of 3");
    tell(&place);
    let other = other.end().succeeds();
    assert_eq!((other.reused(), other.stages()), (vec!["first"], vec!["second", "last"]));
}

#[test]
fn removing_waits_for_nobody_else_and_readers_see_all_or_nothing() {
    let place = Place::new();
    place.install(&["tiny"]).succeeds();
    let folder = place.store().join("toolchains");
    let manifest_of = |place: &Place| entries(&folder).first().map(|_| place.run(&["show", "tiny", "--json"]));
    std::thread::scope(|scope| {
        let remover = scope.spawn(|| place.run(&["uninstall", "tiny"]).succeeds());
        until("it is removed", || {
            if let Some(shown) = manifest_of(&place) {
                assert!(shown.code == 0 || shown.stderr.contains("no toolchain for"), "{shown:#?}");
            }
            entries(&folder).is_empty()
        });
        remover.join().unwrap();
    });
}

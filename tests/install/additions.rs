//! What a stage adds, taken over where it sees the same, whatever changed before it.

use crate::support::{Place, entries};

/// A recipe whose stage `second` says of a source what stands before its version, and whose next one, `library`, sees no more.
fn place() -> Place {
    let place = Place::new();
    place.edit(
        "toolchains/tiny/recipe.toml",
        "unpack = { beta = \"src/beta\" }\n",
        "unpack = { beta = \"src/beta\" }\ninterface = \"interface\"\n",
    );
    place.edit(
        "toolchains/tiny/recipe.toml",
        "[[stage]]\nname = \"last\"",
        "[[stage]]\nname = \"library\"\nscript = \"library.sh\"\nadditions = true\n\n[[stage]]\nname = \"last\"",
    );
    place.before("second", "tr -dc a-z < src/beta/content > interface");
    place.script("library", "mkdir additions/lib\ncp interface additions/lib/library\n");
    place
}

fn read(place: &Place, file: &str) -> String {
    let folder = place.run(&["dir", "tiny"]).succeeds().stdout;
    std::fs::read_to_string(std::path::Path::new(folder.trim()).join("lib").join(file)).unwrap()
}

#[test]
fn what_sees_the_same_is_taken_over() {
    let place = place();
    let ran = place.install(&["tiny"]).succeeds();
    assert_eq!(ran.stages(), ["first", "second", "library", "last"]);
    assert_eq!(read(&place, "library"), "beta");

    // The source changed, its interface did not,
    let ran = place.install(&["tiny", "--set", "beta=2.0"]).succeeds();
    assert_eq!((ran.reused(), ran.stages()), (vec!["first", "library"], vec!["second", "last"]), "{ran:#?}");
    assert_eq!(
        [read(&place, "alpha"), read(&place, "beta"), read(&place, "library")],
        ["alpha 1.0\n", "beta 2.0\n", "beta"]
    );
    // and what was taken over is what would have been made.
    place.run(&["verify", "--rebuild", "tiny"]).succeeds();

    // What the library sees changed,
    place.edit("toolchains/tiny/second.sh", "cp src", "echo 2 >> interface\ncp src");
    let ran = place.install(&["tiny"]).succeeds();
    assert_eq!((ran.reused(), ran.stages()), (vec!["first"], vec!["second", "library", "last"]));
    assert_eq!(read(&place, "library"), "beta2\n");
    // its own script,
    place.before("library", "# changed");
    let ran = place.install(&["tiny"]).succeeds();
    assert_eq!((ran.reused(), ran.stages()), (vec!["first"], vec!["second", "library", "last"]));
    // what is before the interface.
    place.before("first", "# changed");
    assert_eq!(place.install(&["tiny"]).succeeds().reused().len(), 0);
    // Another target has nothing in common.
    assert_eq!(place.install(&["other"]).succeeds().reused().len(), 0);
}

#[test]
fn damaged_additions_are_told_and_made_again() {
    let place = place();
    place.install(&["tiny"]).succeeds();
    let kept = entries(&place.store().join("stages"));
    assert_eq!(kept.len(), 2, "the first stage's, the library's");
    for file in &kept {
        std::fs::write(file, "not what was written").unwrap();
    }
    let ran = place.install(&["tiny", "--set", "beta=2.0"]).succeeds();
    let told = kept.iter().map(|file| format!("the snapshot {} is damaged", file.display()));
    let ran = ran.says(&told.collect::<Vec<_>>().iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(ran.reused().len(), 0);
    assert_eq!([read(&place, "beta"), read(&place, "library")], ["beta 2.0\n", "beta"]);
    assert_eq!(place.install(&["tiny", "--set", "beta=3.0"]).succeeds().reused(), ["first", "library"]);
}

#[test]
fn a_stage_that_was_interrupted_adds_nothing_of_its_first_run() {
    let place = place();
    place.before("library", "[ -e tried ] || { touch tried additions/left; exit 3; }");
    place.install(&["tiny"]).refuses(&["stage library"]);
    let ran = place.install(&["tiny"]).succeeds();
    assert_eq!((ran.reused(), ran.stages()), (vec!["first", "second"], vec!["library", "last"]));
    assert!(!place.toolchains()[0].join("left").exists() && place.toolchains()[0].join("lib/library").exists());
}

#[test]
fn nothing_is_taken_over_where_nothing_is_shared() {
    let place = place();
    for version in ["beta=1.0", "beta=2.0"] {
        let ran = place.install(&["tiny", "--isolation", "none", "--set", version]).succeeds();
        assert_eq!(ran.reused().len(), 0);
        assert_eq!(read(&place, "library"), "beta");
    }
    assert!(entries(&place.store().join("stages")).is_empty());
}

#[test]
fn an_interface_that_would_hide_a_later_choice_is_refused() {
    let place = place();
    place.edit(
        "toolchains/tiny/recipe.toml",
        "snapshot = true",
        "snapshot = true\nscope = \"host\"\ninterface = \"x\"",
    );
    place.install(&["tiny"]).refuses(&["stage first of recipe tiny has an interface", "scope is host"]);
    // One that its stage does not write is told.
    let place = self::place();
    place.edit("toolchains/tiny/recipe.toml", "interface = \"interface\"", "interface = \"nowhere\"");
    place.install(&["tiny"]).refuses(&["nowhere", "No such file"]);
}

//! Whether a toolchain is what was published, and what comes out when it is built once more.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::Place;

/// A last stage that compiles something, with the host's compiler.
const COMPILES: &str = "\
mkdir -p out/bin out/lib tmp/objects
for program in cc c++ ar; do : > \"out/bin/$TARGET-$program\"; chmod 755 \"out/bin/$TARGET-$program\"; done
echo 'int answer = ANSWER; int ask(void) { return answer; }' > tmp/ask.c
gcc -c -DANSWER=\"$answer\" -o tmp/objects/ask.o tmp/ask.c
cp tmp/objects/ask.o out/lib/ask.o
(cd tmp/objects && ar rcD \"$WORK/out/lib/libask.a\" ask.o)
";

fn place(answer: &str) -> Place {
    let place = Place::new();
    place.edit("toolchains/tiny/recipe.toml", r#"["sh"]"#, r#"["sh", "gcc", "ar"]"#);
    place.script("last", &format!("answer={answer}\n{COMPILES}"));
    place
}

fn verify(place: &Place, arguments: &[&str]) -> crate::support::process::Ran {
    place.run(&[&["verify"], arguments].concat())
}

fn rebuild<'a>(place: &'a Place, more: &[&'a str]) -> crate::support::process::Ran {
    let mirror = place.mirror.to_str().unwrap();
    verify(place, &[&["tiny", "--rebuild", "--mirror", mirror], more].concat())
}

fn change(path: &Path, content: &str) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o644)).unwrap();
    std::fs::write(path, content).unwrap();
}

#[test]
fn what_was_changed_in_the_store_is_told_file_by_file() {
    let place = Place::new();
    place.install(&["tiny", "other"]).succeeds();
    let [other, tiny] = &place.toolchains()[..] else { panic!("{:?}", place.toolchains()) };
    let said = verify(&place, &[]).succeeds().stdout;
    assert_eq!(said.matches("is as it was published: 5 files, sha256:").count(), 2, "{said}");

    change(&tiny.join("lib/beta"), "beta 6.6\n");
    std::fs::remove_file(tiny.join("bin/tiny-linux-musl-ar")).unwrap();
    std::fs::write(tiny.join("lib/evil"), "").unwrap();
    std::fs::set_permissions(tiny.join("bin/tiny-linux-musl-cc"), PermissionsExt::from_mode(0o444)).unwrap();
    verify(&place, &["other"]).succeeds();
    verify(&place, &[]).finds(&["1 of 2 are not as they were published", "`muslchain uninstall` and `install`"]);
    let ran = verify(&place, &["linux/arm64"]);
    let expected = "tiny is not as it was published
  missing  bin/tiny-linux-musl-ar
  changed  bin/tiny-linux-musl-cc: is not executable any more
  changed  lib/beta: other content, 9 bytes as before
  added    lib/evil
";
    let name = tiny.file_name().unwrap().to_str().unwrap();
    assert_eq!(ran.stdout, expected.replacen("tiny", name, 1));

    // The list itself is covered by the manifest.
    change(&other.join("contents.json"), "{}");
    let said = verify(&place, &["other"]).finds(&["not as they were published"]).stdout;
    assert!(said.contains("changed  contents.json: the toolchain's contents.json was changed"), "{said}");
    std::fs::remove_file(other.join("contents.json")).unwrap();
    let said = verify(&place, &[]).finds(&["2 of 2 are not as they were published"]).stdout;
    assert!(said.contains("contents.json is gone") && said.contains("added    lib/evil"), "{said}");
}

#[test]
fn a_toolchain_comes_out_the_same_when_it_is_built_once_more() {
    let place = place("42");
    place.install(&["tiny", "--jobs", "1"]).succeeds();
    let [tiny] = &place.toolchains()[..] else { panic!("{:?}", place.toolchains()) };
    let log = std::fs::read(place.store().join("logs").join(tiny.file_name().unwrap()).join("3-last.log")).unwrap();
    let ran = rebuild(&place, &["--jobs", "3"]).succeeds();
    // From nothing: no stage's kept result is taken.
    assert_eq!((ran.stages().len(), ran.reused().len()), (3, 0), "{ran:#?}");
    assert!(ran.stdout.ends_with("came out the same when it was built once more\n"), "{}", ran.stdout);
    assert!(place.works().is_empty(), "{:?}", place.works());
    let again = std::fs::read(place.store().join("logs").join(tiny.file_name().unwrap()).join("3-last.log")).unwrap();
    assert_eq!(again, log);
}

#[test]
fn what_comes_out_otherwise_is_told_down_to_the_section_and_stays_for_a_look() {
    let place = place("$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')");
    place.install(&["tiny"]).succeeds();
    let ran = rebuild(&place, &[]).finds(&["1 of 1 came out otherwise when they were built once more"]);
    for told in ["changed  lib/ask.o: other content", "bytes as before, in .data\n", "in ask.o, ask.o(.data)\n"] {
        assert!(ran.stdout.contains(told), "{told} is not in {}", ran.stdout);
    }
    let document = rebuild(&place, &["--json"]).json();
    let rebuilt = &document["toolchains"][0]["rebuilt"];
    assert_eq!(rebuilt["differences"][0]["path"], "lib/ask.o");
    assert!(Path::new(rebuilt["kept"].as_str().unwrap()).join("lib/ask.o").is_file());
    // It is in nobody's way, and goes with the toolchain.
    place.install(&["tiny"]).succeeds();
    assert_eq!(place.works().len(), 1);
    place.run(&["uninstall", "tiny"]).succeeds();
    assert!(place.works().is_empty());
}

#[test]
fn what_cannot_be_compared_is_not_built() {
    let place = Place::new();
    place.install(&["tiny"]).succeeds();
    place.run(&["verify", "--rebuild"]).refuses(&["TARGET|PORT|NAME"]);
    rebuild(&place, &["--isolation", "landlock"]).refuses(&[
        "only builds in namespaces can be compared",
        "was built at level `namespaces`",
        "`landlock`",
    ]);
    place.before("second", "# Another script.");
    let ran = rebuild(&place, &[]).refuses(&["from other recipes", "`--recipes DIR`"]);
    assert_eq!(ran.stages().len(), 0);
    change(&place.toolchains()[0].join("lib/beta"), "");
    assert_eq!(rebuild(&place, &[]).finds(&["not as they were published"]).stages().len(), 0);
}

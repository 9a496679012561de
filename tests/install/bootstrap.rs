//! Toolchains whose programs are compiled by one for this machine, which is built first.

use std::path::{Path, PathBuf};

use muslchain::sandbox::SEARCH_PATH;

use crate::support::{Place, recipes};

/// What stands for a toolchain's compiler: it says that it was here, and what it was given.
const COMPILER: &str = r#"
#include <stdio.h>
#include <string.h>

int main(int count, char **arguments) {
    FILE *out = NULL;
    for (int at = 1; at + 1 < count; at++)
        if (strcmp(arguments[at], "-o") == 0)
            out = fopen(arguments[at + 1], "w");
    if (out == NULL)
        return 1;
    fprintf(out, "compiled by ours from %s\n", arguments[count - 1]);
    return fclose(out);
}
"#;

/// A last stage that compiles the toolchain's compiler, whatever the target is.
const COMPILES: &str = "\
mkdir -p out/bin
cat > tmp/compiler.c << 'END'
@COMPILER@
END
gcc $HOST_LDFLAGS -O2 -o \"out/bin/$TARGET-gcc\" tmp/compiler.c
chmod 755 \"out/bin/$TARGET-gcc\"
";

fn host_target() -> String {
    format!("{}-linux-musl", std::env::consts::ARCH)
}

fn place() -> Place {
    let place = Place::new();
    place.edit("toolchains/tiny/recipe.toml", r#"["sh"]"#, r#"["sh", "gcc"]"#);
    place.edit(
        "host-tools.toml",
        "[static-libc]",
        "[[tool]]\nname = \"gcc\"\npurpose = \"compiles\"\nin-toolchains = true\npackages = { apt = \"gcc\" }\n\n[static-libc]",
    );
    let row = format!(
        "[[target]]\ntriple = \"{}\"\nnames = [\"{}\"]\nkernel-arch = \"x\"\nmultiarch = \"x\"\nqemu = \"x\"\n\
         elf = {{ class = 64, endian = \"little\", machine = \"x86-64\" }}\nports = [{{ name = \"linux/amd64\", env = {{ GOARCH = \"amd64\" }} }}]\n\n\
         [[target]]\ntriple = \"tiny-linux-musl\"",
        host_target(),
        std::env::consts::ARCH
    );
    place.edit("targets.toml", "[[target]]\ntriple = \"tiny-linux-musl\"", &row);
    place.script("last", &COMPILES.replace("@COMPILER@", COMPILER));
    place
}

fn clang() -> PathBuf {
    let names = ["clang-19", "clang", "clang-22", "clang-21", "clang-20", "clang-18", "clang-17", "clang-16"];
    let folders = || SEARCH_PATH.split(':').map(Path::new);
    let mut places = names.iter().flat_map(|name| folders().map(move |folder| folder.join(name)));
    places.find(|path| path.is_file()).expect("clang is needed as another first compiler")
}

/// The toolchains' folders: that of the target, and that which compiled for the host.
fn both(place: &Place) -> [PathBuf; 2] {
    let toolchains = place.toolchains();
    let of = |triple: &str| {
        let starts = |path: &&PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(triple);
        toolchains.iter().find(starts).unwrap_or_else(|| panic!("{triple}: {toolchains:?}")).clone()
    };
    [of("tiny-linux-musl"), of(&host_target())]
}

#[test]
fn the_hosts_compiler_does_not_matter_then() {
    let (by_gcc, by_clang) = (place(), place());
    by_gcc.install(&["tiny", "--bootstrap"]).succeeds();
    by_clang.install(&["tiny", "--bootstrap", "--cc", clang().to_str().unwrap()]).succeeds();
    let [[tiny, first], [other_tiny, other_first]] = [both(&by_gcc), both(&by_clang)];
    assert_eq!([tiny.file_name(), first.file_name()], [other_tiny.file_name(), other_first.file_name()]);
    let read = |folder: &Path, file: &str| std::fs::read(folder.join(file)).unwrap();
    let compiler = format!("bin/{}-gcc", host_target());
    assert_ne!(read(&first, &compiler), read(&other_first, &compiler), "both first compilers made the same");
    assert_eq!(read(&tiny, "contents.json"), read(&other_tiny, "contents.json"));
    assert_eq!(read(&tiny, "bin/tiny-linux-musl-gcc"), b"compiled by ours from tmp/compiler.c\n");
    let rebuild = ["verify", "tiny", "--rebuild", "--mirror", by_clang.mirror.to_str().unwrap()];
    by_clang.run(&rebuild).succeeds();
    // What compiles it is built for that too, by the other compiler here.
    by_clang.run(&["uninstall", other_first.file_name().unwrap().to_str().unwrap()]).succeeds();
    by_clang.run(&rebuild).succeeds().says(&["came out otherwise here than where it compiled tiny-linux-musl-"]);

    // Nobody asked for a toolchain for this machine.
    by_gcc.run(&["dir", &host_target()]).refuses(&["means none of its toolchains"]);
    let name = first.file_name().unwrap().to_str().unwrap();
    assert!(by_gcc.run(&["show", "tiny"]).succeeds().stdout.contains(&format!("bootstrap  {name}\n")));
    let manifest = by_gcc.run(&["show", "tiny", "--json"]).json();
    assert!(manifest["host_tools"]["gcc"].is_null() && manifest["host_tools"]["sh"].is_object(), "{manifest}");
    let statement = by_gcc.run(&["show", "tiny", "--provenance"]).succeeds().json();
    let dependencies = &statement["predicate"]["buildDefinition"]["resolvedDependencies"];
    let of_first = by_gcc.run(&["show", name, "--json"]).json();
    let named = dependencies.as_array().unwrap().iter().find(|it| it["name"] == format!("toolchain/{name}")).unwrap();
    assert_eq!(named["digest"]["sha256"], of_first["contents"]);
}

#[test]
fn the_first_compiler_is_built_once_and_is_part_of_the_key() {
    let place = place();
    place.install(&["tiny"]).succeeds();
    let ran = place.install(&["tiny", "other", "--bootstrap"]).succeeds();
    let names: Vec<String> =
        place.toolchains().iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    let of = |triple: &str| names.iter().filter(|name| name.starts_with(triple)).count();
    assert_eq!([of("tiny-"), of("other-"), of(&host_target())], [2, 1, 1], "{names:?}");
    assert_eq!(ran.stages().iter().filter(|stage| stage.contains("first")).count(), 3, "{ran:#?}");
    // It is there by now, and is one that its target can mean.
    place.install(&[&host_target(), "--languages", "c,c++"]).succeeds().says(&["is installed"]);
    place.run(&["env", &host_target()]).succeeds();
}

#[test]
fn some_stages_are_there_for_it_alone() {
    let place = place();
    let gamma = recipes::archive(&[("content", "gamma 1.0\n")]);
    recipes::add_source(&place.recipes, &place.mirror, "gamma", "1.0", &gamma, "");
    place.edit("toolchains/tiny/recipe.toml", "[components]", "[components]\ngamma = \"1.0\"");
    let extra = "[[stage]]\nname = \"extra\"\nscript = \"extra.sh\"\nbootstrap-only = true\nunpack = { gamma = \"src/gamma\" }\n\n";
    let last = "[[stage]]\nname = \"last\"";
    place.edit("toolchains/tiny/recipe.toml", last, &format!("{extra}{last}"));
    place.script("extra", "cp src/gamma/content out/lib/gamma\n");
    place.install(&["tiny", "--bootstrap"]).succeeds();
    let [bootstrapped, first] = both(&place);
    assert_eq!(std::fs::read(bootstrapped.join("lib/gamma")).unwrap(), b"gamma 1.0\n");
    assert!(!first.join("lib/gamma").exists());
    let components = |name: &Path| {
        let shown = place.run(&["show", name.file_name().unwrap().to_str().unwrap(), "--json"]).json();
        shown["components"].as_object().unwrap().keys().cloned().collect::<Vec<String>>()
    };
    assert_eq!(components(&bootstrapped), ["alpha", "beta", "gamma"]);
    assert_eq!(components(&first), ["alpha", "beta"]);
    place.run(&["verify", "tiny", "--rebuild", "--mirror", place.mirror.to_str().unwrap()]).succeeds();
}

#[test]
fn what_was_changed_compiles_nothing() {
    let place = place();
    place.install(&["tiny", "--bootstrap"]).succeeds();
    let [_, first] = both(&place);
    let evil = first.join("lib/evil");
    std::fs::write(&evil, "").unwrap();
    let name = first.file_name().unwrap().to_str().unwrap();
    place.install(&["other", "--bootstrap"]).refuses(&["is not as it was published", name]);
    std::fs::remove_file(evil).unwrap();
    place.install(&["other", "--bootstrap"]).succeeds();
}

#[test]
fn it_compiles_in_rooms_of_every_level() {
    for level in ["landlock", "none"] {
        let place = place();
        place.install(&["tiny", "--bootstrap", "--isolation", level]).succeeds();
        let compiled = std::fs::read(both(&place)[0].join("bin/tiny-linux-musl-gcc")).unwrap();
        assert_eq!(compiled, b"compiled by ours from tmp/compiler.c\n", "{level}");
    }
}

#[test]
fn what_cannot_be_bootstrapped_is_refused() {
    let place = place();
    place.install(&["tiny", "--cc", "/usr/bin/icx"]).refuses(&["which C++ compiler goes with it"]);
    place.install(&["tiny", "--cc", "/nowhere/gcc-99"]).refuses(&["gcc: compiles; /nowhere/gcc-99 is none"]);
    place.install(&["tiny", "--bootstrap", "--cc", "/nowhere/gcc-99"]).refuses(&["/nowhere/gcc-99 is none"]);
    assert!(place.toolchains().is_empty());
    let compiler = "[host-compiler]\ntool = \"gcc\"\nprograms = {}\n\n[components]";
    place.edit("toolchains/tiny/recipe.toml", "[components]", compiler);
    place.install(&["tiny", "--bootstrap"]).refuses(&["nothing to bootstrap", "MUSLCHAIN_BOOTSTRAP=0"]);
}

//! Toolchains that call a compiler of the host.

use std::time::{Duration, SystemTime};

use crate::support::Place;
use crate::support::process::Ran;

/// What stands for a compiler: it prints what it is told.
const TOOL: &str = r#"
[[tool]]
name = "box"
purpose = "compiles for every target"
programs = ["echo"]
versions = { at-least = 2, suffixes = ["-of-no-machine", ""] }
packages = { apt = "box-apt", dnf = "box", apk = "box", pacman = "box" }

"#;

const COMMANDS: &str = r#"
[host-compiler]
tool = "box"

[host-compiler.programs]
cc = { program = "echo", arguments = ["--config=@TOOLCHAIN@/box.cfg"], links = true }
"c++" = { program = "echo", language = "c++" }
ar = { program = "echo", arguments = ["it's ar"] }

[components]"#;

fn place(home: &str) -> Place {
    let place = Place::with_home(home);
    let tools = place.recipes.join("host-tools.toml");
    std::fs::write(&tools, format!("{TOOL}{}", std::fs::read_to_string(&tools).unwrap())).unwrap();
    place.edit("toolchains/tiny/recipe.toml", r#"["sh"]"#, r#"["sh", "box"]"#);
    place.edit("toolchains/tiny/recipe.toml", "[components]", COMMANDS);
    let row = "host-compilers = { box = [\"--for=tiny\", \"-x\"] }\nkernel-arch = \"tiny\"";
    place.edit("targets.toml", "kernel-arch = \"tiny\"", row);
    place.script("last", "mkdir -p out; echo \"$COMPILER_ARGUMENTS\" > out/box.cfg\n");
    place
}

fn call(place: &Place, words: &[&str]) -> Ran {
    place.run(&[&["run", "tiny", "--"], words].concat()).succeeds()
}

#[test]
fn its_commands_stand_in_path_and_link_statically_unless_told_otherwise() {
    let place = place("my home");
    place.install(&["tiny", "--languages", "c"]).succeeds();
    let [toolchain] = &place.toolchains()[..] else { panic!("{:?}", place.toolchains()) };
    assert_eq!(std::fs::read_to_string(toolchain.join("box.cfg")).unwrap(), "--for=tiny -x\n");
    let config = format!("--config={}/box.cfg", toolchain.display());
    for (given, told) in [
        (&["-o", "a b", "x.c"][..], "-static -o a b x.c"),
        (&["-shared", "x.c"], "-shared x.c"),
        (&["-r", "x.o"], "-r x.o"),
        (&["-pie", "x.c"], "-static-pie -Wno-unused-command-line-argument -pie x.c"),
        (&["-static-pie", "x.c"], "-static-pie x.c"),
        (&["a b", "-specs=dynamic.specs", "-pie", "x.c"], "a b -pie x.c"),
    ] {
        let ran = call(&place, &[&["tiny-linux-musl-cc"], given].concat());
        assert_eq!(ran.stdout, format!("{config} {told}\n"));
        assert_eq!(ran.stderr, "");
    }
    assert_eq!(call(&place, &["tiny-linux-musl-ar", "x"]).stdout, "it's ar x\n");
    // The version line that Go's cache goes by names the toolchain.
    let key = place.run(&["show", "tiny", "--json"]).json()["key"].as_str().unwrap()[..16].to_owned();
    let said = call(&place, &["tiny-linux-musl-cc", "-###"]).stderr;
    assert!(
        said.starts_with("echo (GNU coreutils) ") && said.trim_end().ends_with(&format!(" muslchain-{key}")),
        "{said}"
    );

    let shims = place.store().join("shims").join(toolchain.file_name().unwrap());
    let which = place.run(&["which", "tiny"]).succeeds().stdout;
    assert_eq!(which.trim_end(), shims.join("tiny-linux-musl-cc").to_str().unwrap());
    place.run(&["which", "tiny", "c++"]).refuses(&["has no program `c++`"]);
    let cmake = place.run(&["env", "--for", "cmake", "tiny"]).succeeds().stdout;
    assert!(cmake.contains(&format!("set(CMAKE_C_COMPILER \"{}\")", which.trim_end())), "{cmake}");
}

#[test]
fn a_store_that_was_moved_has_commands_that_find_it() {
    let place = place("home");
    place.install(&["tiny"]).succeeds();
    let moved = place.path().join("moved");
    std::fs::rename(place.store(), &moved).unwrap();
    let variables = [("MUSLCHAIN_HOME", moved.to_str().unwrap())];
    let path = place.run_with(&variables, &["which", "tiny"]).succeeds().stdout;
    let said = Ran::of(std::process::Command::new(path.trim_end())).succeeds().stdout;
    assert!(said.starts_with(&format!("--config={}/toolchains/", moved.display())), "{said}");
}

#[test]
fn it_is_part_of_the_key_and_every_use_tells_when_it_has_changed() {
    let place = place("my home");
    place.install(&["tiny"]).succeeds();
    let manifest = place.run(&["show", "tiny", "--json"]).json();
    let compiler = &manifest["host_compiler"];
    assert!(compiler["version"].as_str().unwrap().starts_with("echo (GNU coreutils)"));
    assert_eq!(compiler["sha256"], manifest["host_tools"]["echo"]["sha256"]);
    assert_eq!(call(&place, &["tiny-linux-musl-cc"]).stderr, "");

    let [toolchain] = &place.toolchains()[..] else { panic!("{:?}", place.toolchains()) };
    let stamp = place.store().join("shims").join(toolchain.file_name().unwrap()).join(".echo");
    let date = |time: SystemTime| std::fs::File::open(&stamp).unwrap().set_modified(time).unwrap();
    for time in [SystemTime::UNIX_EPOCH, SystemTime::now() + Duration::from_secs(3600)] {
        date(time);
        let ran = call(&place, &["tiny-linux-musl-cc", "x.c"]);
        ran.says(&["echo has changed since the toolchain was built", "muslchain install tiny-linux-musl builds one"]);
    }
    // An install that finds it to be the same takes the warning back.
    place.install(&["tiny"]).succeeds().says(&["is installed"]);
    assert_eq!(call(&place, &["tiny-linux-musl-cc"]).stderr, "");
}

#[test]
fn what_it_cannot_serve_and_a_host_without_it_are_refused_by_name() {
    let place = place("my home");
    let other = ["other", "--recipe", "tiny"];
    place.install(&other).refuses(&["builds nothing for other-linux-musl: it is not known how box compiles for it"]);
    let row = "host-compilers = { box = { refused = \"it has no wheels\" } }\nkernel-arch = \"other\"";
    place.edit("targets.toml", "kernel-arch = \"other\"", row);
    place.install(&other).refuses(&["builds nothing for other-linux-musl: it has no wheels"]);
    place.edit("host-tools.toml", "at-least = 2", "at-least = 2000");
    for options in [&["tiny"][..], &["tiny", "--recipe", "tiny"]] {
        place.install(options).refuses(&["echo: compiles for every target", "apt-get install box-apt"]);
    }
}

#[test]
fn a_clang_that_is_named_is_taken_wherever_it_is() {
    for level in ["namespaces", "landlock"] {
        let place = place("home");
        for file in ["host-tools.toml", "toolchains/tiny/recipe.toml", "targets.toml"] {
            let path = place.recipes.join(file);
            let text = std::fs::read_to_string(&path).unwrap();
            std::fs::write(path, text.replace("\"box\"", "\"clang\"").replace("{ box =", "{ clang =")).unwrap();
        }
        let folder = place.path().join("my llvm/bin");
        std::fs::create_dir_all(&folder).unwrap();
        let named = folder.join("echo-99");
        let script = "#!/bin/sh\n[ \"$1\" != --version ] || set -- some clang version 99.1\necho named \"$@\"\n";
        std::fs::write(&named, script).unwrap();
        std::fs::set_permissions(&named, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        // A stage sees it, by the name without the version, and nothing else that is near it.
        std::fs::write(place.path().join("my llvm/secret"), "").unwrap();
        let look = format!("! cat '{}/my llvm/secret'", place.path().display());
        place.script(
            "last",
            &format!("mkdir -p out; sh -c 'exec echo works' > out/said\n(PATH=/usr/bin:/bin; {look})\n"),
        );
        // Whatever way leads to it.
        let way = place.path().join("way");
        std::os::unix::fs::symlink(place.path().join("my llvm"), &way).unwrap();
        let named = way.join("bin/echo-99");
        place.install(&["tiny", "--clang", named.to_str().unwrap(), "--isolation", level]).succeeds();
        assert_eq!(std::fs::read_to_string(place.toolchains()[0].join("said")).unwrap(), "named works\n", "{level}");
        let manifest = place.run(&["show", "tiny", "--json"]).json();
        assert_eq!(manifest["host_compiler"]["version"], "named some clang version 99.1");
        assert_eq!(manifest["host_tools"]["echo"]["path"], named.to_str().unwrap());
        let told = call(&place, &["tiny-linux-musl-cc", "x.c"]).stdout;
        assert!(told.starts_with("named ") && told.ends_with("-static x.c\n"), "{told}");
        // One that is not there is not made up for by another.
        let nowhere = folder.join("echo");
        let nowhere = nowhere.to_str().unwrap();
        place.install(&["tiny", "--clang", nowhere]).refuses(&["echo: compiles for every target", nowhere]);
    }
}

//! For those who are not Go.

use crate::shells::{SHELLS, folders, installed, path, without_records};
use crate::support::Place;
use crate::values::ODD;

/// The variables that `--for` a system sets beside PATH.
fn set(place: &Place, arguments: &str, own: &[(&str, &str)]) -> Vec<(String, String)> {
    let before = SHELLS[0].environment(place, &path(), &[], ":");
    let after = SHELLS[0].environment(place, &path(), own, &format!("eval $(muslchain env {arguments})"));
    let new = without_records(after).into_iter().filter(|(name, value)| before.get(name) != Some(value));
    new.filter(|(name, _)| name != "PATH").collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    pairs.sort();
    pairs
}

#[test]
fn cargo_and_its_crates() {
    let place = Place::with_home(ODD[0]);
    let toolchain = installed(&place, "tiny");
    let expected = [
        ("CARGO_TARGET_TINY64_UNKNOWN_LINUX_MUSL_LINKER", "tiny-linux-musl-cc"),
        ("CARGO_TARGET_TINY64_UNKNOWN_LINUX_MUSL_RUNNER", "go_linux_arm64_exec"),
        ("CARGO_TARGET_TINY64_UNKNOWN_LINUX_MUSL_RUSTFLAGS", "-Ctarget-feature=+crt-static"),
        ("CC_tiny64_unknown_linux_musl", "tiny-linux-musl-cc"),
        ("CXX_tiny64_unknown_linux_musl", "tiny-linux-musl-c++"),
        ("AR_tiny64_unknown_linux_musl", "tiny-linux-musl-ar"),
        ("RANLIB_tiny64_unknown_linux_musl", "tiny-linux-musl-ranlib"),
        ("PKG_CONFIG_tiny64_unknown_linux_musl", "tiny-linux-musl-pkg-config"),
    ];
    assert_eq!(set(&place, "--for cargo tiny", &[]), pairs(&expected));
    let own = ("CARGO_TARGET_TINY64_UNKNOWN_LINUX_MUSL_RUSTFLAGS", "-Copt-level=1");
    let both = "-Copt-level=1 -Ctarget-feature=+crt-static";
    assert!(set(&place, "--for cargo tiny", &[own]).contains(&(own.0.to_owned(), both.to_owned())));
    let document = place.run(&["env", "--for", "cargo", "--json", "tiny"]).succeeds().json();
    let path = document["env"]["PATH"].as_str().unwrap();
    assert!(path.starts_with(&folders(&toolchain)), "{path}");

    installed(&place, "other");
    let ran = place.run(&["env", "--for", "cargo", "linux/arm/v7"]);
    assert_eq!(ran.stdout, "false\n");
    ran.says(&["other-linux-musl is no target of Rust", "no `rust`"]);
}

#[test]
fn configure_scripts() {
    let place = Place::with_home(ODD[1]);
    installed(&place, "tiny");
    let expected = [
        ("AR", "tiny-linux-musl-ar"),
        ("AS", "tiny-linux-musl-as"),
        ("CC", "tiny-linux-musl-cc"),
        ("CPP", "tiny-linux-musl-cpp"),
        ("CXX", "tiny-linux-musl-c++"),
        ("LD", "tiny-linux-musl-ld"),
        ("LDFLAGS", "-L/x --static"),
        ("NM", "tiny-linux-musl-nm"),
        ("OBJCOPY", "tiny-linux-musl-objcopy"),
        ("OBJDUMP", "tiny-linux-musl-objdump"),
        ("PKG_CONFIG", "tiny-linux-musl-pkg-config"),
        ("RANLIB", "tiny-linux-musl-ranlib"),
        ("READELF", "tiny-linux-musl-readelf"),
        ("STRIP", "tiny-linux-musl-strip"),
        ("host_alias", "tiny-linux-musl"),
    ];
    assert_eq!(set(&place, "--for autotools tiny", &[("LDFLAGS", "-L/x")]), pairs(&expected));
    assert!(set(&place, "--for autotools tiny", &[]).contains(&("LDFLAGS".to_owned(), "--static".to_owned())));
}

#[test]
fn a_toolchain_file_for_cmake() {
    let place = Place::with_home("a b\"$;\\c");
    let toolchain = installed(&place, "tiny");
    let quoted = |path: &str| {
        let special = ['\\', '"', '$', ';'];
        let escaped = path.chars().map(|c| if special.contains(&c) { format!("\\{c}") } else { c.to_string() });
        format!("\"{}\"", escaped.collect::<String>())
    };
    let of_toolchain = |name: &str| quoted(toolchain.join(name).to_str().unwrap());
    let all = folders(&toolchain);
    let shims = all.split(':').next().unwrap();
    let text = place.run(&["env", "--for", "cmake", "tiny"]).succeeds().stdout;
    let expected = [
        format!(
            "# linux/arm64 with {}. For cmake -DCMAKE_TOOLCHAIN_FILE=FILE.",
            toolchain.file_name().unwrap().display()
        ),
        "set(CMAKE_SYSTEM_NAME Linux)".to_owned(),
        "set(CMAKE_SYSTEM_PROCESSOR tiny64)".to_owned(),
        format!("set(CMAKE_C_COMPILER {})", of_toolchain("bin/tiny-linux-musl-cc")),
        format!("set(CMAKE_CXX_COMPILER {})", of_toolchain("bin/tiny-linux-musl-c++")),
        "set(CMAKE_EXE_LINKER_FLAGS_INIT -static)".to_owned(),
        format!("set(CMAKE_FIND_ROOT_PATH {})", of_toolchain("tiny-linux-musl")),
        "set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)".to_owned(),
        "set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)".to_owned(),
        "set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)".to_owned(),
        "set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)".to_owned(),
        format!("set(PKG_CONFIG_EXECUTABLE {})", quoted(&format!("{shims}/tiny-linux-musl-pkg-config"))),
        format!("set(CMAKE_CROSSCOMPILING_EMULATOR {})", quoted(&format!("{shims}/go_linux_arm64_exec"))),
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    place.run(&["env", "--for", "cmake", "--json", "tiny"]).refuses(&["--format is for environments"]);
}

#[test]
fn a_cross_file_for_meson() {
    let place = Place::with_home("it's \\ here");
    place.install(&["--languages", "c", "tiny"]).succeeds();
    let toolchain = place.toolchains().remove(0);
    let all = folders(&toolchain);
    let quoted = |path: String| format!("'{}'", path.replace('\\', "\\\\").replace('\'', "\\'"));
    let bin = |name: &str| quoted(format!("{}/bin/tiny-linux-musl-{name}", toolchain.display()));
    let shim = |name: &str| quoted(format!("{}/{name}", all.split(':').next().unwrap()));
    let text = place.run(&["env", "--for", "meson", "tiny"]).succeeds().stdout;
    let expected = format!(
        "[binaries]\nc = {}\nar = {}\nranlib = {}\nstrip = {}\npkg-config = {}\npkgconfig = {}\nexe_wrapper = {}\n\n\
         [built-in options]\ndefault_library = 'static'\nprefer_static = true\nc_link_args = ['-static']\n\
         cpp_link_args = ['-static']\n\n\
         [host_machine]\nsystem = 'linux'\ncpu_family = 'tiny'\ncpu = 'tiny64'\nendian = 'little'\n",
        bin("cc"),
        bin("ar"),
        bin("ranlib"),
        bin("strip"),
        shim("tiny-linux-musl-pkg-config"),
        shim("tiny-linux-musl-pkg-config"),
        shim("go_linux_arm64_exec"),
    );
    let (header, rest) = text.split_once('\n').unwrap();
    assert_eq!(rest, expected);
    assert!(header.starts_with("# linux/arm64 with tiny-linux-musl-"), "{header}");
}

#[test]
fn a_target_without_the_data_is_refused() {
    let place = Place::new();
    installed(&place, "other");
    for (system, name) in [("cmake", "CMake"), ("meson", "Meson")] {
        let said = place.run(&["env", "--for", system, "linux/arm/v7"]);
        said.refuses(&[&format!("other-linux-musl is no target of {name}"), "no `machine`"]);
    }
}

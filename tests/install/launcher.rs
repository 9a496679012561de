//! The host's compilers called through another program.

use std::net::TcpListener;
use std::process::Command;

use crate::support::Place;

/// The name and the contents' digest of the toolchain that is installed with these options, after what was kept of another one is gone.
fn install(place: &Place, options: &[&str]) -> String {
    if place.run(&["show", "tiny"]).code == 0 {
        place.run(&["uninstall", "tiny"]).succeeds();
        place.run(&["gc", "--keep-gb", "0"]).succeeds();
    }
    place.install(&[&["tiny"], options].concat()).succeeds();
    let manifest = place.run(&["show", "tiny", "--json"]).json();
    format!("{} {}", manifest["name"], manifest["contents"])
}

fn compiling_place() -> Place {
    let place = Place::new();
    place.edit("toolchains/tiny/recipe.toml", r#"["sh"]"#, r#"["sh", "gcc"]"#);
    let compiles = "mkdir -p out; echo 'int one;' > one.h; echo 'int two;' > two.c; gcc -fpch-preprocess -x c-header -o one.h.gch one.h; \
                    gcc -fpch-preprocess -include one.h -c -o out/two.o two.c";
    place.before("first", compiles);
    let tools = place.recipes.join("host-tools.toml");
    let table = std::fs::read_to_string(&tools).unwrap();
    let row = |name: &str| {
        format!("[[tool]]\nname = \"{name}\"\npurpose = \"launches\"\npackages = {{ apt = \"{name}\" }}\n\n")
    };
    std::fs::write(&tools, format!("{}{}{table}", row("ccache"), row("distcc"))).unwrap();
    place
}

#[test]
fn what_ccache_has_is_not_compiled_again_and_the_toolchain_is_the_same() {
    let place = compiling_place();
    let without = install(&place, &[]);
    let hits = || {
        let mut ccache = Command::new("ccache");
        let output = ccache.arg("--print-stats").env("CCACHE_DIR", place.home.join(".cache/ccache")).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let count = |line: &str| line.split_once("_cache_hit\t").map_or(0, |(_, count)| count.parse::<u32>().unwrap());
        text.lines().map(count).sum::<u32>()
    };
    for level in ["namespaces", "landlock", "none"] {
        let before = hits();
        for _ in 0..2 {
            assert_eq!(install(&place, &["--launcher", "ccache", "--isolation", level]), without, "{level}");
        }
        // The header and the object.
        assert!(hits() >= before + 2, "{level}");
    }
    let shown = place.run(&["show", "tiny"]).succeeds().stdout;
    assert!(shown.lines().any(|line| line == "launcher   ccache"), "{shown}");
    assert!(!place.run(&["show", "tiny", "--json"]).json()["host_tools"]["ccache"].is_null());
}

#[test]
fn distcc_has_the_network_and_that_is_said() {
    let place = compiling_place();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    place.before("second", &format!("PATH=/usr/bin:/bin; bash -c ': < /dev/tcp/127.0.0.1/{port}'"));
    place.install(&["tiny"]).refuses(&["stage second"]);
    let mirror = place.mirror.to_str().unwrap();
    let options = ["install", "tiny", "--mirror", mirror, "--launcher", "distcc"];
    // This very machine, so that no server is needed.
    place.run_with(&[("DISTCC_HOSTS", "localhost")], &options).succeeds();
    let shown = place.run(&["show", "tiny"]).succeeds().stdout;
    assert!(shown.contains("launcher   distcc, for which stages had the network\n"), "{shown}");
}

#[test]
fn a_launcher_that_is_none_is_refused() {
    let place = Place::new();
    place.install(&["tiny", "--launcher", "gcc"]).refuses(&["--launcher", "`gcc` is no launcher", "ccache or distcc"]);
}

//! A folder of recipes with one recipe of three stages, and the sources that it names.

use std::fs;
use std::path::Path;

use muslchain::digest::Sha256;

const TARGETS: &str = r#"
[[target]]
triple = "tiny-linux-musl"
names = ["tiny", "small"]
kernel-arch = "tiny"
multiarch = "tiny-linux-gnu"
qemu = "aarch64"
elf = { class = 64, endian = "little", machine = "aarch64" }
rust = "tiny64-unknown-linux-musl"
machine = { name = "tiny64", family = "tiny" }
ports = [{ name = "linux/arm64", spellings = ["linux/arm64/v8"], env = { GOARCH = "arm64" } }]

[[target]]
triple = "other-linux-musl"
names = ["other"]
gcc-options = ["--with-float=hard"]
kernel-arch = "other"
multiarch = "other-linux-gnu"
qemu = "aarch64"
elf = { class = 32, endian = "little", machine = "arm", cpu-arch-at-most = 10, float = "hard" }
ports = [
  { name = "linux/arm/v7", env = { GOARCH = "arm", GOARM = "7" } },
  { name = "linux/arm/v6", env = { GOARCH = "arm", GOARM = "6" } },
]
"#;

const RECIPE: &str = r#"
preference = 1
named-after = "beta"
languages = ["c", "c++"]
host-tools = ["sh"]
disk = { work-gb = 0, store-mb = 1 }

[components]
alpha = "1.0"
beta = "1.0"

[environment]
RECIPE_SAYS = "hello"

[[stage]]
name = "first"
script = "first.sh"
unpack = { alpha = "src/alpha" }
steps = { c = 1 }
seconds = { c = 1 }
snapshot = true

[[stage]]
name = "second"
script = "second.sh"
unpack = { beta = "src/beta" }
steps = { c = 1 }
seconds = { c = 1 }

[[stage]]
name = "last"
script = "last.sh"
"#;

const HOST_TOOLS: &str = r#"
[[tool]]
name = "sh"
purpose = "runs the stages"
programs = ["sh", "cat", "chmod", "cp", "mkdir", "mkfifo", "mv", "od", "rm", "sleep", "touch", "tr", "uname"]
packages = { apt = "dash", dnf = "dash", apk = "dash", pacman = "dash" }

[[tool]]
name = "muslchain-test-hammer"
purpose = "hits nails"
packages = { apt = "hammer-apt nails", dnf = "hammer-dnf", apk = "hammer-apk", pacman = "hammer-pacman" }

[[tool]]
name = "muslchain-test-saw"
purpose = "cuts boards"
packages = { apt = "saw-apt nails", dnf = "saw-dnf", apk = "saw-apk", pacman = "saw-pacman" }

[static-libc]
packages = { apt = "static-libc" }
"#;

const FIRST: &str = "\
mkdir -p out/lib
cp src/alpha/content out/lib/alpha
";

const SECOND: &str = "\
cp src/beta/content out/lib/beta
";

const LAST: &str = "\
mkdir -p out/bin
for program in cc c++ ar; do
    printf '#!/bin/sh\\necho this is %s\\n' \"$program\" > \"out/bin/$TARGET-$program\"
    chmod 755 \"out/bin/$TARGET-$program\"
done
";

const FIXUP: &str = "echo mended >> content\n";

/// Writes the recipes and puts the files that they name into `mirror`.
pub fn write(recipes: &Path, mirror: &Path) {
    for folder in ["toolchains/tiny", "fixups"] {
        fs::create_dir_all(recipes.join(folder)).unwrap();
    }
    fs::create_dir(mirror).unwrap();
    for (file, text) in [
        ("targets.toml", TARGETS),
        ("host-tools.toml", HOST_TOOLS),
        ("toolchains/tiny/recipe.toml", RECIPE),
        ("toolchains/tiny/first.sh", FIRST),
        ("toolchains/tiny/second.sh", SECOND),
        ("toolchains/tiny/last.sh", LAST),
        ("fixups/mend.sh", FIXUP),
    ] {
        fs::write(recipes.join(file), text).unwrap();
    }
    for (name, version, more) in [
        ("alpha", "1.0", ""),
        ("beta", "1.0", ""),
        ("beta", "2.0", ""),
        ("beta", "3.0", ""),
        ("beta", "1.0-mended", "upstream = \"1.0\"\nfixup = \"mend.sh\"\n"),
    ] {
        let archive = archive(&[("content", &format!("{name} {version}\n"))]);
        add_source(recipes, mirror, name, version, &archive, more);
    }
}

/// Adds a recipe that differs from `tiny` in its name, its later place and these host tools, given as TOML.
pub fn add_recipe(recipes: &Path, name: &str, host_tools: &str) {
    let [from, to] = ["tiny", name].map(|name| recipes.join("toolchains").join(name));
    fs::create_dir(&to).unwrap();
    for entry in fs::read_dir(&from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    let text = RECIPE.replace("preference = 1", "preference = 2").replace(r#"["sh"]"#, host_tools);
    fs::write(to.join("recipe.toml"), text).unwrap();
}

/// Adds a source to the table and its file to the mirror.
pub fn add_source(recipes: &Path, mirror: &Path, name: &str, version: &str, archive: &[u8], more: &str) {
    let file = format!("{name}-{version}.tar");
    fs::write(mirror.join(&file), archive).unwrap();
    let table = recipes.join("sources.toml");
    let mut text = fs::read_to_string(&table).unwrap_or_default();
    text.push_str(&format!(
        "[[source]]\nname = \"{name}\"\nversion = \"{version}\"\nfile = \"{file}\"\nsize = {}\nsha256 = \"{}\"\n\
         licence = \"MIT\"\nurls = []\n{more}\n",
        archive.len(),
        Sha256::of(archive)
    ));
    fs::write(&table, text).unwrap();
}

/// A tar archive with these files in one folder.
pub fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, format!("tree/{name}"), content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

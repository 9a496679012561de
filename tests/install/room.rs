//! What a stage sees and can do, found out by a stage.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use landlock::{AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr};
use muslchain::digest::Sha256;

use crate::support::process::Ran;
use crate::support::{PROGRAM, Place};

/// Tells what it finds, one fact a line.
const LOOK_AROUND: &str = r#"
told=$PATH
PATH=/usr/sbin:/usr/bin:/sbin:/bin
tells() { if "$@" > tmp/said 2>&1; then echo "yes: $*"; else echo "no: $*"; fi; }
echo "folder: $(pwd)"
echo "tools: $(ls "$told" | tr '\n' ' ')"
tells sh -c ': > "$0/muslchain-probe"' "$told"
echo "process: $$"
sed -n 's/^CapEff:[[:space:]]*/rights: /p' /proc/self/status
tr '\0' '\n' < "/proc/$$/environ" | cut -d= -f1 | sort | sed 's/^/variable: /'
tail -n +3 /proc/net/dev | sed 's/^ *\([^:]*\):.*/interface: \1/'
for process in /proc/[0-9]*; do
    if tr '\0' '\n' < "$process/cmdline" 2>/dev/null | grep -q MUSLCHAIN-TEST-OUTSIDE; then echo "sees outside"; fi
done
tells sh -c ': > src/alpha/muslchain-probe'
tells sh -c ': > src/alpha/content'
tells rm src/alpha/content
tells mv src/alpha src/away
tells ls /root
tells ls /home
tells ls '@HOME@'
tells cat '@HOME@/secret'
tells sh -c ': > "@HOME@/probe"'
tells cat /etc/hostname
tells bash -c ': < /dev/tcp/127.0.0.1/@PORT@'
tells sh -c ': > "$TMPDIR/probe"'
tells sh -c ': > probe'
tells sh -c ': > /dev/null'
tells test -r /dev/urandom
"#;

/// More of the same, that must not be tried where nothing keeps a stage from it.
const TOUCH: &str = r#"
tells sh -c ': > /usr/muslchain-probe'
tells sh -c ': > /muslchain-probe'
tells sh -c ': > /etc/muslchain-probe'
tells sh -c ': > /tmp/muslchain-probe'
tells mount -o remount,bind,rw /usr
tells unshare --user --map-root-user --mount mount -o remount,bind,rw /usr
"#;

/// All variables that the first stage has: the version of a source that is unpacked later is not among
/// them, nor is the toolchain's key, which depends on it.
const VARIABLES: &[&str] = &[
    "ALPHA_VERSION",
    "BUILD_TRIPLE",
    "COMPILED_LANGUAGES",
    "COMPILER_ARGUMENTS",
    "COMPILER_OPTIONS",
    "COMPILER_TRIPLE",
    "DEFAULTS",
    "DRIVER_SPECS",
    "GCC_TARGET_OPTIONS",
    "HOST_LDFLAGS",
    "HOST_STATIC",
    "KERNEL_ARCH",
    "LC_ALL",
    "MAKEFLAGS",
    "MULTIARCH",
    "PATH",
    "RECIPE_SAYS",
    "SOURCE_DATE_EPOCH",
    "TARGET",
    "TMPDIR",
    "TZ",
    "VERSION_MARK",
    "WORK",
];

/// Builds with a stage that looks around; its findings.
fn findings(level: &str) -> (Place, Vec<String>) {
    let place = Place::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    std::fs::write(place.home.join("secret"), "secret").unwrap();
    let touch = if level == "none" { "" } else { TOUCH };
    let script = format!("{LOOK_AROUND}{touch}");
    let script = script.replace("@HOME@", place.home.to_str().unwrap()).replace("@PORT@", &port);
    // Other variables and processes of the user are none of a stage's business.
    let mut outside = Command::new("sh")
        .args(["-c", "read line", "MUSLCHAIN-TEST-OUTSIDE"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    place.before("first", &format!("mkdir -p tmp\n{script}\nmkdir -p out/lib; exit 0"));
    let mirror = place.mirror.to_str().unwrap();
    let options = ["install", "tiny", "--isolation", level, "--mirror", mirror];
    place.run_with(&[("SECRET", "1"), ("CFLAGS", "-O3"), ("LD_PRELOAD", "")], &options).succeeds();
    outside.kill().unwrap();
    outside.wait().unwrap();
    let reported = place.run(&["show", "tiny", "--json"]).json()["isolation"].clone();
    assert_eq!(reported, level);
    assert!(place.run(&["show", "tiny"]).stdout.lines().any(|line| line.contains(level)));
    let found = place.log("first").lines().map(str::to_owned).collect();
    (place, found)
}

/// Asserts that a finding of this beginning has the answer.
#[track_caller]
fn assert_answer(found: &[String], answer: &str, questions: &[&str]) {
    for question in questions {
        let line = found.iter().find(|line| line.split_once(": ").is_some_and(|(_, rest)| rest.contains(question)));
        let line = line.unwrap_or_else(|| panic!("{question} was not asked:\n{}", found.join("\n")));
        assert!(line.starts_with(&format!("{answer}: ")), "expected {answer}:\n{line}");
    }
}

fn values<'a>(found: &'a [String], what: &str) -> Vec<&'a str> {
    found.iter().filter_map(|line| line.strip_prefix(what)?.strip_prefix(": ")).collect()
}

/// Whether the kernel lets this user have namespaces, by another program than the one under test.
fn namespaces_are_possible(test: &str) -> bool {
    let unshare = ["--user", "--map-current-user", "--mount", "--pid", "--net", "--ipc", "--fork", "true"];
    let output = Command::new("unshare").args(unshare).output().expect("unshare, of util-linux");
    if !output.status.success() {
        eprintln!("{test}: skipped, no namespaces here: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    output.status.success()
}

const OUTSIDE: [&str; 5] = [
    "> /usr/muslchain-probe",
    "> /muslchain-probe",
    "> /etc/muslchain-probe",
    "mount -o remount",
    "unshare --user --map-root-user --mount mount",
];
const THE_USERS: [&str; 3] = ["/secret", "/probe\"", "ls /root"];
const INPUTS: [&str; 4] =
    ["> src/alpha/muslchain-probe", "> src/alpha/content", "rm src/alpha/content", "mv src/alpha"];
/// The recipe's list, and no other program of the host.
const TOOLS: &str = "cat chmod cp mkdir mkfifo mv od rm sh sleep touch tr uname ";
const ITS_OWN: [&str; 4] = ["> \"$TMPDIR/probe\"", ": > probe", "> /dev/null", "-r /dev/urandom"];

#[test]
fn a_stage_in_namespaces_has_a_world_of_its_own() {
    if !namespaces_are_possible("a_stage_in_namespaces_has_a_world_of_its_own") {
        return;
    }
    let (place, found) = findings("namespaces");
    assert_eq!(values(&found, "folder"), ["/muslchain"]);
    assert_eq!(values(&found, "variable"), VARIABLES);
    assert_eq!(values(&found, "tools"), [TOOLS]);
    assert_eq!(values(&found, "interface"), ["lo"]);
    assert_eq!(values(&found, "process"), ["1"]);
    assert_eq!(values(&found, "rights"), ["0000000000000000"]);
    assert!(!found.contains(&"sees outside".to_owned()));
    assert_answer(&found, "no", &OUTSIDE);
    assert_answer(&found, "no", &THE_USERS);
    assert_answer(&found, "no", &INPUTS);
    assert_answer(&found, "no", &["> \"$0/muslchain-probe\""]);
    assert_answer(&found, "no", &["ls /home", "/etc/hostname", "/dev/tcp"]);
    assert_answer(&found, "yes", &ITS_OWN);
    assert_answer(&found, "yes", &["> /tmp/muslchain-probe"]);
    assert!(!place.home.join("probe").exists());
    assert!(!Path::new("/tmp/muslchain-probe").exists());
}

#[test]
fn the_best_level_is_taken_when_none_is_asked_for() {
    if !namespaces_are_possible("the_best_level_is_taken_when_none_is_asked_for") {
        return;
    }
    let place = Place::new();
    place.install(&["tiny"]).succeeds();
    assert_eq!(place.run(&["show", "tiny", "--json"]).json()["isolation"], "namespaces");
}

#[test]
fn an_ordinary_user_has_namespaces_too() {
    // Run by an ordinary user, the other tests show it.
    if !rustix::process::getuid().is_root() {
        return;
    }
    let user = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let place = Place::with_home("my  höme");
    let program = place.path().join("muslchain");
    std::fs::copy(PROGRAM, &program).unwrap();
    for entry in walkdir::WalkDir::new(place.path()) {
        std::os::unix::fs::lchown(entry.unwrap().path(), Some(65534), Some(65534)).unwrap();
    }
    let possible = Command::new("setpriv").args(user).args(["unshare", "--user", "--mount", "true"]).status();
    if !possible.expect("setpriv, of util-linux").success() {
        eprintln!("an_ordinary_user_has_namespaces_too: skipped, the kernel keeps them for root");
        return;
    }
    let mut command = Command::new("setpriv");
    command.args(user).arg(program).args(["install", "tiny", "--mirror"]).arg(&place.mirror);
    let surroundings = place.command(&[]);
    command.env_clear().envs(surroundings.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(&place.project);
    Ran::of(command).succeeds();
    assert_eq!(place.run(&["show", "tiny", "--json"]).json()["isolation"], "namespaces");
}

#[test]
fn a_stage_under_landlock_cannot_touch_what_is_not_its_own() {
    let test = "a_stage_under_landlock_cannot_touch_what_is_not_its_own";
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    if let Err(reason) = ruleset.handle_access(AccessFs::Execute).and_then(Ruleset::create) {
        eprintln!("{test}: skipped, no Landlock here: {reason}");
        return;
    }
    let (place, found) = findings("landlock");
    assert_eq!(values(&found, "variable"), VARIABLES);
    assert_eq!(values(&found, "tools"), [TOOLS]);
    assert!(values(&found, "folder")[0].starts_with(place.store().to_str().unwrap()));
    assert_answer(&found, "no", &OUTSIDE);
    assert_answer(&found, "no", &THE_USERS);
    assert_answer(&found, "no", &["ls /home", "/etc/hostname", "> /tmp/muslchain-probe", "/dev/tcp"]);
    assert_answer(&found, "no", &["> \"$0/muslchain-probe\""]);
    assert_answer(&found, "yes", &ITS_OWN);
    assert!(!place.home.join("probe").exists());
}

#[test]
fn a_stage_without_isolation_still_has_no_other_variables() {
    let (place, found) = findings("none");
    assert_eq!(values(&found, "variable"), VARIABLES);
    assert_eq!(values(&found, "tools"), [TOOLS]);
    // What the other levels close is open here: the questions are fit to tell.
    assert!(found.contains(&"sees outside".to_owned()), "{found:#?}");
    assert_answer(&found, "yes", &["/secret", "/probe\"", "/dev/tcp"]);
    assert_answer(&found, "yes", &ITS_OWN);
    assert!(place.home.join("probe").exists());
}

#[test]
fn a_program_that_the_recipe_does_not_name_is_not_there() {
    let place = Place::new();
    place.before("second", "gcc --version");
    place.install(&["tiny"]).refuses(&["stage second", "gcc: not found"]);
    place.edit("toolchains/tiny/recipe.toml", r#"["sh"]"#, r#"["sh", "gcc"]"#);
    place.install(&["tiny"]).succeeds();
    // What could be called is in the manifest, down to what the compiler calls.
    let tools = &place.run(&["show", "tiny", "--json"]).json()["host_tools"];
    for name in ["sh", "gcc", "cc1", "as", "ld"] {
        let path = Path::new(tools[name]["path"].as_str().unwrap());
        let (digest, _) = Sha256::of_file(path).unwrap();
        assert_eq!(tools[name]["sha256"], digest.to_string(), "{name}");
    }
}

#[test]
fn a_lower_level_is_said_and_needs_a_path_without_blanks() {
    let place = Place::new();
    place.install(&["tiny", "--isolation", "none"]).succeeds().says(&["isolated at level `none` only"]);
    let place = Place::with_home("my  home");
    let store = place.store();
    place.install(&["tiny", "--isolation", "none"]).refuses(&[
        store.to_str().unwrap(),
        "a path without a blank",
        "set MUSLCHAIN_HOME",
    ]);
}

//! What users copy from ci/ for their own CI does what it says: the steps are run as the services would run them.

#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::support::process::Ran;
use crate::support::{PROGRAM, Place};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn template(path: &str) -> String {
    std::fs::read_to_string(repository().join("ci").join(path)).unwrap()
}

/// A PATH with the program under test before everything else.
fn with_program(place: &Place) -> String {
    let bin = place.path().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let _ = std::os::unix::fs::symlink(PROGRAM, bin.join("muslchain"));
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap())
}

/// A line of bash as it runs in a job.
fn bash(place: &Place, path: &str, script: &str, variables: &BTreeMap<String, String>) -> Ran {
    let mut command = Command::new("bash");
    command.args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]);
    command.env_clear().envs(place.command(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("PATH", path).env("MUSLCHAIN_MIRROR", &place.mirror).envs(variables);
    command.current_dir(&place.project);
    Ran::of(command)
}

#[derive(Deserialize)]
struct Action {
    inputs: BTreeMap<String, Input>,
    outputs: BTreeMap<String, Output>,
    runs: Runs,
}

#[derive(Deserialize)]
struct Input {
    default: String,
}

#[derive(Deserialize)]
struct Output {
    value: String,
}

#[derive(Deserialize)]
struct Runs {
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    id: Option<String>,
    uses: Option<String>,
    run: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    with: BTreeMap<String, String>,
}

/// A job of GitHub Actions that uses the action.
struct Job<'a> {
    place: &'a Place,
    /// The values of expressions.
    known: BTreeMap<String, String>,
    files: PathBuf,
    path: String,
    /// The folders and keys that were given to the cache.
    cached: Vec<BTreeMap<String, String>>,
}

impl<'a> Job<'a> {
    fn new(place: &'a Place) -> Self {
        let files = place.path().join("github");
        std::fs::create_dir(&files).unwrap();
        let known = BTreeMap::from([
            ("github.action_path".to_owned(), repository().join("ci/github").display().to_string()),
            ("runner.os".to_owned(), "Linux".to_owned()),
            ("runner.arch".to_owned(), "X64".to_owned()),
        ]);
        // Installed by an earlier run: compiling muslchain once more would prove nothing.
        let bin = place.home.join(".cache/muslchain-bin/bin");
        std::fs::create_dir_all(&bin).unwrap();
        std::os::unix::fs::symlink(PROGRAM, bin.join("muslchain")).unwrap();
        Self { place, known, files, path: std::env::var("PATH").unwrap(), cached: Vec::new() }
    }

    /// What `${{ a || b }}` in a text comes to.
    fn evaluated(&self, text: &str) -> String {
        let mut parts = text.split("${{");
        let mut result = parts.next().unwrap().to_owned();
        for part in parts {
            let (expression, rest) = part.split_once("}}").unwrap();
            let value =
                |name: &str| self.known.get(name.trim()).unwrap_or_else(|| panic!("{name} is not known")).clone();
            let first = expression.split("||").map(value).find(|value| !value.is_empty());
            result += &first.unwrap_or_default();
            result += rest;
        }
        result
    }

    fn variables(&self, of_step: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut variables = BTreeMap::new();
        for (name, file) in [("GITHUB_ENV", "env"), ("GITHUB_PATH", "path"), ("GITHUB_OUTPUT", "output")] {
            variables.insert(name.to_owned(), self.files.join(file).display().to_string());
        }
        variables.extend(self.pairs("env"));
        variables.extend(of_step.iter().map(|(name, value)| (name.clone(), self.evaluated(value))));
        variables
    }

    /// Lines of NAME=VALUE, and values of several lines as the service has them.
    fn pairs(&self, file: &str) -> Vec<(String, String)> {
        let text = std::fs::read_to_string(self.files.join(file)).unwrap_or_default();
        let mut lines = text.lines();
        let mut pairs = Vec::new();
        while let Some(line) = lines.next() {
            match line.split_once("<<") {
                Some((name, end)) if !name.contains('=') => {
                    let value: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
                    pairs.push((name.to_owned(), value.join("\n")));
                }
                _ => pairs.push(line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap()),
            }
        }
        pairs
    }

    fn path(&self) -> String {
        let added = std::fs::read_to_string(self.files.join("path")).unwrap_or_default();
        added.lines().fold(self.path.clone(), |path, line| format!("{line}:{path}"))
    }

    /// Runs the action with these inputs.
    fn uses(&mut self, inputs: &[(&str, &str)]) -> String {
        let action: Action = serde_yaml_ng::from_str(&template("github/action.yml")).unwrap();
        for (name, input) in &action.inputs {
            let said = inputs.iter().find(|(said, _)| said == name).map(|(_, value)| (*value).to_owned());
            self.known.insert(format!("inputs.{name}"), said.unwrap_or_else(|| input.default.clone()));
        }
        for (name, _) in inputs {
            assert!(action.inputs.contains_key(*name), "{name}");
        }
        let mut said = String::new();
        for step in &action.runs.steps {
            let Some(script) = &step.run else {
                assert_eq!(step.uses.as_deref(), Some("actions/cache@v4"));
                self.cached.push(step.with.iter().map(|(name, it)| (name.clone(), self.evaluated(it))).collect());
                continue;
            };
            std::fs::write(self.files.join("output"), "").unwrap();
            let ran = bash(self.place, &self.path(), script, &self.variables(&step.env)).succeeds();
            said += &ran.stderr;
            for (name, value) in self.pairs("output") {
                self.known.insert(format!("steps.{}.outputs.{name}", step.id.as_ref().unwrap()), value);
            }
        }
        for (name, output) in &action.outputs {
            self.known.insert(format!("outputs.{name}"), self.evaluated(&output.value));
        }
        said
    }

    /// A step of the job behind it.
    fn runs(&self, script: &str) -> Ran {
        bash(self.place, &self.path(), script, &self.variables(&BTreeMap::new()))
    }
}

#[test]
fn the_github_action_leaves_the_port_s_environment() {
    let place = Place::new();
    let mut job = Job::new(&place);
    let said = job.uses(&[("port", "linux/arm64")]);
    assert!(said.contains("tiny-linux-musl installed: "), "{said}");
    let ran = job.runs("\"$CC\"; echo $GOARCH $CGO_ENABLED; muslchain list").succeeds();
    assert!(ran.stdout.starts_with("this is cc\narm64 1\n"), "{ran:#?}");
    let key = job.known["outputs.cache-key"].clone();
    assert!(key.starts_with("muslchain-"), "{key}");
    // What is kept is enough for the next run, on another machine.
    let [_, toolchains] = &job.cached[..] else { panic!("{:?}", job.cached) };
    assert_eq!(toolchains["key"], key);
    let next = Place::new();
    std::fs::remove_dir_all(&next.mirror).unwrap();
    for kept in toolchains["path"].lines().map(Path::new).filter(|kept| kept.exists()) {
        let to = next.store().join(kept.strip_prefix(place.store()).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        assert!(Command::new("cp").arg("-a").args([kept, &*to]).status().unwrap().success());
    }
    let mut job = Job::new(&next);
    let said = job.uses(&[("port", "linux/arm64")]);
    assert!(said.contains("tiny-linux-musl is installed: "), "{said}");
    assert_eq!(job.runs("\"$CC\"").succeeds().stdout, "this is cc\n");
    assert_eq!(job.known["outputs.cache-key"], key);
}

#[test]
fn the_github_action_asks_remotes_and_keeps_to_the_lock() {
    let builder = Place::new();
    builder.install(&["tiny"]).succeeds();
    let key = builder.run(&["key", "new"]).succeeds().stdout;
    let remote = builder.path().join("remote");
    builder.run(&["cache", "push", "--remote", remote.to_str().unwrap(), "tiny"]).succeeds();
    let place = Place::new();
    std::fs::write(place.project.join("toolchains.toml"), "targets = ['tiny']\n").unwrap();
    place.run(&["lock", "--mirror", place.mirror.to_str().unwrap()]).succeeds();
    let mut job = Job::new(&place);
    let said = job.uses(&[("remote", remote.to_str().unwrap()), ("trust", key.trim()), ("locked", "true")]);
    assert!(said.contains("tiny-linux-musl installed from "), "{said}");
}

#[test]
fn the_example_for_all_ports_has_all_ports() {
    let workflow: serde_json::Value = serde_yaml_ng::from_str(&template("github/ports.yml")).unwrap();
    let ports = workflow["jobs"]["build"]["strategy"]["matrix"]["port"].as_array().unwrap().clone();
    let targets = muslchain::recipe::Recipes::embedded().targets().unwrap();
    for port in &ports {
        targets.find(port.as_str().unwrap()).unwrap();
    }
    // Every port whose floating point is the usual one.
    let usual = targets.iter().flat_map(|target| &target.ports).map(|port| port.name.clone());
    let usual: Vec<String> = usual.filter(|name| !name.contains("float")).collect();
    let mut named: Vec<String> = ports.iter().map(|port| port.as_str().unwrap().to_owned()).collect();
    named.sort();
    let mut expected = usual;
    expected.sort();
    assert_eq!(named, expected);
}

#[test]
fn the_gitlab_template_leaves_the_port_s_environment() {
    let place = Place::new();
    let path = with_program(&place);
    let template: serde_json::Value = serde_yaml_ng::from_str(&template("gitlab/muslchain.yml")).unwrap();
    let job = &template[".muslchain"];
    let project = ("CI_PROJECT_DIR".to_owned(), place.project.display().to_string());
    let mut variables = BTreeMap::from([project]);
    for (name, value) in job["variables"].as_object().unwrap() {
        let value = value.as_str().unwrap().replace("$CI_PROJECT_DIR", &place.project.display().to_string());
        variables.insert(name.clone(), value);
    }
    variables.insert("PORT".to_owned(), "linux/arm64".to_owned());
    let lines = job["before_script"].as_array().unwrap().iter().map(|line| line.as_str().unwrap());
    // Packages are ci/setup's to install here.
    let lines: Vec<&str> = lines.filter(|line| !line.starts_with("apt-get ")).collect();
    let script = format!("{}\n\"$CC\"\necho $GOARCH\n", lines.join("\n"));
    let ran = bash(&place, &path, &script, &variables).succeeds();
    assert!(ran.stdout.ends_with("this is cc\narm64\n"), "{ran:#?}");
    for kept in job["cache"]["paths"].as_array().unwrap().iter().map(|path| path.as_str().unwrap()) {
        let is_there = place.project.join(kept).exists();
        assert_eq!(is_there, kept.ends_with("toolchains") || kept.ends_with("current"), "{kept}");
    }
}

#[test]
fn programs_that_call_go_find_each_port_s_toolchain() {
    let place = Place::new();
    place.install(&["tiny", "other"]).succeeds();
    let path = with_program(&place);
    let go = repository().join("ci/release/go");
    for (platform, compiler) in [
        ("GOOS=linux GOARCH=arm64", "tiny-linux-musl-cc"),
        ("GOOS=linux GOARCH=arm GOARM=7", "other-linux-musl-cc"),
        ("GOOS=linux GOARCH=arm GOARM=6", "other-linux-musl-cc"),
    ] {
        let script = format!("{platform} {} env CC GOARCH", go.display());
        let ran = bash(&place, &path, &script, &BTreeMap::new()).succeeds();
        assert!(ran.stdout.starts_with(compiler), "{platform}: {ran:#?}");
    }
    let ran = bash(&place, &path, &format!("{} version", go.display()), &BTreeMap::new()).succeeds();
    assert!(ran.stdout.starts_with("go version go1."), "{ran:#?}");
}

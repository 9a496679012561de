//! What a toolchain says it was made of, and what is known of that.

use muslchain::digest::Sha256;
use serde_json::{Value, json};

use crate::support::Place;

const PATCH: &str = "a patch";

/// A toolchain whose first stage patches alpha, and whose beta is mended by a fix-up.
fn place() -> Place {
    let place = Place::new();
    let digest = Sha256::of(PATCH.as_bytes());
    place.before("first", &format!("echo 'alpha {digest}  some/where/0001-boundary.patch' >> applied-patches"));
    place
}

fn advisories(place: &Place, more: &str) {
    let table = format!(
        "as-of = \"2026-01-02\"\n[[advisory]]\nid = \"CVE-2026-1\"\ncomponent = \"alpha\"\nsummary = \"it overflows\"\n{more}"
    );
    std::fs::write(place.recipes.join("advisories.toml"), table).unwrap();
}

fn names<'a>(list: &'a Value, key: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|entry| entry[key].as_str().unwrap()).collect()
}

#[test]
fn provenance_names_every_input_with_its_digest() {
    let place = place();
    place.install(&["tiny", "--set", "beta=1.0-mended"]).succeeds();
    let manifest = place.run(&["show", "tiny", "--json"]).json();
    let statement = place.run(&["show", "tiny", "--provenance"]).succeeds().json();
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicateType"], "https://slsa.dev/provenance/v1");
    let subject = json!([{ "name": manifest["name"], "digest": { "sha256": manifest["contents"] } }]);
    assert_eq!(statement["subject"], subject);
    let contents = std::fs::read(place.toolchains()[0].join("contents.json")).unwrap();
    assert_eq!(manifest["contents"], Sha256::of(&contents).to_string());

    let build = &statement["predicate"]["buildDefinition"];
    assert_eq!(build["externalParameters"]["target"], "tiny-linux-musl");
    assert_eq!(build["internalParameters"]["key"], manifest["key"]);
    let dependencies = &build["resolvedDependencies"];
    let all = names(dependencies, "name");
    for name in [
        "source/alpha",
        "source/beta",
        "patch/alpha/0001-boundary.patch",
        "recipe/tiny/first.sh",
        "recipe/tiny/fixup of beta",
        "host/sh",
    ] {
        assert!(all.contains(&name), "{name} is not among {all:?}");
    }
    for dependency in dependencies.as_array().unwrap() {
        let digest = dependency["digest"]["sha256"].as_str().unwrap();
        assert!(digest.parse::<Sha256>().is_ok(), "{dependency}");
    }
    // There is no time in it: the same toolchain says the same.
    assert_eq!(place.run(&["show", "tiny", "--provenance"]).json(), statement);
}

#[test]
fn the_list_of_components_has_licences_and_patches() {
    let place = place();
    place.install(&["tiny", "--set", "beta=1.0-mended"]).succeeds();
    let bill = place.run(&["show", "tiny", "--sbom"]).succeeds().json();
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&json!("CycloneDX"), &json!("1.6")));
    let serial = bill["serialNumber"].as_str().unwrap().strip_prefix("urn:uuid:").unwrap();
    assert_eq!(serial.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{serial}");
    let [alpha, beta] = bill["components"].as_array().unwrap().as_slice() else { panic!("{bill}") };
    assert_eq!((&alpha["name"], &beta["name"]), (&json!("alpha"), &json!("beta")));
    // The upstream version, whatever a repacked file is called.
    assert_eq!(beta["version"], "1.0");
    assert_eq!(alpha["licenses"], json!([{ "expression": "MIT" }]));
    let patch = format!("0001-boundary.patch#sha256={}", Sha256::of(PATCH.as_bytes()));
    assert_eq!(alpha["pedigree"]["patches"], json!([{ "type": "unofficial", "diff": { "url": patch } }]));
    assert!(beta["pedigree"]["patches"][0]["diff"]["url"].as_str().unwrap().starts_with("fixup.sh#sha256="));
    let references = json!([alpha["bom-ref"], beta["bom-ref"]]);
    assert_eq!(bill["dependencies"][0]["dependsOn"], references);
}

#[test]
fn a_known_vulnerability_is_told_unless_a_patch_mended_it() {
    let place = place();
    place.install(&["tiny"]).succeeds();
    advisories(&place, "");
    let ran = place.run(&["audit"]).finds(&["1 of 1 have known vulnerabilities"]);
    let rebuild = "  -> muslchain install --recipe tiny --languages c,c++ tiny-linux-musl\n";
    for told in ["CVE-2026-1  alpha 1.0: it overflows\n    has it\n", rebuild, "published after 2026-01-02"] {
        assert!(ran.stdout.contains(told), "{told} is not in {}", ran.stdout);
    }
    let document = place.run(&["audit", "linux/arm64", "--json"]).json();
    assert_eq!(document["toolchains"][0]["findings"][0]["id"], "CVE-2026-1");

    advisories(&place, "until = \"1.0\"\n");
    assert!(place.run(&["audit"]).succeeds().stdout.contains("nothing is known"));
    advisories(&place, "from = \"1.0.1\"\n");
    place.run(&["audit"]).succeeds();
    // All patches of a set are needed.
    let [applied, other] = [PATCH, "another"].map(|text| Sha256::of(text.as_bytes()));
    advisories(&place, &format!("patches = [[\"{applied}\", \"{other}\"]]\n"));
    place.run(&["audit"]).finds(&["1 of 1"]);
    advisories(&place, &format!("patches = [[\"{other}\"], [\"{applied}\"]]\n"));
    let said = place.run(&["audit", "tiny"]).succeeds().stdout;
    assert!(said.contains("mended by 0001-boundary.patch"), "{said}");
}

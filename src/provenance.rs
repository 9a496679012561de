//! Where a toolchain comes from, in the forms that other programs read: its manifest as a statement of in-toto with SLSA's
//! provenance (<https://slsa.dev/spec/v1.0/provenance>), and as a CycloneDX 1.6 list of its components
//! (<https://cyclonedx.org/docs/1.6/json/>). The same manifest gives the same document: there is no time and no random
//! number in it.

use serde_json::{Value, json};

use crate::digest::Sha256;
use crate::source::Source;
use crate::store::Manifest;

/// How a toolchain is built: the version of what [`statement`] says.
const BUILD_TYPE: &str = "urn:muslchain:build-type:toolchain:1";

/// Who builds: this program on the machine of whoever ran it.
const BUILDER: &str = "urn:muslchain:builder:local";

/// The statement that the toolchain's contents, as its list has them, came from these inputs.
pub fn statement(manifest: &Manifest) -> Value {
    let sources = manifest.components.iter().map(|(component, source)| {
        json!({ "name": format!("source/{component}"), "uri": uri(source), "digest": digest(&source.sha256),
                "annotations": { "version": source.version, "licence": source.licence } })
    });
    let patches = manifest.patches.iter().map(
        |patch| json!({ "name": format!("patch/{}/{}", patch.component, patch.file), "digest": digest(&patch.sha256) }),
    );
    let recipe = manifest.recipe_files.iter().map(
        |(file, sha256)| json!({ "name": format!("recipe/{}/{file}", manifest.recipe), "digest": digest(sha256) }),
    );
    let tools = manifest.host_tools.iter().map(|(name, program)| {
        json!({ "name": format!("host/{name}"), "uri": format!("file://{}", program.path.display()),
                "digest": digest(&program.sha256), "annotations": { "version": program.version } })
    });
    let bootstrap = manifest.bootstrap.iter().map(|bootstrap| {
        json!({ "name": format!("toolchain/{}", bootstrap.name), "uri": format!("urn:muslchain:key:{}", bootstrap.key),
                "digest": digest(&bootstrap.contents) })
    });
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": manifest.name, "digest": digest(&manifest.contents) }],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "target": manifest.triple,
                    "recipe": manifest.recipe,
                    "languages": manifest.languages,
                    "defaults": manifest.defaults,
                    "grade": manifest.grade,
                    "bootstrap": manifest.bootstrap.is_some(),
                },
                "internalParameters": {
                    "key": manifest.key,
                    "host": manifest.host,
                    "hostStatic": manifest.host_static,
                    "gccOptions": manifest.gcc_options,
                    "launcher": manifest.launcher,
                    "isolation": manifest.isolation,
                    "environment": manifest.environment,
                    "stages": manifest.stages.iter().map(|stage| json!({ "name": stage.name, "key": stage.key })).collect::<Vec<_>>(),
                },
                "resolvedDependencies": sources.chain(patches).chain(recipe).chain(tools).chain(bootstrap).collect::<Vec<_>>(),
            },
            "runDetails": { "builder": { "id": BUILDER, "version": { "muslchain": manifest.muslchain } } },
        },
    })
}

/// The list of the toolchain's components, with their licences and patches.
pub fn bill_of_materials(manifest: &Manifest) -> Value {
    let components: Vec<Value> =
        manifest.components.iter().map(|(name, source)| component(manifest, name, source)).collect();
    let references: Vec<&Value> = components.iter().map(|component| &component["bom-ref"]).collect();
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": serial_number(&manifest.contents),
        "version": 1,
        "metadata": {
            "tools": { "components": [{ "type": "application", "name": "muslchain", "version": manifest.muslchain }] },
            "component": {
                "type": "application",
                "bom-ref": manifest.name,
                "name": format!("{}-toolchain", manifest.triple),
                "version": manifest.key.to_string(),
                "hashes": hashes(&manifest.contents),
            },
        },
        "components": components,
        "dependencies": [{ "ref": manifest.name, "dependsOn": references }],
    })
}

fn component(manifest: &Manifest, name: &str, source: &Source) -> Value {
    let patches = manifest.patches.iter().filter(|patch| patch.component == name);
    let patches = patches.map(|patch| patch_of(&patch.file, &patch.sha256));
    let fixups = manifest.recipe_files.get(&Manifest::fixup_of(name)).map(|sha256| patch_of("fixup.sh", sha256));
    let patches: Vec<Value> = patches.chain(fixups).collect();
    let version = source.upstream_version();
    let mut component = json!({
        "type": "library",
        "bom-ref": format!("source/{name}"),
        "name": name,
        "version": version,
        "purl": format!("pkg:generic/{name}@{}?checksum=sha256:{}", escaped(version), source.sha256),
        "licenses": [{ "expression": source.licence }],
        "hashes": hashes(&source.sha256),
        "externalReferences": [{ "type": "source-distribution", "url": uri(source) }],
    });
    if !patches.is_empty() {
        component["pedigree"] = json!({ "patches": patches });
    }
    component
}

fn patch_of(file: &str, sha256: &Sha256) -> Value {
    json!({ "type": "unofficial", "diff": { "url": format!("{}#sha256={sha256}", escaped(file)) } })
}

/// Where a source is to be had, or else what it is.
fn uri(source: &Source) -> String {
    match (source.urls.first(), &source.distribution) {
        (Some(url), _) => url.clone(),
        (None, Some(place)) => {
            let (kind, package) = if place.binary { ("", &place.package) } else { ("?arch=source", &place.package) };
            format!("pkg:deb/debian/{package}{kind}#{}", place.path)
        }
        (None, None) => format!("urn:sha256:{}", source.sha256),
    }
}

fn digest(sha256: &Sha256) -> Value {
    json!({ "sha256": sha256 })
}

fn hashes(sha256: &Sha256) -> Value {
    json!([{ "alg": "SHA-256", "content": sha256 }])
}

/// A UUID of version 8, whose meaning is its maker's own: made from a digest (RFC 9562, 5.8).
fn serial_number(sha256: &Sha256) -> String {
    let hex = sha256.short(32);
    let variant = ["8", "9", "a", "b"][usize::from(hex.as_bytes()[16]) % 4];
    format!("urn:uuid:{}-{}-8{}-{variant}{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

/// With everything that a URL's path may not hold as %XX.
fn escaped(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if keep(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") }).collect()
}

//! The policy of `deny.toml`, checked on what Cargo resolves: licences, origins, and no library twice without a reason.
//!
//! It reads the same file as `cargo deny`, which may be used as well, and needs no network and no installation.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use super::tree::{report, root};

struct Policy {
    allowed: BTreeSet<String>,
    /// Licences allowed for one library only.
    exceptions: BTreeMap<String, BTreeSet<String>>,
    registries: BTreeSet<String>,
    /// Libraries that may be there in several versions.
    skipped: BTreeSet<String>,
    banned: BTreeSet<String>,
}

fn policy() -> Policy {
    let text = std::fs::read_to_string(root().join("deny.toml")).expect("`deny.toml` is there");
    let names = |section: &str, key: &str| {
        list(&text, section, key).into_iter().filter_map(|entry| entry.into_iter().next())
    };
    // The name comes first in an entry, and then what it allows.
    let exceptions = list(&text, "licenses", "exceptions").into_iter().filter_map(|entry| {
        let mut entry = entry.into_iter();
        Some((entry.next()?, entry.collect()))
    });
    Policy {
        allowed: names("licenses", "allow").collect(),
        exceptions: exceptions.collect(),
        registries: names("sources", "allow-registry").collect(),
        skipped: names("bans", "skip").collect(),
        banned: names("bans", "deny").collect(),
    }
}

/// The list `key` of a section: for each entry, a text or an inline table, the texts in it in order. It reads the part
/// of TOML in which `deny.toml` is written: one entry per line or all in one line.
fn list(text: &str, section: &str, key: &str) -> Vec<Vec<String>> {
    let header = format!("[{section}]");
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let inside = lines.skip_while(|line| *line != header).skip(1).take_while(|line| !line.starts_with('['));
    let mut lines = inside.skip_while(|line| line.split('=').next().is_none_or(|name| name.trim() != key));
    let Some((_, first)) = lines.next().and_then(|line| line.split_once('[')) else { return Vec::new() };
    let texts =
        |entry: &str| entry.split('"').skip(1).step_by(2).map(ToOwned::to_owned).collect::<Vec<String>>();
    if first.ends_with(']') {
        return texts(first).into_iter().map(|text| vec![text]).collect();
    }
    lines.take_while(|line| *line != "]").map(texts).filter(|entry| !entry.is_empty()).collect()
}

#[test]
fn the_policy_is_read() {
    let text = "[a]\nx = [\"1\", \"2\"]\n# no\ny = [\n  # why\n  { name = \"n\", allow = [\"3\"] },\n  \"4\",\n]\n[b]\nx = [\"5\"]\n";
    assert_eq!(list(text, "a", "x"), [["1"], ["2"]]);
    assert_eq!(list(text, "a", "y"), [vec!["n", "3"], vec!["4"]]);
    assert_eq!(list(text, "b", "x"), [["5"]]);
    assert!(list(text, "b", "y").is_empty());
    let policy = policy();
    assert!(
        policy.allowed.len() > 5
            && policy.registries.len() == 1
            && policy.skipped.len() > 3
            && policy.banned.len() > 1
    );
}

/// A library that goes into the product or its tests on Linux.
struct Package {
    name: String,
    version: String,
    license: String,
    source: Option<String>,
}

fn packages() -> Vec<Package> {
    let cargo = option_env!("CARGO").unwrap_or("cargo");
    let arguments =
        ["metadata", "--locked", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu"];
    let output = Command::new(cargo).args(arguments).current_dir(root()).output().expect("cargo runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let used: BTreeSet<&str> = metadata["resolve"]["nodes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|node| node["id"].as_str())
        .collect();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = metadata["packages"].as_array().expect("cargo lists packages");
    let packages: Vec<Package> =
        (all.iter().filter(|package| package["id"].as_str().is_some_and(|id| used.contains(id))))
            .map(|package| Package {
                name: text(&package["name"]),
                version: text(&package["version"]),
                license: text(&package["license"]),
                source: package["source"].as_str().map(ToOwned::to_owned),
            })
            .collect();
    assert!(packages.len() > 50, "only {} packages: the rule reads the wrong place", packages.len());
    packages
}

#[test]
fn every_licence_is_allowed() {
    let policy = policy();
    let mut findings = Vec::new();
    for package in packages() {
        let exception = policy.exceptions.get(&package.name);
        let allowed = |license: &str| {
            policy.allowed.contains(license) || exception.is_some_and(|exception| exception.contains(license))
        };
        if !satisfied(&package.license, &allowed) {
            findings.push(format!("{} {}: `{}`", package.name, package.version, package.license));
        }
    }
    report("a licence is not allowed in `deny.toml`:", &findings);
}

#[test]
fn every_library_comes_from_a_known_registry() {
    let policy = policy();
    let foreign = packages().into_iter().filter(|package| {
        let Some(source) = &package.source else { return false };
        !source.strip_prefix("registry+").is_some_and(|registry| policy.registries.contains(registry))
    });
    let findings: Vec<String> =
        foreign.map(|package| format!("{} from {:?}", package.name, package.source)).collect();
    report("a library comes from elsewhere than `deny.toml` says:", &findings);
}

#[test]
fn no_library_is_there_twice_or_banned() {
    let policy = policy();
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages() {
        versions.entry(package.name).or_default().insert(package.version);
    }
    let mut findings = Vec::new();
    for (name, versions) in &versions {
        if versions.len() > 1 && !policy.skipped.contains(name) {
            findings.push(format!("{name}: {versions:?} and no `skip` with a reason"));
        }
        if policy.banned.contains(name) {
            findings.push(format!("{name}: banned"));
        }
    }
    let idle =
        policy.skipped.iter().filter(|name| versions.get(*name).is_none_or(|versions| versions.len() < 2));
    findings.extend(idle.map(|name| format!("{name}: `skip` is not needed any more")));
    report("see `[bans]` in `deny.toml`:", &findings);
}

/// Whether an SPDX expression can be satisfied. `AND` binds closer than `OR`; `/` is the old way to write `OR`.
fn satisfied(expression: &str, allowed: &dyn Fn(&str) -> bool) -> bool {
    let spaced =
        expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ").replace(" WITH ", "_WITH_");
    let tokens: Vec<String> =
        spaced.split_whitespace().map(|token| token.replace("_WITH_", " WITH ")).collect();
    let mut rest = tokens.as_slice();
    let result = either(&mut rest, allowed);
    result && rest.is_empty()
}

fn either(tokens: &mut &[String], allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut result = both(tokens, allowed);
    while let Some((_, rest)) = tokens.split_first().filter(|(token, _)| *token == "OR") {
        *tokens = rest;
        result |= both(tokens, allowed);
    }
    result
}

fn both(tokens: &mut &[String], allowed: &dyn Fn(&str) -> bool) -> bool {
    let mut result = single(tokens, allowed);
    while let Some((_, rest)) = tokens.split_first().filter(|(token, _)| *token == "AND") {
        *tokens = rest;
        result &= single(tokens, allowed);
    }
    result
}

fn single(tokens: &mut &[String], allowed: &dyn Fn(&str) -> bool) -> bool {
    let Some((token, rest)) = tokens.split_first() else { return false };
    *tokens = rest;
    if token != "(" {
        return allowed(token);
    }
    let result = either(tokens, allowed);
    match tokens.split_first() {
        Some((closing, rest)) if closing == ")" => {
            *tokens = rest;
            result
        }
        _ => false,
    }
}

#[test]
fn licence_expressions_are_understood() {
    let allowed = |license: &str| matches!(license, "MIT" | "Apache-2.0" | "Apache-2.0 WITH LLVM-exception");
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("", false),
        ("MIT OR GPL-3.0", true),
        ("GPL-3.0/MIT", true),
        ("MIT AND GPL-3.0", false),
        ("(MIT OR GPL-3.0) AND Apache-2.0", true),
        ("GPL-3.0 OR MIT AND ISC", false),
        ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", true),
        ("(MIT", false),
        ("MIT)", false),
    ] {
        assert_eq!(satisfied(expression, &allowed), expected, "{expression}");
    }
}

//! The image without an engine: what `Dockerfile` and `.dockerignore` say agrees with the rest of the project.

use super::tree::{File, files, report, root};

fn read(path: &str) -> String {
    let text = std::fs::read_to_string(root().join(path)).unwrap_or_default();
    assert!(!text.is_empty(), "{path} cannot be read, or is empty");
    text
}

/// The arguments of every `instruction` of the Dockerfile, with lines that go on put together.
fn instructions(instruction: &str) -> Vec<String> {
    let text = read("Dockerfile").replace("\\\n", " ");
    let wanted = text.lines().filter_map(|line| line.strip_prefix(instruction)?.strip_prefix(' '));
    wanted.map(|line| line.trim().to_owned()).collect()
}

/// The values of `key:` in the manifests that users install.
fn in_manifests(key: &str) -> Vec<(String, String)> {
    let value = |line: &str| {
        let (_, rest) = line.split_once(&format!("{key}:"))?;
        Some(rest.trim().split(['}', ',', ' ']).next().unwrap_or_default().to_owned())
    };
    let manifests = files(&["kustomize"], &[".yaml"]);
    let found = manifests.iter().flat_map(|file| {
        let lines = file.text.lines().filter(|line| !line.trim_start().starts_with('#'));
        lines.filter_map(|line| Some((file.path.clone(), value(line)?))).collect::<Vec<_>>()
    });
    found.collect()
}

/// Whether a build sees the file at `path`: the last line of `.dockerignore` that names it or a folder above it decides.
fn is_seen(path: &str, ignored: &str) -> bool {
    let names = |pattern: &str| {
        let mut parts = path.split('/');
        pattern.split('/').all(|wanted| parts.next().is_some_and(|part| wanted == "*" || wanted == part))
    };
    let lines = ignored.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.fold(true, |seen, line| match line.strip_prefix('!') {
        Some(pattern) => seen || names(pattern),
        None => seen && !names(line),
    })
}

/// The files that a file of the product takes in when it is compiled.
fn taken_in(file: &File) -> Vec<String> {
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let names = file.product_lines().filter_map(|(_, line)| {
        line.split_once("include_str!(\"").and_then(|(_, rest)| Some(rest.split_once('"')?.0))
    });
    let path = |name: &str| {
        let mut parts: Vec<&str> = folder.split('/').collect();
        for part in name.split('/') {
            if part == ".." {
                parts.pop();
            } else {
                parts.push(part);
            }
        }
        parts.join("/")
    };
    names.map(path).collect()
}

#[test]
fn the_image_is_built_with_the_projects_own_toolchain() {
    let toolchain = read("rust-toolchain.toml");
    let channel =
        toolchain.lines().find_map(|line| line.strip_prefix("channel = ")).map(|it| it.trim_matches('"'));
    let stages = instructions("FROM");
    let base = stages.iter().find_map(|stage| stage.strip_prefix("rust:")?.split('-').next());
    assert_eq!(base, channel, "the first FROM of the Dockerfile is not the channel of rust-toolchain.toml");
}

#[test]
fn the_image_runs_as_the_manifests_say() {
    let user = instructions("USER").pop().unwrap_or_default();
    let (id, group) = user.split_once(':').unwrap_or_default();
    let number = |text: &str| text.parse::<u32>().is_ok_and(|id| id > 0);
    assert!(number(id) && number(group), "USER {user}: `runAsNonRoot` wants numbers, and not root's");
    let mut findings = Vec::new();
    for (key, expected) in [("runAsUser", id), ("containerPort", &*instructions("EXPOSE").join(" "))] {
        let found = in_manifests(key);
        assert!(!found.is_empty(), "no manifest has `{key}`: the rule reads the wrong place");
        let other = found.into_iter().filter(|(_, value)| value != expected);
        findings
            .extend(other.map(|(path, value)| format!("{path}: `{key}: {value}`, the image has {expected}")));
    }
    let entry = instructions("ENTRYPOINT").join(" ");
    let program = entry.trim_matches(['[', ']', '"']);
    if !instructions("RUN").iter().any(|run| run.contains(&format!(" /image{program} "))) {
        findings.push(format!("ENTRYPOINT {entry}: nothing puts it there"));
    }
    report("the image and the manifests disagree:", &findings);
}

#[test]
fn a_build_of_the_image_sees_what_it_needs_and_nothing_else() {
    let ignored = read(".dockerignore");
    let mut needed = vec!["Cargo.toml".to_owned(), "Cargo.lock".to_owned()];
    needed.extend(files(&["presets", "benches"], &[".yaml", ".rs"]).into_iter().map(|file| file.path));
    let workspace = read("Cargo.toml");
    let members = workspace.lines().find_map(|line| line.strip_prefix("members = ["));
    for member in members.unwrap_or_default().split('"').skip(1).step_by(2) {
        needed.push(format!("{member}/Cargo.toml"));
        needed.extend(files(&[&format!("{member}/src")], &[".rs"]).into_iter().map(|file| file.path));
    }
    let product = files(&["src", "crates"], &[".rs"]).into_iter().filter(|file| !file.is_test());
    for file in product {
        needed.extend(taken_in(&file));
        needed.push(file.path);
    }
    assert!(needed.len() > 300, "only {} files are needed: the rule reads the wrong place", needed.len());
    let mut findings: Vec<String> = Vec::new();
    for path in needed {
        if !is_seen(&path, &ignored) {
            findings.push(format!("{path} is left out"));
        }
        if !root().join(&path).is_file() {
            findings.push(format!("{path} is not there"));
        }
    }
    for path in [
        ".git/HEAD",
        "target/debug/dodona",
        "docs/README.md",
        "rust-toolchain.toml",
        "kubeconfig",
        "e2e/crds/a",
    ] {
        if is_seen(path, &ignored) {
            findings.push(format!("{path} would be sent to the engine"));
        }
    }
    // Engines that go by the letters of a pattern do not enter a folder for one like this.
    let odd = ignored.lines().filter(|line| line.starts_with('!') && line.contains('*'));
    findings.extend(odd.map(|line| format!("`{line}`: no `*` behind a `!`")));
    report("`.dockerignore` lets the wrong files through:", &findings);
}

//! Every link of the documentation leads somewhere.

use std::collections::BTreeSet;

use super::tree::{File, files, report, root, rust_files};

#[test]
fn every_link_between_pages_resolves() {
    let pages = files(&["."], &[".md"]);
    assert!(pages.len() > 5, "only {} pages found: the rule reads the wrong place", pages.len());
    let mut findings = Vec::new();
    for page in &pages {
        for (number, target) in links(page) {
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            if path.contains("://") || path.starts_with("mailto:") {
                continue;
            }
            let folder = page.path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let file = if path.is_empty() { page.path.clone() } else { resolved(folder, path) };
            if !root().join(&file).exists() {
                findings.push(format!("{}:{number}: `{target}` leads nowhere", page.path));
            } else if !anchor.is_empty() && file.ends_with(".md") {
                let known = pages
                    .iter()
                    .find(|page| page.path.trim_start_matches("./") == file.trim_start_matches("./"));
                if known.is_some_and(|page| !anchors(page).contains(anchor)) {
                    findings.push(format!("{}:{number}: `{file}` has no heading `#{anchor}`", page.path));
                }
            }
        }
    }
    report("a link leads nowhere:", &findings);
}

#[test]
fn every_page_that_a_comment_names_is_there() {
    let mut findings = Vec::new();
    for file in rust_files() {
        for (line, number) in
            file.text.lines().zip(1..).filter(|(line, _)| line.trim_start().starts_with("//"))
        {
            for (at, _) in line.match_indices("docs/") {
                let end = |c: char| !(c.is_alphanumeric() || "/-_.".contains(c));
                let path = line[at..].split(end).next().unwrap_or_default().trim_end_matches('.');
                if path.ends_with(".md") && !root().join(path).is_file() {
                    findings.push(format!("{}:{number}: `{path}`", file.path));
                }
            }
        }
    }
    report("a comment names a page that is not there:", &findings);
}

#[test]
fn decisions_are_numbered_once() {
    let numbers: Vec<String> = files(&["docs/adr"], &[".md"])
        .iter()
        .filter_map(|file| {
            file.path.trim_start_matches("docs/adr/").split_once('-').map(|(number, _)| number.to_owned())
        })
        .filter(|number| number.chars().all(|c| c.is_ascii_digit()))
        .collect();
    let unique: BTreeSet<&String> = numbers.iter().collect();
    assert!(!numbers.is_empty(), "there are no decisions in `docs/adr`");
    assert_eq!(unique.len(), numbers.len(), "two decisions have the same number: {numbers:?}");
}

/// The targets of `[text](target)` outside of code, with their lines.
fn links(page: &File) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (line, number) in page.text.lines().zip(1..) {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        let outside: String = line.split('`').step_by(2).collect();
        for (at, _) in outside.match_indices("](") {
            let target = outside[at + 2..].split([')', ' ']).next().unwrap_or_default();
            found.push((number, target.trim_matches(['<', '>']).to_owned()));
        }
    }
    found
}

/// The anchors of the headings, as GitHub makes them.
fn anchors(page: &File) -> BTreeSet<String> {
    let headings = page.text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| -> String {
        let text = line.trim_start_matches('#').trim().to_lowercase();
        let kept = text.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

/// `path` as seen from `folder`, without `.` and `..`.
fn resolved(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = if path.starts_with('/') { Vec::new() } else { folder.split('/').collect() };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.retain(|part| !part.is_empty() && *part != ".");
    parts.join("/")
}

//! The book (mdBook, `book.toml`): every page is in it, and its lists of services and decisions are made from their pages.
//!
//! `DODONA_UPDATE_DOCS=1 cargo test --test tidy book` writes the lists.

use std::fmt::Write as _;

use super::tree::{files, report, root};

/// The page's heading, and the paragraph behind it.
fn head(text: &str) -> (String, String) {
    let mut parts = text.split("\n\n");
    let title = parts.next().unwrap_or_default().trim_start_matches("# ").trim().to_owned();
    (title, parts.next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The pages of a folder of `docs`, but for its list: name, heading, first paragraph.
fn pages(folder: &str) -> Vec<(String, String, String)> {
    let path = format!("docs/{folder}");
    let pages = files(&[&path], &[".md"]);
    let mut pages: Vec<_> = pages
        .iter()
        .filter(|page| !page.path.ends_with("README.md"))
        .map(|page| {
            let (title, about) = head(&page.text);
            (page.path.trim_start_matches("docs/").to_owned(), title, about)
        })
        .collect();
    pages.sort();
    pages
}

fn services() -> String {
    let mut text = "# Services\n\nOne page each: how to set it up at the receiver, options, template fields, an example, limits, and what differs from upstream.\n\n| service | what it does |\n|---|---|\n".to_owned();
    for (path, title, about) in pages("services") {
        writeln!(text, "| [{title}]({}) | {about} |", path.trim_start_matches("services/"))
            .unwrap_or_default();
    }
    text
}

fn decisions() -> String {
    let mut text = "# Decisions\n\nA page for each departure in structure, each heavy dependency and each new public key: what was decided, why, what was given up, when to look at it again.\n\n".to_owned();
    for (path, title, _) in pages("adr") {
        writeln!(text, "- [{title}]({})", path.trim_start_matches("adr/")).unwrap_or_default();
    }
    text
}

/// The summary, with the pages of the two folders below their lists.
fn summary(now: &str) -> String {
    let mut text = String::new();
    for line in now.lines().filter(|line| !line.starts_with("  - ")) {
        writeln!(text, "{line}").unwrap_or_default();
        for folder in ["services", "adr"] {
            if line.ends_with(&format!("]({folder}/README.md)")) {
                let list = pages(folder);
                text.extend(list.iter().map(|(path, title, _)| format!("  - [{title}]({path})\n")));
            }
        }
    }
    text
}

#[test]
fn lists_of_the_book_are_made_from_the_pages() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap_or_default();
    let update = std::env::var_os("DODONA_UPDATE_DOCS").is_some();
    let mut findings = Vec::new();
    for (path, made) in [
        ("docs/services/README.md", services()),
        ("docs/adr/README.md", decisions()),
        ("docs/SUMMARY.md", summary(&read("docs/SUMMARY.md"))),
    ] {
        if update {
            std::fs::write(root().join(path), &made).unwrap();
        }
        if read(path) != made {
            findings.push(format!("{path} is stale: DODONA_UPDATE_DOCS=1 cargo test --test tidy book"));
        }
    }
    report("a list of the book is not what its pages say:", &findings);
}

#[test]
fn every_page_is_part_of_the_book() {
    let summary = std::fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap_or_default();
    let mut findings = Vec::new();
    for page in files(&["docs"], &[".md"]) {
        let path = page.path.trim_start_matches("docs/");
        if path != "SUMMARY.md" && !summary.contains(&format!("]({path})")) {
            findings.push(format!("docs/{path} is not in docs/SUMMARY.md"));
        }
    }
    report("a page is missing in the book:", &findings);
}

//! The files of the project, read once per rule.

use std::fs;
use std::path::{Path, PathBuf};

/// A text file of the project.
pub(crate) struct File {
    /// Path from the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    /// Whether the whole file is test code.
    pub(crate) fn is_test(&self) -> bool {
        let path = &self.path;
        path.starts_with("tests/")
            || path.contains("/tests/")
            || path.ends_with("/tests.rs")
            || path.starts_with("benches/")
    }

    /// The lines that go into the product, with their numbers: no comments, no tests at the end of the file.
    pub(crate) fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().zip(1..).map(|(line, number)| (number, line));
        let product = lines.take_while(|(_, line)| *line != "#[cfg(test)]");
        product.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folders` whose name ends in one of `endings`, in order of path. What is not text is left out.
pub(crate) fn files(folders: &[&str], endings: &[&str]) -> Vec<File> {
    let mut paths = Vec::new();
    for folder in folders {
        walk(&root().join(folder), &mut paths);
    }
    paths.sort();
    let wanted = paths
        .into_iter()
        .filter(|path| endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)));
    let read = wanted.filter_map(|path| {
        let text = fs::read_to_string(&path).ok()?;
        let path =
            path.strip_prefix(root()).expect("it was found below the root").to_string_lossy().into_owned();
        Some(File { path, text })
    });
    read.collect()
}

/// Every Rust source of the product and its tests.
pub(crate) fn rust_files() -> Vec<File> {
    let files = files(&["src", "crates", "tests", "benches", "fuzz"], &[".rs"]);
    assert!(files.len() > 50, "only {} Rust files found: the rule reads the wrong place", files.len());
    files
}

fn walk(path: &Path, into: &mut Vec<PathBuf>) {
    if path.is_file() {
        into.push(path.to_owned());
        return;
    }
    let Ok(entries) = fs::read_dir(path) else { return };
    for entry in entries.map(|entry| entry.expect("a folder can be read").path()) {
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        if name != "target" && name != ".git" {
            walk(&entry, into);
        }
    }
}

/// Fails with all of `findings`, if there are any, under the sentence of the rule.
pub(crate) fn report(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}\n  {}\n", findings.join("\n  "));
}

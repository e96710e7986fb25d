//! The documentation's pages as tests read them: blocks, commands in the text, and the marks that say how a test is to take
//! them. A mark is a comment of the page, so that nobody sees it: `<!-- guide: … -->` (`e2e/guides/README.md`).

use std::path::{Path, PathBuf};

/// A page: its name from the root of the project, and what is on it, in order.
pub(crate) struct Page {
    pub(crate) name: String,
    pub(crate) items: Vec<Item>,
}

/// What a test takes notice of.
pub(crate) enum Item {
    Block(Block),
    /// A mark: its line, and what it says.
    Mark(usize, String),
    /// A piece of code inside of a sentence: its line, and its text.
    Span(usize, String),
}

/// A fenced block of a page.
pub(crate) struct Block {
    /// `page.md:line`.
    pub(crate) place: String,
    /// What stands behind the three ticks: the language, and `file=NAME` where a page's commands find the block as a file.
    pub(crate) info: String,
    pub(crate) language: String,
    pub(crate) text: String,
}

impl Block {
    pub(crate) fn file(&self) -> Option<&str> {
        self.info.split_whitespace().find_map(|word| word.strip_prefix("file="))
    }
}

/// The root of the project.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn paths(folder: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            paths(&entry, into);
        } else if entry.extension().is_some_and(|extension| extension == "md") {
            into.push(entry);
        }
    }
}

/// The README and every page of `docs`.
pub(crate) fn pages() -> Vec<Page> {
    let mut all = vec![root().join("README.md")];
    paths(&root().join("docs"), &mut all);
    all.sort();
    let read = |path: &PathBuf| {
        let text =
            std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        parse(&path.strip_prefix(root()).unwrap().display().to_string(), &text)
    };
    all.iter().map(read).collect()
}

/// Reads one page.
pub(crate) fn parse(name: &str, text: &str) -> Page {
    let mut items = Vec::new();
    let mut open: Option<(usize, Block)> = None;
    for (line, number) in text.lines().zip(1..) {
        let indent = line.len() - line.trim_start().len();
        match (line.trim().strip_prefix("```"), open.take()) {
            (Some(info), None) => open = Some((indent, block(format!("{name}:{number}"), info))),
            (Some(_), Some((_, block))) => items.push(Item::Block(block)),
            (None, Some((indent, mut block))) => {
                block.text.push_str(line.get(indent..).unwrap_or_default());
                block.text.push('\n');
                open = Some((indent, block));
            }
            (None, None) => {
                let mark =
                    line.trim().strip_prefix("<!-- guide: ").and_then(|rest| rest.strip_suffix(" -->"));
                if let Some(mark) = mark {
                    items.push(Item::Mark(number, mark.to_owned()));
                } else {
                    let spans = line.split('`').skip(1).step_by(2);
                    items.extend(spans.map(|span| Item::Span(number, span.to_owned())));
                }
            }
        }
    }
    assert!(open.is_none(), "{name}: a fenced block is not closed");
    Page { name: name.to_owned(), items }
}

fn block(place: String, info: &str) -> Block {
    let mut words = info.split_whitespace();
    let language = words.next().unwrap_or_default();
    // Mistakes that a page shows are tested where their page's own test is.
    let language = if words.next() == Some("bad") { "bad" } else { language }.to_owned();
    Block { place, info: info.to_owned(), language, text: String::new() }
}

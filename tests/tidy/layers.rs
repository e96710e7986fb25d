//! Knowledge points inward: what each part of the package may use.

use super::tree::{File, files, report};

/// One part of the package.
struct Part {
    name: &'static str,
    /// The other parts that it may name.
    uses: &'static [&'static str],
    /// The languages and libraries out of [`WATCHED`] that it may name.
    libraries: &'static [&'static str],
}

/// Libraries that bring in waiting, networks or a language; `std::net` is one of them.
const WATCHED: &[&str] = &[
    "dodona_expr",
    "dodona_gotmpl",
    "tokio",
    "futures",
    "kube",
    "k8s_openapi",
    "reqwest",
    "hyper",
    "lettre",
    "axum",
    "metrics",
    "clap",
];

/// The table of `docs/architecture.md`. Parts that are not in it (`pipeline`, `cli`, `demo`, `main`) use everything.
const PARTS: &[Part] = &[
    Part { name: "model", uses: &[], libraries: &[] },
    Part { name: "engine", uses: &["model"], libraries: &["dodona_expr", "dodona_gotmpl"] },
    // Of `delivery` the outbox knows the error and the options, which say when to try again.
    Part { name: "outbox", uses: &["model", "delivery"], libraries: &["tokio", "futures"] },
    Part {
        name: "delivery",
        uses: &["model"],
        libraries: &["dodona_gotmpl", "tokio", "futures", "reqwest", "hyper", "lettre"],
    },
    Part { name: "binding", uses: &["model"], libraries: &["dodona_expr"] },
    // It compiles with the engine and builds with the service table.
    Part {
        name: "config",
        uses: &["model", "engine", "delivery"],
        libraries: &["dodona_expr", "dodona_gotmpl"],
    },
    // It keeps Secrets of repositories at hand, and trusts certificates as delivery does.
    Part {
        name: "lookup",
        uses: &["model", "source", "delivery"],
        libraries: &["tokio", "futures", "hyper"],
    },
    Part {
        name: "source",
        uses: &["model", "config"],
        libraries: &["tokio", "futures", "kube", "k8s_openapi"],
    },
    Part {
        name: "lint",
        uses: &["model", "config", "engine", "binding"],
        libraries: &["dodona_expr", "dodona_gotmpl"],
    },
    // It rehearses what services send.
    Part { name: "trial", uses: &["model", "config", "engine", "binding", "delivery"], libraries: &[] },
    // It shows the outbox.
    Part { name: "telemetry", uses: &["model", "outbox"], libraries: &["tokio", "hyper", "axum", "metrics"] },
];

#[test]
fn every_part_uses_only_what_the_table_allows() {
    let names: Vec<String> = parts_of_the_package();
    let mut findings = Vec::new();
    for part in PARTS {
        assert!(
            names.iter().any(|name| name == part.name),
            "`{}` is in the table and not in `src/lib.rs`",
            part.name
        );
        for file in files_of(part.name) {
            for (line, used) in named_parts(&file, &names) {
                if used != part.name && !part.uses.contains(&used.as_str()) {
                    findings.push(format!("{}:{line}: `{}` uses `{used}`", file.path, part.name));
                }
            }
        }
    }
    report("a part names another one that the dependency table does not allow it to know:", &findings);
}

#[test]
fn libraries_stay_where_they_belong() {
    let mut findings = Vec::new();
    for part in PARTS {
        for file in files_of(part.name) {
            for (line, text) in file.product_lines() {
                let named = WATCHED.iter().filter(|library| names_crate(text, library));
                for library in named.filter(|library| !part.libraries.contains(library)) {
                    findings.push(format!("{}:{line}: `{}` uses `{library}`", file.path, part.name));
                }
            }
        }
    }
    report("a part uses a library that belongs elsewhere:", &findings);
}

#[test]
fn only_one_place_builds_http_clients() {
    let mut findings = Vec::new();
    for file in files(&["src"], &[".rs"]) {
        if file.is_test() || file.path.starts_with("src/delivery/client") {
            continue;
        }
        let builds = [
            "reqwest::Client::new",
            "reqwest::Client::builder",
            "reqwest::ClientBuilder",
            "Client::builder()",
        ];
        let found = file.product_lines().filter(|(_, line)| builds.iter().any(|call| line.contains(call)));
        findings.extend(found.map(|(number, _)| format!("{}:{number}", file.path)));
    }
    report(
        "only `delivery/client` builds HTTP clients, so that every one has timeouts, TLS material and a guard:",
        &findings,
    );
}

#[test]
fn engine_and_model_never_wait() {
    let mut findings = Vec::new();
    for file in ["engine", "model"].into_iter().flat_map(files_of) {
        let waits =
            file.product_lines().filter(|(_, line)| line.contains("async ") || line.contains(".await"));
        findings.extend(waits.map(|(number, _)| format!("{}:{number}", file.path)));
    }
    report("decisions are pure (design 1): no `async` here:", &findings);
}

/// The `mod` lines of `lib.rs`.
fn parts_of_the_package() -> Vec<String> {
    let lib = files(&["src/lib.rs"], &[".rs"]).pop().expect("`src/lib.rs` is there");
    let modules = lib.text.lines().filter_map(|line| {
        let name = line.trim_start_matches("pub ").strip_prefix("mod ")?;
        Some(name.trim_end_matches(';').to_owned())
    });
    modules.collect()
}

/// The product files of a part.
fn files_of(part: &str) -> Vec<File> {
    let files = files(&[&format!("src/{part}"), &format!("src/{part}.rs")], &[".rs"]);
    files.into_iter().filter(|file| !file.is_test()).collect()
}

/// The parts that a file names, with the lines: `crate::part`, `crate::{part, …}`, and `super::part` at the top.
fn named_parts(file: &File, names: &[String]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let at_top = file.path.ends_with("/mod.rs") && file.path.matches('/').count() == 2;
    // A `use crate::{` may go over many lines; they are joined before they are read.
    let mut open: Option<(usize, String)> = None;
    for (number, line) in file.product_lines() {
        let (start, text) = match open.take() {
            Some((start, text)) => (start, text + line),
            None => (number, line.to_owned()),
        };
        if text.contains("crate::{") && text.matches('{').count() > text.matches('}').count() {
            open = Some((start, text));
            continue;
        }
        let mut used = first_names(&text, "crate::");
        if at_top {
            used.extend(first_names(&text, "super::"));
        }
        found.extend(used.into_iter().filter(|used| names.contains(used)).map(|used| (start, used)));
    }
    found
}

/// The first names of the paths after each `prefix`.
fn first_names(text: &str, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in text.match_indices(prefix) {
        let rest = &text[at + prefix.len()..];
        match rest.strip_prefix('{') {
            None => names.push(identifier(rest)),
            Some(group) => {
                let mut depth = 0_i32;
                let mut item = String::new();
                for character in group.chars() {
                    depth += i32::from(character == '{') - i32::from(character == '}');
                    if depth < 0 || depth == 0 && character == ',' {
                        names.push(identifier(item.trim()));
                        item.clear();
                    } else {
                        item.push(character);
                    }
                    if depth < 0 {
                        break;
                    }
                }
            }
        }
    }
    names
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Whether `line` has a path that begins with the crate `name`.
fn names_crate(line: &str, name: &str) -> bool {
    line.match_indices(name).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = &line[at + name.len()..];
        let begins =
            before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':' && c != '.' && c != '"');
        begins && (after.starts_with("::") || line.trim_start().starts_with("use ") && after.starts_with(';'))
    })
}

#[test]
fn a_forbidden_use_is_seen() {
    let text = "//! About `crate::engine`.\nuse crate::{\n    model::A,\n    engine::{B, C},\n};\nuse super::source;\n\
                fn a() -> crate::config::D {}\n// crate::outbox\n#[cfg(test)]\nuse crate::cli;\n";
    let file = File { path: "src/delivery/mod.rs".into(), text: text.into() };
    let names: Vec<String> = PARTS.iter().map(|part| part.name.to_owned()).collect();
    let expected = [(2, "model"), (2, "engine"), (6, "source"), (7, "config")];
    assert_eq!(named_parts(&file, &names), expected.map(|(line, name)| (line, name.to_owned())));
}

#[test]
fn the_reader_of_paths_sees_all_shapes() {
    assert_eq!(first_names("use crate::engine::Plan;", "crate::"), ["engine"]);
    assert_eq!(first_names("use crate::{a::B, c::{d, e}, f};", "crate::"), ["a", "c", "f"]);
    assert_eq!(first_names("fn a(x: crate::model::X) -> crate::config::Y", "crate::"), ["model", "config"]);
    assert!(names_crate("use tokio::time;", "tokio"));
    assert!(names_crate("    tokio::spawn(x)", "tokio"));
    assert!(!names_crate("// see my_tokio::x", "tokio"));
    assert!(!names_crate("self.metrics.render()", "metrics"));
    assert!(!names_crate("use crate::telemetry::metrics::Metrics;", "metrics"));
}

//! The table of functions: complete, and its examples are true.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use dodona_gotmpl::{Template, families};
use dodona_langhost::runtime;
use dodona_value::Scope;

#[test]
fn every_example_renders_as_documented() {
    let mut failures = Vec::new();
    for (_, rows) in families() {
        for function in rows {
            for (source, want) in function.examples {
                let got = Template::parse("example", source)
                    .map_err(|error| error.to_string())
                    .and_then(|template| {
                        template.render(&Scope::new(), &runtime()).map_err(|error| error.to_string())
                    })
                    .map(|text| String::from_utf8_lossy(&text).into_owned());
                if got.as_deref() != Ok(*want) {
                    failures.push(format!("{source}\n  want {want:?}\n  got  {got:?}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_function_is_documented_once() {
    let mut names = BTreeSet::new();
    for (_, rows) in families() {
        for function in rows {
            assert!(names.insert(function.name), "{} is there twice", function.name);
            assert!(function.doc.ends_with('.'), "{} has a sentence", function.name);
        }
    }
}

#[test]
fn tenants_get_neither_keys_nor_addresses() {
    let mut runtime = runtime();
    runtime.allow_key_generation = false;
    runtime.resolver = None;
    for source in [
        "{{genPrivateKey \"ed25519\"}}",
        "{{genCA \"a\" 1}}",
        "{{genSelfSignedCert \"a\" nil nil 1}}",
        "{{getHostByName \"localhost\"}}",
    ] {
        let template = Template::parse("tenant", source).expect("a template");
        template.render(&Scope::new(), &runtime).expect_err(source);
    }
}

/// The page that `docs/functions.md` has to be.
fn page() -> String {
    let mut text = "# Functions of templates\n\n\
        What Go's text/template has built in, and Sprig 3.3.0 without `env` and `expandenv`.\n\
        This page is written from the tables in `crates/gotmpl`: `DODONA_UPDATE_DOCS=1 cargo test -p dodona-gotmpl page`.\n\
        Every example is a test.\n"
        .to_owned();
    for (title, rows) in families() {
        writeln!(text, "\n## {title}").expect("memory");
        for function in rows {
            writeln!(text, "\n### {}\n\n`{}`\n\n{}", function.name, function.signature(), function.doc)
                .expect("memory");
            for (source, want) in function.examples {
                writeln!(text, "\n```\n{source}\n→ {}\n```", want.replace('\n', "\n  ")).expect("memory");
            }
        }
    }
    text
}

#[test]
fn the_page_of_functions_is_fresh() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/functions.md");
    let page = page();
    if std::env::var_os("DODONA_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("docs can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "docs/functions.md is stale: DODONA_UPDATE_DOCS=1 cargo test -p dodona-gotmpl page"
    );
}

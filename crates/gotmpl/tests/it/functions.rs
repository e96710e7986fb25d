//! The table of functions: complete, and its examples are true.

use std::collections::BTreeSet;

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

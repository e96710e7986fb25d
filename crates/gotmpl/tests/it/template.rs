//! What the application asks a template, and what errors tell people.

use dodona_gotmpl::{Functions, RenderErrorKind, Template};
use dodona_langhost::runtime;
use dodona_value::{Document, Func, GoType, Map, Numbers, Scope, Signature, Value};

fn template(source: &str) -> Template {
    Template::parse("t", source).expect("a good template")
}

fn scope(json: &str) -> Scope {
    let value = Document::parse(json, Numbers::Kubernetes).expect("JSON").to_value();
    Scope::from_map(value.as_map().expect("an object"))
}

fn failure(source: &str, json: &str) -> dodona_gotmpl::RenderError {
    template(source).render(&scope(json), &runtime()).expect_err(source)
}

#[test]
fn a_template_without_actions_is_static() {
    assert_eq!(template("plain text").static_text(), Some("plain text"));
    assert_eq!(template("").static_text(), Some(""));
    assert_eq!(template("{{/* nothing */}}").static_text(), Some(""));
    assert!(!template("{{.x}}").is_static());
    assert!(!template("a{{\"b\"}}").is_static());
}

#[test]
fn mentions_sees_every_way_to_a_root_variable() {
    for source in [
        "{{.repo}}",
        "{{$.repo.x}}",
        "{{(.repo).x}}",
        "{{call .repo.f 1}}",
        "{{range .l}}{{$.repo}}{{end}}",
        "{{with .repo}}{{end}}",
        "{{.}}",
        "{{$x := .}}{{$x.repo}}",
        "{{toJson .}}",
        "{{index . \"repo\"}}",
        "{{index $ \"repo\"}}",
        "{{template \"a\" .}}{{define \"a\"}}{{.repo}}{{end}}",
        "{{template \"a\" .}}{{define \"a\"}}{{with .}}{{.repo}}{{end}}{{end}}",
    ] {
        assert!(template(source).mentions("repo"), "{source}");
    }
    for source in
        ["", "x", "{{.app.repo}}", "{{$.app}}", "{{template \"a\" .}}{{define \"a\"}}{{.app}}{{end}}"]
    {
        assert!(!template(source).mentions("repo"), "{source}");
    }
}

#[test]
fn uses_clock_sees_functions_and_the_namespace() {
    for source in ["{{now}}", "{{date \"2006\" 0}}", "{{call .time.Now}}", "{{ago .x}}", "{{toJson .}}"] {
        assert!(template(source).uses_clock(), "{source}");
    }
    assert!(!template("{{.app.metadata.name | upper}}").uses_clock());
}

#[test]
fn parse_errors_say_where_and_what_is_meant() {
    let error = Template::parse("t", "one\n  {{uper .name}}").expect_err("no such function");
    assert_eq!((error.location().line, error.location().column), (2, 5));
    assert_eq!(error.location().piece, "uper");
    assert_eq!(error.hint(), Some("upper"));
    assert_eq!(
        error.to_string(),
        "line 2, column 5: `uper`: function \"uper\" not defined; did you mean `upper`?"
    );
    assert_eq!(error.marked(), "2 |   {{uper .name}}\n  |     ^^^^");

    let error = Template::parse("t", "é {{range .x}}y").expect_err("no end");
    assert_eq!((error.location().line, error.location().column), (1, 5));
    let error = Template::parse("t", "{{$name := 1}}{{$nam}}").expect_err("no such variable");
    assert_eq!(error.hint(), Some("$name"));
    let error = Template::parse("t", "{{.x").expect_err("not closed");
    assert_eq!(error.message(), "unclosed action");
}

#[test]
fn render_errors_say_where_and_what_is_missing() {
    let error = failure("a\n{{upper .app.metdata.name}}", r#"{"app":{"metadata":{"name":"x"}}}"#);
    assert_eq!((error.location().line, error.location().column), (2, 3));
    assert_eq!(error.hint(), Some("metadata"));
    assert!(error.message().ends_with("`.app.metdata` does not exist"), "{}", error.message());
    assert_eq!(error.kind(), RenderErrorKind::Value);

    let error = failure("{{len .ap}}", r#"{"app":[]}"#);
    assert_eq!(error.hint(), Some("app"));
    assert_eq!(error.kind(), RenderErrorKind::Function);

    let error = failure("{{.app.status.phase}}", r#"{"app":{"status":null}}"#);
    assert_eq!(error.location().piece, "phase");
    assert_eq!(error.marked(), "1 | {{.app.status.phase}}\n  |               ^^^^^");

    let error = failure("{{range 3}}{{fail \"no\"}}{{end}}", "{}");
    assert_eq!(error.message(), "error calling fail: no");
    assert_eq!(error.template(), "t");
}

#[test]
fn the_application_can_add_functions() {
    let shout = Func::new("shout", Signature::new([GoType::Str], GoType::Str), |_, args| {
        Ok(Value::from(format!("{}!", args[0])))
    });
    let functions = Functions::new().with("shout", shout);
    let template = Template::parse_with("t", "{{shout .x}}{{\"b\" | shout}}", &functions).expect("known");
    assert_eq!(template.render(&scope(r#"{"x":"a"}"#), &runtime()).expect("renders"), b"a!b!");
    assert!(template.render(&scope(r#"{"x":1}"#), &runtime()).is_err());
    assert!(Template::parse("t", "{{shout .x}}").is_err());
    let error = Template::parse_with("t", "{{shot .x}}", &functions).expect_err("unknown");
    assert_eq!(error.hint(), Some("shout"));
}

#[test]
fn rendering_leaves_the_buffer_alone_after_an_error() {
    let mut out = b"before".to_vec();
    let scope = Scope::new();
    template("x{{.y}}").render_into(&scope, &runtime(), &mut out).expect("renders");
    assert_eq!(out, b"beforex<no value>");
    template("lost{{fail \"no\"}}").render_into(&scope, &runtime(), &mut out).expect_err("fails");
    assert_eq!(out, b"beforex<no value>");
}

#[test]
fn changes_to_a_document_are_seen_by_later_fields() {
    let source = "{{.app.a}}{{$_ := set .app \"a\" 2}}{{.app.a}}{{with .app}}{{.a}}{{end}}{{.}}";
    let text = template(source).render(&scope(r#"{"app":{"a":1}}"#), &runtime()).expect("renders");
    assert_eq!(String::from_utf8_lossy(&text), "122map[app:map[a:2]]");
    let empty = Value::Map(Map::new());
    assert_eq!(template("{{.a}}").render_dot(&empty, &runtime()).expect("renders"), b"<no value>");
}

//! Hostile texts: every one is answered, quickly, with a value or an error.

use std::time::{Duration, Instant};

use dodona_expr::{CompileErrorKind, Program, RunErrorKind, Runtime, Scope};
use dodona_langhost::runtime;

/// Far above what any of these takes, so that a busy machine does not fail the test, and far below what a bomb would take.
const SOON: Duration = Duration::from_mins(5);

/// A budget of a tenth of the usual steps, because the tests run without optimization.
fn small_runtime() -> Runtime {
    let mut runtime = runtime();
    runtime.limits.steps /= 10;
    runtime
}

/// Compiles and, if that works, runs `source`; gives the kind of the error.
fn outcome(source: &str) -> String {
    let start = Instant::now();
    let outcome = match Program::compile(source) {
        Err(error) => format!("compile {:?}", error.kind()),
        Ok(program) => match program.eval(&Scope::new(), &small_runtime()) {
            Err(error) => format!("run {:?}", error.kind()),
            Ok(_) => "value".to_owned(),
        },
    };
    assert!(
        start.elapsed() < SOON,
        "{:?} for {}",
        start.elapsed(),
        source.chars().take(60).collect::<String>()
    );
    outcome
}

#[test]
fn brackets_beyond_the_limit_are_an_error() {
    let limit = format!("compile {:?}", CompileErrorKind::Limit);
    for bracket in ["(", "[", "{a:", "f(", "a[", "len("] {
        assert_eq!(outcome(&bracket.repeat(100_000)), limit, "{bracket}");
    }
}

#[test]
fn three_thousand_parentheses_compile() {
    let source = format!("{}1{}", "(".repeat(9_000), ")".repeat(9_000));
    assert_eq!(outcome(&source), "value");
}

#[test]
fn deep_trees_compile_run_and_go_away() {
    let deep = [
        format!("{}1", "-".repeat(9_000)),
        format!("{}true", "not ".repeat(9_000)),
        format!("{}1{}", "[".repeat(9_000), "]".repeat(9_000)),
        format!("{}1{}", "{a:".repeat(3_000), "}".repeat(3_000)),
        format!("{}1", "2**".repeat(4_000)),
        format!("1{}", "+1".repeat(4_000)),
        format!("x{}", "?.a".repeat(3_000)),
        format!("{}1{}", "true ? ".repeat(3_000), " : 2".repeat(3_000)),
        format!("{}1", "true ? 1 : ".repeat(3_000)),
        format!("{}{{1}}", "if true {1} else ".repeat(3_000)),
        (0..3_000).fold(String::new(), |text, n| text + &format!("let v{n} = 1; ")) + "1",
        format!("{}#{}", "map([1], ".repeat(2_000), ")".repeat(2_000)),
        format!("{}'a'{}", "trim(".repeat(4_000), ")".repeat(4_000)),
        format!("{}'a'{}", "trim(".repeat(2_000), ", 'b')".repeat(2_000)),
    ];
    for source in deep {
        assert_eq!(outcome(&source), "value", "{}", source.chars().take(40).collect::<String>());
    }
}

#[test]
fn too_many_parts_are_an_error() {
    let limit = format!("compile {:?}", CompileErrorKind::Limit);
    assert_eq!(outcome(&format!("1{}", "+1".repeat(6_000))), limit);
    assert_eq!(outcome(&"-".repeat(500_000)), limit);
    assert_eq!(outcome(&" ".repeat(2_000_000)), limit);
    // The middle of a comparison chain is evaluated twice, in a chain of chains exponentially often.
    let chains = format!("{}1{}", "1<(".repeat(200), "<2 ? 1 : 2)<4".repeat(200));
    assert_eq!(outcome(&chains), limit);
}

#[test]
fn bombs_run_out_of_their_budget() {
    let limit = format!("run {:?}", RunErrorKind::Limit);
    let bombs = [
        "1..1000000000",
        "1..1000000",
        "repeat('x', 1000000000)",
        "map(1..2000, 1..2000)",
        "let r = 1..900000; count(r, count(r, # > 1000000) > 0)",
        "reduce(1..1000, #acc + #acc, 'xxxxxxxxxx')",
        "flatten(reduce(1..60, [#acc, #acc], []))",
        "mean(reduce(1..60, [#acc, #acc], []))",
        "let a = reduce(1..60, [#acc, #acc], []); let b = reduce(1..60, [#acc, #acc], []); a == b",
        "let a = repeat('x', 900000); replace(a, 'x', a)",
        "let a = repeat('x', 900000); replace(a, '', a)",
        "let r = 1..1000; all(r, all(r, all(r, all(r, true))))",
        "let r = map(1..900, 'x'); join(r, repeat('y', 900000))",
        "uniq(1..900000)",
        "let s = repeat('ab', 400000); all(1..100000, len(split(s, 'a')) > 0)",
        "let s = repeat('ab', 400000); all(1..100000, lastIndexOf(s, 'aa') < 0)",
        "let s = repeat('ab', 400000); all(1..100000, s not contains 'aa')",
        "map(1..900000, findLastIndex(1..9, false))",
        "map(1..400000, missing?.f(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20))",
        "map(1..500000, date('10:00 XYZ', '15:04 MST', 'America/New_York'))",
    ];
    for source in bombs {
        assert_eq!(outcome(source), limit, "{source}");
    }
}

#[test]
fn values_nest_without_an_end() {
    // A list a hundred thousand deep is made, printed as far as it goes, and dropped.
    for source in [
        "let d = reduce(1..100000, [#acc], []); d == d ? 1 : 2",
        "len(string(reduce(1..100000, [#acc], []))) > 0",
        "len(flatten(reduce(1..9000, [#acc], [])))",
        "toJSON(reduce(1..100000, [#acc], []))",
        "string(reduce(1..60, [#acc, #acc], []))",
        "toJSON(reduce(1..60, [#acc, #acc], []))",
        "reduce(1..60, {a: #acc, b: #acc}, {}) == reduce(1..60, {a: #acc, b: #acc}, {})",
        "max(reduce(1..100000, [#acc], []))",
        "mean(reduce(1..100000, {a: #acc}, {}))",
    ] {
        outcome(source);
    }
}

#[test]
fn errors_name_place_and_piece() {
    let error = Program::compile("app.x ==\n  'a' + 1").expect_err("a text and a number");
    assert_eq!((error.line(), error.column()), (2, 7));
    assert_eq!(
        error.pretty(),
        "`+` does not take a string and a int (line 2, column 7)\n |   'a' + 1\n |       ^"
    );
}

#[test]
fn a_field_of_nil_names_the_path_and_what_may_be_meant() {
    let data = serde_json::value::RawValue::from_string(
        r#"{"app":{"status":{"operationState":{"phase":"Running"}}}}"#.to_owned(),
    )
    .expect("valid");
    let scope = dodona_langhost::scope(Some(&data), dodona_langhost::Host::None).expect("an object");
    let message = |source: &str| {
        let program = Program::compile(source).expect("compiles");
        program.eval(&scope, &runtime()).expect_err("fails").message().to_owned()
    };
    assert_eq!(
        message("app.status.operationstate.phase == 'Running'"),
        "`app.status.operationstate` is nil, so it has no field `phase`: there is no `operationstate`; did you mean `operationState`?"
    );
    assert_eq!(
        message("app.status.sync.status"),
        "`app.status.sync` is nil, so it has no field `status`: there is no `sync`; `?.` gives nil instead"
    );
}

#[test]
fn programs_know_what_they_look_at() {
    let program = Program::compile("app.status.x == context.y and any(app.list, .z)").expect("compiles");
    assert_eq!(program.names().collect::<Vec<_>>(), ["app", "context"]);
    assert!(program.mentions("app") && !program.mentions("repo"));
    for (source, expected) in [
        ("time.Now().Sub(time.Parse(x)) > 5 * time.Minute", true),
        ("now() > date(x)", true),
        ("let t = time; t.Now()", true),
        ("time['Now']", true),
        ("$env.time.Now()", true),
        ("time.Parse(x).Hour() > 5", false),
        ("5 * time.Minute == x", false),
        ("app.time.Now", false),
        ("app.status.health.status == 'Degraded'", false),
    ] {
        assert_eq!(Program::compile(source).expect("compiles").uses_clock(), expected, "{source}");
    }
}

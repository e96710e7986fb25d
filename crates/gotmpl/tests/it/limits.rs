//! Hostile templates: each fails, or is done, soon and without exhausting anything.

use dodona_gotmpl::{RenderErrorKind, Template};
use dodona_langhost::runtime;
use dodona_value::Scope;

fn limit(source: &str) {
    let template = Template::parse("hostile", source).expect("a template");
    let start = std::time::Instant::now();
    let mut runtime = runtime();
    // Small limits, because tests run without optimization.
    runtime.limits.steps /= 10;
    runtime.limits.memory /= 100;
    runtime.limits.output /= 10;
    let error = template.render(&Scope::new(), &runtime).expect_err(source);
    assert_eq!(error.kind(), RenderErrorKind::Limit, "{source}: {error}");
    assert!(start.elapsed() < crate::SOON, "{source}: took {:?}", start.elapsed());
}

#[test]
fn a_limit_stops_what_grows_with_a_number() {
    for source in [
        "{{range 1000000000}}x{{end}}",
        "{{repeat 1000000000 \"x\"}}",
        "{{until 1000000000}}",
        "{{untilStep 0 9223372036854775807 1}}",
        "{{seq 1000000000}}",
        "{{printf \"%1000000d\" 1 | repeat 1000000}}",
        "{{indent 1000000000 \"a\"}}",
        "{{define \"t\"}}{{template \"t\"}}{{end}}{{template \"t\"}}",
        "{{define \"t\"}}x{{template \"t\" .}}{{template \"t\" .}}{{end}}{{template \"t\"}}",
        "{{$x := \"xxxxxxxxxxxxxxxx\"}}{{range 60}}{{$x = print $x $x}}{{end}}{{$x}}",
        "{{$x := list 1}}{{range 60}}{{$x = concat $x $x}}{{end}}{{len $x}}",
        "{{$x := list 1}}{{range 60}}{{$x = list $x $x}}{{end}}{{$x}}",
        "{{$x := list 1}}{{range 60}}{{$x = list $x $x}}{{end}}{{toJson $x}}",
        "{{$x := list 1}}{{range 60}}{{$x = list $x $x}}{{end}}{{deepCopy $x}}",
        "{{regexReplaceAll \"\" (repeat 100000 \"x\") (repeat 100000 \"y\")}}",
        "{{replace \"\" (repeat 100000 \"x\") (repeat 100000 \"y\")}}",
    ] {
        limit(source);
    }
}

#[test]
fn nesting_needs_no_stack() {
    let deep = 100_000;
    let parens = format!("{{{{{}1{}}}}}", "(".repeat(deep), ")".repeat(deep));
    assert!(Template::parse("deep", &parens).is_err());
    let fine = format!("{{{{{}1{}}}}}", "(".repeat(9_000), ")".repeat(9_000));
    let template = Template::parse("deep", &fine).expect("within Go's limit");
    assert_eq!(template.render(&Scope::new(), &runtime()).expect("renders"), b"1");
    let blocks = format!("{}x{}", "{{if true}}".repeat(deep), "{{end}}".repeat(deep));
    let template = Template::parse("deep", &blocks).expect("blocks nest freely");
    assert_eq!(template.render(&Scope::new(), &runtime()).expect("renders"), b"x");
    let ranges = format!("{}x{}", "{{range 1}}".repeat(20_000), "{{end}}".repeat(20_000));
    let template = Template::parse("deep", &ranges).expect("loops nest freely");
    assert_eq!(template.render(&Scope::new(), &runtime()).expect("renders"), b"x");
    assert!(Template::parse("deep", &"{{if true}}".repeat(deep)).is_err());
    assert!(Template::parse("deep", &"(".repeat(deep)).is_ok());
}

#[test]
fn deep_values_can_be_printed_and_dropped() {
    let source = "{{$x := list}}{{range 100000}}{{$x = list $x}}{{end}}{{$x | len}}";
    let template = Template::parse("deep", source).expect("a template");
    assert_eq!(template.render(&Scope::new(), &runtime()).expect("renders"), b"1");
    for call in [
        "print",
        "toJson",
        "deepCopy",
        "toString",
        "deepEqual $x",
        "uniq",
        "join \"\"",
        "sortAlpha",
        "quote",
        "html",
    ] {
        let source = format!(
            "{{{{$x := list}}}}{{{{range 100000}}}}{{{{$x = list $x}}}}{{{{end}}}}{{{{{call} $x | empty}}}}"
        );
        let template = Template::parse("deep", &source).expect("a template");
        // Either answer is fine; what counts is that there is one.
        let _outcome = template.render(&Scope::new(), &runtime());
    }
}

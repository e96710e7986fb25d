//! Nothing that comes from outside can make a panic: texts made of the pieces that a parser looks for, in any order, with stray bytes between them.

use dodona_value::{
    Budget, Document, Limits, Map, Numbers, Text, Value, Zone, compare, format, json, regex::Regex, strconv,
    time,
};

use crate::random::Random;

const ROUNDS: usize = 4_000;

fn pieces(text: &str) -> Vec<&[u8]> {
    text.split(' ').map(str::as_bytes).chain([b" ".as_slice()]).collect()
}

#[test]
fn any_bytes_are_json_or_an_error() {
    let pieces = pieces(
        r#"{ } [ ] , : "a" "b" "\u00e9" "\ud83d" "\ude00" "é" 1 -0 1.5 1e3 1e999 9223372036854775808 true false null " \ e . - "#,
    );
    let mut random = Random(1);
    let mut read = 0;
    for _ in 0..ROUNDS {
        let text = random.text(&pieces, 12);
        let numbers = if random.below(2) == 0 { Numbers::Kubernetes } else { Numbers::Float };
        let Ok(document) = Document::parse(text.as_slice(), numbers) else { continue };
        read += 1;
        let value = document.to_value();
        let owned = document.to_owned_value();
        assert_eq!(value.to_string(), owned.to_string());
        // What was read can be written, and is the same when it is read again.
        let mut written = Text::new(1 << 20);
        json::write(&mut written, &value, json::Style::COMPACT).unwrap();
        let again = json::read(&written.finish().unwrap(), numbers).unwrap();
        assert_eq!(again.to_string(), owned.to_string());
    }
    assert!(read > ROUNDS / 20, "too few texts were JSON to mean anything: {read}");
}

#[test]
fn any_format_prints_something() {
    let pieces = pieces(
        "% %% v d s q x X c U t T p f g e b o # 0 + - * . [1] [3] [ ] 1 12 999999 1000001 99999999999 é",
    );
    let mut random = Random(2);
    let list = Value::list(vec![Value::int(-5), Value::text("a"), Value::Nil, Value::float(1.5)]);
    let map = Value::Map(Map::of(list.go_type().unwrap(), [("k", list.clone())]));
    let args = [
        Value::int(3),
        Value::text("text"),
        list,
        map,
        Value::Missing,
        Value::float(f64::NAN),
        Value::bytes("b"),
    ];
    for _ in 0..ROUNDS {
        let template = random.text(&pieces, 10);
        let mut text = Text::new(10_000);
        let start = random.below(args.len());
        format::sprintf(&mut text, &template, &args[start..]);
        assert!(text.len() <= 10_000);
    }
}

#[test]
fn any_pattern_is_compiled_or_refused_and_ends() {
    let pieces = pieces(
        r"a b . * + ? {2} {2,} {1000} {0} ( ) (?: (?i) (?P<n> | [ ] [^ - ^ $ \b \d \W \pL \p{Greek} \Q \E \x41 \x{ \1 [[:alpha:]] [: é && \z",
    );
    let mut random = Random(3);
    for _ in 0..600 {
        let Ok(pattern) = String::from_utf8(random.text(&pieces, 10)) else { continue };
        let Ok(regex) = Regex::new(&pattern) else { continue };
        let text = random.text(&pieces, 30);
        let mut budget = Budget::new(Limits { steps: 100_000, ..Limits::default() });
        // Whether the budget is enough does not matter here.
        let _found = regex.find_all(&text, None, &mut budget);
        let _parts = regex.split(&text, Some(3), &mut budget);
        let _replaced = regex.replace_all(&text, b"$1${n}$$", &mut budget);
    }
}

#[test]
fn any_layout_and_any_time_go_together() {
    let pieces = pieces(
        "2006 06 01 1 Jan January 02 2 _2 __2 002 15 3 03 PM 04 4 05 5 .000 ,999 MST Z07:00 -0700 -07 Monday T - : 13 99 0 é",
    );
    let mut random = Random(4);
    for _ in 0..ROUNDS {
        let layout = String::from_utf8_lossy(&random.text(&pieces, 8)).into_owned();
        let seconds = i64::from_ne_bytes(random.next().to_ne_bytes()) >> random.below(64);
        let moment = dodona_value::Time::unix(seconds, 5, Zone::load("America/St_Johns").unwrap());
        let printed = time::format(&moment, &layout);
        let text = String::from_utf8_lossy(&random.text(&pieces, 8)).into_owned();
        for text in [printed, text] {
            if let Ok(moment) = time::parse(&layout, &text, &Zone::utc()) {
                let later = moment
                    .add_date(i64::try_from(random.below(9)).unwrap(), -1, 40)
                    .round(dodona_value::Duration::HOUR);
                assert!(!later.to_string().is_empty());
            }
        }
        let _duration = time::parse_duration(&layout);
    }
}

#[test]
fn any_text_is_a_number_or_not() {
    let pieces = pieces("0 1 9 x X b o _ . e E p - + f inf nan 0x 00 9223372036854775807");
    let mut random = Random(5);
    for _ in 0..ROUNDS {
        let Ok(text) = String::from_utf8(random.text(&pieces, 8)) else { continue };
        let _signed = strconv::parse_int(&text, 0, 64);
        let _unsigned = strconv::parse_uint(&text, 16, 8);
        let quoted = strconv::quote(text.as_bytes());
        assert_eq!(strconv::unquote(&quoted).as_deref(), Some(text.as_bytes()));
        let Ok(number) = strconv::parse_float(&text, 64) else { continue };
        for form in *b"efgbxG" {
            for precision in [-1, 0, 3, 20] {
                let printed = strconv::format_float(number, form, precision, 64);
                assert!(!printed.is_empty());
            }
        }
        // The shortest form is the same number again.
        let again = strconv::parse_float(&strconv::format_float(number, b'g', -1, 64), 64);
        assert!(number.is_nan() || again == Ok(number) || number.is_infinite());
    }
}

#[test]
fn a_hundred_thousand_levels_can_be_dropped_and_printed() {
    let mut list = Value::list(Vec::new());
    for _ in 0..100_000 {
        list = Value::list(vec![list]);
    }
    assert!(list.to_string().contains("..."));
    let mut text = Text::new(1 << 20);
    assert_eq!(json::write(&mut text, &list, json::Style::COMPACT), Err(json::WriteError::Depth));
    let mut budget = Budget::new(Limits::default());
    assert!(compare::deep_equal(&list, &list.clone(), &mut budget).is_err());
    drop(list);
    let mut map = Map::new();
    for _ in 0..100_000 {
        map = Map::of(dodona_value::GoType::Any, [("k", Value::Map(map))]);
    }
    drop(map);
}

#[test]
fn a_value_that_doubles_is_cut_by_the_limit() {
    let mut value = Value::text("x");
    for _ in 0..100 {
        value = Value::list(vec![value.clone(), value]);
    }
    let mut text = Text::new(1_000);
    format::value(&mut text, &value);
    assert!(text.finish().is_err());
    let mut text = Text::new(1_000);
    json::write(&mut text, &value, json::Style::COMPACT).unwrap();
    assert!(text.finish().is_err());
    let mut budget = Budget::new(Limits { steps: 10_000, ..Limits::default() });
    assert!(compare::deep_equal(&value, &value.clone(), &mut budget).is_err());
}

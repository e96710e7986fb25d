//! RE2 patterns: the first line is the pattern, the rest the text.
#![no_main]

use dodona_value::{Budget, Limits, regex::Regex};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let (pattern, text) = text.split_once('\n').unwrap_or((text, "abc \u{e9}"));
    let Ok(regex) = Regex::new(pattern) else { return };
    let mut budget = Budget::new(Limits::default());
    // Running into a limit is a fine answer.
    let _found = regex.find_all(text.as_bytes(), None, &mut budget);
    let _parts = regex.split(text.as_bytes(), Some(4), &mut budget);
    let _replaced = regex.replace_all(text.as_bytes(), b"$1-${n}", &mut budget);
});

//! JSON to a document, to values, to JSON again. With floats only: `1e10` is written as `10000000000`, which would come back as a whole number.
#![no_main]

use dodona_value::{Document, Numbers, Text, json};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = Document::parse(bytes, Numbers::Float) else { return };
    let value = document.to_value();
    assert_eq!(value.to_string(), document.to_owned_value().to_string());
    let mut text = Text::new(1 << 20);
    if json::write(&mut text, &value, json::Style::COMPACT).is_ok()
        && let Ok(written) = text.finish()
    {
        let again = json::read(&written, Numbers::Float).expect("what was written can be read");
        assert_eq!(again.to_string(), value.to_string());
    }
});

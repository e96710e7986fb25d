//! JSON against what Go's `encoding/json` read and wrote.

use dodona_value::{Numbers, Text, format, json};

use crate::cases::check;

#[test]
fn json_is_read_and_written_as_go_does() {
    check("json.jsonl", |case| {
        let source = case.text("json");
        let Ok(value) = json::read(source.as_bytes(), Numbers::Float) else { return Vec::new() };
        if case.node("error").is_some() {
            return b"accepted".to_vec();
        }
        let mut text = Text::new(1 << 20);
        let style = match case.text("form").as_str() {
            "toJson" => json::Style::COMPACT,
            "toPrettyJson" => json::Style::PRETTY,
            "toRawJson" => json::Style::RAW,
            _ => {
                format::value(&mut text, &value);
                return text.finish().unwrap();
            }
        };
        json::write(&mut text, &value, style).unwrap();
        text.finish().unwrap()
    });
}

//! Go layouts: the first line is the layout, the rest the text to read.
#![no_main]

use dodona_value::{Zone, time};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let (layout, text) = text.split_once('\n').unwrap_or((text, "2024-05-06T07:08:09Z"));
    let zone = Zone::load("America/St_Johns").expect("a zone of the database");
    if let Ok(moment) = time::parse(layout, text, &zone) {
        let printed = time::format(&moment, layout);
        let _again = time::parse(layout, &printed, &zone);
        let _later = moment.add_date(1, -7, 400).truncate(time::Duration::HOUR).to_string();
    }
    let _duration = time::parse_duration(text);
});

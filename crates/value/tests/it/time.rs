//! Layouts against what Go's `time` printed and read.

use dodona_value::{Zone, time};

use crate::cases::check;

#[test]
fn layouts_print_as_in_go() {
    check("layout.jsonl", |case| {
        let moment = time::parse(time::Layout::RFC3339, &case.text("time"), &Zone::utc()).unwrap();
        let zone = Zone::load(&case.text("zone")).unwrap();
        time::format(&moment.with_zone(zone), &case.text("layout")).into_bytes()
    });
}

#[test]
fn layouts_read_as_in_go() {
    check("timeparse.jsonl", |case| {
        // The oracle ran with UTC as the zone of the process.
        match time::parse_in(&case.text("layout"), &case.text("text"), &Zone::utc()) {
            Ok(_) if case.node("error").is_some() => b"accepted".to_vec(),
            Ok(moment) => moment.to_string().into_bytes(),
            Err(_) if case.node("error").is_some() => Vec::new(),
            Err(error) => error.to_string().into_bytes(),
        }
    });
}

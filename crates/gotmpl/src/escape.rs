//! `html`, `js` and `urlquery`.

use dodona_value::{CallCx, CallError, Str, Text, Value, format, strconv};

use crate::call::printable;
use crate::sprig::text_limit;

/// The arguments as one text, as `print` joins them; a missing value reads `<no value>`.
pub(crate) fn joined(cx: &mut CallCx<'_>, args: &[Value]) -> Result<Str, CallError> {
    if let [Value::Str(text)] = args {
        return Ok(text.clone());
    }
    let shown: Vec<Value> = args
        .iter()
        .map(|arg| if arg.is_nil() { Value::text("<no value>") } else { printable(arg).into_owned() })
        .collect();
    let mut text = Text::new(text_limit(cx));
    format::sprint(&mut text, &shown);
    let bytes = text.finish()?;
    cx.budget.memory(bytes.len())?;
    Ok(Str::from(bytes))
}

/// Escapes what means something in HTML.
pub(crate) fn html(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            0 => out.extend_from_slice("\u{fffd}".as_bytes()),
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            other => out.push(*other),
        }
    }
    out
}

/// Escapes for a JavaScript string literal.
pub(crate) fn js(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            js_char(c, &mut out);
        }
        // Go takes a byte that is no UTF-8 for the printable U+FFFD, and writes the byte.
        out.extend_from_slice(chunk.invalid());
    }
    out
}

fn js_char(c: char, out: &mut Vec<u8>) {
    match c {
        '\\' => out.extend_from_slice(br"\\"),
        '\'' => out.extend_from_slice(br"\'"),
        '"' => out.extend_from_slice(br#"\""#),
        '<' | '>' | '&' | '=' | '\0'..'\u{20}' => {
            out.extend_from_slice(format!("\\u{:04X}", u32::from(c)).as_bytes());
        }
        c => {
            let mut buffer = [0; 4];
            let bytes = c.encode_utf8(&mut buffer).as_bytes();
            if c.is_ascii() || is_printable(bytes) {
                out.extend_from_slice(bytes);
            } else {
                out.extend_from_slice(format!("\\u{:04X}", u32::from(c)).as_bytes());
            }
        }
    }
}

/// Whether Go prints a character as it is: then quoting leaves it alone.
fn is_printable(bytes: &[u8]) -> bool {
    strconv::quote(bytes).as_bytes().get(1..=bytes.len()) == Some(bytes)
}

/// Escapes for the query of a URL: a blank becomes `+`.
pub(crate) fn query(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(*byte),
            b' ' => out.push(b'+'),
            other => out.extend_from_slice(format!("%{other:02X}").as_bytes()),
        }
    }
    out
}

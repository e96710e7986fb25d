//! Mails and SMTP sessions against what they should have been.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dodona_recorder::smtp::Mails;

use super::vector::{Mail, Smtp};

/// Differences of one send.
pub(crate) fn compare(expected: &Smtp, seen: &Mails) -> Vec<String> {
    let mut differences = Vec::new();
    if let Some(transcript) = &expected.transcript {
        let (wanted, found) = (dialogue(transcript), dialogue(&seen.transcript));
        if wanted != found {
            differences.push(format!("transcript: expected {wanted:?}, got {found:?}"));
        }
    }
    let wanted = expected.messages.as_deref().unwrap_or_default();
    if wanted.len() != seen.mails.len() {
        differences.push(format!("expected {} mails, got {}", wanted.len(), seen.mails.len()));
    }
    for (index, (wanted, found)) in wanted.iter().zip(&seen.mails).enumerate() {
        mail(&format!("mail {}", index + 1), wanted, found, &mut differences);
    }
    differences
}

/// What the client said, without what is free: MAIL parameters, the way of LOGIN, good-byes.
fn dialogue(transcript: &[String]) -> Vec<String> {
    let decode =
        |text: &str| String::from_utf8_lossy(&STANDARD.decode(text).unwrap_or_default()).into_owned();
    let mut said = Vec::new();
    let mut lines = transcript.iter().filter_map(|line| line.strip_prefix("C: ")).peekable();
    while let Some(line) = lines.next() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["AUTH", "LOGIN", rest @ ..] => {
                let user = rest.first().copied().or_else(|| lines.next()).unwrap_or_default();
                let password = lines.next().unwrap_or_default();
                said.push(format!("AUTH LOGIN {:?} {:?}", decode(user), decode(password)));
            }
            ["AUTH", mechanism, rest @ ..] => {
                let answer = rest.first().copied().or_else(|| lines.next()).unwrap_or_default();
                said.push(format!("AUTH {mechanism} {:?}", decode(answer)));
            }
            ["QUIT" | "RSET" | "*" | "NOOP"] => {}
            _ if line.starts_with("MAIL FROM:") => {
                said.push(line.split_inclusive('>').next().unwrap_or_default().to_owned());
            }
            _ => said.push(line.to_owned()),
        }
    }
    said
}

fn mail(place: &str, expected: &Mail, actual: &[u8], differences: &mut Vec<String>) {
    let text = String::from_utf8_lossy(actual);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let headers = headers(head);
    let find = |name: &str| headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    for (name, wanted) in &expected.headers {
        let found = find(name);
        let good = match name.as_str() {
            "from" | "to" => addresses(wanted) == addresses(found.unwrap_or_default()),
            // Blanks at the ends belong to the header and not to its value.
            "subject" => wanted.trim() == words(found.unwrap_or_default()).trim(),
            "content-type" => found.is_some_and(|found| plain(wanted) == plain(found)),
            "mime-version" => found.is_some_and(|found| found.trim() == wanted),
            _ => true,
        };
        if !good {
            differences.push(format!("{place} {name}: expected {wanted:?}, got {found:?}"));
        }
    }
    let encoding = find("content-transfer-encoding").unwrap_or_default().to_ascii_lowercase();
    let body = match encoding.trim() {
        "quoted-printable" => quoted_printable(body, false),
        "base64" => STANDARD.decode(body.split_whitespace().collect::<String>()).unwrap_or_default(),
        _ => body.as_bytes().to_vec(),
    };
    let body = String::from_utf8_lossy(&body).replace("\r\n", "\n");
    if body.trim_end_matches('\n') != expected.body.trim_end_matches('\n') {
        differences.push(format!("{place} body: expected {:?}, got {body:?}", expected.body));
    }
}

/// Headers, unfolded; names in lower case.
fn headers(head: &str) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in head.split("\r\n") {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = headers.last_mut() {
                value.push_str(line);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            headers.push((name.to_ascii_lowercase(), value.strip_prefix(' ').unwrap_or(value).to_owned()));
        }
    }
    headers
}

fn plain(text: &str) -> String {
    text.to_ascii_lowercase().replace([' ', '"'], "")
}

/// A list of addresses as (name, address), names decoded. Commas in quotes or in encoded names divide nothing.
fn addresses(text: &str) -> Vec<(String, String)> {
    let one = |item: &str| match item.trim().strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
        Some((name, address)) => (words(name.trim().trim_matches('"')), address.to_owned()),
        None => (String::new(), words(item.trim())),
    };
    let mut quoted = false;
    let divides = |letter: char| {
        quoted ^= letter == '"';
        letter == ',' && !quoted
    };
    text.split(divides).map(one).collect()
}

/// RFC 2047: encoded words decoded, the blanks between two of them dropped.
fn words(text: &str) -> String {
    let mut decoded: Vec<u8> = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("=?") {
        let (before, word) = rest.split_at(start);
        let Some((bytes, after)) = encoded_word(word) else {
            decoded.extend_from_slice(before.as_bytes());
            decoded.extend_from_slice(b"=?");
            rest = word.get(2..).unwrap_or_default();
            continue;
        };
        let between_words = before.trim().is_empty() && start > 0 && rest.len() < text.len();
        if !between_words {
            decoded.extend_from_slice(before.as_bytes());
        }
        decoded.extend(bytes);
        rest = after;
    }
    decoded.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&decoded).into_owned()
}

fn encoded_word(word: &str) -> Option<(Vec<u8>, &str)> {
    let mut parts = word.strip_prefix("=?")?.splitn(3, '?');
    let (_charset, encoding, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let (text, after) = rest.split_once("?=")?;
    let bytes = match encoding {
        "q" | "Q" => quoted_printable(text, true),
        "b" | "B" => STANDARD.decode(text).ok()?,
        _ => return None,
    };
    Some((bytes, after))
}

fn quoted_printable(text: &str, in_header: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'=' if after.starts_with(b"\r\n") => rest = after.get(2..).unwrap_or_default(),
            b'=' => {
                let hex = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
                if let Some(byte) = hex.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
                    bytes.push(byte);
                    rest = after.get(2..).unwrap_or_default();
                } else {
                    bytes.push(first);
                }
            }
            b'_' if in_header => bytes.push(b' '),
            _ => bytes.push(first),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_quoted_and_encoded() {
        let quoted = addresses("\"Argo, CD\" <cd@example.org>, a@x.y");
        assert_eq!(quoted, addresses("=?utf-8?b?QXJnbywgQ0Q=?= <cd@example.org>, a@x.y"));
        assert_eq!(quoted, [("Argo, CD".into(), "cd@example.org".into()), (String::new(), "a@x.y".into())]);
    }

    #[test]
    fn encoded_words_are_put_together() {
        assert_eq!(words("=?UTF-8?q?=C3=9Cn?= =?utf-8?b?w68=?= x =?UTF-8?Q?a_b?="), "Ünï x a b");
        assert_eq!(words("plain =? text"), "plain =? text");
    }
}

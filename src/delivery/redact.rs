//! Keeps secrets out of texts: errors, log lines, dead letters. Every text that leaves `delivery` passes here.

use base64::Engine as _;
use url::Url;

/// What stands in the place of a secret.
pub const MASK: &str = "***";

/// Shorter texts are not looked for: replacing each `a` would destroy a message and hide nothing.
const SHORTEST: usize = 4;

/// The longest part of a receiver's answer that is quoted in an error, in bytes.
pub const LONGEST_QUOTE: usize = 1024;

/// The secrets of one service, in every spelling in which they could come back.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Longest first, so that no secret hides a part of another one.
    spellings: Vec<String>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} spellings)", self.spellings.len())
    }
}

impl Redactor {
    /// Remembers `secret` and the forms that it takes in forms, URLs, JSON and Basic authentication.
    pub fn add(&mut self, secret: &str) {
        let trimmed = secret.trim();
        if trimmed.len() < SHORTEST {
            return;
        }
        let form: String = url::form_urlencoded::byte_serialize(trimmed.as_bytes()).collect();
        let json = serde_json::to_string(trimmed).unwrap_or_default();
        let json = json.trim_matches('"').to_owned();
        let path = form.replace('+', "%20");
        let base64 = base64::engine::general_purpose::STANDARD.encode(trimmed);
        for spelling in [trimmed.to_owned(), form, path, json, base64] {
            if !self.spellings.contains(&spelling) {
                self.spellings.push(spelling);
            }
        }
        self.spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
    }

    /// Remembers a URL that lets anybody post (webhooks of chat services): its path, query and user info.
    pub fn add_url(&mut self, url: &str) {
        let Ok(url) = Url::parse(url) else { return self.add(url) };
        if url.path().len() > 1 {
            self.add(url.path());
        }
        if let Some(query) = url.query() {
            self.add(query);
            url.query_pairs().for_each(|(_, value)| self.add(&value));
        }
        // A path segment that is long, or has digits among its letters, probably is a token.
        let is_token = |segment: &&str| {
            segment.len() >= 16
                || segment.len() >= 8 && segment.contains(|letter: char| letter.is_ascii_digit())
        };
        url.path().split('/').filter(is_token).for_each(|segment| self.add(segment));
        self.add(url.password().unwrap_or_default());
        self.add(url.username());
    }

    /// `text` without the secrets.
    pub fn clean(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for spelling in &self.spellings {
            if text.contains(spelling.as_str()) {
                text = text.replace(spelling.as_str(), MASK);
            }
        }
        text
    }

    /// A receiver's answer, fit to be quoted: cleaned, without control characters, cut to [`LONGEST_QUOTE`].
    pub fn quote(&self, body: &[u8]) -> String {
        // Cleaned before it is cut: half a secret would not be recognised any more.
        quote(&self.clean(&String::from_utf8_lossy(body)))
    }
}

/// A text that is clean of secrets, without control characters and cut to [`LONGEST_QUOTE`].
pub(super) fn quote(text: &str) -> String {
    let mut quote = String::new();
    for letter in text.trim().chars() {
        if quote.len() + letter.len_utf8() > LONGEST_QUOTE {
            quote.push('…');
            break;
        }
        quote.push(if letter.is_control() { ' ' } else { letter });
    }
    quote
}

/// A URL as it may be shown: scheme, host and port; path, query and user info can be secrets.
pub fn shown_url(url: &str) -> String {
    match Url::parse(url) {
        Ok(url) if url.has_host() => {
            let rest = if url.path().len() > 1 || url.query().is_some() { "/…" } else { "/" };
            format!("{}{rest}", url.origin().ascii_serialization())
        }
        _ => "[no valid URL]".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_secret_is_found() {
        let mut redactor = Redactor::default();
        redactor.add("to ken+&\"1\n");
        for text in ["a to ken+&\"1 b", "to+ken%2B%26%221", "{\"t\":\"to ken+&\\\"1\"}", "dG8ga2VuKyYiMQ=="] {
            let clean = redactor.clean(text);
            assert!(clean.contains(MASK) && !clean.contains("ken"), "{text}: {clean}");
        }
    }

    #[test]
    fn urls_show_their_host_only() {
        assert_eq!(
            shown_url("https://u:p@hooks.example.org:8443/services/T1/xyz?sig=1"),
            "https://hooks.example.org:8443/…"
        );
        assert_eq!(shown_url("http://127.0.0.1/"), "http://127.0.0.1/");
        assert_eq!(shown_url("hook-secret"), "[no valid URL]");
    }

    #[test]
    fn quotes_are_cut_and_have_no_control_characters() {
        let long = "é".repeat(5000);
        let quote = Redactor::default().quote(long.as_bytes());
        assert!(quote.len() <= LONGEST_QUOTE + 3 && quote.ends_with('…'));
        assert_eq!(Redactor::default().quote(b"a\r\nb\x1b[0m"), "a  b [0m");
    }
}

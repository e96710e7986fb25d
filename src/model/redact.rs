//! The one registry of texts that must never be seen, and the one function that takes them out of a line.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::sync::{Arc, PoisonError, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;

use super::Secret;

/// What stands in the place of a secret.
const MASK: &str = "***";

/// Shorter values are no secrets: they would take ordinary words apart.
const SHORTEST: usize = 4;

/// Knows the secret values of all configurations and masks them in texts (design 7). Clones are the same registry.
#[derive(Clone, Default)]
pub struct Redactor(Arc<RwLock<Registry>>);

#[derive(Default)]
struct Registry {
    /// By owner: its present texts, and those that they replaced, which may still turn up in late errors.
    owners: BTreeMap<String, [BTreeSet<String>; 2]>,
    matcher: Option<AhoCorasick>,
}

impl Redactor {
    /// Makes `secrets` the secret values of `owner` (a configuration's Secret, say), in the place of its former ones.
    pub fn set<'a>(&self, owner: &str, secrets: impl IntoIterator<Item = &'a Secret>) {
        let mut texts = BTreeSet::new();
        secrets
            .into_iter()
            .for_each(|secret| add_forms(&String::from_utf8_lossy(secret.expose()), &mut texts));
        let mut registry = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let [present, former] = registry.owners.entry(owner.to_owned()).or_default();
        if *present == texts {
            return;
        }
        *former = std::mem::replace(present, texts);
        let all: BTreeSet<&String> = registry.owners.values().flatten().flatten().collect();
        let matcher = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&all);
        // It fails only beyond gigabytes of secrets; the former matcher is better than none then.
        if let Ok(matcher) = matcher {
            registry.matcher = Some(matcher).filter(|_| !all.is_empty());
        }
    }

    /// `text` with every secret value masked.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let registry = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(matcher) = registry.matcher.as_ref().filter(|matcher| matcher.is_match(text)) else {
            return Cow::Borrowed(text);
        };
        let mut masked = String::with_capacity(text.len());
        matcher.replace_all_with(text, &mut masked, |_, _, into| {
            into.push_str(MASK);
            true
        });
        Cow::Owned(masked)
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

/// A secret turns up as it is, without the line end of its file, line by line, inside JSON, an address, a form, and as
/// base64.
fn add_forms(secret: &str, into: &mut BTreeSet<String>) {
    let lines = secret.lines().filter(|line| line.len() >= 2 * SHORTEST);
    for text in [secret, secret.trim()].into_iter().chain(lines) {
        if text.trim().chars().count() < SHORTEST {
            continue;
        }
        into.insert(text.to_owned());
        into.insert(text.escape_debug().to_string());
        into.insert(serde_json::Value::from(text).to_string().trim_matches('"').to_owned());
        let encoded = percent_encoded(text);
        into.insert(encoded.replace("%20", "+"));
        into.insert(encoded);
        into.insert(base64::engine::general_purpose::STANDARD.encode(text));
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a `String` does not fail.
            write!(encoded, "%{byte:02X}").ok();
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(secrets: &[&str]) -> Redactor {
        let redactor = Redactor::default();
        let secrets: Vec<Secret> = secrets.iter().map(|text| Secret::from(*text)).collect();
        redactor.set("a", &secrets);
        redactor
    }

    #[test]
    fn every_form_of_a_secret_is_masked() {
        let redactor = redactor(&["xoxb-12345\n", "a/b \"c\"", "ab", "abcd", "abcdef"]);
        for (text, expected) in [
            ("nothing to hide", "nothing to hide"),
            ("token xoxb-12345 refused", "token *** refused"),
            ("https://host/a%2Fb%20%22c%22/x", "https://host/***/x"),
            ("token=a%2Fb+%22c%22&x=y", "token=***&x=y"),
            ("Bearer eG94Yi0xMjM0NQ==", "Bearer ***"),
            (r#"{"t":"a/b \"c\""}"#, r#"{"t":"***"}"#),
            ("ab stays, abcd and abcdef go", "ab stays, *** and *** go"),
        ] {
            assert_eq!(redactor.redact(text), expected);
        }
    }

    #[test]
    fn the_lines_of_a_key_are_masked_one_by_one() {
        let redactor = redactor(&["-----BEGIN KEY-----\nMIIEvQIBADAN\nBgkqhkiG9w0B\n-----END KEY-----\n"]);
        assert_eq!(redactor.redact("line MIIEvQIBADAN."), "line ***.");
    }

    #[test]
    fn a_replaced_secret_is_still_one() {
        let redactor = redactor(&["old-token"]);
        redactor.set("b", &[Secret::from("other")]);
        redactor.set("a", &[Secret::from("new-token")]);
        assert_eq!(redactor.redact("old-token new-token other"), "*** *** ***");
        redactor.set("a", &[]);
        assert_eq!(redactor.redact("old-token new-token other"), "old-token *** ***");
    }

    #[test]
    fn nothing_registered_masks_nothing() {
        let redactor = redactor(&["", "   \n", "abc"]);
        assert!(matches!(redactor.redact("abc   \n"), Cow::Borrowed(_)));
    }
}

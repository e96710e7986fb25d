//! `--application-namespaces`: globs and `/regular expressions/` over namespace names (core 5.3.1).

use fancy_regex::Regex;

/// A list of namespace patterns.
#[derive(Clone, Debug, Default)]
pub struct NamespacePatterns {
    patterns: Vec<Regex>,
    given: bool,
}

impl NamespacePatterns {
    /// Compiles the entries; each is tried as a glob, and one of the form `/…/` as a regular expression too. An expression
    /// that is none matches nothing, as upstream has it, and is named in the log.
    pub fn parse(entries: &[String]) -> Self {
        let mut patterns = Vec::new();
        for entry in entries.iter().map(|entry| entry.trim()).filter(|entry| !entry.is_empty()) {
            if let Some(expression) = entry.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
                match Regex::new(expression) {
                    Ok(pattern) => patterns.push(pattern),
                    Err(error) => tracing::warn!("namespace pattern `{entry}` matches nothing: {error}"),
                }
            }
            // A text that is no glob has just been named as no expression, or stands for itself nowhere.
            patterns.extend(Regex::new(&glob_to_regex(entry)));
        }
        Self { patterns, given: !entries.iter().all(|entry| entry.trim().is_empty()) }
    }

    /// Whether there is no pattern at all.
    pub fn is_empty(&self) -> bool {
        !self.given
    }

    /// Whether some pattern matches `namespace`.
    pub fn matches(&self, namespace: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.is_match(namespace).unwrap_or(false))
    }
}

/// `*` and `**` any text, `?` one character, `[a-z]` and `[!a-z]` classes, `{a,b}` alternatives, `\` escapes.
fn glob_to_regex(glob: &str) -> String {
    let mut expression = String::from("^(?:");
    let mut depth = 0usize;
    let mut characters = glob.chars();
    while let Some(character) = characters.next() {
        match character {
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            '{' => {
                depth += 1;
                expression.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth -= 1;
                expression.push(')');
            }
            ',' if depth > 0 => expression.push('|'),
            '[' => {
                expression.push('[');
                let class: String = characters.by_ref().take_while(|next| *next != ']').collect();
                let (negation, class) = class.strip_prefix('!').map_or(("", &*class), |rest| ("^", rest));
                // What means something in the classes of expressions means itself here.
                expression.push_str(negation);
                expression.push_str(
                    &class.replace('\\', r"\\").replace('^', r"\^").replace('[', r"\[").replace('&', r"\&"),
                );
                expression.push(']');
            }
            '\\' => expression
                .extend(characters.next().map(|next| fancy_regex::escape(&next.to_string()).into_owned())),
            other => expression.push_str(&fancy_regex::escape(&other.to_string())),
        }
    }
    expression.push_str(")$");
    expression
}

#[cfg(test)]
mod tests {
    use super::NamespacePatterns;

    #[test]
    fn globs_and_expressions() {
        for (pattern, namespace, matches) in [
            ("team-*", "team-a", true),
            ("team-*", "other", false),
            ("team-?", "team-ab", false),
            ("team-[ab]", "team-b", true),
            ("team-[!ab]", "team-b", false),
            ("team-[!ab]", "team-c", true),
            ("team-[^ab]", "team-b", true),
            ("team-[^ab]", "team-c", false),
            ("{a,b}-x", "b-x", true),
            ("/^dev-[0-9]+$/", "dev-12", true),
            ("/^dev-[0-9]+$/", "dev-x", false),
            ("/ev/", "dev", true),
            ("*", "anything", true),
            ("a.c", "abc", false),
            ("/^team-(?!x)/", "team-a", true),
            ("/^team-(?!x)/", "team-x", false),
        ] {
            let patterns = NamespacePatterns::parse(&[pattern.to_owned()]);
            assert_eq!(patterns.matches(namespace), matches, "{pattern} on {namespace}");
        }
        assert!(!NamespacePatterns::parse(&["/(/".to_owned()]).matches("anything"));
        assert!(!NamespacePatterns::parse(&["/(/".to_owned()]).is_empty());
        assert!(NamespacePatterns::parse(&[String::new(), " ".to_owned()]).is_empty());
    }
}

//! Several documents in one text.

/// The documents of `text`, each with the number of lines before it. A line that begins with `---` ends a document wherever
/// it stands, also inside a block of text, as in `kubectl`. A document may hold nothing but comments.
pub fn documents(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let (mut begin, mut begin_line, mut at) = (0, 0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let separator = line
            .strip_prefix("---")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace));
        if separator && at > begin {
            found.push((begin_line, text.get(begin..at).unwrap_or_default()));
            (begin, begin_line) = (at, number);
        }
        at += line.len();
    }
    found.push((begin_line, text.get(begin..).unwrap_or_default()));
    found
}

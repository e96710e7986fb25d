//! Texts with emphasis and links, read from the notations of the receivers.

/// A text in pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rich(pub(super) Vec<Piece>);

/// A piece of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Plain(String),
    Bold(String),
    Code(String),
    Link { label: String, url: String },
}

impl Rich {
    /// A text without any notation.
    pub(super) fn plain(text: &str) -> Self {
        let mut rich = Self::default();
        rich.push(text);
        rich
    }

    fn push(&mut self, text: &str) {
        match self.0.last_mut() {
            _ if text.is_empty() => {}
            Some(Piece::Plain(last)) => last.push_str(text),
            _ => self.0.push(Piece::Plain(text.to_owned())),
        }
    }

    /// Adds a piece that was recognised at the beginning of `marked`, or the sign there as it is; returns what follows.
    fn push_marked<'a>(&mut self, piece: Option<(Piece, &'a str)>, marked: &'a str) -> &'a str {
        let Some((piece, after)) = piece else {
            let (sign, after) = marked.split_at_checked(1).unwrap_or((marked, ""));
            self.push(sign);
            return after;
        };
        self.0.push(piece);
        after
    }

    /// Slack's notation: `*bold*`, `` `code` ``, `<url|label>`, `&lt;`.
    pub(super) fn slack(text: &str) -> Self {
        let mut rich = Self::default();
        let mut rest = text;
        while let Some(at) = rest.find(['<', '*', '`']) {
            let (before, marked) = rest.split_at_checked(at).unwrap_or((rest, ""));
            rich.push(&unescape(before));
            let piece = match marked.chars().next() {
                Some('<') => between(marked, "<", ">").map(|(inner, after)| (reference(inner), after)),
                Some('*') => {
                    emphasis(marked, "*").map(|(inner, after)| (Piece::Bold(unescape(inner)), after))
                }
                _ => emphasis(marked, "`").map(|(inner, after)| (Piece::Code(unescape(inner)), after)),
            };
            rest = rich.push_marked(piece, marked);
        }
        rich.push(&unescape(rest));
        rich
    }

    /// Markdown as far as chats show it: `**bold**`, `` `code` ``, `[label](url)`.
    pub(super) fn markdown(text: &str) -> Self {
        let mut rich = Self::default();
        let mut rest = text;
        while let Some(at) = rest.find(['[', '*', '`']) {
            let (before, marked) = rest.split_at_checked(at).unwrap_or((rest, ""));
            rich.push(before);
            let piece = match marked.chars().next() {
                Some('[') => between(marked, "[", "](").and_then(|(label, after)| {
                    let (url, after) = after.split_once(')')?;
                    Some((Piece::Link { label: label.to_owned(), url: url.to_owned() }, after))
                }),
                Some('*') => {
                    emphasis(marked, "**").map(|(inner, after)| (Piece::Bold(inner.to_owned()), after))
                }
                _ => emphasis(marked, "`").map(|(inner, after)| (Piece::Code(inner.to_owned()), after)),
            };
            rest = rich.push_marked(piece, marked);
        }
        rich.push(rest);
        rich
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> Option<(&'a str, &'a str)> {
    text.strip_prefix(begin)?.split_once(end).filter(|(inner, _)| !inner.is_empty() && !inner.contains('\n'))
}

/// A text between two equal signs that begins and ends with a letter.
fn emphasis<'a>(text: &'a str, sign: &str) -> Option<(&'a str, &'a str)> {
    between(text, sign, sign).filter(|(inner, _)| inner.trim() == *inner)
}

/// What stands between angle brackets: a link, a person, a channel.
fn reference(inner: &str) -> Piece {
    let (target, label) = inner.split_once('|').unwrap_or((inner, inner));
    if target.contains("://") || target.starts_with("mailto:") {
        return Piece::Link { label: unescape(label), url: unescape(target) };
    }
    let sign = if target.starts_with('#') { "#" } else { "@" };
    Piece::Bold(format!("{sign}{}", label.trim_start_matches(['@', '#', '!'])))
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(rich: &Rich) -> String {
        let show = |piece: &Piece| match piece {
            Piece::Plain(text) => text.clone(),
            Piece::Bold(text) => format!("[b {text}]"),
            Piece::Code(text) => format!("[c {text}]"),
            Piece::Link { label, url } => format!("[l {label} {url}]"),
        };
        rich.0.iter().map(show).collect()
    }

    #[test]
    fn notations_are_read() {
        for (text, wanted) in [
            ("a *b* `c` <https://x.org|d> &lt;", "a [b b] [c c] [l d https://x.org] <"),
            ("2 * 3 * 4 <", "2 * 3 * 4 <"),
            ("<@U1> <#C1|general> <!here>", "[b @U1] [b #general] [b @here]"),
            ("*open", "*open"),
        ] {
            assert_eq!(shown(&Rich::slack(text)), wanted, "{text}");
        }
        for (text, wanted) in [
            ("a **b** [c](https://x.org) `d`", "a [b b] [l c https://x.org] [c d]"),
            ("a * b [c]", "a * b [c]"),
        ] {
            assert_eq!(shown(&Rich::markdown(text)), wanted, "{text}");
        }
    }
}

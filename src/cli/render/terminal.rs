//! Previews in the terminal.

use super::rich::{Piece, Rich};
use super::view::{Part, View};
use crate::cli::output::Paint;

/// Longest page of HTML that is turned into text.
const LONGEST: usize = 1 << 20;

/// The preview as lines.
pub(super) fn show(view: &View, paint: Paint) -> String {
    let mut lines = Vec::new();
    for (name, value) in &view.head {
        lines.push(format!("{} {value}", paint.dim(&format!("{name}:"))));
    }
    if !view.head.is_empty() {
        lines.push(String::new());
    }
    parts(&view.parts, paint, &mut lines);
    lines.iter().map(|line| format!("  {line}").trim_end().to_owned() + "\n").collect()
}

fn parts(all: &[Part], paint: Paint, lines: &mut Vec<String>) {
    for part in all {
        match part {
            Part::Title(text) => lines.extend(rich(text, paint).lines().map(|line| paint.bold(line))),
            Part::Text(text) => lines.extend(rich(text, paint).lines().map(str::to_owned)),
            Part::Facts(facts) => {
                let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
                for (name, value) in facts {
                    let value = rich(value, paint);
                    lines.push(format!("{}  {value}", paint.dim(&format!("{name:width$}"))));
                }
            }
            Part::Button { label, url } if url.is_empty() => lines.push(format!("[{label}]")),
            Part::Button { label, url } => lines.push(format!("[{label}] {}", paint.dim(url))),
            Part::Image { alt, url } => lines.push(format!("[image: {alt}] {}", paint.dim(url))),
            Part::Line => lines.push(paint.dim(&"─".repeat(40))),
            Part::Bar(color, inner) => {
                let mut own = Vec::new();
                parts(inner, paint, &mut own);
                let bar = paint.rgb(color, "┃");
                lines.extend(own.iter().map(|line| format!("{bar} {line}")));
            }
            Part::Html(html) => lines.extend(text_of(html).lines().map(str::to_owned)),
        }
    }
}

/// What a message says must not steer the terminal, so control characters are left out.
fn rich(text: &Rich, paint: Paint) -> String {
    let clean = |text: &str| -> String {
        text.chars().filter(|letter| !letter.is_control() || matches!(letter, '\n' | '\t')).collect()
    };
    let piece = |piece: &Piece| match piece {
        Piece::Plain(text) | Piece::Code(text) => clean(text),
        Piece::Bold(text) => paint.bold(&clean(text)),
        Piece::Link { label, url } if label == url => clean(url),
        Piece::Link { label, url } => format!("{} {}", clean(label), paint.dim(&format!("({})", clean(url)))),
    };
    text.0.iter().map(piece).collect()
}

/// The text of a web page: tags away, blocks on lines of their own.
fn text_of(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html.get(..html.floor_char_boundary(LONGEST)).unwrap_or_default();
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        let (tag, after) = after.split_once('>').unwrap_or((after, ""));
        let name = tag.trim_start_matches('/').split([' ', '/', '\n', '\t']).next().unwrap_or_default();
        let name = name.to_ascii_lowercase();
        if ["br", "p", "div", "tr", "li", "h1", "h2", "h3", "h4", "table", "ul", "ol"]
            .contains(&name.as_str())
            && !text.is_empty()
            && !text.ends_with('\n')
        {
            text.push('\n');
        }
        rest = after;
        for hidden in ["style", "script", "head"] {
            if name == hidden && !tag.starts_with('/') {
                let end = format!("</{hidden}>");
                rest = rest.split_once(end.as_str()).map_or("", |(_, after)| after);
            }
        }
    }
    text.push_str(rest);
    let text = text.replace("&nbsp;", " ").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    let text = text.replace("&#39;", "'").replace("&amp;", "&");
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_is_lines() {
        let view = View {
            place: "Slack",
            head: vec![("Channel", "c".into())],
            parts: vec![
                Part::Text(Rich::slack("*a* <https://x.org|b>\x1b[2J")),
                Part::Bar(
                    "#ff0000".into(),
                    vec![Part::Facts(vec![
                        ("n".into(), Rich::plain("v")),
                        ("long".into(), Rich::plain("w")),
                    ])],
                ),
                Part::Button { label: "go".into(), url: "https://x.org".into() },
            ],
        };
        let wanted =
            "  Channel: c\n\n  a b (https://x.org)[2J\n  ┃ n     v\n  ┃ long  w\n  [go] https://x.org\n";
        assert_eq!(show(&view, Paint::none()), wanted);
    }

    #[test]
    fn the_text_of_a_page() {
        let html =
            "<html><head><title>x</title></head><style>p{}</style><h1>Title</h1><p>a &amp; b<br/>c</p>";
        assert_eq!(text_of(html), "Title\na & b\nc");
        assert_eq!(text_of("a <b"), "a");
    }
}

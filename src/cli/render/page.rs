//! Previews as one page for the browser. Everything in it is escaped; a mail in HTML stands in a frame that runs nothing.

use super::rich::{Piece, Rich};
use super::view::{Part, View};

/// Colours and widths.
const STYLE: &str = "\
body{font:15px/1.45 system-ui,sans-serif;margin:0;background:#f3f4f6;color:#1f2430}\
main{max-width:46rem;margin:2rem auto;padding:0 1rem}\
article{background:#fff;border:1px solid #d8dbe2;border-radius:8px;margin:1rem 0;padding:1rem 1.2rem}\
h2{font-size:.95rem;margin:0 0 .6rem;color:#5a6274}dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem .9rem;margin:.4rem 0}\
dt{color:#5a6274}dd{margin:0}p{margin:.35rem 0;white-space:pre-wrap}.bar{border-left:4px solid #c5c9d3;padding-left:.8rem;margin:.5rem 0}\
.button{display:inline-block;border:1px solid #b9bfcc;border-radius:5px;padding:.15rem .7rem;margin:.3rem .4rem .3rem 0;text-decoration:none;color:inherit}\
iframe{width:100%;height:24rem;border:1px solid #d8dbe2}pre{overflow:auto;background:#f3f4f6;padding:.6rem;border-radius:5px}.problem{color:#a30200}";

/// One entry of the page: a heading, and the preview, the text that is sent, or what went wrong.
pub(super) struct Entry {
    pub(super) heading: String,
    pub(super) view: Option<View>,
    pub(super) sent: String,
    pub(super) problem: Option<String>,
}

/// The page.
pub(super) fn page(title: &str, entries: &[Entry]) -> String {
    let articles: String = each(entries, article);
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{0}</title><style>{STYLE}</style><main><h1>{0}</h1>{articles}</main></html>\n",
        escape(title)
    )
}

fn article(entry: &Entry) -> String {
    let mut parts = vec![format!("<article><h2>{}</h2>", escape(&entry.heading))];
    if let Some(view) = &entry.view {
        if !view.head.is_empty() {
            let row = |(name, value): &(&str, String)| format!("<dt>{name}</dt><dd>{}</dd>", escape(value));
            parts.push(format!("<dl>{}</dl>", each(&view.head, row)));
        }
        parts.push(each(&view.parts, part));
    }
    if let Some(problem) = &entry.problem {
        parts.push(format!("<p class=\"problem\">{}</p>", escape(problem)));
    }
    if !entry.sent.is_empty() {
        let sent = escape(&entry.sent);
        parts.push(format!("<details><summary>what is sent</summary><pre>{sent}</pre></details>"));
    }
    parts.concat() + "</article>"
}

/// The markup of all `items`, one behind the other.
fn each<T>(items: &[T], markup: impl Fn(&T) -> String) -> String {
    items.iter().map(markup).collect::<Vec<_>>().concat()
}

fn part(one: &Part) -> String {
    match one {
        Part::Title(text) => format!("<p><strong>{}</strong></p>", rich(text)),
        Part::Text(text) => format!("<p>{}</p>", rich(text)),
        Part::Facts(facts) => {
            let row =
                |(name, value): &(String, Rich)| format!("<dt>{}</dt><dd>{}</dd>", escape(name), rich(value));
            format!("<dl>{}</dl>", each(facts, row))
        }
        Part::Button { label, url } => format!("<a class=\"button\"{}>{}</a>", target(url), escape(label)),
        Part::Image { alt, url } => format!("<p><a{}>image: {}</a></p>", target(url), escape(alt)),
        Part::Line => "<hr>".to_owned(),
        Part::Bar(color, parts) => {
            let good = color.len() == 7
                && color.starts_with('#')
                && color.chars().skip(1).all(|c| c.is_ascii_hexdigit());
            let style = if good { format!(" style=\"border-color:{color}\"") } else { String::new() };
            format!("<div class=\"bar\"{style}>{}</div>", each(parts, part))
        }
        Part::Html(html) => format!("<iframe sandbox srcdoc=\"{}\"></iframe>", escape(html)),
    }
}

fn rich(text: &Rich) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Plain(text) => escape(text),
        Piece::Bold(text) => format!("<b>{}</b>", escape(text)),
        Piece::Code(text) => format!("<code>{}</code>", escape(text)),
        Piece::Link { label, url } => format!("<a{}>{}</a>", target(url), escape(label)),
    };
    each(&text.0, piece)
}

/// The attribute that makes a link: only addresses of the web and of mail lead anywhere.
fn target(url: &str) -> String {
    let leads = ["https://", "http://", "mailto:"].iter().any(|scheme| url.starts_with(scheme));
    if leads { format!(" href=\"{}\" rel=\"noreferrer\"", escape(url)) } else { String::new() }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_message_becomes_markup() {
        let view = View {
            place: "chat",
            head: vec![("From", "<b>".into())],
            parts: vec![
                Part::Text(Rich::slack("<script> <javascript:alert(1)|x>")),
                Part::Bar("red;} body{".into(), vec![Part::Html("\"><script>".into())]),
                Part::Button { label: "\"".into(), url: "javascript:x".into() },
            ],
        };
        let entry = Entry { heading: "<h>".into(), view: Some(view), sent: "</pre>".into(), problem: None };
        let page = page("<t>", &[entry]);
        assert!(
            !page.contains("<script") && !page.contains("href=\"javascript") && !page.contains("body{\""),
            "{page}"
        );
        assert!(
            page.contains("&lt;/pre&gt;") && page.contains("sandbox srcdoc=\"&quot;&gt;&lt;script"),
            "{page}"
        );
    }
}

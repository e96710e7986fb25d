//! The template section of alertmanager: labels, annotations and the link of one alert (services 2.16).

use dodona_value::url::Url;
use serde_json::Value;

use crate::delivery::section::object;
use crate::delivery::template::Text;
use crate::delivery::text_map::TextMap;
use crate::model::{Node, NodeError, Section, SectionContext, SectionError};

/// Where the link leads if the template does not say.
const DEFAULT_LINK: &str = "{{.app.spec.source.repoURL}}";

struct Alert {
    /// The template's name: the alert's where the labels have none.
    name: String,
    labels: TextMap,
    annotations: TextMap,
    link: Text,
    /// Whether the alert is over (EXT).
    resolved: Text,
}

pub(super) fn compile(template: &str, section: &Node) -> Result<Box<dyn Section>, NodeError> {
    let fields = section.fields()?;
    let map = |name: &str| TextMap::compile(template, fields.get(name)).map_err(|error| error.inside(name));
    let text = |name: &str, default: &str| {
        let source = fields.text(name)?;
        let source = if source.is_empty() { default } else { &source };
        Text::from_source(template, source).map_err(|message| fields.error(name, message))
    };
    Ok(Box::new(Alert {
        name: template.to_owned(),
        labels: map("labels")?,
        annotations: map("annotations")?,
        link: text("generatorURL", DEFAULT_LINK)?,
        resolved: text("resolved", "")?,
    }))
}

impl Section for Alert {
    fn render(&self, context: &mut SectionContext<'_>, into: &mut Value) -> Result<(), SectionError> {
        if self.labels.is_empty() {
            let message = "at least one label pair required".to_owned();
            return Err(SectionError { field: "labels".to_owned(), message });
        }
        // With all of them empty the name is left, which is a label too.
        let mut labels = self.labels.render_filled("labels", context)?;
        labels.entry("alertname").or_insert_with(|| self.name.clone().into());
        let annotations = self.annotations.render_filled("annotations", context)?;
        let link = web_address(&self.link.render("generatorURL", context)?)
            .map_err(|message| SectionError { field: "generatorURL".to_owned(), message })?;
        let resolved = self.resolved.render("resolved", context)?;
        let now = context.runtime.clock.now();
        let now = jiff::Timestamp::new(now.unix_seconds(), i32::try_from(now.nanosecond()).unwrap_or(0));
        let into = object(into);
        into.insert("labels".to_owned(), labels.into());
        if !self.annotations.is_empty() {
            into.insert("annotations".to_owned(), annotations.into());
        }
        into.entry("annotations").or_insert(Value::Null);
        if !link.is_empty() || !into.contains_key("generatorURL") {
            into.insert("generatorURL".to_owned(), link.into());
        }
        into.shift_remove("resolved");
        if matches!(resolved.trim(), "true" | "yes" | "1") {
            into.insert("resolved".to_owned(), true.into());
        }
        into.insert("startsAt".to_owned(), now.map(|now| now.to_string()).unwrap_or_default().into());
        Ok(())
    }

    fn mentions(&self, name: &str) -> bool {
        self.labels.mentions(name)
            || self.annotations.mentions(name)
            || self.link.mentions(name)
            || self.resolved.mentions(name)
    }
}

/// `git@host:org/repo` is the page `https://host/org/repo`. What is no absolute URL is left out, as Alertmanager refuses it
/// (services 2.16, FIX); what is no URL at all is an error, as upstream has it.
fn web_address(link: &str) -> Result<String, String> {
    let link = match link.strip_prefix("git@") {
        Some(rest) => format!("https://{}", rest.replacen(':', "/", 1)),
        None => link.to_owned(),
    };
    let url = Url::parse(link.as_bytes()).map_err(|error| format!("`{link}` is no URL: {error}"))?;
    let absolute = !url.scheme.is_empty() && !url.host.is_empty();
    Ok(if absolute { link } else { String::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_absolute_absent_or_refused() {
        for (link, expected) in [
            ("https://h/x?a=1&b=2", Ok::<_, String>("https://h/x?a=1&b=2")),
            ("git@h.example:org/re:po.git", Ok("https://h.example/org/re:po.git")),
            ("ssh://git@h/x", Ok("ssh://git@h/x")),
            ("<no value>", Ok("")),
            ("/x/y", Ok("")),
            ("x/y:z", Ok("")),
            ("mailto:ann@example.org", Ok("")),
            ("http://", Ok("")),
            ("", Ok("")),
        ] {
            assert_eq!(web_address(link), expected.map(ToOwned::to_owned), "{link}");
        }
        for link in [
            "http://[::1",
            "http://h:port/",
            ":x",
            "a b:c",
            "x/%zz",
            "http://h/%zz",
            " http://h",
            "http://h/\u{1}",
        ] {
            assert!(web_address(link).is_err(), "{link}");
        }
    }
}

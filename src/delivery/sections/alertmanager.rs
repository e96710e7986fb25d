//! alertmanager: labels, annotations and the link of one alert (services 2.16).

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
}

pub(super) fn compile(template: &str, section: &Node) -> Result<Box<dyn Section>, NodeError> {
    let fields = section.fields()?;
    let map = |name: &str| TextMap::compile(template, fields.get(name)).map_err(|error| error.inside(name));
    let link = fields.text("generatorURL")?;
    let link = Text::from_source(template, if link.is_empty() { DEFAULT_LINK } else { &link });
    Ok(Box::new(Alert {
        name: template.to_owned(),
        labels: map("labels")?,
        annotations: map("annotations")?,
        link: link.map_err(|message| fields.error("generatorURL", message))?,
    }))
}

impl Section for Alert {
    fn render(&self, context: &mut SectionContext<'_>, into: &mut Value) -> Result<(), SectionError> {
        let mut labels = self.labels.render_filled("labels", context)?;
        if labels.is_empty() {
            let message = "at least one label pair required".to_owned();
            return Err(SectionError { field: "labels".to_owned(), message });
        }
        labels.entry("alertname").or_insert_with(|| self.name.clone().into());
        let annotations = self.annotations.render_filled("annotations", context)?;
        let link = web_address(&self.link.render("generatorURL", context)?);
        let now = context.runtime.clock.now();
        let now = jiff::Timestamp::new(now.unix_seconds(), i32::try_from(now.nanosecond()).unwrap_or(0));
        let into = object(into);
        into.insert("labels".to_owned(), labels.into());
        if !annotations.is_empty() {
            into.insert("annotations".to_owned(), annotations.into());
        }
        into.entry("annotations").or_insert(Value::Null);
        if !link.is_empty() || !into.contains_key("generatorURL") {
            into.insert("generatorURL".to_owned(), link.into());
        }
        into.insert("startsAt".to_owned(), now.map(|now| now.to_string()).unwrap_or_default().into());
        Ok(())
    }

    fn mentions(&self, name: &str) -> bool {
        self.labels.mentions(name) || self.annotations.mentions(name) || self.link.mentions(name)
    }
}

/// `git@host:org/repo` is the page `https://host/org/repo`; what is no address of the web is left out (services 2.16, FIX).
fn web_address(link: &str) -> String {
    let link = match link.strip_prefix("git@").and_then(|rest| rest.split_once(':')) {
        Some((host, path)) => format!("https://{host}/{path}"),
        None => link.to_owned(),
    };
    if url::Url::parse(&link).is_ok_and(|url| url.has_host()) { link } else { String::new() }
}

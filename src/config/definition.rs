//! Triggers and templates as they are defined, for the command line: upstream's fields in upstream's order, what is empty
//! left out where upstream leaves it out (core 7.2.5).
//!
//! This is about texts only. What runs is compiled elsewhere from the same texts; nothing here may fail for a key that loads.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Config, legacy, trigger, yaml};
use crate::engine::ConditionText;
use crate::model::{Fields, Node, NodeError, NodeKind};

/// The definitions in force, by name.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    /// The conditions of each trigger; `None` where its text is `null`, which upstream prints as such.
    pub triggers: BTreeMap<String, Option<Vec<ConditionText>>>,
    /// The fields of each template.
    pub templates: BTreeMap<String, Value>,
}

impl Config {
    /// What is defined: the last good text of every trigger and template, the presets and the bundle of v0.x included.
    pub fn definitions(&self) -> Definitions {
        let mut found = Definitions::default();
        for (key, text) in &self.texts {
            if let Some(name) = key.strip_prefix("trigger.") {
                found.triggers.extend(trigger::texts(text).map(|texts| (name.to_owned(), texts)));
            } else if let Some(name) = key.strip_prefix("template.") {
                let defined = yaml::parse_node(text).and_then(|node| template(&node));
                found.templates.extend(defined.map(|defined| (name.to_owned(), defined)));
            }
        }
        if let Some(text) = self.texts.get("config.yaml") {
            legacy::define(text, &mut found);
        }
        found
    }
}

/// One condition as upstream prints it.
pub fn condition(text: &ConditionText) -> Value {
    let mut fields = Map::new();
    let texts = [("oncePer", &text.once_per), ("when", &text.when), ("description", &text.description)];
    for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        fields.insert(name.to_owned(), text.clone().into());
    }
    if !text.send.is_empty() {
        fields.insert("send".to_owned(), text.send.clone().into());
    }
    Value::Object(fields)
}

/// The fields of the template `node`.
pub(super) fn template(node: &Node) -> Result<Value, NodeError> {
    object(node.fields()?, NOTIFICATION)
}

/// A field of a template or of one of its parts.
struct Field {
    name: &'static str,
    shape: Shape,
    /// Whether it is printed even if it is empty.
    shown: bool,
}

/// What a field holds.
enum Shape {
    Text,
    /// A text with one that takes its place where it is empty.
    TextOr(&'static str),
    /// One of these texts; the first one for any other.
    OneOf(&'static [&'static str]),
    Flag,
    /// A boolean that is printed where it is given.
    GivenFlag,
    Texts,
    /// Text to text.
    Pairs,
    /// A part that is printed where it is given.
    Part(&'static [Field]),
    /// A list of parts.
    Parts(&'static [Field]),
    /// Parts by a name of the user's.
    Named(&'static [Field]),
}

impl Field {
    const fn of(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, shown: false }
    }

    const fn text(name: &'static str) -> Self {
        Self::of(name, Shape::Text)
    }

    const fn part(name: &'static str, fields: &'static [Self]) -> Self {
        Self::of(name, Shape::Part(fields))
    }

    const fn shown(self) -> Self {
        Self { name: self.name, shape: self.shape, shown: true }
    }
}

const ATTACHMENTS: &[Field] = &[Field::text("attachments")];

const SLACK: &[Field] = &[
    Field::text("username"),
    Field::text("icon"),
    Field::text("attachments"),
    Field::text("blocks"),
    Field::text("groupingKey").shown(),
    Field::of("notifyBroadcast", Shape::Flag).shown(),
    Field::of("deliveryPolicy", Shape::OneOf(&["Post", "PostAndUpdate", "Update"])).shown(),
];

const TEAMS_WORKFLOWS: &[Field] = &[
    Field::text("template"),
    Field::text("title"),
    Field::text("summary"),
    Field::text("text"),
    Field::text("themeColor"),
    Field::text("facts"),
    Field::text("sections"),
    Field::text("potentialAction"),
    Field::text("adaptiveCard"),
];

/// The same without the card, which comes last.
const TEAMS: &[Field] = match TEAMS_WORKFLOWS {
    [fields @ .., _card] => fields,
    [] => &[],
};

const PERSON: &[Field] =
    &[Field::text("type").shown(), Field::text("name"), Field::text("id"), Field::text("username").shown()];

const OPSGENIE: &[Field] = &[
    Field::text("description").shown(),
    Field::text("priority"),
    Field::text("alias"),
    Field::text("note"),
    Field::of("actions", Shape::Texts),
    Field::of("tags", Shape::Texts),
    Field::of("details", Shape::Pairs),
    Field::text("entity"),
    Field::of("visibleTo", Shape::Parts(PERSON)),
    Field::text("user"),
];

const GITHUB: &[Field] = &[
    Field::part("status", &[Field::text("state"), Field::text("label"), Field::text("targetURL")]),
    Field::part(
        "deployment",
        &[
            Field::text("state"),
            Field::text("environment"),
            Field::text("environmentURL"),
            Field::text("logURL"),
            Field::of("requiredContexts", Shape::Texts).shown(),
            Field::of("autoMerge", Shape::GivenFlag),
            Field::of("transientEnvironment", Shape::GivenFlag),
            Field::text("reference"),
        ],
    ),
    Field::part("pullRequestComment", &[Field::text("content"), Field::text("commentTag")]),
    Field::of("repoURLPath", Shape::TextOr("{{.app.spec.source.repoURL}}")),
    Field::of("revisionPath", Shape::TextOr("{{.app.status.operationState.syncResult.revision}}")),
    Field::part(
        "checkRun",
        &[
            Field::text("name"),
            Field::text("details_url"),
            Field::text("status"),
            Field::text("conclusion"),
            Field::text("started_at"),
            Field::text("completed_at"),
            Field::part("output", &[Field::text("title"), Field::text("summary"), Field::text("text")]),
        ],
    ),
    Field::part("repositoryDispatch", &[Field::text("event_type"), Field::text("client_payload")]),
];

const NOTIFICATION: &[Field] = &[
    Field::text("message"),
    Field::part(
        "awssqs",
        &[Field::of("messageAttributes", Shape::Pairs).shown(), Field::text("messageGroupId")],
    ),
    Field::part("gcppubsub", &[Field::of("attributes", Shape::Pairs)]),
    Field::part("email", &[Field::text("subject"), Field::text("body")]),
    Field::part("slack", SLACK),
    Field::part("mattermost", ATTACHMENTS),
    Field::part("rocketchat", ATTACHMENTS),
    Field::part("teams", TEAMS),
    Field::part("teams-workflows", TEAMS_WORKFLOWS),
    Field::of(
        "webhook",
        Shape::Named(&[
            Field::text("method").shown(),
            Field::text("body").shown(),
            Field::text("path").shown(),
        ]),
    ),
    Field::part("opsgenie", OPSGENIE),
    Field::part("github", GITHUB),
    Field::part(
        "alertmanager",
        &[
            Field::of("labels", Shape::Pairs).shown(),
            Field::of("annotations", Shape::Pairs).shown(),
            Field::text("generatorURL").shown(),
            Field::of("startsAt", Shape::TextOr("0001-01-01T00:00:00Z")),
        ],
    ),
    Field::part(
        "googlechat",
        &[Field::text("cards").shown(), Field::text("cardsV2").shown(), Field::text("threadKey")],
    ),
    Field::part(
        "pagerduty",
        &[
            Field::text("title").shown(),
            Field::text("body"),
            Field::text("urgency"),
            Field::text("priorityId"),
        ],
    ),
    Field::part(
        "pagerdutyv2",
        &[
            Field::text("summary").shown(),
            Field::text("severity").shown(),
            Field::text("source").shown(),
            Field::text("component"),
            Field::text("group"),
            Field::text("class"),
            Field::text("url").shown(),
            Field::text("dedupKey"),
        ],
    ),
    Field::part(
        "newrelic",
        &[
            Field::text("revision").shown(),
            Field::text("changelog"),
            Field::text("description"),
            Field::text("user"),
        ],
    ),
];

/// The fields that are there or always shown. The depth of the tables bounds the recursion.
fn object(given: Fields<'_>, fields: &[Field]) -> Result<Value, NodeError> {
    let mut out = Map::new();
    for field in fields {
        let node = given.get(field.name).filter(|node| !node.is_null());
        let value = value(&field.shape, node).map_err(|error| error.inside(field.name))?;
        let value = match value {
            None if field.shown => absent(&field.shape),
            None => continue,
            Some(Value::Array(items)) if items.is_empty() && !field.shown => continue,
            // An empty part is there, as it counts as given (core 1.6.1); an empty map is not.
            Some(Value::Object(pairs))
                if pairs.is_empty() && !field.shown && matches!(field.shape, Shape::Pairs) =>
            {
                continue;
            }
            Some(value) => value,
        };
        out.insert(field.name.to_owned(), value);
    }
    Ok(Value::Object(out))
}

/// What stands for nothing in a field that is always printed.
fn absent(shape: &Shape) -> Value {
    match shape {
        Shape::Flag => false.into(),
        Shape::Texts | Shape::Pairs | Shape::Parts(_) | Shape::Part(_) | Shape::Named(_) => Value::Null,
        _ => "".into(),
    }
}

/// The value of a field; nothing where upstream would leave the field out.
fn value(shape: &Shape, node: Option<&Node>) -> Result<Option<Value>, NodeError> {
    let text = |node: Option<&Node>| match node.map(|node| (&node.kind, node)) {
        None => Ok(None),
        // An extension: a structure where upstream has JSON as a text.
        Some((NodeKind::List(_) | NodeKind::Map(_), node)) => Ok(Some(node.to_json())),
        Some((_, node)) => node.text().map(|text| (!text.is_empty()).then(|| Value::from(text))),
    };
    match (shape, node) {
        (Shape::Text, node) => text(node),
        (Shape::TextOr(default), node) => Ok(text(node)?.or_else(|| Some((*default).into()))),
        (Shape::OneOf(words), node) => {
            let given = node.map(Node::text).transpose()?.unwrap_or_default();
            let known = words.iter().find(|word| **word == given).or(words.first());
            Ok(known.map(|word| (*word).into()))
        }
        (_, None) => Ok(None),
        (Shape::Flag, Some(node)) => node.bool().map(|flag| flag.then(|| true.into())),
        (Shape::GivenFlag, Some(node)) => node.bool().map(|flag| Some(flag.into())),
        (Shape::Texts, Some(node)) => node.text_list().map(|texts| Some(texts.into())),
        (Shape::Pairs, Some(node)) => {
            let pairs = node.text_map()?.into_iter().map(|(key, text)| (key, text.into()));
            Ok(Some(Value::Object(pairs.collect::<BTreeMap<String, Value>>().into_iter().collect())))
        }
        (Shape::Part(fields), Some(node)) => object(node.fields()?, fields).map(Some),
        (Shape::Parts(fields), Some(node)) => {
            let items = node.items()?.iter().enumerate();
            let part = |(index, item): (usize, &Node)| {
                item.fields().and_then(|item| object(item, fields)).map_err(|error| error.item(index))
            };
            let items: Vec<Value> = items.map(part).collect::<Result<_, _>>()?;
            Ok(Some(items.into()))
        }
        (Shape::Named(fields), Some(node)) => {
            let mut named = BTreeMap::new();
            for (key, item) in node.fields()?.iter() {
                let part = item.fields().and_then(|item| object(item, fields));
                named.insert(key.text.clone(), part.map_err(|error| error.inside(&key.text))?);
            }
            Ok((!named.is_empty()).then(|| Value::Object(named.into_iter().collect())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::yaml::parse_node;
    use crate::config::{BuildOptions, Config};
    use crate::model::Settings;

    fn printed(text: &str) -> String {
        template(&parse_node(text).unwrap()).unwrap().to_string()
    }

    /// Core 7.2.5.
    #[test]
    fn fields_stand_in_upstreams_order_and_empty_ones_are_left_out() {
        for (text, json) in [
            ("{}", "{}"),
            ("slack: {}", r#"{"slack":{"groupingKey":"","notifyBroadcast":false,"deliveryPolicy":"Post"}}"#),
            (
                "slack:\nemail: {body: b, subject: s}\nmessage: m",
                r#"{"message":"m","email":{"subject":"s","body":"b"}}"#,
            ),
            ("email: {}", r#"{"email":{}}"#),
            ("webhook: {}", "{}"),
            ("webhook: {x: }", r#"{"webhook":{"x":{"method":"","body":"","path":""}}}"#),
            ("awssqs: {}", r#"{"awssqs":{"messageAttributes":null}}"#),
            ("awssqs: {messageAttributes: {}}", r#"{"awssqs":{"messageAttributes":{}}}"#),
            ("opsgenie: {actions: [], details: {}}", r#"{"opsgenie":{"description":""}}"#),
            (
                "github: {deployment: {autoMerge: false}}",
                r#"{"github":{"deployment":{"requiredContexts":null,"autoMerge":false},"repoURLPath":"{{.app.spec.source.repoURL}}","revisionPath":"{{.app.status.operationState.syncResult.revision}}"}}"#,
            ),
            ("message: 010", r#"{"message":"8"}"#),
        ] {
            assert_eq!(printed(text), json, "{text}");
        }
    }

    /// A bundle of v0.x changes the first condition, and its templates replace those of their names (core 1.8).
    #[test]
    fn the_legacy_bundle_is_part_of_what_is_defined() {
        let keys = [
            ("trigger.a", "[{when: x == 1, send: [t]}, {when: y == 1}]"),
            ("trigger.none", "null"),
            (
                "config.yaml",
                "triggers: [{name: a, condition: z == 1}, {name: b, condition: w == 1, template: t}]\ntemplates: [{name: t, subject: s, body: b}]",
            ),
        ];
        let data = keys.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
        let settings = Settings { config_map: Some(data), secret: None };
        let options = BuildOptions { legacy: true, ..BuildOptions::default() };
        let found = Config::build(&settings, None, &options).definitions();
        let print = |name: &str| -> Option<String> {
            let conditions = found.triggers.get(name)?.as_ref()?;
            Some(conditions.iter().map(condition).collect::<Value>().to_string())
        };
        assert_eq!(print("a").unwrap(), r#"[{"when":"z == 1","send":["t"]},{"when":"y == 1"}]"#);
        assert_eq!(print("b").unwrap(), r#"[{"when":"w == 1","send":["t"]}]"#);
        assert!(found.triggers["none"].is_none());
        assert_eq!(found.templates["t"].to_string(), r#"{"message":"b","email":{"subject":"s"}}"#);
    }
}

//! The key grammar of the ConfigMap (core 1.2): what a key is about, by its name alone.

/// What a key of the ConfigMap is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// `template.<name>`; the name keeps its dots.
    Template(&'a str),
    /// `trigger.<name>`; the name keeps its dots.
    Trigger(&'a str),
    /// `service.<type>` or `service.<type>.<name>`.
    Service {
        /// Its type.
        kind: &'a str,
        /// Its name; the type where none is given.
        name: &'a str,
    },
    /// `service.` with another number of parts.
    MalformedService,
    /// `subscriptions`.
    Subscriptions,
    /// `defaultTriggers`.
    DefaultTriggers,
    /// `defaultTriggers.<service>`; the name keeps its dots.
    DefaultTriggersOf(&'a str),
    /// `context` (core 1.7).
    Context,
    /// `presets`: an extension under a name that upstream ignores.
    Presets,
    /// `config.yaml`, the legacy bundle (core 1.8).
    Legacy,
    /// Anything else: ignored by upstream, and by us.
    Other,
}

impl<'a> Key<'a> {
    /// Reads `key`.
    pub fn parse(key: &'a str) -> Self {
        if let Some(name) = key.strip_prefix("template.") {
            return Self::Template(name);
        }
        if let Some(rest) = key.strip_prefix("service.") {
            return match rest.split_once('.') {
                None => Self::Service { kind: rest, name: rest },
                Some((_, name)) if name.contains('.') => Self::MalformedService,
                Some((kind, name)) => Self::Service { kind, name },
            };
        }
        if let Some(name) = key.strip_prefix("trigger.") {
            return Self::Trigger(name);
        }
        if let Some(service) = key.strip_prefix("defaultTriggers.") {
            return Self::DefaultTriggersOf(service);
        }
        match key {
            "subscriptions" => Self::Subscriptions,
            "defaultTriggers" => Self::DefaultTriggers,
            "context" => Self::Context,
            "presets" => Self::Presets,
            "config.yaml" => Self::Legacy,
            _ => Self::Other,
        }
    }

    /// What upstream's log says before an error about the value (core 1.5.9); empty where it says nothing of its own.
    pub fn failure(self) -> String {
        match self {
            Self::Template(name) => format!("failed to unmarshal template {name}: "),
            Self::Trigger(name) => format!("failed to unmarshal trigger {name}: "),
            Self::Service { kind, .. } => format!("failed to render service configuration {kind}: "),
            Self::DefaultTriggers => "failed to unmarshal default triggers: ".to_owned(),
            Self::DefaultTriggersOf(service) => format!("failed to unmarshal default trigger {service}: "),
            _ => String::new(),
        }
    }
}

/// The key that was probably meant by one that nobody reads; `None` if it resembles none.
pub fn probably_meant(key: &str) -> Option<String> {
    const SPELLINGS: &[(&str, &str)] = &[
        ("templates", "template"),
        ("triggers", "trigger"),
        ("services", "service"),
        ("notifiers", "service"),
        ("notifier", "service"),
        ("defaulttrigger", "defaultTriggers"),
        ("defaulttriggers", "defaultTriggers"),
        ("default-triggers", "defaultTriggers"),
        ("subscription", "subscriptions"),
        ("subscriptions", "subscriptions"),
        ("contexts", "context"),
        ("context", "context"),
        ("preset", "presets"),
        ("presets", "presets"),
        ("template", "template"),
        ("trigger", "trigger"),
        ("service", "service"),
    ];
    let (head, tail) = key.split_once('.').map_or((key, None), |(head, tail)| (head, Some(tail)));
    let lower = head.to_ascii_lowercase();
    let meant = SPELLINGS.iter().find(|(spelling, _)| *spelling == lower)?.1;
    match (meant, tail) {
        ("template" | "trigger" | "service", None) => Some(format!("{meant}.<name>")),
        ("template" | "trigger" | "service" | "defaultTriggers", Some(tail)) => {
            Some(format!("{meant}.{tail}"))
        }
        _ => Some(meant.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_decides_and_names_keep_their_dots() {
        let cases = [
            ("template.a.b", Key::Template("a.b")),
            ("template.", Key::Template("")),
            ("trigger.on-x.y", Key::Trigger("on-x.y")),
            ("trigger.", Key::Trigger("")),
            ("service.slack", Key::Service { kind: "slack", name: "slack" }),
            ("service.slack.one", Key::Service { kind: "slack", name: "one" }),
            ("service.", Key::Service { kind: "", name: "" }),
            ("service.webhook.a.b", Key::MalformedService),
            ("subscriptions", Key::Subscriptions),
            ("subscriptions.x", Key::Other),
            ("defaultTriggers", Key::DefaultTriggers),
            ("defaultTriggers.a.b", Key::DefaultTriggersOf("a.b")),
            ("context", Key::Context),
            ("presets", Key::Presets),
            ("config.yaml", Key::Legacy),
            ("template", Key::Other),
            ("Template.x", Key::Other),
        ];
        for (key, expected) in cases {
            assert_eq!(Key::parse(key), expected, "{key}");
        }
    }

    #[test]
    fn misspelled_keys_are_recognised() {
        assert_eq!(probably_meant("templates.x").as_deref(), Some("template.x"));
        assert_eq!(probably_meant("Trigger.on-x").as_deref(), Some("trigger.on-x"));
        assert_eq!(probably_meant("service").as_deref(), Some("service.<name>"));
        assert_eq!(probably_meant("subscription").as_deref(), Some("subscriptions"));
        assert_eq!(probably_meant("default-triggers.slack").as_deref(), Some("defaultTriggers.slack"));
        assert_eq!(probably_meant("something"), None);
    }
}

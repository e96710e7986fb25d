//! The table of rules. The docs page, SARIF's list and the comments that allow a rule go by it; what a rule looks at is in
//! the file of its family, or in `config` where the loader sees it.

use crate::model::Severity;

/// One rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, as it is printed and allowed.
    pub name: &'static str,
    /// Errors never work or are refused; warnings load and probably disappoint.
    pub severity: Severity,
    /// What it finds, in one sentence without a full stop.
    pub summary: &'static str,
}

const fn error(name: &'static str, summary: &'static str) -> Rule {
    Rule { name, severity: Severity::Error, summary }
}

const fn warning(name: &'static str, summary: &'static str) -> Rule {
    Rule { name, severity: Severity::Warning, summary }
}

/// All rules, in the order of the docs page.
pub const RULES: &[Rule] = &[
    error("yaml-syntax", "A text is no YAML"),
    warning("yaml-duplicate-key", "A key is given twice, and only the last one counts"),
    warning("yaml-tag", "A text begins with `!`, which YAML takes for a tag and drops"),
    warning("yaml-trailing", "Text behind the end of the value is ignored"),
    warning("yaml-scalar", "YAML reads a plain word or number as something else, such as `yes` as `true`"),
    error("manifest", "An object cannot be applied: a value that has to be text or base64 is none"),
    warning("config-name", "A ConfigMap has nearly the name that is read, and is read by nobody"),
    error("invalid-value", "The value of a key has the wrong shape and is refused"),
    warning("unknown-key", "Nobody reads this key of the ConfigMap"),
    warning("deprecated-bundle", "`config.yaml` or `notifiers.yaml` of v0.x is used"),
    error("unknown-preset", "`presets` names a set that does not exist"),
    error("expression", "A condition does not compile"),
    warning("list-expected", "One value stands where a list belongs; upstream refuses it"),
    warning("unknown-field", "A field of a condition that nobody reads"),
    warning("empty-send", "A condition sends no template"),
    error("unknown-template", "`send` names a template that does not exist"),
    error("when-missing", "A condition of Argo CD has no `when` and never holds"),
    error("when-not-boolean", "`when` is never a boolean, so it never holds"),
    warning("when-is-field", "`when` is a mere field, which holds only if it is a boolean"),
    warning("when-constant", "`when` is always the same, and nothing limits how often it is told"),
    error("unknown-variable", "A condition or template names a variable that does not exist"),
    warning(
        "misspelled-field",
        "A path has a field that is never there, and one that reads nearly the same is",
    ),
    error("unknown-value", "A field is compared with a value that it never has"),
    warning("unguarded-path", "A condition looks into a field that may be absent, and fails where it is"),
    warning("once-per-revision", "`oncePer` is the same for ever for an Application with several sources"),
    error("template-syntax", "A text cannot be used as a template"),
    warning("unknown-section", "A section of a template that nobody reads"),
    warning("json-unescaped", "Free text is put into JSON without being escaped"),
    error("json-invalid", "A text that has to be JSON is none"),
    warning("template-fails", "A template cannot be rendered for any sample object"),
    warning(
        "multi-source",
        "A template cannot be rendered, or shows nothing, for an Application with several sources",
    ),
    warning("helm-braces", "Braces are escaped for Helm, and this is no Helm chart"),
    warning("webhook-method", "A webhook block has no method, so a GET with a body is sent"),
    warning("webhook-block", "A message goes to a webhook for which its template has no block"),
    error("service-key", "A service key has too many parts"),
    error("unsupported-service", "A service has a type that does not exist"),
    warning("service-setting", "A setting of a service loads and probably disappoints"),
    warning("same-service-name", "Two services have one name, and only one of them counts"),
    error("missing-secret", "`$name` is not a key of the Secret"),
    warning("secret-in-config", "A credential stands in the ConfigMap in plain text"),
    warning("retired-receiver", "A service sends to an address that its owner has switched off"),
    error("selector", "The selector of a subscription is no label selector"),
    warning("singular-trigger", "A subscription says `trigger` where `triggers` is read"),
    warning("no-recipients", "A subscription has no recipients and does nothing"),
    error("unknown-trigger", "A subscription names a trigger that does not exist"),
    error("unknown-service", "A subscription names a service that does not exist"),
    warning("no-default-trigger", "A subscription names no trigger, and there are no default triggers"),
    warning("missing-recipient", "A subscription names no recipient, and its service needs one"),
    warning("recipient-list", "Several recipients stand in one, with commas between them"),
    warning(
        "annotation-key",
        "An annotation looks like a subscription and is read differently, or not at all",
    ),
    error("annotation-length", "The name of an annotation is longer than Kubernetes allows"),
    error("annotation-value", "The list of subscriptions in an annotation cannot be read"),
    warning("legacy-annotation", "An annotation of v0.x subscribes the object"),
    warning("unknown-rule", "A comment allows a rule that does not exist"),
];

/// The rule called `name`.
pub fn rule(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_given_once() {
        let mut names: Vec<_> = RULES.iter().map(|rule| rule.name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}

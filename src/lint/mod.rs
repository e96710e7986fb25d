//! `dodona lint`: what is wrong with a configuration and with the subscriptions of objects, seen in their text.
//!
//! Errors are what the loader refuses or what can never work; warnings are what loads and probably disappoints. What the
//! loader finds is taken from [`crate::config`], which knows the place; the families of rules here look at what loads:
//! `conditions`, `templates`, `services`, `subscriptions`, `scalars`. Nothing here reads files, asks a cluster or prints.

mod allow;
mod annotations;
mod conditions;
mod facts;
mod groups;
mod loader;
mod manifest;
pub mod report;
mod rules;
mod samples;
mod scalars;
mod services;
mod subscriptions;
mod templates;

use std::sync::Arc;

pub use rules::{RULES, Rule, rule};

use crate::binding::Binding;
use crate::model::{Position, Severity};
use allow::Allowed;
use manifest::Manifest;

/// A file, or whatever else has a text of manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What it is called in findings.
    pub name: String,
    /// Manifests in YAML or JSON, any number of them.
    pub text: String,
}

/// Something that is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule that it breaks.
    pub rule: &'static Rule,
    /// Name of the source.
    pub file: String,
    /// Where in the source.
    pub at: Position,
    /// The object, or the key of the ConfigMap, and where inside it: `trigger.on-x: [0].send`.
    pub subject: String,
    /// What is wrong and what to do; lower case, no full stop.
    pub message: String,
}

/// What came out.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Everything found, by source and place; what comments allow is left out.
    pub findings: Vec<Finding>,
    /// How many objects were looked at.
    pub manifests: usize,
}

impl Outcome {
    /// How many errors and how many warnings there are.
    pub fn counts(&self) -> (usize, usize) {
        let errors = self.findings.iter().filter(|one| one.rule.severity == Severity::Error).count();
        (errors, self.findings.len() - errors)
    }
}

/// Findings under collection.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    /// Adds one; `at` is a place in the document of `manifest`.
    fn add(
        &mut self,
        rule_name: &str,
        manifest: &Manifest<'_>,
        at: Position,
        subject: &str,
        message: impl Into<String>,
    ) {
        // A name that is not in the table is a mistake of this program; the findings' tests go over all names.
        let Some(rule) = rule(rule_name) else { return };
        let file = manifest.file.to_owned();
        let at = manifest.place(at);
        self.0.push(Finding { rule, file, at, subject: subject.to_owned(), message: message.into() });
    }
}

/// Looks at all of `sources` together: names that one file uses may be defined in another.
///
/// `bindings` are the kinds that are known besides `app` and `rollout`; `presets` is what a ConfigMap that names none brings in.
pub fn lint(sources: &[Source], bindings: &[Arc<dyn Binding>], presets: &str) -> Outcome {
    let mut findings = Findings::default();
    let mut manifests = Vec::new();
    let mut allowed = Vec::new();
    for source in sources {
        manifests.extend(manifest::read(source, &mut findings));
        let comments = Allowed::read(source, &mut findings);
        if !comments.is_empty() {
            allowed.push((source.name.as_str(), comments));
        }
    }
    let bindings = facts::all(bindings);
    let configurations = groups::configurations(&manifests, &bindings, presets, &mut findings);
    for configuration in &configurations {
        loader::check(configuration, &mut findings);
        scalars::check(configuration, &mut findings);
        conditions::check(configuration, &mut findings);
        templates::check(configuration, &mut findings);
        services::check(configuration, &mut findings);
        subscriptions::check(configuration, &mut findings);
    }
    for manifest in &manifests {
        annotations::check(manifest, &configurations, &bindings, &mut findings);
    }
    let mut findings = findings.0;
    findings.retain(|finding| {
        let comments = allowed.iter().find(|(file, _)| *file == finding.file);
        comments.is_none_or(|(_, comments)| !comments.allows(finding))
    });
    let order =
        |one: &Finding| (one.file.clone(), one.at.line, one.at.column, one.rule.name, one.message.clone());
    findings.sort_by_cached_key(order);
    findings.dedup();
    Outcome { findings, manifests: manifests.len() }
}

/// The built-in bindings and `more`.
pub fn bindings(more: &[Arc<dyn Binding>]) -> Vec<Arc<dyn Binding>> {
    let mut all: Vec<_> = facts::all(more).into_iter().map(|facts| facts.binding).collect();
    // The one of which nothing is known.
    all.pop();
    all
}

//! What the repo server said, as values of the languages (core 4.3).
//!
//! Where it could not be asked the same shapes are there with a mark in their fields, so that the message leaves and shows what is
//! missing.

use std::any::Any;

use dodona_value::{CallCx, CallError, GoType, Host, List, Signature, Str, Time, Value, Zone};

use super::wire::{AppDetails, HelmDetails, HelmFileParameter, HelmParameter, RevisionMetadata};

/// What stands in the place of a text that is not known.
pub const MARK: &str = "(not available: the repo server did not answer)";

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    Commit(RevisionMetadata),
    Details {
        found: AppDetails,
        /// Parameters that the Application sets over those of the chart.
        overrides: Vec<HelmParameter>,
    },
}

impl Answer {
    pub(super) fn to_value(&self, zone: &Zone) -> Value {
        match self {
            Self::Commit(commit) => commit_value(commit, zone),
            Self::Details { found, overrides } => details_value(found, overrides),
        }
    }
}

/// The shape of the answer to `function` with marks for what is not known.
pub(super) fn marked(function: &str, zone: &Zone) -> Value {
    let mark = || MARK.to_owned();
    if function == "GetCommitMetadata" {
        let unknown = RevisionMetadata { author: mark(), message: mark(), date: None, tags: Vec::new() };
        return commit_value(&unknown, zone);
    }
    let helm = HelmDetails { name: mark(), values: mark(), ..HelmDetails::default() };
    let mut details = Struct::new("shared.AppDetail");
    details.push("Type", MARK.into());
    details.push("Helm", Value::host(Helm::new(&helm, &[], true)));
    details.push("Kustomize", kustomize_value(&[mark()]));
    details.push("Directory", Value::host(Struct::new("*apiclient.DirectoryAppSpec")));
    Value::host(details)
}

fn commit_value(commit: &RevisionMetadata, zone: &Zone) -> Value {
    let date = commit
        .date
        .map_or_else(Time::zero, |date| Time::unix(date.seconds, i64::from(date.nanos), zone.clone()));
    let mut value = Struct::new("shared.CommitMetadata");
    value.push("Message", text(&commit.message));
    value.push("Author", text(&commit.author));
    value.push("Date", Value::Time(date));
    value.push("Tags", texts(&commit.tags));
    Value::host(value)
}

fn details_value(found: &AppDetails, overrides: &[HelmParameter]) -> Value {
    let mut details = Struct::new("shared.AppDetail");
    details.push("Type", text(&found.kind));
    let helm = found.helm.as_ref();
    details.push("Helm", helm.map_or(Value::Nil, |helm| Value::host(Helm::new(helm, overrides, false))));
    let kustomize = found.kustomize.as_ref();
    details.push("Kustomize", kustomize.map_or(Value::Nil, |found| kustomize_value(&found.images)));
    let directory = found.directory.map(|_| Value::host(Struct::new("*apiclient.DirectoryAppSpec")));
    details.push("Directory", directory.unwrap_or(Value::Nil));
    Value::host(details)
}

fn kustomize_value(images: &[String]) -> Value {
    let mut value = Struct::new("*apiclient.KustomizeAppSpec");
    value.push("Images", texts(images));
    Value::host(value)
}

fn text(text: &str) -> Value {
    Value::Str(Str::copy(text.as_bytes()))
}

fn texts(texts: &[String]) -> Value {
    Value::List(List::of_texts(texts.iter().map(String::as_str)))
}

/// A struct, or a pointer to one: a type name and fields.
struct Struct {
    type_name: &'static str,
    names: Vec<&'static str>,
    values: Vec<Value>,
}

impl Struct {
    fn new(type_name: &'static str) -> Self {
        Self { type_name, names: Vec::new(), values: Vec::new() }
    }

    fn push(&mut self, name: &'static str, value: Value) {
        self.names.push(name);
        self.values.push(value);
    }
}

impl Host for Struct {
    fn type_name(&self) -> &str {
        self.type_name
    }

    fn fields(&self) -> &[&str] {
        &self.names
    }

    fn field(&self, name: &str) -> Option<Value> {
        let position = self.names.iter().position(|known| *known == name)?;
        self.values.get(position).cloned()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Of a chart. Upstream has the fields under `HelmAppSpec` only and documents them without (core 4.3, FIX: both work).
struct Helm {
    spec: Value,
    overrides: Value,
    /// Name and value; the Application's own come first.
    values: Vec<(String, String)>,
    files: Vec<(String, String)>,
    /// Whether nothing is known, so that every parameter is the mark.
    unknown: bool,
}

impl Helm {
    fn new(found: &HelmDetails, overrides: &[HelmParameter], unknown: bool) -> Self {
        let mut spec = Struct::new("apiclient.HelmAppSpec");
        spec.push("Name", text(&found.name));
        spec.push("ValueFiles", texts(&found.value_files));
        spec.push("Parameters", parameters(&found.parameters, "*v1alpha1.HelmParameter"));
        spec.push("Values", text(&found.values));
        let files = found.file_parameters.iter().map(file_parameter).collect();
        let files_type = GoType::Named("*v1alpha1.HelmFileParameter".into());
        spec.push("FileParameters", Value::List(List::new(files_type, files)));
        let pair = |one: &HelmParameter| (one.name.clone(), one.value.clone());
        Self {
            spec: Value::host(spec),
            overrides: parameters(overrides, "v1alpha1.HelmParameter"),
            values: overrides.iter().chain(&found.parameters).map(pair).collect(),
            files: found.file_parameters.iter().map(|one| (one.name.clone(), one.path.clone())).collect(),
            unknown,
        }
    }
}

fn parameters(list: &[HelmParameter], type_name: &'static str) -> Value {
    let values = list.iter().map(|one| {
        let mut value = Struct::new(type_name);
        value.push("Name", text(&one.name));
        value.push("Value", text(&one.value));
        value.push("ForceString", Value::Bool(one.force_string));
        Value::host(value)
    });
    Value::List(List::new(GoType::Named(type_name.into()), values.collect()))
}

fn file_parameter(one: &HelmFileParameter) -> Value {
    let mut value = Struct::new("*v1alpha1.HelmFileParameter");
    value.push("Name", text(&one.name));
    value.push("Path", text(&one.path));
    Value::host(value)
}

impl Host for Helm {
    fn type_name(&self) -> &'static str {
        "*shared.CustomHelmAppSpec"
    }

    fn fields(&self) -> &[&str] {
        &["HelmAppSpec", "HelmParameterOverrides"]
    }

    fn field(&self, name: &str) -> Option<Value> {
        match (name, &self.spec) {
            ("HelmAppSpec", spec) => Some(spec.clone()),
            ("HelmParameterOverrides", _) => Some(self.overrides.clone()),
            (_, Value::Host(spec)) => spec.field(name),
            _ => None,
        }
    }

    fn method(&self, name: &str) -> Option<Signature> {
        let known = matches!(name, "GetParameterValueByName" | "GetFileParameterPathByName");
        known.then(|| Signature::new([GoType::Str], GoType::Str))
    }

    fn call(&self, _: &mut CallCx<'_>, name: &str, arguments: &[Value]) -> Result<Value, CallError> {
        let wanted = arguments.first().and_then(Value::as_str).map(Str::to_string_lossy).unwrap_or_default();
        let list = if name == "GetParameterValueByName" { &self.values } else { &self.files };
        let found = list.iter().find(|(name, _)| *name == *wanted).map(|(_, value)| text(value));
        let absent = if self.unknown { Value::text(MARK) } else { Value::text("") };
        Ok(found.unwrap_or(absent))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

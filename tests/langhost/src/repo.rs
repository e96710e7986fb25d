//! `repo`: addresses, the metadata of one commit, the details of one application.

use std::any::Any;

use dodona_value::url::{self, Url};
use dodona_value::{CallCx, CallError, Duration, Func, GoType, Host, List, Map, Signature, Value};

use crate::{function, path, texts};

/// The members of `repo`.
pub(crate) fn members() -> Map {
    let escape = function("QueryEscape", 1, |args| {
        Ok(String::from_utf8_lossy(&url::query_escape(args.concat().as_bytes())).into_owned())
    });
    let https = function("RepoURLToHTTPS", 1, |args| {
        let mut url = parse(args)?;
        url.scheme = b"https".to_vec();
        url.user = None;
        Ok(String::from_utf8_lossy(&url.to_bytes()).into_owned())
    });
    let full_name = function("FullNameByRepoURL", 1, |args| {
        let path = path::clean(&String::from_utf8_lossy(&parse(args)?.path));
        Ok(path.strip_suffix(".git").unwrap_or(&path).trim_matches('/').to_owned())
    });
    let metadata = Func::new("GetCommitMetadata", Signature::new([GoType::Str], GoType::Any), |_, args| {
        if texts(args).concat().is_empty() {
            return Err(CallError::new("no revision"));
        }
        Ok(commit_metadata())
    });
    let details = Func::new("GetAppDetails", Signature::new([], GoType::Any), |_, _| Ok(app_details()));
    Map::of(
        GoType::Any,
        [
            ("QueryEscape", escape),
            ("RepoURLToHTTPS", https),
            ("FullNameByRepoURL", full_name),
            ("GetCommitMetadata", Value::Func(metadata)),
            ("GetAppDetails", Value::Func(details)),
        ],
    )
}

fn parse(args: &[String]) -> Result<Url, CallError> {
    Url::parse(args.concat().as_bytes()).map_err(|error| CallError::new(error.to_string()))
}

/// A struct, or a pointer to one: a type name and fields.
struct Struct {
    type_name: &'static str,
    names: &'static [&'static str],
    values: Vec<Value>,
    nil: bool,
}

impl Struct {
    fn new(type_name: &'static str, names: &'static [&'static str], values: Vec<Value>) -> Self {
        Self { type_name, names, values, nil: false }
    }
}

impl Host for Struct {
    fn type_name(&self) -> &str {
        self.type_name
    }

    fn fields(&self) -> &[&str] {
        self.names
    }

    fn field(&self, name: &str) -> Option<Value> {
        let position = self.names.iter().position(|known| *known == name)?;
        self.values.get(position).cloned()
    }

    fn method(&self, name: &str) -> Option<Signature> {
        let is_helm = self.type_name == "*main.helmDetail" && name == "GetParameterValueByName";
        is_helm.then(|| Signature::new([GoType::Str], GoType::Str))
    }

    fn call(&self, _: &mut CallCx<'_>, _: &str, args: &[Value]) -> Result<Value, CallError> {
        let found = texts(args).concat() == "image.tag";
        Ok(Value::text(if found { "2.0.1" } else { "" }))
    }

    fn is_nil(&self) -> bool {
        self.nil
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn commit_metadata() -> Value {
    let date = crate::now().add(Duration::from_seconds(-90 * 60));
    Value::host(Struct::new(
        "main.commitMetadata",
        &["Message", "Author", "Date", "Tags"],
        vec![
            Value::text("fix: naïve café (#42)\n\nbody"),
            Value::text("Ada L. <ada@example.org>"),
            Value::Time(date),
            Value::List(List::of_texts(["v1.2.3", "stable"])),
        ],
    ))
}

fn app_details() -> Value {
    let parameter = Struct::new(
        "*main.helmParam",
        &["Name", "Value"],
        vec![Value::text("image.tag"), Value::text("2.0.1")],
    );
    let parameters = List::new(GoType::Named("*main.helmParam".into()), vec![Value::host(parameter)]);
    let spec = Struct::new(
        "main.helmSpec",
        &["Name", "ValueFiles", "Parameters"],
        vec![Value::text("shop"), Value::List(List::of_texts(["values.yaml"])), Value::List(parameters)],
    );
    let helm = Struct::new("*main.helmDetail", &["HelmAppSpec"], vec![Value::host(spec)]);
    let kustomize =
        Struct { nil: true, ..Struct::new("*main.kustomizeDetail", &["Images"], vec![Value::Nil]) };
    Value::host(Struct::new(
        "main.appDetail",
        &["Type", "Helm", "Kustomize"],
        vec![Value::text("Helm"), Value::host(helm), Value::host(kustomize)],
    ))
}

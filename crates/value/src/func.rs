//! Functions as values, host objects, and what both get to work with.

use std::fmt;
use std::sync::Arc;

use crate::runtime::{Budget, LimitError, Runtime};
use crate::str::Str;
use crate::types::{GoType, Kind};
use crate::value::Value;

/// What a function gets besides its arguments.
pub struct CallCx<'a> {
    /// Clock, zone, randomness, permissions.
    pub runtime: &'a Runtime,
    /// What is left of the limits of this evaluation.
    pub budget: &'a mut Budget,
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallError {
    /// The function says no; the text is for the user.
    Failed(String),
    /// A limit of the evaluation was reached.
    Limit(LimitError),
}

impl CallError {
    /// A failure with a text for the user.
    pub fn new(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(message) => f.write_str(message),
            Self::Limit(limit) => limit.fmt(f),
        }
    }
}

impl std::error::Error for CallError {}

impl From<LimitError> for CallError {
    fn from(limit: LimitError) -> Self {
        Self::Limit(limit)
    }
}

impl From<String> for CallError {
    fn from(message: String) -> Self {
        Self::Failed(message)
    }
}

impl From<&str> for CallError {
    fn from(message: &str) -> Self {
        Self::Failed(message.to_owned())
    }
}

impl From<crate::map::MapError> for CallError {
    fn from(error: crate::map::MapError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// The Go signature of a function: what it accepts and returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The types of the fixed parameters.
    pub params: Vec<GoType>,
    /// The element type of a variadic last parameter.
    pub variadic: Option<GoType>,
    /// The type of the result.
    pub result: GoType,
    /// Whether the Go function also returns an error; only visible in the printed type.
    pub fallible: bool,
}

impl Signature {
    /// A signature with fixed parameters.
    pub fn new(params: impl Into<Vec<GoType>>, result: GoType) -> Self {
        Self { params: params.into(), variadic: None, result, fallible: false }
    }

    /// The same with a variadic last parameter.
    #[must_use]
    pub fn variadic(mut self, element: GoType) -> Self {
        self.variadic = Some(element);
        self
    }

    /// The same with an error as second result.
    #[must_use]
    pub const fn fallible(mut self) -> Self {
        self.fallible = true;
        self
    }

    /// The least number of arguments.
    pub const fn min_args(&self) -> usize {
        self.params.len()
    }

    /// Whether `count` arguments are accepted.
    pub const fn accepts(&self, count: usize) -> bool {
        count == self.params.len() || (count > self.params.len() && self.variadic.is_some())
    }

    /// The type of the parameter that takes argument `index`.
    pub fn param(&self, index: usize) -> Option<&GoType> {
        self.params.get(index).or(self.variadic.as_ref())
    }

    /// The type as Go prints it: `func(string, ...interface {}) (string, error)`.
    pub fn go_type(&self) -> String {
        let mut params: Vec<String> = self.params.iter().map(ToString::to_string).collect();
        params.extend(self.variadic.iter().map(|element| format!("...{element}")));
        let params = params.join(", ");
        if self.fallible {
            format!("func({params}) ({}, error)", self.result)
        } else {
            format!("func({params}) {}", self.result)
        }
    }
}

/// The code of a function value.
pub type Body = dyn Fn(&mut CallCx<'_>, &[Value]) -> Result<Value, CallError> + Send + Sync;

/// A function as a value. Whoever calls it has to check the arguments against the signature first.
#[derive(Clone)]
pub struct Func(Arc<Data>);

struct Data {
    name: Str,
    signature: Signature,
    body: Box<Body>,
}

impl Func {
    /// A function.
    pub fn new(
        name: impl Into<Str>,
        signature: Signature,
        body: impl Fn(&mut CallCx<'_>, &[Value]) -> Result<Value, CallError> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Data { name: name.into(), signature, body: Box::new(body) }))
    }

    /// The name, for messages.
    pub fn name(&self) -> &Str {
        &self.0.name
    }

    /// What it accepts and returns.
    pub fn signature(&self) -> &Signature {
        &self.0.signature
    }

    /// Calls it. The caller has checked count and types of the arguments.
    pub fn call(&self, cx: &mut CallCx<'_>, args: &[Value]) -> Result<Value, CallError> {
        (self.0.body)(cx, args)
    }

    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

/// An object with fields and methods that the product (or a library) supplies, such as the metadata of a commit or a semantic version.
pub trait Host: Send + Sync + 'static {
    /// The Go type as `%T` prints it, such as `*semver.Version`.
    fn type_name(&self) -> &str;

    /// The names of the exported fields, in Go's order. `%v` prints them.
    fn fields(&self) -> &[&str] {
        &[]
    }

    /// Every field with its name, those included that programs cannot reach: `%d` and the like print them, and equality looks at them.
    fn inside(&self) -> Vec<(&str, Value)> {
        self.fields().iter().map(|name| (*name, self.field(name).unwrap_or(Value::Nil))).collect()
    }

    /// Whether this is the same thing as `other`, for pointers of which several values may hold the same one.
    fn is_same(&self, other: &dyn Host) -> bool {
        let _ = other;
        false
    }

    /// The value of a field; `None` if there is no such field.
    fn field(&self, name: &str) -> Option<Value> {
        let _ = name;
        None
    }

    /// The signature of a method; `None` if there is no such method.
    fn method(&self, name: &str) -> Option<Signature> {
        let _ = name;
        None
    }

    /// Calls a method for which [`Host::method`] answered.
    fn call(&self, cx: &mut CallCx<'_>, name: &str, args: &[Value]) -> Result<Value, CallError> {
        let _ = (cx, args);
        Err(CallError::new(format!("{} has no method {name}", self.type_name())))
    }

    /// What Go's `String()` method answers, if the type has one; `%v` and `%s` print it.
    fn string(&self) -> Option<String> {
        None
    }

    /// What it is in JSON, if that is not an object of its fields.
    fn json(&self) -> Option<Value> {
        None
    }

    /// `Kind::Ptr` for pointers to structs (the default when the type name starts with `*`), else `Kind::Struct`.
    fn kind(&self) -> Kind {
        if self.type_name().starts_with('*') { Kind::Ptr } else { Kind::Struct }
    }

    /// Whether this is a nil pointer: a field access fails, `if` is false.
    fn is_nil(&self) -> bool {
        false
    }

    /// The object as `Any`, for functions that want the concrete type back.
    fn as_any(&self) -> &dyn std::any::Any;
}

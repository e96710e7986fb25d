//! How functions are described, found and checked.
//!
//! Every function of the language is one [`FunctionDef`]: name, parameters, code, documentation and examples. The
//! examples run as tests, and `docs/functions.md` is written from the same rows.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use dodona_value::{CallCx, CallError, FloatKind, Func, GoType, IntKind, List, Map, Str, UintKind, Value};

use crate::{builtin, sprig};

/// The type of a parameter, as far as argument checks need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Param {
    /// `interface {}`: anything; a missing value arrives as nil.
    Any,
    /// `reflect.Value`: anything, with missing and nil told apart.
    Reflect,
    /// `string`
    Str,
    /// `bool`
    Bool,
    /// A signed integer of exactly this type.
    Integer(IntKind),
    /// An unsigned integer of exactly this type.
    Unsigned(UintKind),
    /// A float of exactly this type.
    Floating(FloatKind),
    /// `time.Time`
    Time,
    /// `time.Duration`
    Duration,
    /// `map[string]interface {}`
    Dict,
    /// `[]interface {}`
    List,
    /// Sprig's `certificate`
    Certificate,
    /// Any other type, for host functions.
    Other,
}

impl Param {
    /// `int`
    pub const INT: Self = Self::Integer(IntKind::Int);
    /// `float64`
    pub const FLOAT: Self = Self::Floating(FloatKind::Float64);

    /// The parameter for a Go type.
    pub(crate) fn of(go_type: &GoType) -> Self {
        match go_type {
            GoType::Any => Self::Any,
            GoType::Str => Self::Str,
            GoType::Bool => Self::Bool,
            GoType::Int(kind) => Self::Integer(*kind),
            GoType::Uint(kind) => Self::Unsigned(*kind),
            GoType::Float(kind) => Self::Floating(*kind),
            GoType::Time => Self::Time,
            GoType::Duration => Self::Duration,
            _ => Self::Other,
        }
    }

    /// Go's name of the type.
    pub fn go_name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Reflect => "reflect.Value",
            Self::Str => "string",
            Self::Bool => "bool",
            Self::Integer(kind) => kind.name(),
            Self::Unsigned(kind) => kind.name(),
            Self::Floating(kind) => kind.name(),
            Self::Time => "time.Time",
            Self::Duration => "time.Duration",
            Self::Dict => "map[string]interface {}",
            Self::List => "[]interface {}",
            Self::Certificate => "sprig.certificate",
            Self::Other => "another type",
        }
    }

    /// What nil is for this parameter; `None` if it cannot be nil.
    pub(crate) fn nil(self) -> Option<Value> {
        match self {
            Self::Any => Some(Value::Nil),
            Self::Reflect => Some(Value::Missing),
            Self::Dict => Some(Value::Map(Map::nil(GoType::Str, GoType::Any))),
            Self::List => Some(Value::List(List::nil(GoType::Any))),
            _ => None,
        }
    }

    /// Whether `value` has this type.
    fn accepts(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Any | Self::Reflect, _)
            | (Self::Str, Value::Str(_))
            | (Self::Bool, Value::Bool(_))
            | (Self::Time, Value::Time(_))
            | (Self::Duration, Value::Duration(_)) => true,
            (Self::Integer(wanted), Value::Int(_, kind)) => wanted == *kind,
            (Self::Unsigned(wanted), Value::Uint(_, kind)) => wanted == *kind,
            (Self::Floating(wanted), Value::Float(_, kind)) => wanted == *kind,
            (Self::Dict, Value::Map(map)) => {
                map.key_type() == GoType::Str && map.element_type() == GoType::Any
            }
            (Self::List, Value::List(list)) => list.element_type() == GoType::Any,
            (Self::Certificate, Value::Host(host)) => host.type_name() == self.go_name(),
            _ => false,
        }
    }

    /// Gives an argument the type of the parameter, or says why that cannot be.
    pub(crate) fn check(self, value: &mut Value) -> Result<(), String> {
        match value {
            Value::Missing => {
                *value = self.nil().ok_or_else(|| format!("invalid value; expected {}", self.go_name()))?;
                Ok(())
            }
            value if self.accepts(value) => Ok(()),
            Value::Nil => Err(format!("the value is null; expected {}", self.go_name())),
            value => {
                Err(format!("wrong type for value; expected {}; got {}", self.go_name(), value.type_name()))
            }
        }
    }
}

/// The arguments of a call, already checked against the parameters.
pub struct Args<'a>(&'a mut [Value]);

impl<'a> Args<'a> {
    pub(crate) fn new(values: &'a mut [Value]) -> Self {
        Self(values)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Argument `index`; missing past the end.
    pub fn get(&self, index: usize) -> &Value {
        self.0.get(index).unwrap_or(&Value::Missing)
    }

    /// Takes argument `index` out, without a copy.
    pub fn take(&mut self, index: usize) -> Value {
        self.0.get_mut(index).map(std::mem::take).unwrap_or_default()
    }

    /// The arguments from `index` on.
    pub fn rest(&self, index: usize) -> &[Value] {
        self.0.get(index..).unwrap_or_default()
    }

    /// The bytes of a [`Param::Str`] argument.
    pub fn str(&self, index: usize) -> &[u8] {
        match self.get(index) {
            Value::Str(text) => text.as_bytes(),
            _ => b"",
        }
    }

    /// A [`Param::Str`] argument as a shared text.
    pub fn shared_str(&self, index: usize) -> Str {
        self.get(index).as_str().cloned().unwrap_or_default()
    }

    /// A [`Param::Str`] argument as UTF-8, with U+FFFD in place of what is not.
    pub fn text(&self, index: usize) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.str(index))
    }

    /// An integer argument.
    pub fn int(&self, index: usize) -> i64 {
        self.get(index).as_i64().unwrap_or_default()
    }

    /// A [`Param::FLOAT`] argument.
    pub fn float(&self, index: usize) -> f64 {
        self.get(index).as_f64().unwrap_or_default()
    }

    /// A [`Param::Bool`] argument.
    pub fn bool(&self, index: usize) -> bool {
        self.get(index).as_bool().unwrap_or_default()
    }

    /// A [`Param::Dict`] argument.
    pub fn dict(&self, index: usize) -> Map {
        self.get(index).as_map().cloned().unwrap_or_else(|| Map::nil(GoType::Str, GoType::Any))
    }
}

/// The code of a function of the language.
pub type Code = fn(&mut CallCx<'_>, Args<'_>) -> Result<Value, CallError>;

/// A function of the language: what the machine needs, and what people need.
#[derive(Debug)]
pub struct FunctionDef {
    /// The name in templates.
    pub name: &'static str,
    /// The types of the fixed parameters.
    pub params: &'static [Param],
    /// The type of any further arguments.
    pub variadic: Option<Param>,
    /// The code.
    pub run: Code,
    /// What it does, in a sentence or two.
    pub doc: &'static str,
    /// Templates and what they render to, without data. They run as tests.
    pub examples: &'static [(&'static str, &'static str)],
    /// Whether the result depends on the clock.
    pub clock: bool,
}

impl FunctionDef {
    /// A function with fixed parameters.
    pub const fn new(
        name: &'static str,
        params: &'static [Param],
        run: Code,
        doc: &'static str,
        examples: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self { name, params, variadic: None, run, doc, examples, clock: false }
    }

    /// The same with any number of further arguments.
    #[must_use]
    pub const fn variadic(mut self, param: Param) -> Self {
        self.variadic = Some(param);
        self
    }

    /// The same, marked as depending on the clock.
    #[must_use]
    pub const fn clock(mut self) -> Self {
        self.clock = true;
        self
    }

    /// The type of parameter `index`.
    pub fn param(&self, index: usize) -> Option<Param> {
        self.params.get(index).copied().or(self.variadic)
    }

    /// The call as documentation shows it: the name and the types of the arguments.
    pub fn signature(&self) -> String {
        let shown = |param: Param| match param {
            Param::Any | Param::Reflect => "any",
            other => other.go_name(),
        };
        let mut text = self.name.to_owned();
        for param in self.params {
            text.push(' ');
            text.push_str(shown(*param));
        }
        if let Some(param) = self.variadic {
            text.push(' ');
            text.push_str(shown(param));
            text.push_str("...");
        }
        text
    }
}

/// What a call in a template goes to.
#[derive(Debug, Clone)]
pub(crate) enum Callee {
    /// A function of the language.
    Native(&'static FunctionDef),
    /// A function that the application has added.
    Host(HostFunc),
}

/// A host function, with a `Debug` that shows its name.
#[derive(Clone)]
pub(crate) struct HostFunc(pub(crate) Func);

impl std::fmt::Debug for HostFunc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.name())
    }
}

impl Callee {
    /// If `count` arguments are wrong, how many there should be.
    pub(crate) fn wrong_count(&self, count: usize) -> Option<String> {
        let (fixed, variadic) = match self {
            Self::Native(def) => (def.params.len(), def.variadic.is_some()),
            Self::Host(func) => (func.0.signature().min_args(), func.0.signature().variadic.is_some()),
        };
        match (count < fixed, variadic) {
            (true, true) => Some(format!("at least {fixed}")),
            (false, true) => None,
            (_, false) => (count != fixed).then(|| fixed.to_string()),
        }
    }

    /// The parameter that argument `index` is for.
    pub(crate) fn param(&self, index: usize) -> Option<Param> {
        match self {
            Self::Native(def) => def.param(index),
            Self::Host(func) => func.0.signature().param(index).map(Param::of),
        }
    }
}

/// The functions that a template may call: those of the language, and any that the application adds.
#[derive(Clone, Default)]
pub struct Functions {
    extra: Arc<BTreeMap<String, Func>>,
}

static TABLE: LazyLock<HashMap<&'static str, &'static FunctionDef>> =
    LazyLock::new(|| families().flat_map(|(_, rows)| rows).map(|def| (def.name, def)).collect());

/// All families of functions with their titles, in the order of the documentation.
pub fn families() -> impl Iterator<Item = (&'static str, &'static [FunctionDef])> {
    std::iter::once(("Builtin", builtin::FUNCTIONS)).chain(sprig::FAMILIES.iter().copied())
}

/// All functions, family by family.
pub fn functions() -> impl Iterator<Item = &'static FunctionDef> {
    families().flat_map(|(_, rows)| rows)
}

impl Functions {
    /// The functions of the language: Go's builtins and Sprig.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same and one more, which hides a function of the same name.
    #[must_use]
    pub fn with(&self, name: impl Into<String>, func: Func) -> Self {
        let mut extra = BTreeMap::clone(&self.extra);
        extra.insert(name.into(), func);
        Self { extra: Arc::new(extra) }
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.extra.contains_key(name) || TABLE.contains_key(name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<Callee> {
        match self.extra.get(name) {
            Some(func) => Some(Callee::Host(HostFunc(func.clone()))),
            None => TABLE.get(name).map(|def| Callee::Native(def)),
        }
    }

    /// All names, in no order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.extra.keys().map(String::as_str).chain(families().flat_map(|(_, rows)| rows).map(|def| def.name))
    }
}

//! Types and kinds.

use dodona_value::{Value, compare};

use crate::function::{FunctionDef, Param};

const ANY: &[Param] = &[Param::Any];
const NAME: &[Param] = &[Param::Str, Param::Any];

/// The functions of this family.
pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new(
        "typeOf",
        ANY,
        |_, args| Ok(Value::from(args.get(0).type_name())),
        "The Go type of a value.",
        &[("{{typeOf \"a\"}} {{typeOf 1}} {{typeOf (list)}}", "string int []interface {}")],
    ),
    FunctionDef::new(
        "typeIs",
        NAME,
        |_, args| Ok(Value::Bool(args.get(1).type_name() == args.text(0))),
        "Whether a value has that Go type.",
        &[("{{typeIs \"int\" 1}}", "true")],
    ),
    FunctionDef::new(
        "typeIsLike",
        NAME,
        |_, args| {
            let (wanted, found) = (args.text(0), args.get(1).type_name());
            Ok(Value::Bool(found == wanted || found.strip_prefix('*') == Some(&*wanted)))
        },
        "Whether a value has that Go type, or is a pointer to it.",
        &[("{{typeIsLike \"string\" \"a\"}}", "true")],
    ),
    FunctionDef::new(
        "kindOf",
        ANY,
        |_, args| Ok(Value::text(args.get(0).kind_name())),
        "The kind of a value: `string`, `int64`, `slice`, `map` and so on.",
        &[("{{kindOf (list)}} {{kindOf dict}} {{kindOf nil}}", "slice map invalid")],
    ),
    FunctionDef::new(
        "kindIs",
        NAME,
        |_, args| Ok(Value::Bool(args.get(1).kind_name() == args.text(0))),
        "Whether a value has that kind.",
        &[("{{kindIs \"slice\" (list)}}", "true")],
    ),
    FunctionDef::new(
        "deepEqual",
        &[Param::Any, Param::Any],
        |cx, args| Ok(Value::Bool(compare::deep_equal(args.get(0), args.get(1), cx.budget)?)),
        "Whether two values have the same type and content.",
        &[("{{deepEqual (list 1) (list 1)}}", "true"), ("{{deepEqual 1 \"1\"}}", "false")],
    ),
];

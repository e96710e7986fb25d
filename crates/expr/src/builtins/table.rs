//! The table of builtin functions.

use super::{Check, Code, Loop, Overload, Row, Run, Shape};
use super::{aggregate, bits, collections, encode, numbers, text, time};
use crate::check::nature::Ty;

/// The Go type of functions that check their arguments themselves.
const VARIADIC: &str = "func(...interface {}) (interface {}, error)";

const fn plain(name: &'static str, check: Check, code: Code) -> Row {
    Row { name, go_type: VARIADIC, check, run: Run::Code(code) }
}

const fn typed(name: &'static str, go_type: &'static str, overloads: &'static [Overload], code: Code) -> Row {
    Row { name, go_type, check: Check::Overloads(overloads), run: Run::Code(code) }
}

const fn looped(name: &'static str, kind: Loop, optional: bool, extra: bool, signature: &Signature) -> Row {
    let shape = Shape::Predicate { optional, extra };
    Row { name, go_type: signature.0, check: Check::Overloads(signature.1), run: Run::Loop(kind, shape) }
}

/// The type of a looped function as a bare value, and how that value would be called.
struct Signature(&'static str, &'static [Overload]);

const fn to(params: &'static [Ty], result: Ty) -> Overload {
    Overload { params, result }
}

const TEST: Ty = Ty::Func("func(interface {}) bool");
const PICK: Ty = Ty::Func("func(interface {}) interface {}");
const FOLD: Ty = Ty::Func("func(interface {}, interface {}) interface {}");

const TO_BOOL: &Signature =
    &Signature("func([]interface {}, func(interface {}) bool) bool", &[to(&[Ty::List, TEST], Ty::Bool)]);
const TO_INT: &Signature =
    &Signature("func([]interface {}, func(interface {}) bool) int", &[to(&[Ty::List, TEST], Ty::Int)]);
const TO_ANY: &Signature = &Signature(
    "func([]interface {}, func(interface {}) bool) interface {}",
    &[to(&[Ty::List, TEST], Ty::Any)],
);
const TO_LIST: &Signature = &Signature(
    "func([]interface {}, func(interface {}) bool) []interface {}",
    &[to(&[Ty::List, TEST], Ty::List)],
);
const MAPPED: &Signature = &Signature(
    "func([]interface {}, func(interface {}) interface {}) []interface {}",
    &[to(&[Ty::List, PICK], Ty::List)],
);
const GROUPED: &Signature = &Signature(
    "func([]interface {}, func(interface {}) interface {}) map[interface {}][]interface {}",
    &[to(&[Ty::List, PICK], Ty::Groups)],
);
const SORTED: &Signature = &Signature(
    "func([]interface {}, func(interface {}) bool, string) []interface {}",
    &[to(&[Ty::List, TEST, Ty::Str], Ty::List)],
);
const FOLDED: &Signature = &Signature(
    "func([]interface {}, func(interface {}, interface {}) interface {}, interface {}) interface {}",
    &[to(&[Ty::List, FOLD, Ty::Any], Ty::Any)],
);

const S: Ty = Ty::Str;
const ONE_TEXT: &[Overload] = &[to(&[S], S)];
const TRIM: &[Overload] = &[to(&[S], S), to(&[S, S], S)];
const CUT: &[Overload] = &[to(&[S, S], S), to(&[S], S)];
const SPLIT: &[Overload] = &[to(&[S, S], Ty::Strings), to(&[S, S, Ty::Int], Ty::Strings)];
const REPLACE: &[Overload] = &[to(&[S, S, S, Ty::Int], S), to(&[S, S, S], S)];
const JOIN: &[Overload] =
    &[to(&[Ty::Strings, S], S), to(&[Ty::List, S], S), to(&[Ty::List], S), to(&[Ty::Strings], S)];
const FIND: &[Overload] = &[to(&[S, S], Ty::Int)];
const TEST_TEXT: &[Overload] = &[to(&[S, S], Ty::Bool)];
const ANY_TO_TEXT: &[Overload] = &[to(&[Ty::Any], S)];
/// Upstream also lists `[]int` and `[]float64`, types that no value has before the program runs.
const SORT: &[Overload] = &[
    to(&[Ty::List, S], Ty::List),
    to(&[Ty::Strings, S], Ty::List),
    to(&[Ty::List], Ty::List),
    to(&[Ty::Strings], Ty::List),
];
const BITS: &[Overload] = &[to(&[Ty::Int, Ty::Int], Ty::Int)];

const TEXT_FN: &str = "func(string) string";
const TEXT2_FN: &str = "func(string, string) string";
const TEXT2_BOOL_FN: &str = "func(string, string) bool";
const TEXT2_INT_FN: &str = "func(string, string) int";
const TEXT2_LIST_FN: &str = "func(string, string) []string";
const TEXT4_FN: &str = "func(string, string, string, int) string";
const ANY_TEXT_FN: &str = "func(interface {}) string";
const BITS_FN: &str = "func(int, int) int";
const SORT_FN: &str = "func([]interface {}, string) []interface {}";
const DURATION_FN: &str = "func(string) (time.Duration, error)";
const ZONE_FN: &str = "func(string) (*time.Location, error)";

/// Every builtin function, the loops first.
pub(super) static TABLE: &[Row] = &[
    looped("all", Loop::All, false, false, TO_BOOL),
    looped("none", Loop::None, false, false, TO_BOOL),
    looped("any", Loop::Any, false, false, TO_BOOL),
    looped("one", Loop::One, false, false, TO_BOOL),
    looped("filter", Loop::Filter, false, false, TO_LIST),
    looped("map", Loop::Map, false, false, MAPPED),
    looped("find", Loop::Find, false, false, TO_ANY),
    looped("findIndex", Loop::FindIndex, false, false, TO_INT),
    looped("findLast", Loop::FindLast, false, false, TO_ANY),
    looped("findLastIndex", Loop::FindLastIndex, false, false, TO_INT),
    looped("count", Loop::Count, true, false, TO_INT),
    looped("sum", Loop::Sum, true, false, TO_INT),
    looped("groupBy", Loop::GroupBy, false, false, GROUPED),
    looped("sortBy", Loop::SortBy, false, true, SORTED),
    looped("reduce", Loop::Reduce, false, true, FOLDED),
    plain("len", Check::Len, collections::len),
    typed("type", ANY_TEXT_FN, ANY_TO_TEXT, encode::type_of),
    plain("abs", Check::Abs, numbers::abs),
    plain("ceil", Check::Round, numbers::ceil),
    plain("floor", Check::Round, numbers::floor),
    plain("round", Check::Round, numbers::round),
    plain("int", Check::ToInt, numbers::int),
    plain("float", Check::ToFloat, numbers::float),
    typed("string", ANY_TEXT_FN, ANY_TO_TEXT, encode::string),
    typed("trim", TEXT_FN, TRIM, text::trim),
    typed("trimPrefix", TEXT2_FN, CUT, text::trim_prefix),
    typed("trimSuffix", TEXT2_FN, CUT, text::trim_suffix),
    typed("upper", TEXT_FN, ONE_TEXT, text::upper),
    typed("lower", TEXT_FN, ONE_TEXT, text::lower),
    typed("split", TEXT2_LIST_FN, SPLIT, text::split),
    typed("splitAfter", TEXT2_LIST_FN, SPLIT, text::split_after),
    typed("replace", TEXT4_FN, REPLACE, text::replace),
    typed("repeat", "func(string, int) string", &[to(&[S, Ty::Int], S)], text::repeat),
    typed("join", "func([]string, string) string", JOIN, text::join),
    typed("indexOf", TEXT2_INT_FN, FIND, text::index_of),
    typed("lastIndexOf", TEXT2_INT_FN, FIND, text::last_index_of),
    typed("hasPrefix", TEXT2_BOOL_FN, TEST_TEXT, text::has_prefix),
    typed("hasSuffix", TEXT2_BOOL_FN, TEST_TEXT, text::has_suffix),
    plain("max", Check::Aggregate, aggregate::max),
    plain("min", Check::Aggregate, aggregate::min),
    plain("mean", Check::Aggregate, aggregate::mean),
    plain("median", Check::Aggregate, aggregate::median),
    typed("toJSON", ANY_TEXT_FN, ANY_TO_TEXT, encode::to_json),
    typed("fromJSON", "func(string) interface {}", &[to(&[S], Ty::Any)], encode::from_json),
    typed("toBase64", TEXT_FN, ONE_TEXT, encode::to_base64),
    typed("fromBase64", TEXT_FN, ONE_TEXT, encode::from_base64),
    plain("now", Check::Now, time::now),
    typed("duration", DURATION_FN, &[to(&[S], Ty::Duration)], time::duration),
    plain("date", Check::Date, time::date),
    typed("timezone", ZONE_FN, &[to(&[S], Ty::Location)], time::timezone),
    plain("first", Check::FirstLast, collections::first),
    plain("last", Check::FirstLast, collections::last),
    plain("get", Check::Get, collections::get),
    plain("take", Check::Take, collections::take),
    plain("keys", Check::OfMap, collections::keys),
    plain("values", Check::OfMap, collections::values),
    plain("toPairs", Check::OfMap, collections::to_pairs),
    plain("fromPairs", Check::FromPairs, collections::from_pairs),
    plain("reverse", Check::OfList, collections::reverse),
    plain("uniq", Check::OfList, collections::uniq),
    plain("concat", Check::Concat, collections::concat),
    plain("flatten", Check::OfList, collections::flatten),
    typed("sort", SORT_FN, SORT, collections::sort),
    typed("bitand", BITS_FN, BITS, bits::and),
    typed("bitor", BITS_FN, BITS, bits::or),
    typed("bitxor", BITS_FN, BITS, bits::xor),
    typed("bitnand", BITS_FN, BITS, bits::and_not),
    typed("bitshl", BITS_FN, BITS, bits::shift_left),
    typed("bitshr", BITS_FN, BITS, bits::shift_right),
    typed("bitushr", BITS_FN, BITS, bits::shift_right_unsigned),
    typed("bitnot", "func(int) int", &[to(&[Ty::Int], Ty::Int)], bits::not),
];

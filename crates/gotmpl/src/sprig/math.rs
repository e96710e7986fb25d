//! Numbers. Arguments of any type are taken for numbers where they can be, and for 0 where they cannot.

use dodona_value::{CallCx, CallError, GoType, List, Str, Text, Value, convert, format, strconv};

use super::decimal::Decimal;
use super::{build, charge_list};
use crate::function::{Args, FunctionDef, Param};

type Result<T> = std::result::Result<T, CallError>;

const ANY: &[Param] = &[Param::Any];
const ANY2: &[Param] = &[Param::Any, Param::Any];

/// The functions of this family.
pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new(
        "atoi",
        &[Param::Str],
        |_, args| {
            let text = args.text(0);
            Ok(Value::int(match strconv::parse_int(&text, 10, 64) {
                Ok(number) => number,
                Err(strconv::NumberError::Range) if text.starts_with('-') => i64::MIN,
                Err(strconv::NumberError::Range) => i64::MAX,
                Err(strconv::NumberError::Syntax) => 0,
            }))
        },
        "The decimal number that a text is; 0 if it is none.",
        &[("{{atoi \"12\"}} {{atoi \"x\"}}", "12 0")],
    ),
    FunctionDef::new(
        "int",
        ANY,
        |_, args| Ok(Value::int(convert::to_i64(args.get(0)))),
        "The value as a whole number.",
        &[("{{int \"12\"}} {{int 3.9}}", "12 3")],
    ),
    FunctionDef::new(
        "int64",
        ANY,
        |_, args| Ok(Value::int64(convert::to_i64(args.get(0)))),
        "The value as a whole number of 64 bits.",
        &[("{{int64 \"12\"}}", "12")],
    ),
    FunctionDef::new(
        "float64",
        ANY,
        |_, args| Ok(Value::float(convert::to_f64(args.get(0)))),
        "The value as a float.",
        &[("{{float64 \"1.50\"}}", "1.5")],
    ),
    FunctionDef::new(
        "toDecimal",
        ANY,
        |_, args| {
            let mut text = Text::new(64);
            format::sprint(&mut text, args.rest(0));
            let octal = String::from_utf8_lossy(text.as_bytes()).into_owned();
            Ok(Value::int64(strconv::parse_int(&octal, 8, 64).unwrap_or(0)))
        },
        "The number that an octal one is.",
        &[("{{toDecimal \"755\"}}", "493")],
    ),
    FunctionDef::new(
        "add",
        &[],
        |_, args| Ok(Value::int64(args.rest(0).iter().map(convert::to_i64).fold(0, i64::wrapping_add))),
        "The sum.",
        &[("{{add 1 2 3}}", "6")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "add1",
        ANY,
        |_, args| Ok(Value::int64(convert::to_i64(args.get(0)).wrapping_add(1))),
        "The next whole number.",
        &[("{{add1 2}}", "3")],
    ),
    FunctionDef::new(
        "sub",
        ANY2,
        |_, args| Ok(Value::int64(whole(&args, 0).wrapping_sub(whole(&args, 1)))),
        "The difference.",
        &[("{{sub 5 3}}", "2")],
    ),
    FunctionDef::new(
        "mul",
        ANY,
        |_, args| Ok(Value::int64(args.rest(0).iter().map(convert::to_i64).fold(1, i64::wrapping_mul))),
        "The product.",
        &[("{{mul 2 3 4}}", "24")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "div",
        ANY2,
        |_, args| divide(&args, i64::wrapping_div),
        "The quotient, cut to a whole number.",
        &[("{{div 7 2}}", "3")],
    ),
    FunctionDef::new(
        "mod",
        ANY2,
        |_, args| divide(&args, i64::wrapping_rem),
        "The remainder of a division, with the sign of the first argument.",
        &[("{{mod 7 4}}", "3")],
    ),
    FunctionDef::new(
        "max",
        ANY,
        max,
        "The greatest of the arguments, as whole numbers.",
        &[("{{max 1 3 2}}", "3")],
    )
    .variadic(Param::Any),
    FunctionDef::new("biggest", ANY, max, "The old name of `max`.", &[("{{biggest 1 3 2}}", "3")])
        .variadic(Param::Any),
    FunctionDef::new(
        "min",
        ANY,
        |_, args| Ok(Value::int64(args.rest(0).iter().map(convert::to_i64).min().unwrap_or(0))),
        "The least of the arguments, as whole numbers.",
        &[("{{min 1 3 2}}", "1")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "maxf",
        ANY,
        |_, args| Ok(Value::float(extreme(&args, f64::INFINITY, greater))),
        "The greatest of the arguments, as floats.",
        &[("{{maxf 1.5 2.5}}", "2.5")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "minf",
        ANY,
        |_, args| Ok(Value::float(extreme(&args, f64::NEG_INFINITY, less))),
        "The least of the arguments, as floats.",
        &[("{{minf 1.5 2.5}}", "1.5")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "addf",
        &[],
        |cx, args| decimal(cx, Value::float(0.0), args.rest(0), |a, b| Some(a.add(b))),
        "The sum, computed in decimal.",
        &[("{{addf 0.1 0.2}}", "0.3")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "add1f",
        ANY,
        |cx, mut args| decimal(cx, args.take(0), &[Value::int(1)], |a, b| Some(a.add(b))),
        "One more, computed in decimal.",
        &[("{{add1f 1.1}}", "2.1")],
    ),
    FunctionDef::new(
        "subf",
        ANY,
        |cx, mut args| decimal(cx, args.take(0), args.rest(1), |a, b| Some(a.sub(b))),
        "The difference, computed in decimal.",
        &[("{{subf 7.5 2 3}}", "2.5")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "mulf",
        ANY,
        |cx, mut args| decimal(cx, args.take(0), args.rest(1), |a, b| Some(a.mul(b))),
        "The product, computed in decimal.",
        &[("{{mulf 1.5 2 2}}", "6")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "divf",
        ANY,
        |cx, mut args| decimal(cx, args.take(0), args.rest(1), Decimal::div),
        "The quotient, computed in decimal with 16 places.",
        &[("{{divf 10 4}}", "2.5")],
    )
    .variadic(Param::Any),
    FunctionDef::new(
        "floor",
        ANY,
        |_, args| Ok(Value::float(convert::to_f64(args.get(0)).floor())),
        "The greatest whole number that is not greater.",
        &[("{{floor 3.7}}", "3")],
    ),
    FunctionDef::new(
        "ceil",
        ANY,
        |_, args| Ok(Value::float(convert::to_f64(args.get(0)).ceil())),
        "The least whole number that is not less.",
        &[("{{ceil 3.2}}", "4")],
    ),
    FunctionDef::new(
        "round",
        &[Param::Any, Param::INT],
        round,
        "Rounded to that many places; a third argument says from which fraction on up (0.5).",
        &[("{{round 3.14159 2}}", "3.14")],
    )
    .variadic(Param::FLOAT),
    FunctionDef::new(
        "until",
        &[Param::INT],
        |cx, args| {
            let stop = args.int(0);
            Ok(integers(range(cx, 0, stop, if stop < 0 { -1 } else { 1 })?))
        },
        "The whole numbers from 0 up to before the argument.",
        &[("{{until 3}}", "[0 1 2]")],
    ),
    FunctionDef::new(
        "untilStep",
        &[Param::INT, Param::INT, Param::INT],
        |cx, args| Ok(integers(range(cx, args.int(0), args.int(1), args.int(2))?)),
        "The numbers from the first up to before the second argument, in steps of the third.",
        &[("{{untilStep 3 6 2}}", "[3 5]")],
    ),
    FunctionDef::new(
        "seq",
        &[],
        seq,
        "The numbers of a range as text, as the shell command of this name prints them.",
        &[("{{seq 3}}", "1 2 3"), ("{{seq 0 2 6}}", "0 2 4 6")],
    )
    .variadic(Param::INT),
];

fn whole(args: &Args<'_>, index: usize) -> i64 {
    convert::to_i64(args.get(index))
}

fn divide(args: &Args<'_>, operation: fn(i64, i64) -> i64) -> Result<Value> {
    match whole(args, 1) {
        0 => Err("division by zero".into()),
        divisor => Ok(Value::int64(operation(whole(args, 0), divisor))),
    }
}

fn max(_: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    Ok(Value::int64(args.rest(0).iter().map(convert::to_i64).max().unwrap_or(0)))
}

/// The greater of two numbers; 0 is greater than -0.
fn greater(left: f64, right: f64) -> f64 {
    if left.is_sign_negative() && left == 0.0 && right == 0.0 { right } else { left.max(right) }
}

/// The lesser of two numbers; -0 is less than 0.
fn less(left: f64, right: f64) -> f64 {
    if right.is_sign_negative() && left == 0.0 && right == 0.0 { right } else { left.min(right) }
}

/// Go's `math.Max` and `math.Min`: what is no number wins, but against the infinity that is looked for.
fn extreme(args: &Args<'_>, infinity: f64, choose: fn(f64, f64) -> f64) -> f64 {
    let numbers: Vec<f64> = args.rest(0).iter().map(convert::to_f64).collect();
    numbers
        .into_iter()
        .reduce(|left, right| {
            if [left, right].iter().any(|number| number.total_cmp(&infinity).is_eq()) {
                infinity
            } else if left.is_nan() || right.is_nan() {
                f64::NAN
            } else {
                choose(left, right)
            }
        })
        .unwrap_or(0.0)
}

fn decimal(
    cx: &mut CallCx<'_>,
    first: Value,
    others: &[Value],
    operation: fn(&Decimal, &Decimal) -> Option<Decimal>,
) -> Result<Value> {
    let read = |value: &Value| {
        Decimal::from_f64(convert::to_f64(value))
            .ok_or_else(|| CallError::new("a number is infinite or no number"))
    };
    let mut result = read(&first)?;
    for other in others {
        cx.budget.memory(result.size())?;
        cx.budget.step(result.size() as u64)?;
        result = operation(&result, &read(other)?).ok_or("division by zero")?;
    }
    Ok(Value::float(result.to_f64()))
}

fn round(_: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let up_from = if args.len() > 2 { args.float(2) } else { 0.5 };
    let number = convert::to_f64(args.get(0));
    #[expect(clippy::cast_precision_loss, reason = "more than some hundred places are infinitely many")]
    let power = dodona_value::math::pow(10.0, args.int(1) as f64);
    let digits = power * number;
    let fraction = digits - digits.trunc();
    let rounded = if fraction >= up_from { digits.ceil() } else { digits.floor() };
    Ok(Value::float(rounded / power))
}

/// The numbers from `start` to before `stop`.
fn range(cx: &mut CallCx<'_>, start: i64, stop: i64, by: i64) -> Result<Vec<i64>> {
    let mut numbers = Vec::new();
    if by == 0 || (by > 0) != (stop >= start) {
        return Ok(numbers);
    }
    let count = (i128::from(stop) - i128::from(start)).unsigned_abs().div_ceil(u128::from(by.unsigned_abs()));
    charge_list(cx, usize::try_from(count).unwrap_or(usize::MAX))?;
    let mut next = Some(start);
    while let Some(number) = next.filter(|number| if by > 0 { *number < stop } else { *number > stop }) {
        numbers.push(number);
        next = number.checked_add(by);
    }
    Ok(numbers)
}

fn integers(numbers: Vec<i64>) -> Value {
    Value::List(List::appended(GoType::INT, numbers.into_iter().map(Value::int).collect()))
}

fn seq(cx: &mut CallCx<'_>, args: Args<'_>) -> Result<Value> {
    let (start, step, end) = match args.len() {
        1 => (1, None, args.int(0)),
        2 => (args.int(0), None, args.int(1)),
        3 => (args.int(0), Some(args.int(1)), args.int(2)),
        _ => return Ok(Value::Str(Str::EMPTY)),
    };
    let direction = if end < start { -1 } else { 1 };
    if end < start && step.is_some_and(|step| step > 0) {
        return Ok(Value::Str(Str::EMPTY));
    }
    let numbers = range(cx, start, end.saturating_add(direction), step.unwrap_or(direction))?;
    build(cx, |text| {
        for (index, number) in numbers.iter().enumerate() {
            text.push(if index > 0 { b" " } else { b"" });
            text.push_str(&number.to_string());
        }
    })
}

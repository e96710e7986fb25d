//! Calls of builtin functions that take plain arguments.

use super::nature::{Nature, Ty, TyKind};
use super::{Checked, Checker};
use crate::builtins::{Builtin, Check};
use crate::syntax::ast::{NodeId, NodeKind};

impl Checker<'_> {
    pub(super) fn builtin(&mut self, id: NodeId, function: Builtin, args: &[NodeId]) -> Checked {
        let check = function.check();
        if let Check::Get = check
            && matches!(self.tree.kind(id), NodeKind::Builtin(_))
        {
            return self.get(id, args);
        }
        let mut types = Vec::with_capacity(args.len());
        for arg in args {
            types.push(self.visit(*arg)?.ty);
        }
        let result = match check {
            Check::Overloads(overloads) => {
                let mut failed = None;
                for overload in *overloads {
                    match self.check_arguments(id, function.name(), overload.params, args) {
                        Ok(()) => return Ok(Nature::of(overload.result)),
                        Err(error) => failed = Some(error),
                    }
                }
                return failed.map_or(Ok(Nature::UNKNOWN), Err);
            }
            other => special(other, &types),
        };
        match result {
            Ok(ty) => Ok(Nature::of(ty)),
            Err(Refusal::Count(wanted)) => {
                self.error(id, format!("`{}` takes {wanted}, not {}", function.name(), args.len()))
            }
            Err(Refusal::Argument(position)) => {
                let ty = types.get(position).copied().unwrap_or(Ty::Nil);
                let node = args.get(position).copied().unwrap_or(id);
                self.error(node, format!("`{}` does not take a {}", function.name(), ty.name()))
            }
        }
    }

    /// Checks arguments against fixed parameters.
    pub(super) fn check_arguments(
        &mut self,
        id: NodeId,
        name: &str,
        params: &[Ty],
        args: &[NodeId],
    ) -> Checked<()> {
        if args.len() != params.len() {
            for arg in args {
                self.visit(*arg)?;
            }
            let wanted = count(params.len());
            return self.error(id, format!("`{name}` takes {wanted}, not {}", args.len()));
        }
        for (arg, param) in args.iter().zip(params) {
            let ty = self.visit(*arg)?.ty;
            let fits = param.is_integer() && ty.is_integer()
                || ty.is_unknown()
                || ty == Ty::Nil && matches!(param.kind(), TyKind::Ptr | TyKind::Interface)
                || ty != Ty::Nil && ty.assignable_to(*param);
            if !fits {
                let message = format!("`{name}` takes a {} here, not a {}", param.name(), ty.name());
                return self.error(*arg, message);
            }
        }
        Ok(())
    }

    /// `get(object, key)` looks a key up and gives nil where there is none.
    fn get(&mut self, id: NodeId, args: &[NodeId]) -> Checked {
        let [object, key] = args else {
            return self.error(id, format!("`get` takes 2 arguments, not {}", args.len()));
        };
        let base = self.visit(*object)?;
        let key_ty = self.visit(*key)?.ty;
        let is_env = matches!(self.tree.kind(*object), NodeKind::Identifier(name) if *name == *"$env");
        if is_env || base.ty.is_unknown() {
            return Ok(Nature::UNKNOWN);
        }
        let fits = match base.ty {
            Ty::Map => key_ty.assignable_to(Ty::Str),
            ty if ty.is_map() => key_ty.assignable_to(Ty::Any),
            ty if ty.is_array() => key_ty.is_integer(),
            ty => return self.error(*object, format!("a {} has no elements", ty.name())),
        };
        if !fits && !key_ty.is_unknown() {
            let message = format!("a {} is no key of a {}", key_ty.name(), base.ty.name());
            return self.error(*key, message);
        }
        Ok(self.element(base))
    }
}

/// Why a special check says no.
enum Refusal {
    Count(String),
    Argument(usize),
}

fn count(number: usize) -> String {
    match number {
        0 => "no arguments".to_owned(),
        1 => "1 argument".to_owned(),
        more => format!("{more} arguments"),
    }
}

/// The kind behind a pointer.
fn pointee(ty: Ty) -> TyKind {
    match ty {
        Ty::Location => TyKind::Struct,
        Ty::Unknown => TyKind::Interface,
        ty => ty.kind(),
    }
}

fn is_numeric(ty: Ty) -> bool {
    matches!(pointee(ty), TyKind::Int | TyKind::Int64 | TyKind::Uint8 | TyKind::Float)
}

fn is_open(ty: Ty) -> bool {
    pointee(ty) == TyKind::Interface
}

fn is_list(ty: Ty) -> bool {
    matches!(pointee(ty), TyKind::Interface | TyKind::Slice)
}

fn one(types: &[Ty]) -> Result<Ty, Refusal> {
    match types {
        [ty] => Ok(*ty),
        _ => Err(Refusal::Count(count(1))),
    }
}

fn special(check: &Check, types: &[Ty]) -> Result<Ty, Refusal> {
    let single = |fits: fn(Ty) -> bool| {
        let ty = one(types)?;
        if fits(ty) { Ok(ty) } else { Err(Refusal::Argument(0)) }
    };
    match check {
        Check::Overloads(_) | Check::Get => Ok(Ty::Any),
        Check::Len => {
            single(|ty| is_list(ty) || matches!(pointee(ty), TyKind::Map | TyKind::Str)).map(|_| Ty::Int)
        }
        Check::Abs => single(|ty| is_numeric(ty) || is_open(ty)),
        Check::Round => single(|ty| is_numeric(ty) || is_open(ty)).map(|_| Ty::Float),
        Check::ToInt => single(|ty| is_numeric(ty) || is_open(ty) || ty == Ty::Str).map(|_| Ty::Int),
        Check::ToFloat => single(|ty| is_numeric(ty) || is_open(ty) || ty == Ty::Str).map(|_| Ty::Float),
        Check::Aggregate => aggregate(types),
        Check::Now => match types {
            [] | [Ty::Location] => Ok(Ty::Time),
            _ => Err(Refusal::Count("no arguments or a time zone".to_owned())),
        },
        Check::Date => {
            let zone = usize::from(matches!(types.first(), Some(Ty::Location)));
            match types.len() {
                0 => Err(Refusal::Count("1 to 3 arguments".to_owned())),
                given if given - zone > 3 => Err(Refusal::Count("1 to 3 arguments".to_owned())),
                _ => Ok(Ty::Time),
            }
        }
        Check::FirstLast => match single(is_list)? {
            ty if ty.is_unknown() => Ok(Ty::Any),
            ty => Ok(ty.element()),
        },
        Check::Take => match types {
            [list, number] => {
                let is_count = is_open(*number) || matches!(pointee(*number), TyKind::Int | TyKind::Int64);
                match (is_list(*list), is_count) {
                    (false, _) => Err(Refusal::Argument(0)),
                    (true, false) => Err(Refusal::Argument(1)),
                    (true, true) => Ok(*list),
                }
            }
            _ => Err(Refusal::Count(count(2))),
        },
        Check::OfMap => single(|ty| is_open(ty) || ty.is_map()).map(|_| Ty::List),
        Check::FromPairs => single(is_list).map(|_| Ty::AnyMap),
        Check::OfList => single(is_list).map(|_| Ty::List),
        Check::Concat => match types.iter().position(|ty| !is_list(*ty)) {
            Some(position) => Err(Refusal::Argument(position)),
            None if types.is_empty() => Err(Refusal::Count("1 argument or more".to_owned())),
            None => Ok(Ty::List),
        },
    }
}

/// `max`, `min`, `mean`, `median`: numbers, and lists of them. The first argument that may hold anything ends the check.
fn aggregate(types: &[Ty]) -> Result<Ty, Refusal> {
    let Some(first) = types.first() else {
        return Err(Refusal::Count("1 argument or more".to_owned()));
    };
    for (position, ty) in types.iter().enumerate() {
        if is_list(*ty) {
            return Ok(Ty::Any);
        }
        if !is_numeric(*ty) {
            return Err(Refusal::Argument(position));
        }
    }
    Ok(*first)
}

//! Regular expressions.

use crate::function::FunctionDef;

/// The functions of this family.
pub(super) const FUNCTIONS: &[FunctionDef] = &[];

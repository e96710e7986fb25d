//! Rewrites the tree before code is made of it.

use crate::error::CompileError;
use crate::syntax::ast::Tree;

/// Rewrites the tree.
pub(crate) fn optimize(source: &str, tree: &mut Tree) -> Result<(), CompileError> {
    let _ = (source, tree);
    Ok(())
}

//! Limits that no configuration can raise.

/// Bytes of source text. Upstream has no such limit; the ten thousand nodes that it allows need far less.
pub(crate) const MAX_SOURCE: usize = 1 << 20;

/// Nodes of a syntax tree (upstream's default).
pub(crate) const MAX_NODES: usize = 10_000;

/// Brackets, prefix signs and branches inside each other.
pub(crate) const MAX_NESTING: usize = 10_000;

/// Instructions of a program. Only comparison chains inside comparison chains, whose middle is evaluated twice, come near.
pub(crate) const MAX_CODE: usize = 200_000;

/// Memory units of one evaluation: elements of lists and maps made, bytes of repeated strings (upstream's default).
pub(crate) const MEMORY: u64 = 1_000_000;

//! Signatures that several services need. Pure: keys, claims and times come in, texts go out.

pub mod jwt;
pub mod sigv4;

//! Receivers for tests: servers of HTTP(S), SMTP and NATS that record what arrives, byte by byte and in order, and answer as
//! they are told. They share no code with the product, so that one mistake cannot hide another.
//!
//! Everything here blocks, one thread for each connection; a recorder stops when it is dropped.

mod certificate;
pub mod http;
pub mod nats;
pub mod smtp;
mod stop;

pub use certificate::Authority;

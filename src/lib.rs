//! Dodona.

//! Go-like values.

//! The tests of the value model: harnesses over the case files in `testdata`, whose README explains them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests; a broken case file should stop the test"
)]

mod cases;
mod document;
mod format;
mod json;
mod random;
mod regex;
mod robust;
mod time;

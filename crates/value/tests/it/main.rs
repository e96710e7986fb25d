//! The tests of the value model: harnesses over the case files in `testdata`, whose README explains them.

mod cases;
mod format;
mod json;
mod regex;
mod time;

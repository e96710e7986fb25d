//! The rules of the house that no compiler checks: who may use what, how large files get, what belongs together, which
//! libraries come in. Each rule is a test that reads the sources; nothing here runs the product.
#![expect(clippy::string_slice, reason = "all positions come from searches in the same text")]
#![expect(
    clippy::case_sensitive_file_extension_comparisons,
    reason = "the project's own files end in small letters"
)]

mod tidy {
    pub(crate) mod book;
    pub(crate) mod dependencies;
    pub(crate) mod image;
    pub(crate) mod layers;
    pub(crate) mod links;
    pub(crate) mod services;
    pub(crate) mod sources;
    pub(crate) mod tree;
}

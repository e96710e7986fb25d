//! The rules of the house that no compiler checks: who may use what, how large files get, what belongs together, which
//! libraries come in. Each rule is a test that reads the sources; nothing here runs the product.

mod tidy {
    pub(crate) mod dependencies;
    pub(crate) mod layers;
    pub(crate) mod links;
    pub(crate) mod services;
    pub(crate) mod sources;
    pub(crate) mod tree;
}

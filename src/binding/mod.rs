//! What a watched kind is and what it brings into scope: the `Binding` trait and the table of built-in bindings.

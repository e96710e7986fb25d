//! Text in, proof out: the text of a ConfigMap and a Secret becomes a configuration, in which everything is compiled.

pub mod yaml;

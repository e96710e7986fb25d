//! Text in, proof out: the text of a ConfigMap and a Secret becomes a [`Config`], in which everything is compiled.

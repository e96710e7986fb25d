//! What operators see: metrics, log lines, probes.

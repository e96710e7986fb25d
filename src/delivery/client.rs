//! The one place that opens HTTP connections: client factory, TLS material, proxy, timeouts, body cap, redaction.

/// Hands out HTTP clients; connections are shared by all services with the same transport settings.
#[derive(Clone, Debug, Default)]
pub struct Clients {}

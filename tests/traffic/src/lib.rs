//! Traffic between clients and daemons: recorded by a proxy that nobody notices, and replayed through the
//! generated types of the version that was spoken.

pub mod exchange;
pub mod record;
pub mod redact;
pub mod replay;
pub mod routes;

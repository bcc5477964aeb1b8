//! The run time that all generated Docker Engine API clients share.
//!
//! Applications use it through the façade crate `docker-api-gen`, which adds the typed operations of one API version or of
//! several. There are none here, and no version of the API either:
//!
//! | what | where |
//! | --- | --- |
//! | which daemon, and the way to it | [`Connection`], [`ConnectionBuilder`], [`Host`], [`explain`](explain()) |
//! | who to be at a registry | [`RegistryAuth`], [`Connection::registry_auth`] |
//! | how long things may take | [`Limits`] |
//! | what can go wrong | [`Error`], [`ErrorKind`] |
//! | what flows | [`LogStream`], [`LogLines`], [`JsonLines`], [`ByteStream`], [`Upgraded`], [`Body`] |
//! | what takes several operations | [`shortcuts`] |
//! | values | [`ApiVersion`], [`Timestamp`], [`Base64Bytes`], [`Json`], [`Filters`], [`filters`] |
//! | a request that is not sent | [`Request`] |
//!
//! What generated code is made of is public too: [`Call`] is one request in the making, [`Operation`] what a version says
//! of it, [`wire`] how types are read and written. It can change with every minor release.
//!
//! Every call is a future that needs a tokio runtime with I/O and time enabled. Dropping the future or the stream it
//! returned ends the request.
//!
//! # Watching requests
//!
//! With the feature `tracing` every request has a span `docker request` of the target `docker_api_gen` at the level
//! `DEBUG`, from its sending to the beginning of its answer:
//!
//! | field | what it is |
//! | --- | --- |
//! | `operation` | the operation, as in `containers.stop` |
//! | `api_version` | the API version in the path, as in `1.41` |
//! | `status` | the HTTP status, if an answer came |
//! | `error` | the [`ErrorKind`], if it failed, as in `NotFound` |
//! | `duration_ms` | how long that took, in milliseconds; it is all that a request given up has |
//!
//! What else a call asks the daemon on its way, such as whether it speaks the version, has spans of its own. Bodies,
//! queries, headers and the names of things are in none. Credentials that a build goes without because their helper
//! failed are an event at the level `WARN`.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(missing_docs)]

#[cfg(feature = "archive")]
mod archive;
mod availability;
mod base64_bytes;
mod blocking;
mod body;
#[cfg(all(feature = "bridge", unix))]
mod bridge;
mod byte_stream;
mod call;
mod capabilities;
mod config;
mod connection;
mod connector;
mod contact;
mod convert;
mod credentials;
mod decode;
#[cfg(all(feature = "custom-transport", unix))]
mod dial;
mod direct;
mod driver;
mod error;
mod exchange;
mod explain;
mod failure;
pub mod filters;
mod gates;
#[doc(hidden)]
pub mod headers;
pub mod history;
mod host;
mod http_client;
mod json;
mod json_documents;
mod json_lines;
mod limits;
mod log_frames;
mod log_lines;
mod logs;
mod negotiation;
mod operation;
mod origin;
#[cfg(windows)]
mod pipe;
#[cfg(feature = "progress")]
mod progress_bars;
mod proof;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod properties;
mod query;
mod report;
mod request;
mod resolve;
mod response;
mod scan;
pub mod shortcuts;
#[cfg(all(feature = "ssh", unix))]
mod ssh;
mod text;
mod timestamp;
mod tls;
#[cfg(feature = "tracing")]
mod trace;
mod transport;
mod turns;
mod unsupported;
mod upgraded;
mod version;
pub mod wire;

pub use base64_bytes::Base64Bytes;
pub use body::Body;
pub use byte_stream::ByteStream;
pub use call::Call;
pub use capabilities::{Capabilities, EngineKind, SwarmStatus};
pub use connection::{Connection, ConnectionBuilder, explain};
pub use convert::{Converted, convert};
pub use credentials::RegistryAuth;
pub use error::{Error, ErrorKind};
pub use explain::Explanation;
pub use filters::Filters;
pub use host::Host;
pub use json::Json;
pub use json_lines::JsonLines;
pub use limits::Limits;
pub use log_lines::{LogLine, LogLines};
pub use logs::{LogFrame, LogSource, LogStream, Output};
pub use negotiation::Negotiated;
pub use operation::{Operation, TtySource};
#[cfg(feature = "progress")]
#[cfg_attr(docsrs, doc(cfg(feature = "progress")))]
pub use progress_bars::ProgressBars;
pub use query::QueryValue;
pub use report::VersionReport;
pub use request::Request;
pub use response::Response;
pub use timestamp::Timestamp;
#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub use tls::Tls;
pub use unsupported::{Answered, Change, Notes, Unsupported};
pub use upgraded::{Upgraded, UpgradedWriter};
pub use version::ApiVersion;

/// The crates whose types appear in signatures here, so that generated code names the same versions of them.
#[doc(hidden)]
pub mod reexport {
    pub use bytes;
    pub use http;
    pub use serde;
}

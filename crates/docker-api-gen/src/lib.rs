//! Typed, async clients for the Docker Engine API, generated from the API's own descriptions: one module for
//! each API version, each behind a feature of its name.
//!
//! Pick the version that every daemon you will meet speaks, and enable its feature:
//!
//! ```sh
//! cargo add docker-api-gen --features v1_41
//! ```
//!
//! The version is then in the path of every request, and what that version lacks does not compile. Moving to
//! another version is changing one line:
//!
//! ```
//! # #[cfg(feature = "v1_41")]
//! # async fn example() -> Result<(), docker_api_gen::Error> {
//! use docker_api_gen::v1_41 as docker;
//!
//! let client = docker::Client::from_env()?;
//! for container in client.containers().list().all(true).send().await? {
//!     println!("{:?} {:?}", container.names, container.state);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A program that does not know which daemons it will meet lets the version be chosen at run time: the feature
//! `negotiated` adds a module of that name, whose client has what any version has, and [`Docker`](crate::Docker).
//!
//! Without a version's feature there is only what all versions share: [`Connection`], [`Error`] and the
//! streams. Features add, and none excludes another: two versions can be used side by side.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(missing_docs)]

#[cfg(feature = "negotiated")]
mod docker;
mod versions;

#[cfg(feature = "negotiated")]
#[cfg_attr(docsrs, doc(cfg(feature = "negotiated")))]
pub use docker::Docker;
#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub use docker_api_gen_core::Tls;
pub use docker_api_gen_core::{
    ApiVersion, Base64Bytes, Body, ByteStream, Capabilities, Connection, ConnectionBuilder,
    EngineKind, Error, ErrorKind, Explanation, Filters, Host, Json, JsonLines, Limits, LogFrame,
    LogLine, LogLines, LogSource, LogStream, Negotiated, Output, RegistryAuth, Request, SwarmStatus, Timestamp,
    Upgraded, UpgradedWriter, VersionReport, explain, filters, shortcuts,
};
#[allow(
    unused_imports,
    unreachable_pub,
    reason = "empty unless the feature of a version is on"
)]
pub use versions::*;

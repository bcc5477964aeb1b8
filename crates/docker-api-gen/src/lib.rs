//! Typed, async clients for the Docker Engine API, generated from the API's own descriptions: one module for
//! each API version, each behind a feature of its name.
//!
//! ```sh
//! cargo add docker-api-gen --features v1_41
//! cargo add tokio --features macros,rt-multi-thread
//! ```
//!
//! ```no_run
//! # #[cfg(feature = "v1_41")]
//! use docker_api_gen::v1_41 as docker; // another version: change this line and the feature
//!
//! # #[cfg(feature = "v1_41")]
//! #[tokio::main]
//! async fn main() -> Result<(), docker::Error> {
//!     let client = docker::Client::from_env()?; // the daemon that `docker` would talk to
//!     for container in client.containers().list().all(true).send().await? {
//!         println!("{:?} {:?}", container.names, container.state);
//!     }
//!     let output = client.run("alpine", ["echo", "hello world"]).send().await?;
//!     println!("{} {:?}", output.exit_code, output.stdout);
//!     Ok(())
//! }
//! # #[cfg(not(feature = "v1_41"))]
//! # fn main() {}
//! ```
//!
//! What an operation cannot do without is an argument; the rest are setters. `.send().await` sends; `.request()` makes
//! the same request without sending it. Nothing is sent that was not set.
//!
//! # Choosing a version
//!
//! The version is in the path of every request, and what that version lacks does not compile. A daemon speaks every
//! version between its minimum and its maximum, so take the newest that all of your daemons have:
//!
#![doc = include_str!("versions.md")]
//!
//! `latest` is the newest of these, for applications that are rebuilt with every release. Features add, and none
//! excludes another: two versions can be used side by side. Without any there is only what all versions share:
//! [`Connection`], [`Error`] and the streams.
//!
//! A program that does not know which daemons it will meet has the version chosen at run time: the feature `negotiated`
//! adds a module of that name, whose client has what any version has, and `Docker`.
//!
//! # Features
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `v1_24` … | the client of that version |
//! | `latest` | the client of the newest version, as `latest` |
//! | `negotiated` | `Docker`, whose version is agreed upon with the daemon at run time |
//! | `archive` | copying files into and out of containers, and building images from folders |
//! | `custom-transport` | connections that the program opens |
//! | `progress` | bars on a terminal for pulls, pushes, builds and loads |
//! | `reqwest` | a client of HTTP that the program has, of reqwest |
//! | `ssh` | `ssh://`, through the program `ssh` |
//! | `tls` | `https://`, and `tcp://` with certificates |
//! | `tracing` | a span of `tracing` for each request |
//! | `serde-both` | every type can be both read and written with serde, not only the way it travels |
//!
//! # Where to go
//!
//! - The client of a version: `v1_41::Client`, with an accessor for each group of operations, and shortcuts for what
//!   takes several: [`shortcuts`].
//! - Which daemon, and how it is reached: [`Connection`], [`Host`], [`explain`].
//! - What can go wrong: [`Error`], [`ErrorKind`], [`Limits`].
//! - What flows: [`LogStream`], [`JsonLines`], [`ByteStream`], [`Upgraded`].
//! - How things are done: [`guides`].
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(missing_docs)]

#[cfg(feature = "negotiated")]
mod docker;
// Their examples are tested with what they need, which is more than some have enabled.
#[cfg(all(
    doc,
    any(
        not(doctest),
        all(
            feature = "archive",
            feature = "custom-transport",
            feature = "negotiated",
            feature = "progress",
            feature = "reqwest",
            feature = "serde-both",
            feature = "tls",
            feature = "v1_41",
            feature = "v1_42"
        )
    )
))]
pub mod guides;
mod versions;

#[cfg(feature = "negotiated")]
#[cfg_attr(docsrs, doc(cfg(feature = "negotiated")))]
pub use docker::Docker;
#[cfg(feature = "progress")]
#[cfg_attr(docsrs, doc(cfg(feature = "progress")))]
pub use docker_api_gen_core::ProgressBars;
#[cfg(feature = "tls")]
#[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
pub use docker_api_gen_core::Tls;
pub use docker_api_gen_core::{
    Answered, ApiVersion, Base64Bytes, Body, ByteStream, Capabilities, Change, Connection,
    ConnectionBuilder, Converted, EngineKind, Error, ErrorKind, Explanation, Filters, Host, Json,
    JsonLines, Limits, LogFrame, LogLine, LogLines, LogSource, LogStream, Negotiated, Output,
    RegistryAuth, Request, SwarmStatus, Timestamp, Unsupported, Upgraded, UpgradedWriter,
    VersionReport, convert, explain, filters, shortcuts,
};
#[allow(
    unused_imports,
    unreachable_pub,
    reason = "empty unless the feature of a version is on"
)]
pub use versions::*;

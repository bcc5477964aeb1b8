//! What takes several operations, in one call: running a command, pulling an image, waiting until a service is ready.
//!
//! Every client has these as methods of its own. They are the same for all API versions; where a version lacks what was
//! asked for, the call fails before anything is sent.

mod build;
mod command;
mod config;
#[cfg(feature = "archive")]
mod copy;
mod exec;
mod pull;
mod reference;
mod remove;
mod run;
mod running;
mod until;
mod usage;
mod wait;

#[cfg(feature = "archive")]
pub use crate::archive::Copied;
pub use build::{Build, BuildContext, Building, Built};
pub use command::Command;
pub use config::{Mount, Port};
#[cfg(all(feature = "archive", any(test, fuzzing)))]
pub(crate) use copy::check_places;
#[cfg(feature = "archive")]
pub use copy::{CopyIn, CopyOut};
pub use exec::{Exec, ExecHandle, ExecOutput, Executing};
pub use pull::{Progress, Pull, PullPolicy, Pulled};
pub use run::{Run, RunOutput};
pub use running::Running;
pub use until::{Until, WaitUntil};
pub use usage::{ResourceUsage, Usage};
pub use wait::{Wait, WaitCondition, Waiting};

use bytes::Bytes;

use crate::call::Call;
use crate::connection::Connection;
use crate::error::{Error, ErrorKind};
use crate::operation::Operation;
use crate::origin::Origin;
use crate::scan;
use crate::version::ApiVersion;

/// The operations that are put together here, as a version's client knows them.
#[doc(hidden)]
#[derive(Debug)]
#[allow(missing_docs, reason = "each is what it is called")]
pub struct Operations {
    pub container_archive: &'static Operation,
    pub container_archive_info: &'static Operation,
    pub container_attach: &'static Operation,
    pub container_create: &'static Operation,
    pub container_delete: &'static Operation,
    pub container_inspect: &'static Operation,
    pub container_kill: &'static Operation,
    pub container_logs: &'static Operation,
    pub container_put_archive: &'static Operation,
    pub container_resize: &'static Operation,
    pub container_start: &'static Operation,
    pub container_stats: &'static Operation,
    pub container_stop: &'static Operation,
    pub container_wait: &'static Operation,
    pub exec_create: &'static Operation,
    pub exec_inspect: &'static Operation,
    pub exec_resize: &'static Operation,
    pub exec_start: &'static Operation,
    pub image_build: &'static Operation,
    pub image_create: &'static Operation,
    pub since: Since,
}

/// The first version that has each of the options that not all have; `None` where no version does.
#[doc(hidden)]
#[derive(Debug)]
#[allow(missing_docs, reason = "each is what it is called")]
pub struct Since {
    pub auto_remove: Option<ApiVersion>,
    pub build_cache_from: Option<ApiVersion>,
    pub build_network: Option<ApiVersion>,
    pub build_platform: Option<ApiVersion>,
    pub build_target: Option<ApiVersion>,
    pub copy_owners: Option<ApiVersion>,
    pub create_platform: Option<ApiVersion>,
    pub exec_env: Option<ApiVersion>,
    pub exec_working_dir: Option<ApiVersion>,
    pub mounts: Option<ApiVersion>,
    pub pull_platform: Option<ApiVersion>,
    pub wait_condition: Option<ApiVersion>,
}

/// A client, as far as it matters here.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Kit {
    connection: Connection,
    operations: &'static Operations,
    version: ApiVersion,
}

impl Kit {
    /// What speaks `version` over `connection`.
    pub fn new(
        connection: &Connection,
        operations: &'static Operations,
        version: ApiVersion,
    ) -> Self {
        Self {
            connection: connection.clone(),
            operations,
            version,
        }
    }

    fn call(&self, operation: &'static Operation) -> Call<'_> {
        let mut call = Call::new(&self.connection, operation);
        call.set_version(self.version());
        call
    }

    /// The version that is spoken, which a client that negotiates knows once it has [`settled`](Self::settle).
    fn version(&self) -> ApiVersion {
        self.connection.agreed_version().unwrap_or(self.version)
    }

    /// Makes sure of the version that is spoken, before it is asked what it has.
    async fn settle(&self) -> Result<(), Error> {
        match self.connection.choice() {
            Some(_) => self.connection.negotiate().await.map(drop),
            None => Ok(()),
        }
    }

    /// A call about a container.
    fn container(&self, operation: &'static Operation, id: &str) -> Call<'_> {
        let mut call = self.call(operation);
        call.path("id", id);
        call
    }

    fn has(&self, since: Option<ApiVersion>) -> bool {
        since.is_some_and(|since| since <= self.version())
    }

    /// Refuses `what` where the version spoken does not have it.
    fn need(
        &self,
        operation: &'static Operation,
        since: Option<ApiVersion>,
        what: &str,
    ) -> Result<(), Error> {
        if self.has(since) {
            return Ok(());
        }
        let version = self.version();
        let sentence = match since {
            Some(since) => {
                format!("{what} needs API {since}, this connection speaks {version}")
            }
            None => format!("API {version} has no {what}"),
        };
        Err(self.error(operation, None, ErrorKind::Unsupported, sentence))
    }

    fn error(
        &self,
        operation: &'static Operation,
        subject: Option<&str>,
        kind: ErrorKind,
        sentence: impl Into<String>,
    ) -> Error {
        let origin = Origin {
            operation,
            version: self.version(),
            subject: subject
                .filter(|subject| !subject.is_empty())
                .map(|subject| crate::text::shorten(subject, 100).into()),
        };
        Error::new(kind, sentence).at(&origin)
    }

    /// The name and id that a container, image or exec is known by from now on.
    async fn made(&self, call: Call<'_>) -> Result<String, Error> {
        let (text, origin) = call.json_text().await?;
        text_at(&text, "/Id").ok_or_else(|| {
            let sentence = "the daemon does not say what the id is";
            Error::new(ErrorKind::Decode, sentence).at(&origin)
        })
    }

    async fn inspect_container(&self, id: &str) -> Result<Bytes, Error> {
        let call = self.container(self.operations.container_inspect, id);
        Ok(call.json_text().await?.0)
    }
}

/// The text at a place of a JSON document.
fn text_at(document: &[u8], pointer: &str) -> Option<String> {
    scan::pointer(document, pointer).and_then(scan::string)
}

/// The integer at a place of a JSON document.
fn integer_at(document: &[u8], pointer: &str) -> Option<i64> {
    let text = scan::pointer(document, pointer)?;
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Whether there is `true` at a place of a JSON document.
fn is_true_at(document: &[u8], pointer: &str) -> bool {
    scan::pointer(document, pointer) == Some(b"true")
}

/// Whether what an error is about is not there, as the answer to a HEAD without any words says it.
#[cfg(feature = "archive")]
fn is_missing(error: &Error) -> bool {
    error.status() == Some(http::StatusCode::NOT_FOUND)
}

/// Gives a client its shortcuts. It has a method `kit` that gives a [`Kit`].
#[doc(hidden)]
#[macro_export]
macro_rules! client_shortcuts {
    ($client:ident) => {
        impl $client {
            /// Runs a command in a new container: `client.run("alpine", ["echo", "hello"]).send().await?`.
            ///
            /// The image is pulled if it is not there. `()` as the command is the one that the image brings. The
            /// container is removed when the command has ended.
            pub fn run(
                &self,
                image: impl ::std::convert::Into<::std::string::String>,
                command: impl $crate::shortcuts::Command,
            ) -> $crate::shortcuts::Run {
                $crate::shortcuts::Run::new(self.kit(), image.into(), command.into_list())
            }

            /// Runs a command in a container that is running: `client.exec_run("web", ["ls", "/"]).send().await?`.
            pub fn exec_run(
                &self,
                container: impl ::std::convert::Into<::std::string::String>,
                command: impl $crate::shortcuts::Command,
            ) -> $crate::shortcuts::Exec {
                $crate::shortcuts::Exec::new(self.kit(), container.into(), command.into_list())
            }

            /// Pulls an image from its registry: `client.pull("alpine:3.20").send().await?`.
            ///
            /// Without a tag it is the one tagged `latest`.
            pub fn pull(
                &self,
                image: impl ::std::convert::Into<::std::string::String>,
            ) -> $crate::shortcuts::Pull {
                $crate::shortcuts::Pull::new(self.kit(), image.into())
            }

            /// Waits for a container to end or to be removed, and gives its exit code.
            ///
            /// Begun before the container is started, it misses nothing.
            pub fn wait(
                &self,
                container: impl ::std::convert::Into<::std::string::String>,
            ) -> $crate::shortcuts::Wait {
                $crate::shortcuts::Wait::new(self.kit(), container.into())
            }

            /// Waits until a container is healthy, listens on a port or has logged something.
            pub fn wait_until(
                &self,
                container: impl ::std::convert::Into<::std::string::String>,
                until: $crate::shortcuts::Until,
            ) -> $crate::shortcuts::WaitUntil {
                $crate::shortcuts::WaitUntil::new(self.kit(), container.into(), until)
            }

            /// What a container uses of the machine, in the numbers that `docker stats` shows.
            pub fn usage(
                &self,
                container: impl ::std::convert::Into<::std::string::String>,
            ) -> $crate::shortcuts::Usage {
                $crate::shortcuts::Usage::new(self.kit(), container.into())
            }

            /// Builds an image, with the daemon's own builder: `client.build("./web").tag("web:1.2").send().await?`.
            ///
            /// A path is that of a folder, for which the feature `archive` is needed.
            pub fn build(
                &self,
                context: impl ::std::convert::Into<$crate::shortcuts::BuildContext>,
            ) -> $crate::shortcuts::Build {
                $crate::shortcuts::Build::new(self.kit(), context.into())
            }
        }

        $crate::client_archive_shortcuts!($client);
    };
}

/// Gives a client its shortcuts for archives.
#[cfg(feature = "archive")]
#[doc(hidden)]
#[macro_export]
macro_rules! client_archive_shortcuts {
    ($client:ident) => {
        impl $client {
            /// Copies a file or folder into a container, as `docker cp` does:
            /// `client.copy_in("app.conf", "web", "/etc/").send().await?`.
            pub fn copy_in(
                &self,
                from: impl ::std::convert::Into<::std::path::PathBuf>,
                container: impl ::std::convert::Into<::std::string::String>,
                to: impl ::std::convert::Into<::std::string::String>,
            ) -> $crate::shortcuts::CopyIn {
                let (from, container, to) = (from.into(), container.into(), to.into());
                $crate::shortcuts::CopyIn::new(self.kit(), from, container, to)
            }

            /// Copies a file or folder out of a container, as `docker cp` does:
            /// `client.copy_out("web", "/var/log", "logs").send().await?`.
            pub fn copy_out(
                &self,
                container: impl ::std::convert::Into<::std::string::String>,
                from: impl ::std::convert::Into<::std::string::String>,
                to: impl ::std::convert::Into<::std::path::PathBuf>,
            ) -> $crate::shortcuts::CopyOut {
                let (container, from, to) = (container.into(), from.into(), to.into());
                $crate::shortcuts::CopyOut::new(self.kit(), container, from, to)
            }
        }
    };
}

/// Gives a client its shortcuts for archives: none without the feature `archive`.
#[cfg(not(feature = "archive"))]
#[doc(hidden)]
#[macro_export]
macro_rules! client_archive_shortcuts {
    ($client:ident) => {};
}

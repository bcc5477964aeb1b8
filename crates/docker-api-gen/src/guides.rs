//! The guides, as they stand in `docs/` of the repository.
//!
//! They are here for documentation alone: there is nothing in these modules.

/// A guide, and where its links to others lead from here.
macro_rules! guide {
    ($(#[$about:meta])* $name:ident, $file:literal) => {
        $(#[$about])*
        ///
        /// [connecting]: crate::guides::connecting
        /// [errors]: crate::guides::errors
        /// [porting]: crate::guides::porting
        /// [registries]: crate::guides::registries
        /// [streams]: crate::guides::streams
        /// [testing]: crate::guides::testing_your_code
        /// [versions]: crate::guides::versions
        /// [recordings]: https://github.com/docker-api-gen/docker-api-gen/blob/main/docs/testing.md
        #[doc = include_str!(concat!("../docs/", $file))]
        pub mod $name {}
    };
}

guide!(
    /// Which daemon, which way, with which certificates.
    connecting, "connecting.md"
);
guide!(
    /// What can go wrong, how it is told, and how long things may take.
    errors, "errors.md"
);
guide!(
    /// Call by call from bollard, shiplift and docker-py.
    porting, "porting.md"
);
guide!(
    /// Who to be at a registry.
    registries, "registries.md"
);
guide!(
    /// Logs, attach, exec, events, progress and archives.
    streams, "streams.md"
);
guide!(
    /// Requests looked at, answers from files, a daemon of one's own.
    testing_your_code, "testing-your-code.md"
);
guide!(
    /// Choosing a version, and moving to another.
    versions, "versions.md"
);

/// The snippets of the README.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub mod readme {}

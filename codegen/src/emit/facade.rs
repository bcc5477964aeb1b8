//! The parts of the façade that follow from the list of versions: its manifest, with a feature for each
//! version, and the modules behind them.

use quote::quote;

use super::format::{header, rust};
use super::{Files, ident};
use crate::names::{self, NEGOTIATED, NEGOTIATED_CRATE};
use crate::version::Version;
use crate::versions::Versions;

pub(super) const ORIGIN: &str = "specs/versions.toml";

/// The façade's examples that speak one version, the same for all, and what else they need.
const EXAMPLES: [(&str, &str); 9] = [
    ("build", "\"archive\", \"progress\", "),
    ("cp", "\"archive\", "),
    ("events", ""),
    ("exec", ""),
    ("logs", ""),
    ("pull", "\"progress\", "),
    ("run", ""),
    ("shell", ""),
    ("stats", ""),
];

/// The generated files of the façade, for the versions that have a crate.
pub fn facade(versions: &Versions, package_version: &str) -> Files {
    let apis: Vec<Version> = versions.rows().iter().map(|row| row.api).collect();
    Files::from([
        (
            "crates/docker-api-gen/Cargo.toml".to_owned(),
            manifest(versions, &apis, package_version),
        ),
        (
            "crates/docker-api-gen/src/versions.rs".to_owned(),
            modules(versions, &apis),
        ),
        (
            "crates/docker-api-gen/src/versions.md".to_owned(),
            format!(
                "<!-- {} -->\n\n{}",
                header("", ORIGIN).trim_start(),
                crate::readme::table(versions)
            ),
        ),
    ])
}

fn manifest(versions: &Versions, apis: &[Version], package_version: &str) -> String {
    let both: Vec<_> = apis
        .iter()
        .map(|api| format!("    \"{}?/serde-both\",\n", names::version_crate(*api)))
        .collect();
    let features: Vec<_> = versions
        .rows()
        .iter()
        .map(|row| {
            let name = names::version_crate(row.api);
            let module = names::version_module(row.api);
            format!(
                "# API {}, from Docker {} on.\n{module} = [\"dep:{name}\"]\n",
                row.api, row.docker
            )
        })
        .collect();
    let dependencies: Vec<_> = apis
        .iter()
        .map(|api| {
            let name = names::version_crate(*api);
            format!(
                "{name} = {{ path = \"../generated/{name}\", version = \"{package_version}\", optional = true }}\n"
            )
        })
        .collect();
    let examples: Vec<_> = EXAMPLES
        .iter()
        .map(|(name, more)| {
            format!("[[example]]\nname = \"{name}\"\nrequired-features = [{more}\"v1_41\"]\n\n")
        })
        .chain([format!(
            "[[example]]\nname = \"{NEGOTIATED}\"\nrequired-features = [\"{NEGOTIATED}\"]\n\n"
        )])
        .collect();
    let latest = apis
        .last()
        .map(|api| names::version_module(*api))
        .unwrap_or_default();
    format!(
        r#"{}

[package]
name = "docker-api-gen"
description = "Typed, async clients for the Docker Engine API, one per API version"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
repository.workspace = true
keywords.workspace = true
categories.workspace = true
readme = "../../README.md"

[package.metadata.docs.rs]
features = ["archive", "custom-transport", "latest", "negotiated", "progress", "reqwest", "ssh", "tls", "tracing"]
rustdoc-args = ["--cfg", "docsrs"]

[features]
default = []
# Copying files into and out of containers, and building images from folders.
archive = ["docker-api-gen-core/archive"]
# Connections that the caller makes.
custom-transport = ["docker-api-gen-core/custom-transport"]
# The newest version there is: for applications, as it moves with every release of this crate.
latest = ["{latest}"]
# Whichever version the daemon speaks, of all that there are.
{NEGOTIATED} = ["dep:{NEGOTIATED_CRATE}"]
# Bars on a terminal for pulls, pushes, builds and loads.
progress = ["docker-api-gen-core/progress"]
# A client of HTTP that the caller brings.
reqwest = ["docker-api-gen-core/reqwest"]
# Every type can be both read and written, not only the way it travels.
serde-both = [
    "{NEGOTIATED_CRATE}?/serde-both",
{}]
# ssh://, through the program `ssh`.
ssh = ["docker-api-gen-core/ssh"]
# TLS, for https:// and for tcp:// with certificates.
tls = ["docker-api-gen-core/tls"]
# A span of `tracing` for each request.
tracing = ["docker-api-gen-core/tracing"]

{}
[dependencies]
docker-api-gen-core.workspace = true
{NEGOTIATED_CRATE} = {{ path = "../generated/{NEGOTIATED_CRATE}", version = "{package_version}", optional = true }}
{}
[dev-dependencies]
crossterm.workspace = true
serde_json.workspace = true
tokio = {{ workspace = true, features = ["io-std", "io-util", "macros", "rt-multi-thread", "signal"] }}

{}[[test]]
name = "porting"
required-features = ["archive", "tls", "v1_41"]

[lints]
workspace = true
"#,
        header("#", ORIGIN),
        both.concat(),
        features.join("\n"),
        dependencies.concat(),
        examples.concat(),
    )
}

fn modules(versions: &Versions, apis: &[Version]) -> String {
    let modules = versions.rows().iter().map(|row| {
        let feature = names::version_module(row.api);
        let module = ident(&feature);
        let krate = ident(&names::version_crate(row.api).replace('-', "_"));
        quote! {
            #[cfg(feature = #feature)]
            #[cfg_attr(docsrs, doc(cfg(feature = #feature)))]
            #[doc(inline)]
            pub use #krate as #module;
        }
    });
    let pins = versions.rows().iter().map(|row| {
        let feature = names::version_module(row.api);
        let module = ident(&feature);
        let version = row.api.to_string();
        quote!(crate::docker::pinned!(#module, #feature, #version);)
    });
    let negotiated = ident(NEGOTIATED);
    let negotiated_crate = ident(&NEGOTIATED_CRATE.replace('-', "_"));
    let latest = apis.last().map(|api| {
        let krate = ident(&names::version_crate(*api).replace('-', "_"));
        quote! {
            #[cfg(feature = "latest")]
            #[cfg_attr(docsrs, doc(cfg(feature = "latest")))]
            #[doc(no_inline)]
            pub use #krate as latest;
        }
    });
    let modules = quote! {
        #(#modules)*
        #latest
        #[cfg(feature = #NEGOTIATED)]
        #[cfg_attr(docsrs, doc(cfg(feature = #NEGOTIATED)))]
        #[doc(inline)]
        pub use #negotiated_crate as #negotiated;
        #[cfg(feature = #NEGOTIATED)]
        mod pinned {
            #(#pins)*
        }
    };
    rust(ORIGIN, modules)
}

//! The harness: all versions as tables, for programs that look at every one of them. It is a tool of the tests
//! and never published.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;

use super::api::collect_idents;
use super::calls;
use super::contract::key;
use super::docs::Uses;
use super::format::{header, rust};
use super::{Context, Files, GENERATED, ident, literal};
use crate::docs::DocsOf;
use crate::history::History;
use crate::model::{Answer, Api, Body, BodyContent, Operation, Step, Type, TypeId};
use crate::names::{self, TypeNames};
use crate::union::Union;
use crate::version::Version;
use crate::versions::Versions;

const ORIGIN: &str = "specs/versions.toml";
const PACKAGE: &str = "docker-api-gen-harness";

/// The definition of what daemons answer where something fails.
const ERROR: &str = "ErrorResponse";

/// What of the harness belongs to all versions.
pub fn harness(versions: &Versions) -> Files {
    let apis: Vec<Version> = versions.iter().collect();
    let root = format!("{GENERATED}/{PACKAGE}");
    Files::from([
        (format!("{root}/Cargo.toml"), manifest(&apis)),
        (format!("{root}/src/lib.rs"), library(&apis)),
    ])
}

/// What of the harness belongs to one version.
pub fn harness_version(
    api: &Api,
    history: &History,
    versions: &Versions,
    docs: &DocsOf<'_>,
) -> Files {
    let context = Context {
        api,
        names: &TypeNames::new(api),
        places: &[],
        history,
        versions,
        docs,
        uses: &Uses::new(api),
        negotiates: false,
    };
    let origin = format!("specs/openapi/v{}.json", api.version);
    let module = names::version_module(api.version);
    let root = format!("{GENERATED}/{PACKAGE}/src");
    Files::from([
        (
            format!("{root}/{module}.rs"),
            rust(&origin, context.table()),
        ),
        (
            format!("{root}/calls/{module}.rs"),
            rust(&origin, calls::file(context)),
        ),
    ])
}

/// What of the harness belongs to the client of all versions.
pub fn harness_negotiated(
    union: &Union,
    history: &History,
    versions: &Versions,
    docs: &DocsOf<'_>,
) -> Files {
    let context = Context {
        api: &union.api,
        names: &TypeNames::new(&union.api),
        places: &[],
        history,
        versions,
        docs,
        uses: &Uses::new(&union.api),
        negotiates: true,
    };
    let path = format!("{GENERATED}/{PACKAGE}/src/calls/negotiated.rs");
    Files::from([(path, rust(&context.origin(), calls::file(context)))])
}

fn manifest(apis: &[Version]) -> String {
    let all: Vec<_> = apis
        .iter()
        .map(|api| format!("    \"{}\",\n", names::version_module(*api)))
        .collect();
    let features: Vec<_> = apis
        .iter()
        .map(|api| {
            let package = names::version_crate(*api);
            format!("{} = [\"dep:{package}\"]\n", names::version_module(*api))
        })
        .collect();
    let dependencies: Vec<_> = apis
        .iter()
        .map(|api| {
            let package = names::version_crate(*api);
            format!(
                "{package} = {{ path = \"../{package}\", features = [\"serde-both\"], optional = true }}\n"
            )
        })
        .collect();
    let latest = apis.last().map(|api| names::version_module(*api));
    let latest = latest.unwrap_or_default();
    let negotiated = names::NEGOTIATED_CRATE;
    format!(
        r#"{}

[package]
name = "{PACKAGE}"
description = "All versions of docker-api-gen as tables, for its tests"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
repository.workspace = true
publish = false

[features]
all-versions = [
{}]
## Every operation can be called by its name.
calls = []
## So can those of the client of all versions.
negotiated = ["calls", "dep:{negotiated}"]
latest = ["{latest}"]
{}
[dependencies]
docker-api-gen-core.workspace = true
docker-api-gen-tests.workspace = true
{negotiated} = {{ path = "../{negotiated}", features = ["serde-both"], optional = true }}
{}
[lints]
workspace = true
"#,
        header("#", ORIGIN),
        all.concat(),
        features.concat(),
        dependencies.concat(),
    )
}

fn library(apis: &[Version]) -> String {
    let features: Vec<_> = apis.iter().map(|api| names::version_module(*api)).collect();
    let modules: Vec<_> = features.iter().map(|feature| ident(feature)).collect();
    let texts: Vec<_> = apis.iter().map(ToString::to_string).collect();
    rust(
        ORIGIN,
        quote! {
            #![doc = " Every version as a table: its operations, and how what they carry is read and written."]
            #![doc = ""]
            #![doc = " Each version is there with the feature of its name: `v1_41`."]
            #[cfg(feature = "calls")]
            use docker_api_gen_tests::call::Connect;
            use docker_api_gen_tests::harness::Version;
            #(#[cfg(feature = #features)] mod #modules;)*
            #[doc = " The versions this was built with, oldest first."]
            pub static VERSIONS: &[&Version] = &[
                #(#[cfg(feature = #features)] &#modules::VERSION,)*
            ];
            #[cfg(feature = "calls")]
            mod calls {
                #[cfg(feature = "negotiated")]
                pub(super) mod negotiated;
                #(#[cfg(feature = #features)] pub(super) mod #modules;)*
            }
            #[doc = " All versions that there are, built or not, oldest first."]
            pub static APIS: &[&str] = &[#(#texts),*];
            #[doc = " The client of all versions, speaking one of them."]
            #[doc = ""]
            #[doc = " # Errors"]
            #[doc = ""]
            #[doc = " If it cannot speak that version."]
            #[cfg(feature = "negotiated")]
            pub fn negotiated(
                connection: docker_api_gen_core::Connection,
                version: docker_api_gen_core::ApiVersion,
            ) -> Result<Box<dyn docker_api_gen_tests::call::Caller>, docker_api_gen_core::Error> {
                calls::negotiated::speaking(connection, version)
            }
            #[doc = " What makes the client of each of them, oldest first."]
            #[cfg(feature = "calls")]
            pub static CLIENTS: &[(&str, Connect)] = &[
                #(#[cfg(feature = #features)] (#texts, calls::#modules::connect),)*
            ];
        },
    )
}

impl Context<'_> {
    fn table(self) -> TokenStream {
        let package = ident(&names::version_crate(self.api.version).replace('-', "_"));
        let version = self.api.version.to_string();
        let error = match self.error() {
            Some(codec) => quote!(Some(#codec)),
            None => quote!(None),
        };
        let operations = self
            .api
            .operations
            .iter()
            .map(|operation| self.entry(operation));
        let items = quote! {
            #[doc = " What there is to know of the version."]
            pub(crate) static VERSION: Version = Version {
                api: #version,
                operations: OPERATIONS,
                error: #error,
            };
            static OPERATIONS: &[Operation] = &[#(#operations),*];
        };
        let mut mentioned = BTreeSet::new();
        collect_idents(items.clone(), &mut mentioned);
        let only = |names: &[&str]| -> Vec<_> {
            names
                .iter()
                .filter(|name| mentioned.contains(**name))
                .map(|name| ident(name))
                .collect()
        };
        let tools = only(&[
            "Answer",
            "Body",
            "Operation",
            "Parameter",
            "Place",
            "Version",
        ]);
        let own = only(&["Base64Bytes", "Json", "Timestamp", "types"]);
        quote! {
            use docker_api_gen_tests::decode;
            use docker_api_gen_tests::harness::{#(#tools),*};
            use #package::{#(#own),*};
            #items
        }
    }

    /// What reads an error, where the version describes errors.
    fn error(self) -> Option<TokenStream> {
        let is_error = |id: &TypeId| {
            let place = self.api.type_def(*id).place.as_slice();
            matches!(place, [Step::Definition(name)] if name == ERROR)
        };
        let id = (0..self.api.types.len()).map(TypeId).find(is_error)?;
        Some(self.codec(&Type::Named(id)))
    }

    fn entry(self, operation: &Operation) -> TokenStream {
        let Operation {
            id, method, path, ..
        } = operation;
        let name = names::operation(operation);
        let required = operation
            .parameters
            .iter()
            .filter(|parameter| parameter.required)
            .map(key);
        let body = self.body_entry(operation.body.as_ref());
        let answer = match &operation.answer {
            Answer::Unit => quote!(Answer::Nothing),
            Answer::Text => quote!(Answer::Text),
            Answer::Bytes => quote!(Answer::Bytes),
            Answer::Json(ty) => {
                let codec = self.codec(ty);
                quote!(Answer::Document(#codec))
            }
            Answer::JsonLines(ty) => {
                let codec = self.codec(ty);
                quote!(Answer::Documents(#codec))
            }
            Answer::LogFrames => quote!(Answer::LogFrames),
            Answer::Upgrade => quote!(Answer::Upgrade),
            Answer::Head(_) => quote!(Answer::Head),
        };
        let outcomes = operation.outcomes.iter().map(|outcome| {
            let status = literal(outcome.status);
            match &outcome.body {
                Some(ty) => {
                    let codec = self.codec(ty);
                    quote!((#status, Some(#codec)))
                }
                None => quote!((#status, None)),
            }
        });
        quote! {
            Operation {
                id: #id,
                name: #name,
                method: #method,
                path: #path,
                required: &[#(#required),*],
                body: #body,
                answer: #answer,
                outcomes: &[#(#outcomes),*],
            }
        }
    }

    fn body_entry(self, body: Option<&Body>) -> TokenStream {
        match body {
            None => quote!(Body::Nothing),
            Some(Body { required, content }) => match content {
                BodyContent::Json(ty) => {
                    let codec = self.codec(ty);
                    quote!(Body::Document { required: #required, codec: #codec })
                }
                BodyContent::Binary(_) => quote!(Body::Bytes { required: #required }),
            },
        }
    }

    /// What reads a type and writes it again.
    fn codec(self, ty: &Type) -> TokenStream {
        let ty = self.ty(ty);
        quote!(decode::<#ty>)
    }
}

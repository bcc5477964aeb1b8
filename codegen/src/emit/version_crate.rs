//! The crate of one version.

use proc_macro2::TokenStream;
use quote::quote;

use super::docs::{Uses, inner_doc};
use super::format::{header, rust};
use super::{
    Context, Files, GENERATED, api, contract, examples, gates, groups, ident, literal, shortcuts,
    types,
};
use crate::docs::DocsOf;
use crate::history::{self, History};
use crate::model::Api;
use crate::names::{self, TypeNames};
use crate::union::{Conflict, Union};
use crate::version::Version;
use crate::versions::Versions;

/// All files of the crate of a version.
pub fn version_crate(
    model: &Api,
    history: &History,
    versions: &Versions,
    docs: &DocsOf<'_>,
) -> Files {
    krate(model, history, versions, docs, None)
}

/// All files of the crate that speaks whichever version the daemon speaks.
pub fn negotiated_crate(
    union: &Union,
    history: &History,
    versions: &Versions,
    docs: &DocsOf<'_>,
) -> Files {
    krate(&union.api, history, versions, docs, Some(&union.conflicts))
}

fn krate(
    model: &Api,
    history: &History,
    versions: &Versions,
    docs: &DocsOf<'_>,
    conflicts: Option<&[Conflict]>,
) -> Files {
    let names = TypeNames::new(model);
    let places = history::places(model);
    let context = Context {
        api: model,
        names: &names,
        places: &places,
        history,
        versions,
        docs,
        uses: &Uses::new(model),
        negotiates: conflicts.is_some(),
    };
    let origin = context.origin();
    let root = format!("{GENERATED}/{}", context.package());
    let mut files = Files::new();
    let mut add = |path: &str, text: String| {
        files.insert(format!("{root}/{path}"), text);
    };

    add("Cargo.toml", manifest(context, &origin));
    let shortcuts = shortcuts::file(context);
    add(
        "src/lib.rs",
        rust(&origin, library(context, shortcuts.is_some())),
    );
    add("src/client.rs", rust(&origin, client(context)));
    if let Some(shortcuts) = shortcuts {
        add("src/shortcuts.rs", rust(&origin, shortcuts));
    }

    let tags = groups::tags(model);
    let modules = tags.iter().map(|tag| ident(&names::tag(tag).accessor));
    add(
        "src/api/mod.rs",
        rust(
            &origin,
            quote!(#![doc = " The operations, grouped as Docker's documentation groups them."] #(pub mod #modules;)*),
        ),
    );
    for tag in &tags {
        add(
            &format!("src/api/{}.rs", names::tag(tag).accessor),
            rust(&origin, api::file(context, tag)),
        );
    }

    let groups = groups::of_types(model);
    let modules: Vec<_> = groups
        .keys()
        .map(|group| ident(&names::field(group)))
        .collect();
    add(
        "src/types/mod.rs",
        rust(
            &origin,
            quote! {
                #![doc = " What is sent and what comes back."]
                #(mod #modules;)*
                #(pub use #modules::*;)*
            },
        ),
    );
    for (group, ids) in &groups {
        let path = format!("src/types/{}.rs", names::field(group));
        add(&path, rust(&origin, types::file(context, ids)));
    }
    if context.negotiates {
        for (module, tokens) in gates::files(context, &tags) {
            add(&format!("src/history/{module}.rs"), rust(&origin, tokens));
        }
    }
    let conflicts = conflicts.unwrap_or_default();
    add(
        "tests/contract.rs",
        rust(&origin, contract::file(context, conflicts)),
    );
    add("tests/examples.rs", rust(&origin, examples::file(context)));
    files
}

fn manifest(context: Context<'_>, origin: &str) -> String {
    let what = if context.negotiates {
        "in whichever version the daemon speaks".to_owned()
    } else {
        let version = context.api.version;
        format!("{version}{}", context.release(version))
    };
    format!(
        r#"{}

[package]
name = "{}"
description = "Docker Engine API {what}: typed, async client"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
repository.workspace = true
keywords.workspace = true
categories.workspace = true
# They need the documents and the library of the repository.
exclude = ["tests"]

[package.metadata.docs.rs]
all-features = true
rustdoc-args = ["--cfg", "docsrs"]

[features]
## Every type can be both read and written, not only the way it travels.
serde-both = []

[dependencies]
docker-api-gen-core.workspace = true

[dev-dependencies]
docker-api-gen-tests.workspace = true

[[test]]
name = "contract"
required-features = ["serde-both"]

[lints]
workspace = true
"#,
        header("#", origin),
        context.package(),
    )
}

fn library(context: Context<'_>, has_shortcuts: bool) -> TokenStream {
    let shortcuts = has_shortcuts.then(|| {
        quote!(
            mod shortcuts;
        )
    });
    let version = context.api.version;
    let Version { major, minor } = version;
    let (major, minor) = (literal(major), literal(minor));
    let docs = if context.negotiates {
        let docs = negotiated_docs(context);
        quote!(#(#![doc = #docs])*)
    } else {
        inner_doc(&context.front_page())
    };
    let history = context.negotiates.then(|| {
        quote!(
            pub mod history;
        )
    });
    let more = context.negotiates.then(|| {
        quote! {
            #[doc(no_inline)]
            pub use docker_api_gen_core::{
                Answered, Capabilities, Change, EngineKind, Negotiated, SwarmStatus, Unsupported,
            };
        }
    });
    let constant = if context.negotiates {
        " The newest version that this client speaks."
    } else {
        " The version in the path of every request."
    };
    quote! {
        #docs
        #![cfg_attr(docsrs, feature(doc_cfg))]
        pub mod api;
        mod client;
        #history
        #shortcuts
        pub mod types;
        pub use client::Client;
        #[doc(no_inline)]
        pub use docker_api_gen_core::{
            ApiVersion, Base64Bytes, Body, ByteStream, Connection, Error, ErrorKind, Filters, Json, JsonLines, Limits,
            LogFrame, LogStream, Timestamp, Upgraded, VersionReport,
        };
        #more
        #[doc = #constant]
        pub const API_VERSION: ApiVersion = ApiVersion::new(#major, #minor);
    }
}

fn negotiated_docs(context: Context<'_>) -> Vec<String> {
    let (oldest, newest) = (context.history.oldest(), context.history.newest());
    [
        &format!(" The Docker Engine API in all versions from {oldest} to {newest}, typed and async."),
        "",
        " Which version is spoken is agreed upon with the daemon before the first call: the highest that both sides",
        " speak. Everything that any version has is here, and its documentation says since when, and until when.",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn client(context: Context<'_>) -> TokenStream {
    let model = context.api;
    let tags = groups::tags(model);
    let names: Vec<_> = tags.iter().map(|tag| names::tag(tag)).collect();
    let accessors: Vec<_> = names.iter().map(|names| ident(&names.accessor)).collect();
    let handles: Vec<_> = names.iter().map(|names| ident(&names.handle)).collect();
    let docs = names
        .iter()
        .map(|names| format!(" The operations on {}.", names.accessor));
    let uses = quote!(#(use crate::api::#accessors::#handles;)*);
    let accessors = quote! {
        #(
            #[doc = #docs]
            pub fn #accessors(&self) -> #handles<'_> {
                #handles::new(&self.connection)
            }
        )*
    };
    if context.negotiates {
        negotiated_client(context, uses, accessors)
    } else {
        pinned_client(context, uses, accessors)
    }
}

fn negotiated_client(
    context: Context<'_>,
    uses: TokenStream,
    accessors: TokenStream,
) -> TokenStream {
    let (oldest, newest) = (context.history.oldest(), context.history.newest());
    let doc = format!(
        " A client that speaks whichever API the daemon speaks, from {oldest} to {newest}."
    );
    quote! {
        use docker_api_gen_core::{Connection, negotiated_client};
        use crate::history::HISTORY;
        #uses
        #[doc = #doc]
        #[doc = ""]
        #[doc = " With its first call it asks the daemon which versions that speaks. A clone shares the connection and the answer."]
        #[derive(Clone, Debug)]
        pub struct Client {
            connection: Connection,
        }
        impl Client {
            #accessors
        }
        negotiated_client!(Client, HISTORY);
    }
}

fn pinned_client(context: Context<'_>, uses: TokenStream, accessors: TokenStream) -> TokenStream {
    let doc = format!(
        " A client that speaks API {} and nothing else.",
        context.api.version
    );
    quote! {
        use docker_api_gen_core::{Connection, Error, VersionReport};
        use crate::API_VERSION;
        #uses
        #[doc = #doc]
        #[doc = ""]
        #[doc = " With its first call it makes sure that the daemon speaks this version too. A clone shares the connection."]
        #[derive(Clone, Debug)]
        pub struct Client {
            connection: Connection,
        }
        impl Client {
            #[doc = " Connects to the daemon that `docker` would use: see [`Connection::from_env`]."]
            #[doc = ""]
            #[doc = " # Errors"]
            #[doc = ""]
            #[doc = " If the environment names no usable daemon, or another version in `DOCKER_API_VERSION`."]
            pub fn from_env() -> Result<Self, Error> {
                let connection = Connection::from_env()?.pin(API_VERSION)?;
                Ok(Self { connection })
            }
            #[doc = " Connects to the daemon at `host`, such as `unix:///var/run/docker.sock`."]
            #[doc = ""]
            #[doc = " # Errors"]
            #[doc = ""]
            #[doc = " If `host` is not an address that can be used."]
            pub fn connect(host: &str) -> Result<Self, Error> {
                Connection::open(host).map(Self::new)
            }
            #[doc = " Speaks over a connection that exists already."]
            pub fn new(connection: Connection) -> Self {
                Self { connection: connection.pinned(API_VERSION) }
            }
            #[doc = " The same without making sure of the daemon's versions first, which saves one short request."]
            pub fn lazy(connection: Connection) -> Self {
                Self { connection: connection.unpinned() }
            }
            #[doc = " What `docker version` prints of both sides, whatever versions the daemon speaks."]
            #[doc = ""]
            #[doc = " # Errors"]
            #[doc = ""]
            #[doc = " If the daemon cannot be reached."]
            pub async fn version_report(&self) -> Result<VersionReport, Error> {
                self.connection.version_report(API_VERSION).await
            }
            #[doc = " The connection, to share it with another client."]
            pub fn connection(&self) -> &Connection {
                &self.connection
            }
            #accessors
        }
    }
}

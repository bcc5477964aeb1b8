//! What a version's client gives the run time so that it can put operations together: which they are, and since when
//! there are the options that not all versions have.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Context, ident};
use crate::history::Span;
use crate::names;
use crate::version::Version;

/// The fields of the run time's table, and the operations they hold.
const OPERATIONS: [(&str, &str); 20] = [
    ("container_archive", "ContainerArchive"),
    ("container_archive_info", "ContainerArchiveInfo"),
    ("container_attach", "ContainerAttach"),
    ("container_create", "ContainerCreate"),
    ("container_delete", "ContainerDelete"),
    ("container_inspect", "ContainerInspect"),
    ("container_kill", "ContainerKill"),
    ("container_logs", "ContainerLogs"),
    ("container_put_archive", "PutContainerArchive"),
    ("container_resize", "ContainerResize"),
    ("container_start", "ContainerStart"),
    ("container_stats", "ContainerStats"),
    ("container_stop", "ContainerStop"),
    ("container_wait", "ContainerWait"),
    ("exec_create", "ContainerExec"),
    ("exec_inspect", "ExecInspect"),
    ("exec_resize", "ExecResize"),
    ("exec_start", "ExecStart"),
    ("image_build", "ImageBuild"),
    ("image_create", "ImageCreate"),
];

/// The options that are asked about, and where they stand: in the query, or in the body of the request.
const OPTIONS: [(&str, &str, Place); 12] = [
    (
        "auto_remove",
        "ContainerCreate",
        Place::Body("HostConfig.AutoRemove"),
    ),
    ("build_cache_from", "ImageBuild", Place::Query("cachefrom")),
    ("build_network", "ImageBuild", Place::Query("networkmode")),
    ("build_platform", "ImageBuild", Place::Query("platform")),
    ("build_target", "ImageBuild", Place::Query("target")),
    (
        "copy_owners",
        "PutContainerArchive",
        Place::Query("copyUIDGID"),
    ),
    (
        "create_platform",
        "ContainerCreate",
        Place::Query("platform"),
    ),
    ("exec_env", "ContainerExec", Place::Body("Env")),
    (
        "exec_working_dir",
        "ContainerExec",
        Place::Body("WorkingDir"),
    ),
    (
        "mounts",
        "ContainerCreate",
        Place::Body("HostConfig.Mounts"),
    ),
    ("pull_platform", "ImageCreate", Place::Query("platform")),
    ("wait_condition", "ContainerWait", Place::Query("condition")),
];

enum Place {
    Query(&'static str),
    Body(&'static str),
}

/// The file, unless this is an API without containers.
pub(super) fn file(context: Context<'_>) -> Option<TokenStream> {
    let operations = OPERATIONS
        .iter()
        .map(|(field, id)| {
            let field = ident(field);
            let operation = context
                .api
                .operations
                .iter()
                .find(|known| known.id == *id)?;
            let module = ident(&names::tag(&operation.tag).accessor);
            let constant = ident(&names::constant(&names::method(operation)));
            Some(quote!(#field: &api::#module::#constant))
        })
        .collect::<Option<Vec<_>>>()?;
    let options = OPTIONS.iter().map(|(field, id, place)| {
        let field = ident(field);
        let since = match context.since(id, place) {
            None => quote!(None),
            Some(Version { major, minor }) => {
                let (major, minor) = (super::literal(major), super::literal(minor));
                quote!(Some(ApiVersion::new(#major, #minor)))
            }
        };
        quote!(#field: #since)
    });
    Some(quote! {
        #![doc = " What takes several operations, in one call."]
        use docker_api_gen_core::shortcuts::{Kit, Operations, Since};
        use docker_api_gen_core::{ApiVersion, auth_config, client_shortcuts};
        use crate::types::AuthConfig;
        use crate::{Client, api};
        static OPERATIONS: Operations = Operations {
            #(#operations,)*
            since: Since { #(#options),* },
        };
        impl Client {
            fn kit(&self) -> Kit {
                Kit::new(self.connection(), &OPERATIONS, crate::API_VERSION)
            }
        }
        client_shortcuts!(Client);
        auth_config!(AuthConfig);
    })
}

impl Context<'_> {
    fn since(&self, id: &str, place: &Place) -> Option<Version> {
        let operation = self.api.operations.iter().find(|known| known.id == id)?;
        let span = match place {
            Place::Query(name) => self.history.query(operation, name),
            Place::Body(path) => self.history.body_field(operation, path),
        };
        span.map(|Span { since, .. }| since)
    }
}

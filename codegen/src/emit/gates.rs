//! What differs between the versions, as tables for the run time.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Context, literal};
use crate::version::Version;

/// The file of tables.
pub(super) fn file(context: Context<'_>) -> TokenStream {
    let releases = context.versions.rows().iter().map(|row| {
        let Version { major, minor } = row.api;
        let (major, minor) = (literal(major), literal(minor));
        let docker = row.release();
        quote!(Release { api: ApiVersion::new(#major, #minor), docker: #docker })
    });
    quote! {
        #![doc = " Which version of the API has what."]
        use docker_api_gen_core::ApiVersion;
        use docker_api_gen_core::history::{History, Release};
        #[doc = " All versions, and what differs between them."]
        pub static HISTORY: History = History {
            releases: &[#(#releases),*],
            operations: &[],
        };
    }
}

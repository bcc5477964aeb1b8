//! What differs between the versions, as tables for the run time.

use std::collections::BTreeSet;

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::api::collect_idents;
use super::{Context, ident, literal};
use crate::gates::{Node, OperationGates, Value, gates};
use crate::model::Behaviour;
use crate::names;
use crate::surface::OperationNames;
use crate::version::Version;

/// The module of tables: a file for all, and one for each tag, by the name of its module.
pub(super) fn files(context: Context<'_>, tags: &[String]) -> Vec<(String, TokenStream)> {
    let all = gates(context.api, context.history);
    let mut files = vec![("mod".to_owned(), table(context, tags, &all))];
    for tag in tags {
        let module = names::tag(tag).accessor;
        let doc = format!(" What differs between the versions for {module}.");
        let operations = all
            .iter()
            .filter(|gates| gates.operation.tag == *tag)
            .map(|gates| operation(context, gates));
        let operations = quote!(#(#operations)*);
        let mut mentioned = BTreeSet::new();
        collect_idents(operations.clone(), &mut mentioned);
        let uses = ["Node", "OperationHistory", "Outside", "Unsaid", "Value"]
            .into_iter()
            .filter(|name| mentioned.contains(*name))
            .map(ident);
        let tokens = quote! {
            #![doc = #doc]
            use docker_api_gen_core::history::{#(#uses),*};
            #operations
        };
        files.push((module, tokens));
    }
    files
}

fn table(context: Context<'_>, tags: &[String], all: &[OperationGates<'_>]) -> TokenStream {
    let releases = context.versions.rows().iter().map(|row| {
        let Version { major, minor } = row.api;
        let (major, minor) = (literal(major), literal(minor));
        let docker = row.release();
        quote!(Release { api: ApiVersion::new(#major, #minor), docker: #docker })
    });
    let modules = tags.iter().map(|tag| ident(&names::tag(tag).accessor));
    let mut sorted: Vec<_> = all.iter().map(|gates| gates.operation).collect();
    sorted.sort_by_key(|operation| names::operation(operation));
    let operations = sorted.iter().map(|operation| {
        let module = ident(&names::tag(&operation.tag).accessor);
        let constant = ident(&OperationNames::new(operation).constant);
        quote!(&#module::#constant)
    });
    quote! {
        #![doc = " Which version of the API has what."]
        #(mod #modules;)*
        use docker_api_gen_core::ApiVersion;
        use docker_api_gen_core::history::{Availability, History, Release};
        #[doc = " All versions, and what differs between them."]
        pub static HISTORY: History = History {
            releases: &[#(#releases),*],
            operations: &[#(#operations),*],
        };
        #[doc = " Since when there is something that not all versions have, by its place in a request:"]
        #[doc = " [`History::lookup`]."]
        pub fn lookup(place: &str) -> Vec<Availability> {
            HISTORY.lookup(place)
        }
    }
}

fn operation(context: Context<'_>, gates: &OperationGates<'_>) -> TokenStream {
    let name = names::operation(gates.operation);
    let constant = ident(&OperationNames::new(gates.operation).constant);
    let (versions, whole) = (set(gates.versions), set(gates.whole));
    let (query, headers) = (nodes(&gates.query), nodes(&gates.headers));
    let body = nodes(&gates.body);
    let unsaid = context.history.unsaid(gates.operation).iter();
    let unsaid = unsaid.map(|unsaid| {
        let place = &unsaid.path;
        let values = unsaid.values.iter().map(|(versions, value)| {
            let versions = set(*versions);
            quote!((#versions, #value))
        });
        quote!(Unsaid { place: #place, values: &[#(#values),*] })
    });
    quote! {
        pub(super) static #constant: OperationHistory = OperationHistory {
            name: #name,
            versions: #versions,
            whole: #whole,
            query: #query,
            headers: #headers,
            body: #body,
            unsaid: &[#(#unsaid),*],
        };
    }
}

fn nodes(nodes: &[Node]) -> TokenStream {
    let nodes = nodes.iter().map(|node| {
        let name = &node.name;
        let (versions, whole) = (set(node.versions), set(node.whole));
        let behaviour = outside(&node.outside);
        if node.values.is_empty() && node.children.is_empty() {
            return quote!(Node::leaf(#name, #versions, #behaviour));
        }
        let values = node.values.iter().map(|value| {
            let Value { text, versions, .. } = value;
            let (versions, behaviour) = (set(*versions), outside(&value.outside));
            quote!(Value::new(#text, #versions, #behaviour))
        });
        let children = self::nodes(&node.children);
        quote!(Node::new(#name, #versions, #whole, #behaviour, &[#(#values),*], #children))
    });
    quote!(&[#(#nodes),*])
}

fn outside(behaviour: &Behaviour) -> TokenStream {
    match behaviour {
        Behaviour::Ignored => quote!(Outside::Ignored),
        Behaviour::Refused => quote!(Outside::Refused),
        Behaviour::Renamed(name) => quote!(Outside::Renamed(#name)),
    }
}

/// A set of versions, as bits.
fn set(versions: u64) -> Literal {
    format!("0x{versions:x}").parse().expect("it is a number")
}

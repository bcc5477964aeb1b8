//! The calls that a version's crate is tested with. Nothing here says what a call should result in: the tests
//! work that out from the document, without the generator.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;

use super::api::collect_idents;
use super::{Context, ident};
use crate::model::{Answer, Body, BodyContent, Operation, Parameter, Place, Step, Type, TypeId};
use crate::names;
use crate::surface::OperationNames;

/// The test of a version's crate.
pub(super) fn file(context: Context<'_>) -> TokenStream {
    let package = ident(&names::version_crate(context.api.version).replace('-', "_"));
    let version = context.api.version.to_string();
    let operations = &context.api.operations;
    let ids = operations.iter().map(|operation| &operation.id);
    let functions = operations
        .iter()
        .map(|operation| ident(&names::snake(&operation.id)));
    let answers = operations.iter().filter_map(|operation| {
        let id = &operation.id;
        let ty = context.ty(answer(operation)?);
        Some(quote!((#id, decode::<#ty>)))
    });
    let types = (0..context.api.types.len()).map(TypeId).filter_map(|id| {
        match context.api.type_def(id).place.as_slice() {
            [Step::Definition(definition)] => {
                let ty = context.ty(&Type::Named(id));
                Some(quote!((#definition, decode::<#ty>)))
            }
            _ => None,
        }
    });
    let requests = operations
        .iter()
        .map(|operation| context.requests(operation));
    let items = quote! {
        fn contract() -> Contract {
            Contract::open(env!("CARGO_MANIFEST_DIR"), #version)
        }
        #[test]
        fn requests_are_as_described() {
            let client = Client::connect("tcp://127.0.0.1:1").unwrap();
            contract().check_requests(&client, REQUESTS);
        }
        #[test]
        fn answers_are_read_whatever_they_hold() {
            contract().check_answers(ANSWERS);
        }
        #[test]
        fn types_are_read_whatever_they_hold() {
            contract().check_types(TYPES);
        }
        const REQUESTS: &[Described<Client>] = &[#((#ids, #functions)),*];
        const ANSWERS: &[(&str, Codec)] = &[#(#answers),*];
        const TYPES: &[(&str, Codec)] = &[#(#types),*];
        #(#requests)*
    };
    let mut mentioned = BTreeSet::new();
    collect_idents(items.clone(), &mut mentioned);
    let own = ["Base64Bytes", "Client", "Json", "Timestamp", "api", "types"]
        .into_iter()
        .filter(|name| mentioned.contains(*name))
        .map(ident);
    quote! {
        #![doc = " Every operation built and every type read, to be compared with the document: see `docker-api-gen-tests`."]
        use docker_api_gen_tests::{Codec, Contract, Described, Requests, Sample, decode};
        use #package::{#(#own),*};
        #items
    }
}

/// What of an answer is JSON.
fn answer(operation: &Operation) -> Option<&Type> {
    let outcome = operation
        .outcomes
        .iter()
        .find_map(|outcome| outcome.body.as_ref());
    outcome.or(match &operation.answer {
        Answer::Json(ty) | Answer::JsonLines(ty) => Some(ty),
        _ => None,
    })
}

impl Context<'_> {
    /// The function that builds the requests to an operation from a sample.
    fn requests(&self, operation: &Operation) -> TokenStream {
        let own = OperationNames::new(operation);
        let function = ident(&names::snake(&operation.id));
        let tag = ident(&names::tag(&operation.tag).accessor);
        let method = ident(&own.method);
        let arguments = self.arguments(operation);
        let call = quote!(client.#tag().#method(#(#arguments),*));

        let optional = self.optional(operation);
        let body = match &operation.body {
            Some(Body {
                required: false,
                content,
            }) => {
                let value = body(content);
                Some(quote!(.body(#value)))
            }
            _ => None,
        };
        let requests = if optional.is_empty() && body.is_none() {
            quote!(Requests::new(#call.request(), []))
        } else if optional.is_empty() {
            quote! {
                let request = || #call;
                Requests::new(request().request(), [request() #body .request()])
            }
        } else {
            let ty = ident(&own.options);
            let fields: Vec<_> = optional
                .iter()
                .map(|parameter| ident(&names::parameter(&parameter.name)))
                .collect();
            let keys = optional.iter().map(|parameter| key(parameter));
            quote! {
                let request = || #call;
                let options = api::#tag::#ty {
                    #(#fields: sample.get(#keys)),*
                };
                Requests::new(
                    request().request(),
                    [
                        request().options(options.clone()) #body .request(),
                        request() #(.#fields(options.#fields.unwrap_or_default()))* #body .request(),
                    ],
                )
            }
        };
        // An operation to which nothing is said needs no sample.
        let says_nothing = arguments.is_empty() && optional.is_empty() && body.is_none();
        let sample = ident(if says_nothing { "_sample" } else { "sample" });
        quote! {
            fn #function(client: &Client, #sample: &Sample) -> Requests { #requests }
        }
    }

    /// What the operation's method takes.
    fn arguments(&self, operation: &Operation) -> Vec<TokenStream> {
        let mut arguments: Vec<_> = operation
            .parameters
            .iter()
            .filter(|parameter| parameter.required)
            .map(|parameter| {
                let key = key(parameter);
                let is_text = matches!(self.api.resolve(&parameter.ty), Type::Text);
                if is_text || parameter.place == Place::Path {
                    quote!(&sample.need::<String>(#key))
                } else {
                    quote!(sample.need(#key))
                }
            })
            .collect();
        if let Some(Body {
            required: true,
            content,
        }) = &operation.body
        {
            arguments.push(body(content));
        }
        arguments
    }
}

fn body(content: &BodyContent) -> TokenStream {
    match content {
        BodyContent::Json(_) => quote!(sample.body()),
        BodyContent::Binary(_) => quote!(sample.bytes()),
    }
}

/// `query:signal`, as samples name a parameter.
pub(super) fn key(parameter: &Parameter) -> String {
    let place = match parameter.place {
        Place::Path => "path",
        Place::Query => "query",
        Place::Header => "header",
    };
    format!("{place}:{}", parameter.name)
}

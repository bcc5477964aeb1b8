//! The calls that a version's crate is tested with. Nothing here says what a call should result in: the tests
//! work that out from the document, without the generator.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::api::collect_idents;
use super::{Context, ident};
use crate::model::{Answer, Body, BodyContent, Operation, Parameter, Place, Step, Type, TypeId};
use crate::names;
use crate::surface::OperationNames;
use crate::union::Conflict;

/// The test of a version's crate.
///
/// `conflicts` are what the crate of all versions cannot do as some of them describe it.
pub(super) fn file(context: Context<'_>, conflicts: &[Conflict]) -> TokenStream {
    let package = ident(&context.package().replace('-', "_"));
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
    // Between versions, definitions get other names and names other meanings. What matters of them is in the answers.
    let types =
        (!context.negotiates).then(|| quote!(const TYPES: &[(&str, Codec)] = &[#(#types),*];));
    let requests = operations
        .iter()
        .map(|operation| context.requests(operation));
    let tests = if context.negotiates {
        tests_of_all(context, conflicts)
    } else {
        tests_of_one(context)
    };
    let items = quote! {
        #tests
        const REQUESTS: &[Described<Client>] = &[#((#ids, #functions)),*];
        const ANSWERS: &[(&str, Codec)] = &[#(#answers),*];
        #types
        #(#requests)*
    };
    let mut mentioned = BTreeSet::new();
    collect_idents(items.clone(), &mut mentioned);
    let own = [
        "Base64Bytes",
        "Client",
        "Connection",
        "Json",
        "Timestamp",
        "Unsupported",
        "api",
        "types",
    ]
    .into_iter()
    .filter(|name| mentioned.contains(*name))
    .map(ident);
    let check_gates = context.negotiates.then(|| quote!(check_gates,));
    let history = context.negotiates.then(|| {
        quote!(
            use #package::history::HISTORY;
        )
    });
    quote! {
        #![doc = " Every operation built and every type read, to be compared with the document: see `docker-api-gen-tests`."]
        use docker_api_gen_tests::{Codec, Contract, Described, Requests, Sample, #check_gates decode};
        #history
        use #package::{#(#own),*};
        #items
    }
}

/// The tests of a crate that speaks one version.
fn tests_of_one(context: Context<'_>) -> TokenStream {
    let version = context.api.version.to_string();
    quote! {
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
    }
}

/// The tests of the crate that speaks every version: it has to be as the document of each describes.
fn tests_of_all(context: Context<'_>, conflicts: &[Conflict]) -> TokenStream {
    let changed: BTreeSet<_> = conflicts
        .iter()
        .map(|conflict| (conflict.version, &conflict.operation))
        .collect();
    let bare = |id: &str| id.split("-until-").next().unwrap_or_default().to_owned();
    let changed_ids: BTreeSet<_> = changed.iter().map(|(_, id)| bare(id)).collect();
    let operations = context.api.operations.iter();
    let changed_names = operations
        .filter(|operation| changed_ids.contains(&bare(&operation.id)))
        .map(names::operation);
    let changed_names: Vec<_> = changed_names.collect();
    let changed = changed.iter().map(|(version, operation)| {
        let version = version.to_string();
        quote!((#version, #operation))
    });
    let versions = context.versions.iter().map(|version| version.to_string());
    quote! {
        const VERSIONS: &[&str] = &[#(#versions),*];
        #[doc = " What one shape cannot be for all versions."]
        const CHANGED: &[(&str, &str)] = &[#(#changed),*];
        fn contracts() -> impl Iterator<Item = Contract> {
            VERSIONS.iter().map(|version| Contract::part(env!("CARGO_MANIFEST_DIR"), version, CHANGED))
        }
        fn speaking(version: &str, unsupported: Unsupported) -> Client {
            let connection = Connection::open("tcp://127.0.0.1:1").unwrap();
            let client = Client::speaking(connection, version.parse().unwrap()).unwrap();
            client.with_unsupported(unsupported)
        }
        #[test]
        fn what_versions_do_not_have_is_refused() {
            let contracts: Vec<_> = contracts().collect();
            check_gates(&contracts, &HISTORY, speaking, REQUESTS, &[#(#changed_names),*]);
        }
        #[test]
        fn requests_are_as_described() {
            for (version, contract) in VERSIONS.iter().zip(contracts()) {
                contract.check_requests(&speaking(version, Unsupported::Send), REQUESTS);
            }
        }
        #[test]
        fn answers_are_read_whatever_they_hold() {
            contracts().for_each(|contract| contract.check_answers(ANSWERS));
        }
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
        let from = ident("sample");
        let arguments = self.arguments(operation, &from);
        let call = quote!(client.#tag().#method(#(#arguments),*));

        let optional = self.optional(operation);
        let body = match &operation.body {
            Some(Body {
                required: false,
                content,
            }) => {
                let value = body(content, &from);
                Some(quote!(.body(#value)))
            }
            _ => None,
        };
        let requests = if optional.is_empty() && body.is_none() {
            quote!(Requests::new(#call.request(), []))
        } else if self.negotiates {
            self.parts(operation, &call, &own)
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

    /// The requests of a sample that may lack some of what can be said.
    fn parts(
        &self,
        operation: &Operation,
        call: &TokenStream,
        own: &OperationNames,
    ) -> TokenStream {
        let tag = ident(&names::tag(&operation.tag).accessor);
        let optional = self.optional(operation);
        let body = match &operation.body {
            Some(Body {
                required: false,
                content,
            }) => {
                let value = body(content, &ident("sample"));
                Some(quote! {
                    if sample.has_body() {
                        at_once = at_once.body(#value);
                        one_by_one = one_by_one.body(#value);
                    }
                })
            }
            _ => None,
        };
        let options = (!optional.is_empty()).then(|| {
            let ty = ident(&own.options);
            let fields: Vec<_> = optional
                .iter()
                .map(|parameter| ident(&names::parameter(&parameter.name)))
                .collect();
            let keys = optional.iter().map(|parameter| key(parameter));
            quote! {
                let options = api::#tag::#ty {
                    #(#fields: sample.get(#keys)),*
                };
                at_once = at_once.options(options.clone());
                #(if let Some(value) = options.#fields {
                    one_by_one = one_by_one.#fields(value);
                })*
            }
        });
        quote! {
            let request = || #call;
            let (mut at_once, mut one_by_one) = (request(), request());
            #options
            #body
            Requests::new(request().request(), [at_once.request(), one_by_one.request()])
        }
    }

    /// What the operation's method takes, out of what `from` has.
    pub(super) fn arguments(&self, operation: &Operation, from: &Ident) -> Vec<TokenStream> {
        let mut arguments: Vec<_> = operation
            .parameters
            .iter()
            .filter(|parameter| parameter.required)
            .map(|parameter| {
                let key = key(parameter);
                let is_text = matches!(self.api.resolve(&parameter.ty), Type::Text);
                if is_text || parameter.place == Place::Path {
                    quote!(&#from.need::<String>(#key))
                } else {
                    quote!(#from.need(#key))
                }
            })
            .collect();
        if let Some(Body {
            required: true,
            content,
        }) = &operation.body
        {
            arguments.push(body(content, from));
        }
        arguments
    }
}

/// The body that `from` has.
pub(super) fn body(content: &BodyContent, from: &Ident) -> TokenStream {
    match content {
        BodyContent::Json(_) => quote!(#from.body()),
        BodyContent::Binary(_) => quote!(#from.bytes()),
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

//! The part of the harness that calls: every operation of a version by its name, with arguments as they come.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;

use super::api::collect_idents;
use super::contract::{body, key};
use super::{Context, ident};
use crate::model::{Answer, Body, Operation};
use crate::names;
use crate::surface::OperationNames;

/// The calls of a version.
pub(super) fn file(context: Context<'_>) -> TokenStream {
    let package = ident(&context.package().replace('-', "_"));
    let operations = &context.api.operations;
    let table = operations.iter().map(|operation| {
        let id = &operation.id;
        let parameters = operation.parameters.iter().map(key);
        let function = ident(&names::snake(&operation.id));
        quote!((#id, &[#(#parameters),*], #function))
    });
    let functions = operations.iter().map(|operation| context.call(operation));
    let connect = if context.negotiates {
        quote! {
            #[doc = " The client, speaking a version."]
            pub(crate) fn speaking(
                connection: Connection,
                version: ApiVersion,
            ) -> Result<Box<dyn Caller>, Error> {
                let client = Client::speaking(connection, version)?;
                Ok(Box::new(Table::new(client, CALLS)))
            }
        }
    } else {
        quote! {
            #[doc = " The client of the version."]
            pub(crate) fn connect(connection: Connection) -> Box<dyn Caller> {
                Box::new(Table::new(Client::new(connection), CALLS))
            }
        }
    };
    let items = quote! {
        #connect
        const CALLS: &[Callable<Client>] = &[#(#table),*];
        #(#functions)*
    };
    let mut mentioned = BTreeSet::new();
    collect_idents(items.clone(), &mut mentioned);
    let own = ["ApiVersion", "Client", "Connection", "Error", "api"]
        .into_iter()
        .filter(|name| mentioned.contains(*name))
        .map(ident);
    quote! {
        use docker_api_gen_tests::call::{Callable, Caller, Given, Got, Sending, Table};
        use #package::{#(#own),*};
        #items
    }
}

impl Context<'_> {
    /// The function that calls an operation.
    fn call(&self, operation: &Operation) -> TokenStream {
        let own = OperationNames::new(operation);
        let function = ident(&names::snake(&operation.id));
        let tag = ident(&names::tag(&operation.tag).accessor);
        let method = ident(&own.method);
        let given = ident("given");
        let arguments = self.arguments(operation, &given);
        let optional = self.optional(operation);
        let options = (!optional.is_empty()).then(|| {
            let ty = ident(&own.options);
            let fields = optional
                .iter()
                .map(|parameter| ident(&names::parameter(&parameter.name)));
            let keys = optional.iter().map(|parameter| key(parameter));
            quote!(.options(api::#tag::#ty { #(#fields: given.get(#keys)),* }))
        });
        let body = match &operation.body {
            Some(Body {
                required: false,
                content,
            }) => {
                let value = body(content, &given);
                Some(quote! {
                    if given.has_body() {
                        call = call.body(#value);
                    }
                })
            }
            _ => None,
        };
        let got = self.got(operation, &own);
        quote! {
            fn #function<'a>(client: &'a Client, given: &'a Given) -> Sending<'a> {
                Box::pin(async move {
                    let mut call = client.#tag().#method(#(#arguments),*) #options;
                    #body
                    for (name, value) in &given.headers {
                        call = call.with_header(name, value);
                    }
                    given.check()?;
                    #got
                })
            }
        }
    }

    /// What sends the call and tells what came.
    fn got(&self, operation: &Operation, own: &OperationNames) -> TokenStream {
        if !operation.outcomes.is_empty() {
            let tag = ident(&names::tag(&operation.tag).accessor);
            let outcome = ident(&own.outcome);
            let arms = operation.outcomes.iter().map(|known| {
                let variant = ident(&names::pascal(&known.name));
                let name = &known.name;
                match known.body {
                    Some(_) => quote!(api::#tag::#outcome::#variant(body) => Got::document(&body)),
                    None => quote!(api::#tag::#outcome::#variant => Got::Outcome(#name)),
                }
            });
            return quote! {
                Ok(match call.send().await? {
                    #(#arms,)*
                    _ => Got::Nothing,
                })
            };
        }
        match &operation.answer {
            Answer::Unit => quote!(call.send().await.map(|()| Got::Nothing)),
            Answer::Text => quote!(call.send().await.map(Got::Text)),
            Answer::Bytes => quote!(call.send().await.map(Got::Bytes)),
            Answer::Json(_) => quote!(call.send().await.map(|body| Got::document(&body))),
            Answer::JsonLines(_) => quote!(Ok(Got::documents(call.send().await?, given).await)),
            Answer::LogFrames => quote!(call.send().await.map(Got::Logs)),
            Answer::Upgrade => quote!(call.send().await.map(Got::Upgraded)),
            Answer::Head(_) => {
                quote!(
                    call.send()
                        .await
                        .map(|headers| Got::Headers(format!("{headers:?}")))
                )
            }
        }
    }
}

//! The operations of a version, one file for each tag.

use std::collections::BTreeSet;

use proc_macro2::{Ident, Literal, TokenStream, TokenTree};
use quote::quote;

use super::docs::endpoint;
use super::types::Imports;
use super::{Context, ident};
use crate::model::{
    Answer, Body, BodyContent, Credentials, Encoding, Header, Operation, Parameter, Place, Type,
};
use crate::names;
use crate::surface::{OperationNames, is_borrowed_text, is_filters};

/// A file of operations.
///
/// What makes and sends a request is `#[inline]`: that leaves its compilation, and the reading and writing of
/// its types, to the crates that call it, so that nobody waits for operations they do not use.
pub(super) fn file(context: Context<'_>, tag: &str) -> TokenStream {
    let tag_names = names::tag(tag);
    let handle = ident(&tag_names.handle);
    let operations: Vec<_> = context
        .api
        .operations
        .iter()
        .filter(|operation| operation.tag == tag)
        .collect();
    let methods = operations.iter().map(|operation| context.method(operation));
    let items = operations.iter().map(|operation| context.items(operation));
    let doc = format!(
        " Operations on {}: see [`Client::{}`](crate::Client::{0}).",
        tag_names.accessor, tag_names.accessor
    );
    let handle_doc = format!(" The operations on {}.", tag_names.accessor);
    let items = quote! {
        #[doc = #handle_doc]
        #[derive(Clone, Copy, Debug)]
        pub struct #handle<'a> {
            connection: &'a Connection,
        }
        impl<'a> #handle<'a> {
            pub(crate) fn new(connection: &'a Connection) -> Self {
                Self { connection }
            }
            #(#methods)*
        }
        #(#items)*
    };
    let imports = imports(&items);
    quote!(#![doc = #doc] #imports #items)
}

/// The `use` lines for what the items mention.
fn imports(items: &TokenStream) -> TokenStream {
    const CORE: [&str; 18] = [
        "Base64Bytes",
        "Body",
        "ByteStream",
        "Call",
        "Connection",
        "Error",
        "Filters",
        "Json",
        "JsonLines",
        "LogStream",
        "Operation",
        "Timestamp",
        "TtySource",
        "Upgraded",
        "headers",
        "negotiated_request",
        "request_settings",
        "wire",
    ];
    let mut mentioned = BTreeSet::new();
    collect_idents(items.clone(), &mut mentioned);
    let core = CORE
        .iter()
        .filter(|name| mentioned.contains(**name))
        .map(|name| ident(name));
    let types = mentioned.contains("types").then(|| {
        quote!(
            use crate::types;
        )
    });
    quote! {
        use docker_api_gen_core::reexport::http::Method;
        use docker_api_gen_core::{#(#core),*};
        #types
    }
}

pub(super) fn collect_idents(tokens: TokenStream, idents: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                idents.insert(ident.to_string());
            }
            TokenTree::Group(group) => collect_idents(group.stream(), idents),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

impl Context<'_> {
    /// The method that begins a request: what the operation cannot do without are its arguments.
    fn method(&self, operation: &Operation) -> TokenStream {
        let own = OperationNames::new(operation);
        let (method, request, constant) = (
            ident(&own.method),
            ident(&own.request),
            ident(&own.constant),
        );
        let mut arguments = Vec::new();
        let mut lines = Vec::new();
        for parameter in operation
            .parameters
            .iter()
            .filter(|parameter| parameter.required)
        {
            let argument = ident(&names::parameter(&parameter.name));
            let (ty, line) = self.required(parameter, &argument);
            arguments.push(quote!(#argument: #ty));
            lines.push(line);
        }
        if let Some(Body {
            required: true,
            content,
        }) = &operation.body
        {
            let ty = self.body_argument(content);
            arguments.push(quote!(body: #ty));
            lines.push(set_body(content, &quote!(call)));
        }
        let docs = self.operation_docs(operation);
        let new_call = quote!(Call::new(self.connection, &#constant));
        let options = (!self.optional(operation).is_empty()).then(|| {
            let options = ident(&own.options);
            quote!(, options: #options::default())
        });
        let body = if lines.is_empty() {
            quote!(#request { call: #new_call #options })
        } else {
            quote! {
                let mut call = #new_call;
                #(#lines)*
                #request { call #options }
            }
        };
        quote! {
            #docs
            #[inline]
            pub fn #method(&self, #(#arguments),*) -> #request<'a> { #body }
        }
    }

    /// What stands beside the method: the static description, the options, the request, the outcome.
    fn items(&self, operation: &Operation) -> TokenStream {
        let own = OperationNames::new(operation);
        let description = self.description(operation, &own);
        let options = self.options(operation, &own);
        let request = self.request(operation, &own);
        let outcome = self.outcome(operation, &own);
        let headers = self.headers(operation, &own);
        quote!(#description #options #request #outcome #headers)
    }

    fn description(&self, operation: &Operation, own: &OperationNames) -> TokenStream {
        let constant = ident(&own.constant);
        let method = ident(&operation.method);
        let Operation {
            id,
            path,
            unbounded,
            ..
        } = operation;
        let name = names::operation(operation);
        // Statuses that are answers although they are no success.
        let outcomes = operation
            .outcomes
            .iter()
            .filter(|outcome| outcome.status >= 300)
            .map(|outcome| Literal::u16_unsuffixed(outcome.status));
        let tty = match &operation.tty {
            None => quote!(None),
            Some(tty) => {
                let (path, pointer, content_type) = (&tty.path, &tty.pointer, tty.content_type);
                quote!(Some(TtySource { path: #path, pointer: #pointer, content_type: #content_type }))
            }
        };
        quote! {
            pub(crate) static #constant: Operation = Operation {
                id: #id,
                name: #name,
                method: Method::#method,
                path: #path,
                version: crate::API_VERSION,
                outcomes: &[#(#outcomes),*],
                unbounded: #unbounded,
                tty: #tty,
            };
        }
    }

    /// Optional parameters in the query and in headers; an optional body is set on the request at once.
    pub(super) fn optional<'a>(&self, operation: &'a Operation) -> Vec<&'a Parameter> {
        operation
            .parameters
            .iter()
            .filter(|parameter| !parameter.required)
            .collect()
    }

    fn options(&self, operation: &Operation, own: &OperationNames) -> Option<TokenStream> {
        let optional = self.optional(operation);
        if optional.is_empty() {
            return None;
        }
        let options = ident(&own.options);
        let doc = format!(
            " What can be asked of [`{}`]. Nothing is sent that is not set.",
            own.request
        );
        let fields = optional.iter().map(|parameter| {
            let name = ident(&names::parameter(&parameter.name));
            let docs = self.parameter_docs(operation, parameter);
            let ty = self.value_type(parameter);
            quote!(#docs pub #name: Option<#ty>)
        });
        Some(quote! {
            #[doc = #doc]
            #[derive(Clone, Debug, Default, PartialEq)]
            pub struct #options { #(#fields),* }
        })
    }

    fn request(&self, operation: &Operation, own: &OperationNames) -> TokenStream {
        let request = ident(&own.request);
        let optional = self.optional(operation);
        let doc = format!(
            " A request to `{}`, sent by [`send`](Self::send).",
            endpoint(operation)
        );
        let options = ident(&own.options);
        let field = (!optional.is_empty()).then(|| quote!(, options: #options));
        let setters = optional
            .iter()
            .map(|parameter| self.setter(operation, parameter));
        let body = match &operation.body {
            Some(Body {
                required: false,
                content,
            }) => {
                let ty = self.body_argument(content);
                let line = set_body(content, &quote!(self.call));
                let docs = self.body_docs(operation);
                Some(quote! {
                    #docs
                    pub fn body(mut self, body: #ty) -> Self { #line self }
                })
            }
            _ => None,
        };
        let tty = operation.tty.is_some().then(|| {
            quote! {
                #[doc = " Says whether the stream is a terminal's, which is otherwise asked of the daemon."]
                pub fn with_tty(mut self, tty: bool) -> Self {
                    self.call.set_tty(tty);
                    self
                }
            }
        });
        let all_options = (!optional.is_empty()).then(|| {
            quote! {
                #[doc = " All options at once, in place of those set so far."]
                pub fn options(mut self, options: #options) -> Self {
                    self.options = options;
                    self
                }
            }
        });
        let prepare = if optional.is_empty() {
            quote!(
                fn prepare(self) -> Call<'a> {
                    self.call
                }
            )
        } else {
            let lines = optional.iter().map(|parameter| add_option(parameter));
            quote! {
                #[inline]
                fn prepare(self) -> Call<'a> {
                    let Self { mut call, options } = self;
                    #(#lines)*
                    call
                }
            }
        };
        let (send, output) = self.send(operation, own);
        let more = self
            .negotiates
            .then(|| quote!(negotiated_request!(#request, #output);));
        quote! {
            #[doc = #doc]
            #[derive(Debug)]
            #[must_use = "a request does nothing until it is sent"]
            pub struct #request<'a> { call: Call<'a> #field }
            impl<'a> #request<'a> {
                #(#setters)*
                #body
                #all_options
                #tty
                #send
                #prepare
            }
            request_settings!(#request);
            #more
        }
    }

    /// The method that sends.
    fn send(&self, operation: &Operation, own: &OperationNames) -> (TokenStream, TokenStream) {
        let (output, body) = if let Answer::Head(headers) = &operation.answer {
            let result = ident(&own.headers);
            let fields = headers.iter().map(|header| {
                let wire_name = &header.name;
                let field = ident(&names::parameter(wire_name));
                let read = self.header_reader(header);
                quote!(#field: headers::#read(&headers, #wire_name))
            });
            let body = quote! {
                let headers = self.prepare().head().await?;
                Ok(#result { #(#fields),* })
            };
            (quote!(#result), body)
        } else if let (Answer::Json(ty), Some(pointer)) = (&operation.answer, &operation.failure) {
            let ty = self.ty(ty);
            (ty, quote!(self.prepare().json_unless(#pointer).await))
        } else if operation.outcomes.is_empty() {
            self.answer(&operation.answer)
        } else {
            let outcome = ident(&own.outcome);
            let arms = operation
                .outcomes
                .iter()
                .enumerate()
                .rev()
                .map(|(n, known)| {
                    let variant = ident(&names::pascal(&known.name));
                    let value = match known.body {
                        Some(_) => quote!(response.json().await.map(#outcome::#variant)),
                        None => quote!(Ok(#outcome::#variant)),
                    };
                    // A success that is not listed counts as the first one.
                    let status = Literal::u16_unsuffixed(known.status);
                    if n == 0 {
                        quote!(_ => #value)
                    } else {
                        quote!(#status => #value)
                    }
                });
            let body = quote! {
                let response = self.prepare().response().await?;
                match response.status().as_u16() { #(#arms,)* }
            };
            (quote!(#outcome), body)
        };
        let docs = self.send_docs(operation, own);
        let method = quote! {
            #docs
            #[inline]
            pub async fn send(self) -> Result<#output, Error> { #body }
        };
        (method, output)
    }

    /// The function of the core that reads a header of this kind.
    fn header_reader(&self, header: &Header) -> Ident {
        ident(match (header.encoding, self.api.resolve(&header.ty)) {
            (Encoding::Json | Encoding::Base64UrlJson, _) => "base64_json",
            (_, Type::Boolean) => "flag",
            _ => "text",
        })
    }

    fn headers(&self, operation: &Operation, own: &OperationNames) -> Option<TokenStream> {
        let Answer::Head(headers) = &operation.answer else {
            return None;
        };
        let result = ident(&own.headers);
        let doc = format!(
            " What [`{}`] brings, from the headers of the answer.",
            own.request
        );
        let fields = headers.iter().map(|header| {
            let docs = self.header_docs(operation, header);
            let name = ident(&names::parameter(&header.name));
            let ty = self.ty(&header.ty);
            quote!(#docs pub #name: Option<#ty>)
        });
        Some(quote! {
            #[doc = #doc]
            #[derive(Clone, Debug, Default, PartialEq)]
            #[non_exhaustive]
            pub struct #result { #(#fields),* }
        })
    }

    fn answer(&self, answer: &Answer) -> (TokenStream, TokenStream) {
        match answer {
            Answer::Json(ty) => (self.ty(ty), quote!(self.prepare().json().await)),
            Answer::Unit => (quote!(()), quote!(self.prepare().unit().await)),
            Answer::Text => (quote!(String), quote!(self.prepare().text().await)),
            Answer::Bytes => (quote!(ByteStream), quote!(self.prepare().bytes().await)),
            Answer::JsonLines(ty) => {
                let ty = self.ty(ty);
                (
                    quote!(JsonLines<#ty>),
                    quote!(self.prepare().json_lines().await),
                )
            }
            Answer::LogFrames => (quote!(LogStream), quote!(self.prepare().logs().await)),
            Answer::Upgrade => (quote!(Upgraded), quote!(self.prepare().upgrade().await)),
            Answer::Head(_) => unreachable!("its fields are read one by one"),
        }
    }

    fn outcome(&self, operation: &Operation, own: &OperationNames) -> Option<TokenStream> {
        if operation.outcomes.is_empty() {
            return None;
        }
        let outcome = ident(&own.outcome);
        let doc = format!(" What came of [`{}`].", own.request);
        let variants = operation.outcomes.iter().map(|known| {
            let docs = self.outcome_docs(known);
            let variant = ident(&names::pascal(&known.name));
            let body = known.body.as_ref().map(|ty| {
                let ty = self.ty(ty);
                quote!((#ty))
            });
            quote!(#docs #variant #body)
        });
        let copy = operation
            .outcomes
            .iter()
            .all(|known| known.body.is_none())
            .then(|| quote!(Copy, Eq,));
        Some(quote! {
            #[doc = #doc]
            #[derive(Clone, #copy Debug, PartialEq)]
            #[non_exhaustive]
            pub enum #outcome { #(#variants),* }
        })
    }

    fn setter(&self, operation: &Operation, parameter: &Parameter) -> TokenStream {
        let name = ident(&names::parameter(&parameter.name));
        let docs = self.parameter_docs(operation, parameter);
        let (ty, value) = match self.api.resolve(&parameter.ty) {
            _ if is_filters(parameter) => (quote!(impl Into<Filters>), quote!(#name.into())),
            Type::Text => (quote!(impl Into<String>), quote!(#name.into())),
            Type::List(inner) if **inner == Type::Text => (
                quote!(impl IntoIterator<Item = impl Into<String>>),
                quote!(#name.into_iter().map(Into::into).collect()),
            ),
            Type::List(inner) if parameter.encoding == Encoding::JsonItems => {
                let inner = self.ty(inner);
                (
                    quote!(impl IntoIterator<Item = #inner>),
                    quote!(#name.into_iter().collect()),
                )
            }
            Type::Named(_) => {
                let ty = self.value_type(parameter);
                (quote!(impl Into<#ty>), quote!(#name.into()))
            }
            _ => (self.value_type(parameter), quote!(#name)),
        };
        quote! {
            #docs
            pub fn #name(mut self, #name: #ty) -> Self {
                self.options.#name = Some(#value);
                self
            }
        }
    }

    /// The type of a required argument, and the line that puts it into the call.
    fn required(&self, parameter: &Parameter, argument: &Ident) -> (TokenStream, TokenStream) {
        let name = &parameter.name;
        if parameter.place == Place::Path {
            return (quote!(&str), quote!(call.path(#name, #argument);));
        }
        let borrowed = is_borrowed_text(self.api, parameter);
        let ty = if borrowed {
            quote!(&str)
        } else {
            self.value_type(parameter)
        };
        let add = add(parameter);
        match parameter.encoding {
            Encoding::Plain | Encoding::Csv if borrowed => {
                (ty, quote!(call.#add(#name, #argument);))
            }
            Encoding::Plain | Encoding::Csv => (ty, quote!(call.#add(#name, &#argument);)),
            Encoding::Json | Encoding::JsonItems | Encoding::Base64UrlJson => {
                (ty, quote!(call.#add(#name, &Some(#argument));))
            }
        }
    }

    fn body_argument(&self, content: &BodyContent) -> TokenStream {
        match content {
            BodyContent::Json(ty) => self.ty(ty),
            BodyContent::Binary(_) => quote!(impl Into<Body>),
        }
    }

    fn value_type(&self, parameter: &Parameter) -> TokenStream {
        if is_filters(parameter) {
            return quote!(Filters);
        }
        self.ty(&parameter.ty)
    }

    /// A type as files of operations write it: those of the version stand in `types`.
    pub(super) fn ty(&self, ty: &Type) -> TokenStream {
        match ty {
            Type::Named(id) => {
                let name = ident(self.names.get(*id));
                quote!(types::#name)
            }
            Type::List(inner) => {
                let inner = self.ty(inner);
                quote!(Vec<#inner>)
            }
            Type::Map(inner) => {
                let inner = self.ty(inner);
                quote!(std::collections::BTreeMap<String, #inner>)
            }
            Type::Nullable(inner) => {
                let inner = self.ty(inner);
                quote!(Option<#inner>)
            }
            Type::Set => quote!(std::collections::BTreeSet<String>),
            _ => self.rust_type(ty, &mut Imports::default()),
        }
    }
}

fn set_body(content: &BodyContent, call: &TokenStream) -> TokenStream {
    match content {
        BodyContent::Json(_) => quote!(#call.json_body(&body);),
        BodyContent::Binary(media) => quote!(#call.body(#media, body.into());),
    }
}

/// The method of a call that takes a parameter.
fn add(parameter: &Parameter) -> Ident {
    ident(match (parameter.place, parameter.encoding) {
        (Place::Path, _) => "path",
        (Place::Query, Encoding::Plain) => "query",
        (Place::Query, Encoding::Csv) => "query_csv",
        (Place::Query, Encoding::Json | Encoding::Base64UrlJson) => "query_json",
        (Place::Query, Encoding::JsonItems) => "query_json_items",
        (Place::Header, Encoding::Base64UrlJson) => "header_base64_json",
        (Place::Header, _) => "header",
    })
}

fn add_option(parameter: &Parameter) -> TokenStream {
    let wire_name = &parameter.name;
    let name = ident(&names::parameter(&parameter.name));
    match &parameter.credentials {
        Some(Credentials::Of(image)) => {
            quote!(call.registry_auth(#wire_name, &options.#name, #image);)
        }
        Some(Credentials::All) => quote!(call.registry_config(#wire_name, &options.#name);),
        None => {
            let add = add(parameter);
            quote!(call.#add(#wire_name, &options.#name);)
        }
    }
}

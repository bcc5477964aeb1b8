//! What progenitor makes of a document, read from the source that it generates.

use std::collections::BTreeMap;

use progenitor::{GenerationSettings, Generator, InterfaceStyle, TagStyle};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Expr, Item, Token};

use crate::adapt::{Adapted, ITEM, Lifted};
use crate::source::{
    Api, Content, Def, Operation, Parameter, Type, arguments, inside, literal, name, plain,
    variable,
};

pub(crate) fn api(adapted: &Adapted) -> Result<Api, String> {
    let document = serde_json::from_value(adapted.document.clone())
        .map_err(|error| format!("no OpenAPI: {error}"))?;
    let mut settings = GenerationSettings::default();
    settings
        .with_interface(InterfaceStyle::Positional)
        .with_tag(TagStyle::Merged);
    let tokens = Generator::new(&settings)
        .generate_tokens(&document)
        .map_err(|error| format!("progenitor refuses it: {error}"))?;
    let file: syn::File =
        syn::parse2(tokens).map_err(|error| format!("progenitor writes no Rust: {error}"))?;
    let mut api = Api::default();
    for item in &file.items {
        match item {
            Item::Mod(module) if module.ident == "types" => {
                let items = module.content.iter().flat_map(|(_, items)| items);
                api.types.extend(items.filter_map(def));
            }
            Item::Impl(block)
                if block.trait_.is_none() && name(&block.self_ty).as_deref() == Some("Client") =>
            {
                for item in &block.items {
                    if let syn::ImplItem::Fn(function) = item {
                        api.operations.extend(operation(function, &adapted.lifted));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(api)
}

fn def(item: &Item) -> Option<(String, Def)> {
    match item {
        Item::Struct(item) => {
            let def = match &item.fields {
                syn::Fields::Named(fields) => Def::Object(
                    fields
                        .named
                        .iter()
                        .map(|field| {
                            let own = field.ident.as_ref().map(plain).unwrap_or_default();
                            let name = rename(&field.attrs).unwrap_or(own);
                            (name, Type::of(&field.ty))
                        })
                        .collect(),
                ),
                syn::Fields::Unnamed(fields) => Def::Alias(Type::of(&fields.unnamed.first()?.ty)),
                syn::Fields::Unit => Def::Object(BTreeMap::new()),
            };
            Some((plain(&item.ident), def))
        }
        Item::Enum(item) => {
            let choices: Vec<_> = item
                .variants
                .iter()
                .filter_map(|variant| variant.fields.iter().next())
                .map(|field| Type::of(&field.ty))
                .collect();
            let def = if choices.is_empty() {
                let texts = item
                    .variants
                    .iter()
                    .map(|variant| rename(&variant.attrs).unwrap_or_else(|| plain(&variant.ident)));
                Def::Enum(texts.collect())
            } else {
                Def::Choice(choices)
            };
            Some((plain(&item.ident), def))
        }
        _ => None,
    }
}

/// The name in `#[serde(rename = "Id", …)]`.
fn rename(attributes: &[syn::Attribute]) -> Option<String> {
    let mut name = None;
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("serde"))
    {
        let metas = attribute
            .parse_args_with(Punctuated::<syn::Meta, Token![,]>::parse_terminated)
            .ok()?;
        for meta in metas {
            if let syn::Meta::NameValue(pair) = meta
                && pair.path.is_ident("rename")
            {
                name = literal(&pair.value);
            }
        }
    }
    name
}

/// A function that sends, by its endpoint; other functions have none.
fn operation(function: &syn::ImplItemFn, lifted: &Lifted) -> Option<(String, Operation)> {
    let mut call = Call::default();
    call.visit_block(&function.block);
    let endpoint = Api::endpoint(&call.method?, &call.path?);
    let arguments = arguments(&function.sig);
    let lifted = |what: &str| {
        let name = lifted.get(&(endpoint.clone(), what.to_owned()))?;
        Some(Type::Named(name.clone()))
    };
    let parameters = call
        .parameters
        .into_iter()
        .map(|(key, argument)| {
            let (ty, required) = Type::of(arguments[&argument]).required();
            let ty = lifted(&key).unwrap_or(ty);
            (key, Parameter { ty, required })
        })
        .collect();
    let body = match call.body {
        None => Content::Nothing,
        Some(Body::Octets) => Content::Octets,
        Some(Body::Json(argument)) => Content::Json(Type::of(arguments[&argument])),
    };
    let syn::ReturnType::Type(_, output) = &function.sig.output else {
        return None;
    };
    // `Result<ResponseValue<T>, Error<…>>`
    let answer = match inside(inside(output).first()?).first()? {
        syn::Type::Tuple(_) => Content::Nothing,
        ty if name(ty).as_deref() == Some("ByteStream") => match lifted(ITEM) {
            Some(item) => Content::JsonLines(item),
            None => Content::Octets,
        },
        ty => Content::Json(Type::of(ty)),
    };
    let operation = Operation {
        parameters,
        body,
        answer,
    };
    Some((endpoint.clone(), operation))
}

/// What a function does to make its request.
#[derive(Default)]
struct Call {
    method: Option<String>,
    path: Option<String>,
    /// The argument for each parameter.
    parameters: BTreeMap<String, String>,
    body: Option<Body>,
    /// The argument behind `value`, inside of `if let Some(value) = argument`.
    optional: Option<String>,
}

enum Body {
    Octets,
    Json(String),
}

impl<'ast> Visit<'ast> for Call {
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        if !call.path.is_ident("format") || self.path.is_some() {
            return;
        }
        // `format!("{}/containers/{}/stop", self.baseurl, encode_path(&id.to_string()))`
        let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
        let Ok(parts) = call.parse_body_with(parser) else {
            return;
        };
        let mut parts = parts.iter();
        let Some(template) = parts.next().and_then(literal) else {
            return;
        };
        let mut path = String::new();
        let mut pieces = template.split("{}").skip(1);
        path.push_str(pieces.next().unwrap_or_default());
        for (piece, argument) in pieces.zip(parts.skip(1)) {
            let name = variable(argument).unwrap_or_default();
            path.push_str(&format!("{{{name}}}{piece}"));
            self.parameters.insert(format!("path:{name}"), name);
        }
        self.path = Some(path);
    }

    fn visit_expr_if(&mut self, branch: &'ast syn::ExprIf) {
        if let Expr::Let(condition) = &*branch.cond {
            self.optional = variable(&condition.expr);
        }
        visit::visit_expr_if(self, branch);
        self.optional = None;
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        visit::visit_expr_method_call(self, call);
        let first = call.args.first();
        match call.method.to_string().as_str() {
            method @ ("get" | "head" | "put" | "post" | "delete")
                if first.and_then(variable).as_deref() == Some("url") =>
            {
                self.method = Some(method.to_owned());
            }
            "query" => {
                // `QueryParam::new("signal", &signal)`
                let Some(Expr::Reference(reference)) = first else {
                    return;
                };
                let Expr::Call(parameter) = &*reference.expr else {
                    return;
                };
                let (name, value) = (parameter.args.first(), parameter.args.last());
                if let (Some(name), Some(value)) =
                    (name.and_then(literal), value.and_then(variable))
                {
                    self.parameters.insert(format!("query:{name}"), value);
                }
            }
            "append" => {
                if let Some(name) = first.and_then(literal)
                    && let Some(value) = call.args.last()
                {
                    let value = match value {
                        Expr::Try(value) => variable(&value.expr),
                        value => variable(value),
                    };
                    if let Some(value) = self.optional.clone().or(value) {
                        self.parameters.insert(format!("header:{name}"), value);
                    }
                }
            }
            "body" => self.body = Some(Body::Octets),
            "json" => self.body = first.and_then(variable).map(Body::Json),
            _ => {}
        }
    }
}

//! What we make of a document, read from the source below `crates/generated`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Expr, ImplItem, Item};

use crate::read;
use crate::source::{
    Api, Content, Def, Operation, Parameter, Type, arguments, inside, literal, name, plain,
    variable,
};

/// Reads the source of a version's crate.
pub(crate) fn api(source: &Path) -> Api {
    let types: Vec<Item> = items(&source.join("types"));
    let mut api = Api {
        types: defs(&types),
        ..Api::default()
    };
    for path in files(&source.join("api")) {
        operations(&parse(&path), &mut api.operations);
    }
    api
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn parse(path: &Path) -> Vec<Item> {
    let file = syn::parse_file(&read(path)).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    file.items
}

fn items(folder: &Path) -> Vec<Item> {
    files(folder).iter().flat_map(|path| parse(path)).collect()
}

fn defs(items: &[Item]) -> BTreeMap<String, Def> {
    let mut defs = BTreeMap::new();
    let mut fields: BTreeMap<String, BTreeMap<String, Type>> = BTreeMap::new();
    for item in items {
        match item {
            Item::Type(alias) => {
                defs.insert(plain(&alias.ident), Def::Alias(Type::of(&alias.ty)));
            }
            Item::Struct(item) => {
                let types = item
                    .fields
                    .iter()
                    .filter_map(|field| Some((plain(field.ident.as_ref()?), Type::of(&field.ty))));
                fields.insert(plain(&item.ident), types.collect());
            }
            _ => {}
        }
    }
    for item in items {
        let Item::Impl(block) = item else { continue };
        let Some(own) = name(&block.self_ty) else {
            continue;
        };
        for item in &block.items {
            let ImplItem::Fn(function) = item else {
                continue;
            };
            match function.sig.ident.to_string().as_str() {
                // `to.write("Id", &self.id)?`
                "write_fields" => {
                    let mut calls = Calls::default();
                    calls.visit_block(&function.block);
                    let object = calls.found.into_iter().map(|(_, wire, value)| {
                        let ty = fields[&own][&value].clone();
                        (wire, ty)
                    });
                    defs.insert(own.clone(), Def::Object(object.collect()));
                }
                // `Self::Running => "running"`
                "as_str" if block.trait_.is_none() => {
                    let texts = arms(&function.block).into_iter();
                    let texts = texts.filter_map(|arm| literal(&arm.body));
                    defs.insert(own.clone(), Def::Enum(texts.collect()));
                }
                "value" if block.trait_.is_none() => {
                    defs.insert(own.clone(), Def::IntegerEnum);
                }
                _ => {}
            }
        }
    }
    defs
}

fn arms(block: &syn::Block) -> Vec<&syn::Arm> {
    struct Arms<'ast>(Vec<&'ast syn::Arm>);
    impl<'ast> Visit<'ast> for Arms<'ast> {
        fn visit_arm(&mut self, arm: &'ast syn::Arm) {
            self.0.push(arm);
        }
    }
    let mut arms = Arms(Vec::new());
    arms.visit_block(block);
    arms.0
}

/// Every `x.method("name", value, …)`: the method, the name, and the last name in the value.
#[derive(Default)]
struct Calls {
    found: Vec<(String, String, String)>,
    /// The `STOP` in `Call::new(self.connection, &STOP)`.
    operation: Option<String>,
    /// Whether there is a body of JSON or of octets.
    body: Option<bool>,
}

impl<'ast> Visit<'ast> for Calls {
    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if let Expr::Path(path) = &*call.func
            && path
                .path
                .segments
                .first()
                .is_some_and(|first| first.ident == "Call")
        {
            self.operation = call.args.last().and_then(variable);
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let method = call.method.to_string();
        match (method.as_str(), call.args.first(), call.args.get(1)) {
            ("json_body", ..) => self.body = Some(true),
            ("body", ..) => self.body = Some(false),
            (_, Some(wire), Some(value)) => {
                if let (Some(wire), Some(value)) = (literal(wire), variable(value)) {
                    self.found.push((method, wire, value));
                }
            }
            _ => {}
        }
        visit::visit_expr_method_call(self, call);
    }
}

fn operations(items: &[Item], operations: &mut BTreeMap<String, Operation>) {
    let mut endpoints = BTreeMap::new();
    let mut structs = BTreeMap::new();
    let mut outcomes = BTreeMap::new();
    let mut blocks: BTreeMap<String, Vec<&syn::ImplItemFn>> = BTreeMap::new();
    for item in items {
        match item {
            Item::Static(item) => {
                endpoints.insert(item.ident.to_string(), endpoint(&item.expr));
            }
            Item::Struct(item) => {
                let fields: BTreeMap<_, _> = item
                    .fields
                    .iter()
                    .filter_map(|field| Some((plain(field.ident.as_ref()?), &field.ty)))
                    .collect();
                structs.insert(plain(&item.ident), fields);
            }
            Item::Enum(item) => {
                let fields = item.variants.iter().flat_map(|variant| &variant.fields);
                outcomes.insert(plain(&item.ident), fields.map(|field| &field.ty).next());
            }
            Item::Impl(block) => {
                let functions = block.items.iter().filter_map(|item| match item {
                    ImplItem::Fn(function) => Some(function),
                    _ => None,
                });
                let own = name(&block.self_ty).unwrap_or_default();
                blocks.entry(own).or_default().extend(functions);
            }
            _ => {}
        }
    }
    for function in blocks.values().flatten() {
        let mut begun = Calls::default();
        begun.visit_block(&function.block);
        let Some(constant) = begun.operation else {
            continue;
        };
        let syn::ReturnType::Type(_, request) = &function.sig.output else {
            continue;
        };
        let request = name(request).unwrap_or_default();
        let taken = arguments(&function.sig);
        let mut operation = Operation {
            parameters: BTreeMap::new(),
            body: content(begun.body, taken.get("body").copied()),
            answer: Content::Nothing,
        };
        for (method, wire, value) in begun.found {
            let ty = Type::of(taken[&value]);
            operation.parameter(&method, &wire, ty, true);
        }
        for function in blocks.get(&request).into_iter().flatten() {
            let mut calls = Calls::default();
            calls.visit_block(&function.block);
            match function.sig.ident.to_string().as_str() {
                "send" => operation.answer = answer(function, &outcomes),
                "prepare" => {
                    for (method, wire, value) in calls.found {
                        let options = &structs[&format!("{request}Options")];
                        let (ty, _) = Type::of(options[&value]).required();
                        operation.parameter(&method, &wire, ty, false);
                    }
                }
                "body" => {
                    let taken = arguments(&function.sig);
                    operation.body = content(calls.body, taken.get("body").copied());
                }
                _ => {}
            }
        }
        operations.insert(endpoints[&constant].clone(), operation);
    }
}

impl Operation {
    fn parameter(&mut self, method: &str, wire: &str, ty: Type, required: bool) {
        // `query_json` and the like: how it is written is compared elsewhere.
        let place = match method.split('_').next().unwrap_or_default() {
            // Credentials travel in headers.
            "registry" => "header",
            place => place,
        };
        self.parameters
            .insert(format!("{place}:{wire}"), Parameter { ty, required });
    }
}

fn endpoint(description: &Expr) -> String {
    let Expr::Struct(description) = description else {
        return String::new();
    };
    let (mut method, mut path) = (String::new(), String::new());
    for field in &description.fields {
        match &field.member {
            syn::Member::Named(name) if name == "path" => {
                path = literal(&field.expr).unwrap_or_default();
            }
            syn::Member::Named(name) if name == "method" => {
                if let Expr::Path(constant) = &field.expr
                    && let Some(last) = constant.path.segments.last()
                {
                    method = last.ident.to_string();
                }
            }
            _ => {}
        }
    }
    Api::endpoint(&method, &path)
}

fn content(is_json: Option<bool>, ty: Option<&syn::Type>) -> Content {
    match (is_json, ty) {
        (Some(true), Some(ty)) => Content::Json(Type::of(ty)),
        (Some(_), _) => Content::Octets,
        (None, _) => Content::Nothing,
    }
}

/// Whether text is returned as it comes, and not read from JSON.
fn calls_text(block: &syn::Block) -> bool {
    struct Text(bool);
    impl<'ast> Visit<'ast> for Text {
        fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
            self.0 |= call.method == "text";
            visit::visit_expr_method_call(self, call);
        }
    }
    let mut text = Text(false);
    text.visit_block(block);
    text.0
}

/// What `send` returns.
fn answer(function: &syn::ImplItemFn, outcomes: &BTreeMap<String, Option<&syn::Type>>) -> Content {
    let syn::ReturnType::Type(_, output) = &function.sig.output else {
        return Content::Nothing;
    };
    let Some(ty) = inside(output).first().copied() else {
        return Content::Nothing;
    };
    let own = name(ty).unwrap_or_default();
    match own.as_str() {
        // The unit type has no name.
        "" | "Upgraded" => Content::Nothing,
        "ByteStream" | "LogStream" => Content::Octets,
        "String" if calls_text(&function.block) => Content::Octets,
        "JsonLines" => Content::JsonLines(Type::of(inside(ty)[0])),
        _ => match outcomes.get(&own) {
            Some(Some(ty)) => Content::Json(Type::of(ty)),
            Some(None) => Content::Nothing,
            // The headers of an answer that has nothing else.
            None if own.ends_with("Headers") => Content::Nothing,
            None => Content::Json(Type::of(ty)),
        },
    }
}

//! What generated source says about an API, whoever generated it.

use std::collections::BTreeMap;

use syn::{GenericArgument, PathArguments};

/// An API as its generated source has it.
#[derive(Debug, Default)]
pub(crate) struct Api {
    /// By endpoint: `GET /containers/{id}/json`.
    pub(crate) operations: BTreeMap<String, Operation>,
    /// By name in Rust.
    pub(crate) types: BTreeMap<String, Def>,
}

#[derive(Debug)]
pub(crate) struct Operation {
    /// By place and name: `query:signal`.
    pub(crate) parameters: BTreeMap<String, Parameter>,
    pub(crate) body: Content,
    pub(crate) answer: Content,
}

#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) ty: Type,
    pub(crate) required: bool,
}

#[derive(Debug)]
pub(crate) enum Content {
    Nothing,
    Octets,
    Json(Type),
    /// Many documents, one after the other.
    JsonLines(Type),
}

/// A type with a name.
#[derive(Debug)]
pub(crate) enum Def {
    /// Types by their names on the wire.
    Object(BTreeMap<String, Type>),
    /// The texts on the wire.
    Enum(Vec<String>),
    IntegerEnum,
    Alias(Type),
    /// One of several.
    Choice(Vec<Type>),
}

/// A type as JSON has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Time,
    Boolean,
    /// With its Rust name: `u16`.
    Integer(String),
    Number,
    /// Any value. Where it has to be an object, and nothing is known of its members, it is one too: Rust has no
    /// better name for it.
    Any,
    List(Box<Type>),
    Map(Box<Type>),
    Optional(Box<Type>),
    Named(String),
}

impl Api {
    pub(crate) fn endpoint(method: &str, path: &str) -> String {
        format!("{} {path}", method.to_uppercase())
    }

    /// Follows names that only stand for another type.
    pub(crate) fn resolve<'a>(&'a self, ty: &'a Type) -> &'a Type {
        match ty {
            Type::Optional(inner) => self.resolve(inner),
            Type::Named(name) => match self.types.get(name) {
                Some(Def::Alias(target)) => self.resolve(target),
                _ => ty,
            },
            _ => ty,
        }
    }
}

impl Type {
    /// # Panics
    ///
    /// If it is none that generated source has had so far.
    pub(crate) fn of(ty: &syn::Type) -> Self {
        let path = match ty {
            syn::Type::Reference(reference) => return Self::of(&reference.elem),
            // A list whose length is fixed.
            syn::Type::Array(array) => return Self::List(Box::new(Self::of(&array.elem))),
            syn::Type::Path(path) => &path.path,
            _ => panic!("a type is a name or a reference to one"),
        };
        let last = path.segments.last().expect("a path has segments");
        let mut inner = Vec::new();
        if let PathArguments::AngleBracketed(arguments) = &last.arguments {
            inner.extend(arguments.args.iter().filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            }));
        }
        let boxed = |ty: Option<&&syn::Type>| Box::new(Self::of(ty.expect("a type inside")));
        match last.ident.to_string().as_str() {
            "String" | "str" | "Base64Bytes" => Self::Text,
            "DateTime" | "Timestamp" => Self::Time,
            "bool" => Self::Boolean,
            "f64" => Self::Number,
            "Value" | "Json" | "Map" => Self::Any,
            name @ ("i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64") => {
                Self::Integer(name.to_owned())
            }
            "Box" => *boxed(inner.first()),
            "Option" => Self::Optional(boxed(inner.first())),
            "Vec" => Self::List(boxed(inner.first())),
            "HashMap" | "BTreeMap" => Self::Map(boxed(inner.last())),
            // An object of which only the names matter.
            "BTreeSet" => Self::Map(Box::new(Self::Any)),
            "Filters" => Self::Map(Box::new(Self::List(Box::new(Self::Text)))),
            name => Self::Named(name.to_owned()),
        }
    }

    /// The type itself where there may be none.
    pub(crate) fn required(self) -> (Self, bool) {
        match self {
            Self::Optional(inner) => (*inner, false),
            other => (other, true),
        }
    }
}

/// The text of a literal.
pub(crate) fn literal(expr: &syn::Expr) -> Option<String> {
    match expr {
        syn::Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(text),
            ..
        }) => Some(text.value()),
        _ => None,
    }
}

/// The last name in `signal`, `&signal`, `&options.signal` or `id.to_string()`.
pub(crate) fn variable(expr: &syn::Expr) -> Option<String> {
    match expr {
        syn::Expr::Reference(reference) => variable(&reference.expr),
        syn::Expr::Path(path) => path.path.get_ident().map(plain),
        syn::Expr::Field(field) => match &field.member {
            syn::Member::Named(name) => Some(plain(name)),
            syn::Member::Unnamed(_) => None,
        },
        syn::Expr::MethodCall(call) => variable(&call.receiver),
        // `Some(value)`
        syn::Expr::Call(call) => call.args.first().and_then(variable),
        _ => None,
    }
}

/// A name without the mark of a raw identifier.
pub(crate) fn plain(ident: &syn::Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").map_or(text.clone(), str::to_owned)
}

/// The arguments of a function by name.
pub(crate) fn arguments(signature: &syn::Signature) -> BTreeMap<String, &syn::Type> {
    signature
        .inputs
        .iter()
        .filter_map(|input| match input {
            syn::FnArg::Typed(argument) => match &*argument.pat {
                syn::Pat::Ident(name) => Some((plain(&name.ident), &*argument.ty)),
                _ => None,
            },
            syn::FnArg::Receiver(_) => None,
        })
        .collect()
}

/// The types in the angle brackets behind the last segment of a type.
pub(crate) fn inside(ty: &syn::Type) -> Vec<&syn::Type> {
    let syn::Type::Path(path) = ty else {
        return Vec::new();
    };
    match path.path.segments.last().map(|segment| &segment.arguments) {
        Some(PathArguments::AngleBracketed(arguments)) => arguments
            .args
            .iter()
            .filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The last segment of a type: `Stop` of `Stop<'a>`.
pub(crate) fn name(ty: &syn::Type) -> Option<String> {
    match ty {
        syn::Type::Path(path) => path.path.segments.last().map(|last| plain(&last.ident)),
        _ => None,
    }
}

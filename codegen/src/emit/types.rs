//! The types of a version.

use std::collections::BTreeSet;

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use super::{Context, ident};
use crate::model::{Field, Integer, NamedInteger, Shape, Type, TypeId, Usage};
use crate::names::{self, TypeNames};
use crate::surface::{field_names, is_bare, is_literal};

/// What the source of a file needs from elsewhere.
#[derive(Default)]
pub(super) struct Imports {
    std: BTreeSet<&'static str>,
    core: BTreeSet<&'static str>,
    types: BTreeSet<String>,
}

impl Imports {
    /// The `use` lines of a file of types, which needs nothing imported that it defines itself.
    fn lines(&self, own: &BTreeSet<String>) -> TokenStream {
        let std = (!self.std.is_empty()).then(|| {
            let names = self.std.iter().map(|name| ident(name));
            quote!(use std::collections::{#(#names),*};)
        });
        let core = (!self.core.is_empty()).then(|| {
            let names = self.core.iter().map(|name| ident(name));
            quote!(use docker_api_gen_core::{#(#names),*};)
        });
        let others: Vec<_> = self.types.difference(own).map(|name| ident(name)).collect();
        let types = (!others.is_empty()).then(|| quote!(use super::{#(#others),*};));
        quote!(#std #core #types)
    }
}

/// A file of types.
pub(super) fn file(context: Context<'_>, ids: &[TypeId]) -> TokenStream {
    let mut imports = Imports::default();
    if ids
        .iter()
        .any(|id| !matches!(context.api.type_def(*id).shape, Shape::Alias(_)))
    {
        imports.core.insert("wire");
    }
    let items: Vec<_> = ids
        .iter()
        .map(|id| context.item(*id, &mut imports))
        .collect();
    let own = ids
        .iter()
        .map(|id| context.names.get(*id).to_owned())
        .collect();
    let uses = imports.lines(&own);
    quote!(#uses #(#items)*)
}

impl Context<'_> {
    fn item(&self, id: TypeId, imports: &mut Imports) -> TokenStream {
        let def = self.api.type_def(id);
        let name = self.names.get(id);
        match &def.shape {
            Shape::Object(fields) => self.object(id, name, fields, def.usage, imports),
            Shape::TextEnum(values) => self.text_enum(id, name, values, def.usage),
            Shape::IntegerEnum(values) => self.integer_enum(id, name, values, def.usage),
            Shape::Alias(ty) => {
                let alias = ident(name);
                let ty = self.rust_type(ty, imports);
                let docs = self.type_docs(id);
                quote!(#docs pub type #alias = #ty;)
            }
        }
    }

    fn object(
        &self,
        id: TypeId,
        name: &str,
        fields: &[Field],
        usage: Usage,
        imports: &mut Imports,
    ) -> TokenStream {
        let ty = ident(name);
        let idents: Vec<_> = field_names(fields)
            .iter()
            .map(|field| ident(field))
            .collect();
        let declarations = fields.iter().zip(&idents).map(|(field, ident)| {
            let docs = self.field_docs(id, field);
            let bare = is_bare(self.api, field, usage);
            let inner = self.rust_type(&field.ty, imports);
            let ty = if bare { inner } else { quote!(Option<#inner>) };
            quote!(#docs pub #ident: #ty)
        });
        let non_exhaustive = (!is_literal(usage)).then(|| quote!(#[non_exhaustive]));
        let has_secret = fields.iter().any(|field| field.secret);
        let derive_debug = (!has_secret).then(|| quote!(Debug,));
        let docs = self.type_docs(id);
        let declaration = quote! {
            #docs
            #[derive(Clone, #derive_debug Default, PartialEq)]
            #non_exhaustive
            pub struct #ty { #(#declarations),* }
        };
        let debug = has_secret.then(|| redacted_debug(name, fields, &idents));
        let reading = direction(usage.response, || {
            let arms = fields.iter().zip(&idents).map(|(field, ident)| {
                let name = &field.name;
                let aliases = &field.aliases;
                quote!(#name #(| #aliases)* => value.read(&mut self.#ident))
            });
            quote! {
                impl wire::ReadFields for #ty {
                    fn read_field<'de, M: wire::MapAccess<'de>>(
                        &mut self,
                        name: &str,
                        value: wire::FieldValue<'_, M>,
                    ) -> Result<(), M::Error> {
                        match name {
                            #(#arms,)*
                            _ => value.skip(),
                        }
                    }
                }
            }
        });
        let readable = direction(usage.response, || quote!(wire::readable!(#ty);));
        let writing = direction(usage.request, || {
            let lines = fields.iter().zip(&idents).map(|(field, ident)| {
                let name = &field.name;
                quote!(to.write(#name, &self.#ident)?;)
            });
            quote! {
                impl wire::WriteFields for #ty {
                    fn write_fields<M: wire::SerializeMap>(
                        &self,
                        to: &mut wire::FieldWriter<M>,
                    ) -> Result<(), M::Error> {
                        #(#lines)*
                        Ok(())
                    }
                }
            }
        });
        let writable = direction(usage.request, || quote!(wire::writable!(#ty);));
        quote!(#declaration #debug #readable #writable #reading #writing)
    }

    pub(super) fn rust_type(&self, ty: &Type, imports: &mut Imports) -> TokenStream {
        rust_type(self.names, ty, imports)
    }

    fn text_enum(&self, id: TypeId, name: &str, values: &[String], usage: Usage) -> TokenStream {
        let ty = ident(name);
        let variants: Vec<_> = names::variants(values)
            .iter()
            .map(|variant| ident(variant))
            .collect();
        let value_docs = values.iter().map(|value| self.value_docs(id, value));
        let docs = self.type_docs(id);
        let readable = direction(usage.response, || quote!(wire::readable_text!(#ty);));
        let writable = direction(usage.request, || quote!(wire::writable_text!(#ty);));
        quote! {
            #docs
            #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
            #[non_exhaustive]
            pub enum #ty {
                #(#value_docs #variants,)*
                #[doc = " A text that the description does not list, as it came."]
                Other(String),
            }
            impl #ty {
                #[doc = " The text that stands for this value in requests and answers."]
                pub fn as_str(&self) -> &str {
                    match self {
                        #(Self::#variants => #values,)*
                        Self::Other(text) => text,
                    }
                }
            }
            impl From<&str> for #ty {
                fn from(text: &str) -> Self {
                    match text {
                        #(#values => Self::#variants,)*
                        other => Self::Other(other.to_owned()),
                    }
                }
            }
            wire::text_enum!(#ty);
            #readable
            #writable
        }
    }

    fn integer_enum(
        &self,
        id: TypeId,
        name: &str,
        values: &[NamedInteger],
        usage: Usage,
    ) -> TokenStream {
        let ty = ident(name);
        let variants: Vec<_> = values
            .iter()
            .map(|value| ident(&names::integer_variant(value)))
            .collect();
        let value_docs = values
            .iter()
            .map(|value| self.value_docs(id, &value.value.to_string()));
        let docs = self.type_docs(id);
        let values: Vec<_> = values
            .iter()
            .map(|value| Literal::i64_unsuffixed(value.value))
            .collect();
        let readable = direction(usage.response, || quote!(wire::readable_integer!(#ty);));
        let writable = direction(usage.request, || quote!(wire::writable_integer!(#ty);));
        quote! {
            #docs
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
            #[non_exhaustive]
            pub enum #ty {
                #(#value_docs #variants,)*
                #[doc = " A number that the description does not list, as it came."]
                Other(i64),
            }
            impl #ty {
                #[doc = " The number that stands for this value in requests and answers."]
                pub fn value(&self) -> i64 {
                    match self {
                        #(Self::#variants => #values,)*
                        Self::Other(value) => *value,
                    }
                }
            }
            impl From<i64> for #ty {
                fn from(value: i64) -> Self {
                    match value {
                        #(#values => Self::#variants,)*
                        other => Self::Other(other),
                    }
                }
            }
            wire::integer_enum!(#ty);
            #readable
            #writable
        }
    }
}

/// A type as files of types write it.
fn rust_type(names: &TypeNames, ty: &Type, imports: &mut Imports) -> TokenStream {
    match ty {
        Type::Text => quote!(String),
        Type::Boolean => quote!(bool),
        Type::Integer(integer) => integer_type(*integer),
        Type::Number => quote!(f64),
        Type::Timestamp => core_type("Timestamp", imports),
        Type::Base64 => core_type("Base64Bytes", imports),
        Type::Any => core_type("Json", imports),
        Type::List(inner) => {
            let inner = rust_type(names, inner, imports);
            quote!(Vec<#inner>)
        }
        Type::Map(inner) => {
            imports.std.insert("BTreeMap");
            let inner = rust_type(names, inner, imports);
            quote!(BTreeMap<String, #inner>)
        }
        Type::Nullable(inner) => {
            let inner = rust_type(names, inner, imports);
            quote!(Option<#inner>)
        }
        Type::Set => {
            imports.std.insert("BTreeSet");
            quote!(BTreeSet<String>)
        }
        Type::Named(id) => {
            let name = names.get(*id);
            imports.types.insert(name.to_owned());
            let name = ident(name);
            quote!(#name)
        }
    }
}

/// A type as people write it: `BTreeMap<String, Vec<Port>>`.
pub(crate) fn type_text(names: &TypeNames, ty: &Type) -> String {
    let tokens = rust_type(names, ty, &mut Imports::default()).to_string();
    tokens.replace(' ', "").replace(',', ", ")
}

/// Code for a direction: always where the API uses it, else with the feature `serde-both`.
fn direction(used: bool, code: impl FnOnce() -> TokenStream) -> TokenStream {
    let code = code();
    if used {
        code
    } else {
        quote!(#[cfg(feature = "serde-both")] #code)
    }
}

fn redacted_debug(name: &str, fields: &[Field], idents: &[Ident]) -> TokenStream {
    let ty = ident(name);
    let lines = fields.iter().zip(idents).map(|(field, ident)| {
        let name = ident.to_string();
        if field.secret {
            quote!(.field(#name, &wire::redacted(&self.#ident)))
        } else {
            quote!(.field(#name, &self.#ident))
        }
    });
    quote! {
        impl std::fmt::Debug for #ty {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(#name)#(#lines)*.finish()
            }
        }
    }
}

fn core_type(name: &'static str, imports: &mut Imports) -> TokenStream {
    imports.core.insert(name);
    let name = ident(name);
    quote!(#name)
}

fn integer_type(integer: Integer) -> TokenStream {
    match integer {
        Integer::I8 => quote!(i8),
        Integer::I16 => quote!(i16),
        Integer::I32 => quote!(i32),
        Integer::I64 => quote!(i64),
        Integer::U8 => quote!(u8),
        Integer::U16 => quote!(u16),
        Integer::U32 => quote!(u32),
        Integer::U64 => quote!(u64),
    }
}

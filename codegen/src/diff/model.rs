//! A model, and what the emitter makes of it.

use std::collections::HashMap;

use crate::emit::type_text;
use crate::history;
use crate::model::{
    Answer, Api, Body, BodyContent, Field, Operation, Outcome, Parameter, Shape, Type, TypeDef,
    TypeId,
};
use crate::names::{self, TypeNames};
use crate::surface::{self, OperationNames};

/// A model, and what follows from it.
pub(crate) struct Model<'a> {
    pub(crate) api: &'a Api,
    pub(crate) names: TypeNames,
    /// Of each type.
    pub(crate) places: Vec<Vec<String>>,
    /// What stands at each place.
    pub(crate) stands: HashMap<String, TypeId>,
    /// The Rust names of each type's fields.
    pub(crate) field_names: Vec<Vec<String>>,
}

impl<'a> Model<'a> {
    pub(crate) fn new(api: &'a Api) -> Self {
        let places = history::places(api);
        let mut stands = HashMap::new();
        for (at, places) in places.iter().enumerate() {
            stands.extend(places.iter().map(|place| (place.clone(), TypeId(at))));
        }
        let field_names = api.types.iter().map(|def| match &def.shape {
            Shape::Object(fields) => surface::field_names(fields),
            _ => Vec::new(),
        });
        Self {
            api,
            names: TypeNames::new(api),
            places,
            stands,
            field_names: field_names.collect(),
        }
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = TypeId> {
        (0..self.api.types.len()).map(TypeId)
    }

    pub(crate) fn type_def(&self, id: TypeId) -> &'a TypeDef {
        self.api.type_def(id)
    }

    pub(crate) fn text(&self, ty: &Type) -> String {
        type_text(&self.names, ty)
    }

    /// The type of a parameter's value, as an option holds it.
    pub(crate) fn value(&self, parameter: &Parameter) -> String {
        if surface::is_filters(parameter) {
            return "Filters".to_owned();
        }
        self.text(&parameter.ty)
    }

    /// The type of a parameter where it is an argument.
    pub(crate) fn argument(&self, parameter: &Parameter) -> String {
        if surface::is_borrowed_text(self.api, parameter) {
            return "&str".to_owned();
        }
        self.value(parameter)
    }

    pub(crate) fn body(&self, content: &BodyContent) -> String {
        match content {
            BodyContent::Json(ty) => self.text(ty),
            BodyContent::Binary(_) => "impl Into<Body>".to_owned(),
        }
    }

    pub(crate) fn field(&self, field: &Field, def: &TypeDef) -> String {
        let inner = self.text(&field.ty);
        if surface::is_bare(self.api, field, def.usage) {
            inner
        } else {
            format!("Option<{inner}>")
        }
    }

    /// What sending the request brings.
    pub(crate) fn answer(&self, operation: &Operation) -> String {
        let names = OperationNames::new(operation);
        match &operation.answer {
            Answer::Head(_) => names.headers,
            _ if !operation.outcomes.is_empty() => names.outcome,
            Answer::Json(ty) => self.text(ty),
            Answer::Unit => "()".to_owned(),
            Answer::Text => "String".to_owned(),
            Answer::Bytes => "ByteStream".to_owned(),
            Answer::JsonLines(ty) => format!("JsonLines<{}>", self.text(ty)),
            Answer::LogFrames => "LogStream".to_owned(),
            Answer::Upgrade => "Upgraded".to_owned(),
        }
    }

    pub(crate) fn outcome(&self, outcome: &Outcome) -> String {
        let name = names::pascal(&outcome.name);
        match &outcome.body {
            Some(body) => format!("{name}({})", self.text(body)),
            None => name,
        }
    }

    /// `stop(id: &str) -> StopOutcome`
    pub(crate) fn signature(&self, operation: &Operation) -> String {
        let mut arguments: Vec<String> = operation
            .parameters
            .iter()
            .filter(|parameter| parameter.required)
            .map(|parameter| {
                let name = names::parameter(&parameter.name);
                format!("{name}: {}", self.argument(parameter))
            })
            .collect();
        if let Some(Body {
            required: true,
            content,
        }) = &operation.body
        {
            arguments.push(format!("body: {}", self.body(content)));
        }
        format!(
            "{}({}) -> {}",
            names::method(operation),
            arguments.join(", "),
            self.answer(operation)
        )
    }

    /// One place of a type for people: the shortest.
    pub(crate) fn place(&self, id: TypeId) -> Option<String> {
        let places = self.places[id.0].iter();
        places
            .min_by_key(|place| (place.len(), place.as_str()))
            .map(|place| place.trim_end().to_owned())
    }
}

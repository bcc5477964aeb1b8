//! What a version has that none before it had.

use crate::history::{History, Span};
use crate::model::{Api, Operation, Shape, TypeId};

/// Everything that came with a version. What came as a part of something new is not told apart.
#[derive(Debug, Default)]
pub(crate) struct News<'a> {
    pub(crate) operations: Vec<&'a Operation>,
    /// Parameters of operations that were there before.
    pub(crate) options: Vec<(&'a Operation, &'a str)>,
    /// Fields of types that were there before.
    pub(crate) fields: Vec<(TypeId, Vec<&'a str>)>,
    /// Values of enums that were there before.
    pub(crate) values: Vec<(TypeId, Vec<&'a str>)>,
}

impl<'a> News<'a> {
    /// `places` are those of the types of `api`. There is no news in the oldest version.
    pub(crate) fn new(api: &'a Api, places: &[Vec<String>], history: &History) -> Self {
        let mut news = Self::default();
        if api.version == history.oldest() {
            return news;
        }
        let is_new = |span: Option<Span>| span.is_some_and(|span| span.since == api.version);
        for operation in &api.operations {
            if is_new(history.operation(operation)) {
                news.operations.push(operation);
                continue;
            }
            for parameter in &operation.parameters {
                if is_new(history.parameter(operation, parameter)) {
                    news.options.push((operation, &parameter.name));
                }
            }
        }
        for (id, places) in (0..api.types.len()).map(TypeId).zip(places) {
            match &api.type_def(id).shape {
                Shape::Object(fields) => {
                    let names = fields.iter().map(|field| field.name.as_str());
                    let new = some(names, |name| is_new(history.field(places, name)));
                    news.fields.extend(new.map(|new| (id, new)));
                }
                Shape::TextEnum(values) => {
                    let values = values.iter().map(String::as_str);
                    let new = some(values, |value| is_new(history.value(places, value)));
                    news.values.extend(new.map(|new| (id, new)));
                }
                Shape::IntegerEnum(_) | Shape::Alias(_) => {}
            }
        }
        news
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.operations.is_empty()
            && self.options.is_empty()
            && self.fields.is_empty()
            && self.values.is_empty()
    }
}

/// Those that are wanted, if that is some and not all.
fn some<'a>(
    all: impl ExactSizeIterator<Item = &'a str>,
    is_wanted: impl Fn(&str) -> bool,
) -> Option<Vec<&'a str>> {
    let count = all.len();
    let wanted: Vec<_> = all.filter(|name| is_wanted(name)).collect();
    (!wanted.is_empty() && wanted.len() < count).then_some(wanted)
}

/// A field or a value as Markdown has it.
pub(crate) fn shown(part: &str) -> String {
    match part {
        "" => "the empty text".to_owned(),
        part => format!("`{part}`"),
    }
}

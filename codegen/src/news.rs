//! What a version has that none before it had.

use crate::history::{History, Span};
use crate::model::{Api, Operation, Shape, TypeId};
use crate::version::Version;

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
    /// What means something else than before where it is not said.
    pub(crate) unsaid: Vec<(&'a Operation, Meaning)>,
}

/// What [`News::unsaid`] is called.
pub(crate) const UNSAID: &str = "otherwise than before, where it is not said";

/// What it means not to say something.
#[derive(Debug)]
pub(crate) struct Meaning {
    /// `HostConfig.IpcMode`
    path: String,
    before: String,
    now: String,
}

impl Meaning {
    /// As Markdown has it; `of` is the operation.
    pub(crate) fn shown(&self, of: &str) -> String {
        let Self { path, before, now } = self;
        format!("`{path}` of {of} ({now}; before, {before})")
    }
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
            let meanings = meanings(api.version, operation, history);
            news.unsaid.extend(meanings.map(|new| (operation, new)));
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
            && self.unsaid.is_empty()
    }
}

/// What of an operation means something else, from this version on, where it is not said.
fn meanings<'h>(
    version: Version,
    operation: &Operation,
    history: &'h History,
) -> impl Iterator<Item = Meaning> + use<'h> {
    let versions = history.versions();
    let at = versions.iter().position(|known| *known == version);
    let pairs = history.unsaid(operation).iter().flat_map(|unsaid| {
        let pairs = unsaid.values.windows(2);
        pairs.map(|pair| (&unsaid.path, &pair[0].1, &pair[1]))
    });
    pairs
        .filter(move |(_, _, (versions, _))| Some(versions.trailing_zeros() as usize) == at)
        .map(|(path, before, (_, now))| Meaning {
            path: path.clone(),
            before: before.clone(),
            now: now.clone(),
        })
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

//! The documentation of generated items: our own words, then the facts.

use proc_macro2::TokenStream;
use quote::quote;
use serde_json::Value;

use super::Context;
use crate::history::Span;
use crate::model::{
    Answer, Body, BodyContent, Field, Header, Operation, Outcome, Parameter, Type, TypeId,
};
use crate::names;
use crate::news::{self, Meaning, News, shown};
use crate::surface::OperationNames;
use crate::version::Version;
use crate::versions::Source;

/// Where lines of prose are broken: what is left of a hundred columns inside a method.
const WIDTH: usize = 90;

/// Text as documentation, a line for a line.
pub(super) fn doc(text: &str) -> TokenStream {
    let lines = lines(text);
    quote!(#(#[doc = #lines])*)
}

/// The same for the item that it stands in.
pub(super) fn inner_doc(text: &str) -> TokenStream {
    let lines = lines(text);
    quote!(#(#![doc = #lines])*)
}

fn lines(text: &str) -> impl Iterator<Item = String> {
    wrap(text).into_iter().map(|line| match line.as_str() {
        "" => line,
        _ => format!(" {line}"),
    })
}

/// What there is to say of every parameter that the client fills in by itself.
const STORED: &str = "Unless set, what is stored is sent: see \
                      [`Connection::registry_auth`](docker_api_gen_core::Connection::registry_auth).";

/// Paragraphs with an empty line between, those that say nothing left out.
fn paragraphs<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n\n")
}

/// Breaks prose into lines. Code, lists and tables have lines of their own.
fn wrap(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut is_code = false;
    for line in text.lines() {
        let line = line.trim_end();
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        if is_code || is_fence || line.starts_with('|') || line.len() <= WIDTH {
            lines.push(line.to_owned());
            continue;
        }
        let indent = if line.starts_with("- ") { "  " } else { "" };
        let mut current = String::new();
        for word in line.split(' ') {
            if !current.trim().is_empty() && current.len() + 1 + word.len() > WIDTH {
                lines.push(std::mem::replace(&mut current, indent.to_owned()));
            } else if !current.is_empty() {
                current.push(' ');
            }
            current.push_str(word);
        }
        lines.push(current);
    }
    lines
}

impl Context<'_> {
    /// Of the method that begins a request.
    pub(super) fn operation_docs(&self, operation: &Operation) -> TokenStream {
        doc(&paragraphs([
            self.docs.operation(operation).unwrap_or_default(),
            &self.endpoint(operation),
            &self.argument_docs(operation),
            &errors(operation),
            &self.example_docs(operation),
        ]))
    }

    /// `POST /containers/{id}/stop` · API 1.24 – 1.55
    fn endpoint(&self, operation: &Operation) -> String {
        let endpoint = format!("`{}`", endpoint(operation));
        match self.history.operation(operation) {
            Some(Span { since, until }) => format!("{endpoint} · API {since} – {until}"),
            None => endpoint,
        }
    }

    /// What the arguments are: what has to be given, and so has no setter that says it.
    fn argument_docs(&self, operation: &Operation) -> String {
        let mut lines = Vec::new();
        for parameter in operation.parameters.iter().filter(|p| p.required) {
            if let Some(words) = self.docs.parameter(operation, &parameter.name) {
                let name = names::parameter(&parameter.name);
                lines.push(format!("- `{name}`: {}", in_list(words)));
            }
        }
        if let Some(Body { required: true, .. }) = &operation.body
            && let Some(words) = self.body_words(operation)
        {
            lines.push(format!("- `body`: {}", in_list(&words)));
        }
        lines.join("\n")
    }

    fn body_words(&self, operation: &Operation) -> Option<String> {
        if let Some(words) = self.docs.body(operation) {
            return Some(words.to_owned());
        }
        match &operation.body.as_ref()?.content {
            BodyContent::Json(Type::Named(id)) => {
                let name = self.names.get(*id);
                Some(format!("see [`{name}`](types::{name})."))
            }
            _ => None,
        }
    }

    /// Of the setter of an optional body.
    pub(super) fn body_docs(&self, operation: &Operation) -> TokenStream {
        let words = self.docs.body(operation);
        doc(words.unwrap_or("The body of the request."))
    }

    /// Of the method that sends.
    pub(super) fn send_docs(&self, operation: &Operation, own: &OperationNames) -> TokenStream {
        let handle = names::tag(&operation.tag).handle;
        let method = &own.method;
        doc(&format!(
            "Sends the request.\n\n# Errors\n\nThose of [`{handle}::{method}`]."
        ))
    }

    /// Of an option, as a field and as a setter.
    pub(super) fn parameter_docs(
        &self,
        operation: &Operation,
        parameter: &Parameter,
    ) -> TokenStream {
        let span = self.history.parameter(operation, parameter);
        // What came and goes with its operation needs no word.
        let span = span.filter(|span| Some(*span) != self.history.operation(operation));
        let words = self.docs.parameter(operation, &parameter.name);
        let stored = parameter.credentials.as_ref().map(|_| STORED);
        let words = paragraphs([words, stored].map(Option::unwrap_or_default));
        self.item_docs(
            Some(&words),
            &format!("`{}`", parameter.name),
            span,
            parameter.default.as_ref(),
            parameter.form.as_deref(),
        )
    }

    pub(super) fn header_docs(&self, operation: &Operation, header: &Header) -> TokenStream {
        let words = self.docs.header(operation, &header.name);
        self.item_docs(words, &format!("`{}`", header.name), None, None, None)
    }

    pub(super) fn outcome_docs(&self, outcome: &Outcome) -> TokenStream {
        doc(&format!("The daemon answered {}.", outcome.status))
    }

    pub(super) fn type_docs(&self, id: TypeId) -> TokenStream {
        doc(&paragraphs([
            self.docs.ty(id).unwrap_or_default(),
            &self.uses.of(self, id),
        ]))
    }

    pub(super) fn field_docs(&self, id: TypeId, field: &Field) -> TokenStream {
        let span = self.history.field(&self.places[id.0], &field.name);
        self.item_docs(
            self.docs.field(id, &field.name),
            &format!("`{}`", field.name),
            span,
            field.default.as_ref(),
            field.form.as_deref(),
        )
    }

    pub(super) fn value_docs(&self, id: TypeId, value: &str) -> TokenStream {
        let shown = if value.is_empty() {
            "The empty text".to_owned()
        } else {
            format!("`{value}`")
        };
        let span = self.history.value(&self.places[id.0], value);
        self.item_docs(self.docs.value(id, value), &shown, span, None, None)
    }

    /// The release that brought a version: ` (Docker 23.0)`.
    pub(super) fn release(&self, version: Version) -> String {
        match self.versions.get(version) {
            Some(row) => format!(" ({})", row.release()),
            None => String::new(),
        }
    }

    /// Words, and what is known besides.
    fn item_docs(
        &self,
        words: Option<&str>,
        name: &str,
        span: Option<Span>,
        default: Option<&Value>,
        form: Option<&str>,
    ) -> TokenStream {
        let facts = self.facts(name, span, default, form);
        doc(&paragraphs([words.unwrap_or_default(), &facts]))
    }

    fn facts(
        &self,
        name: &str,
        span: Option<Span>,
        default: Option<&Value>,
        form: Option<&str>,
    ) -> String {
        let mut text = name.to_owned();
        if let Some(Span { since, until }) = span {
            if since > self.history.oldest() {
                text.push_str(&format!(", since {since}{}", self.release(since)));
            }
            if until < self.history.newest() {
                text.push_str(&format!(", until {until}{}", self.release(until)));
            }
        }
        text.push('.');
        if let Some(default) = default.filter(|default| says_something(default)) {
            text.push_str(&format!(" Default: `{default}`."));
        }
        if let Some(form) = form {
            text.push(' ');
            text.push_str(form);
        }
        text
    }

    /// Of a version's crate.
    pub(super) fn front_page(&self) -> String {
        let version = self.api.version;
        let module = names::version_module(version);
        let first = format!(
            "The Docker Engine API {version}{}, typed and async.",
            self.release(version)
        );
        let row = self.versions.get(version);
        let derived = match row.map(|row| &row.source) {
            Some(Source::Derived { from }) => format!(
                "No description of this version was ever published. It is derived from that of {from}, by what \
                 daemons of the time read and answer."
            ),
            _ => String::new(),
        };
        let corrected = "Where the published description and daemons differ, daemons are right here: lists that come as \
            `null`, names in another case, statuses and fields that nobody wrote down.";
        let facade = format!(
            "Applications add it through the crate `docker-api-gen`, as its feature and module `{module}`. \
             [`Client`] is where to begin."
        );
        paragraphs([&*first, &facade, &derived, corrected, &self.news()])
    }

    /// What this version has that none before it had.
    fn news(&self) -> String {
        if self.api.version == self.history.oldest() {
            return String::new();
        }
        let news = News::new(self.api, self.places, self.history);
        if news.is_empty() {
            return "It says nothing that the version before it did not say.".to_owned();
        }
        let operation = |operation: &&Operation| {
            let tag = names::tag(&operation.tag);
            let (accessor, handle) = (&tag.accessor, &tag.handle);
            let name = names::operation(operation);
            let method = names::method(operation);
            format!("[`{name}`](api::{accessor}::{handle}::{method})")
        };
        let option = |(of, name): &(&Operation, &str)| format!("`{name}` of {}", operation(of));
        let parts = |(id, parts): &(TypeId, Vec<&str>)| {
            let name = self.names.get(*id);
            let parts: Vec<_> = parts.iter().map(|part| shown(part)).collect();
            format!("{} of [`{name}`](types::{name})", parts.join(" and "))
        };
        let unsaid = |(of, meaning): &(&Operation, Meaning)| meaning.shown(&operation(of));
        let lists: [(&str, Vec<String>); 5] = [
            (
                "operations",
                news.operations.iter().map(operation).collect(),
            ),
            ("options", news.options.iter().map(option).collect()),
            ("fields", news.fields.iter().map(parts).collect()),
            ("values", news.values.iter().map(parts).collect()),
            (news::UNSAID, news.unsaid.iter().map(unsaid).collect()),
        ];
        let lines: Vec<_> = lines_of(&lists).collect();
        format!("# What is new\n\n{}", lines.join("\n"))
    }

    fn example_docs(&self, operation: &Operation) -> String {
        let package = self.package().replace('-', "_");
        let example = self.example(operation);
        let types = example
            .contains("types::")
            .then(|| format!("# use {package}::types;\n"));
        let types = types.unwrap_or_default();
        format!(
            "# Examples\n\n```no_run\n{types}# async fn example(client: {package}::Client) -> Result<(), {package}::Error> {{\n\
             {example}\n# Ok(())\n# }}\n```"
        )
    }
}

fn lines_of(lists: &[(&str, Vec<String>)]) -> impl Iterator<Item = String> {
    let told = lists.iter().filter(|(_, list)| !list.is_empty());
    told.map(|(what, list)| format!("- {what}: {}", list.join(", ")))
}

/// `GET /containers/json`
pub(super) fn endpoint(operation: &Operation) -> String {
    format!("{} {}", operation.method, operation.path)
}

/// What a failed call can mean, by the statuses that are known of it.
fn errors(operation: &Operation) -> String {
    let mut text =
        "# Errors\n\nBesides what [any call](crate::ErrorKind) can fail with:\n".to_owned();
    for status in &operation.errors {
        let (kind, meaning) = failure(*status);
        text.push_str(&format!(
            "\n- [`{kind}`](crate::ErrorKind::{kind}) ({status}): {meaning}."
        ));
    }
    if operation.errors.is_empty() {
        return String::new();
    }
    text
}

fn failure(status: u16) -> (&'static str, &'static str) {
    match status {
        400 => ("BadRequest", "the daemon finds the request wrong"),
        401 => ("Unauthorized", "the registry wants other credentials"),
        403 => ("Forbidden", "the daemon does not allow it"),
        404 => ("NotFound", "what the request names does not exist"),
        406 => ("Status", "the daemon cannot do it in its present role"),
        409 => ("Conflict", "the request does not fit the state of things"),
        501 => ("Daemon", "this platform cannot do it"),
        503 => (
            "Daemon",
            "the daemon is no manager of a swarm, or not ready",
        ),
        500.. => ("Daemon", "the daemon failed"),
        _ => ("Status", "the daemon refuses"),
    }
}

/// Words as an item of a list, further paragraphs below it.
fn in_list(words: &str) -> String {
    words.replace('\n', "\n  ")
}

fn says_something(default: &Value) -> bool {
    !matches!(default, Value::Null) && *default != Value::String(String::new())
}

/// Where types are used: the operations that send or bring them, and the types they are part of.
#[derive(Debug, Default)]
pub(super) struct Uses {
    sent: Vec<Vec<usize>>,
    brought: Vec<Vec<usize>>,
    parents: Vec<Vec<TypeId>>,
}

impl Uses {
    pub(super) fn new(api: &crate::model::Api) -> Self {
        let count = api.types.len();
        let mut uses = Self {
            sent: vec![Vec::new(); count],
            brought: vec![Vec::new(); count],
            parents: vec![Vec::new(); count],
        };
        for (at, operation) in api.operations.iter().enumerate() {
            if let Some(Body {
                content: BodyContent::Json(ty),
                ..
            }) = &operation.body
            {
                named(ty, &mut |id| uses.sent[id.0].push(at));
            }
            for parameter in &operation.parameters {
                named(&parameter.ty, &mut |id| uses.sent[id.0].push(at));
            }
            let outcomes = operation.outcomes.iter().filter_map(|o| o.body.as_ref());
            let answer = match &operation.answer {
                Answer::Json(ty) | Answer::JsonLines(ty) => Some(ty),
                _ => None,
            };
            for ty in outcomes.chain(answer) {
                named(ty, &mut |id| uses.brought[id.0].push(at));
            }
            if let Answer::Head(headers) = &operation.answer {
                for header in headers {
                    named(&header.ty, &mut |id| uses.brought[id.0].push(at));
                }
            }
        }
        for id in (0..count).map(TypeId) {
            for ty in api.type_def(id).parts() {
                named(ty, &mut |part| {
                    if !uses.parents[part.0].contains(&id) {
                        uses.parents[part.0].push(id);
                    }
                });
            }
        }
        for list in uses.sent.iter_mut().chain(&mut uses.brought) {
            list.dedup();
        }
        uses
    }

    /// A sentence with links: `Sent by …. Brought by …. Part of ….`
    fn of(&self, context: &Context<'_>, id: TypeId) -> String {
        const SHOWN: usize = 6;
        let operation = |at: &usize| {
            let operation = &context.api.operations[*at];
            let tag = names::tag(&operation.tag);
            format!(
                "[`{}`](crate::api::{}::{}::{})",
                names::operation(operation),
                tag.accessor,
                tag.handle,
                names::method(operation)
            )
        };
        let parent = |id: &TypeId| {
            let name = context.names.get(*id);
            format!("[`{name}`](crate::types::{name})")
        };
        let sentence = |words: &str, links: Vec<String>| match links.len() {
            0 => None,
            count if count > SHOWN => Some(format!(
                "{words} {} and {} more.",
                links[..SHOWN].join(", "),
                count - SHOWN
            )),
            _ => Some(format!("{words} {}.", links.join(", "))),
        };
        let sentences = [
            sentence("Sent by", self.sent[id.0].iter().map(operation).collect()),
            sentence(
                "Brought by",
                self.brought[id.0].iter().map(operation).collect(),
            ),
            sentence("Part of", self.parents[id.0].iter().map(parent).collect()),
        ];
        sentences
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// The types with a name that a type mentions.
fn named(ty: &Type, found: &mut impl FnMut(TypeId)) {
    match ty {
        Type::Named(id) => found(*id),
        Type::List(inner) | Type::Map(inner) | Type::Nullable(inner) => named(inner, found),
        _ => {}
    }
}

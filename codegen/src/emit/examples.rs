//! A few lines for each operation, as they stand in its documentation; compiled with the tests of every version.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Context, ident};
use crate::model::{Answer, Body, BodyContent, Operation, Parameter, Place, Shape, Type};
use crate::names;
use crate::surface::{OperationNames, is_borrowed_text};

/// The test target that compiles them all.
pub(super) fn file(context: Context<'_>) -> TokenStream {
    let package = ident(&context.package().replace('-', "_"));
    let mut uses_types = false;
    let examples: Vec<_> = context
        .api
        .operations
        .iter()
        .map(|operation| {
            let name = ident(&names::snake(&operation.id));
            let example = context.example(operation);
            uses_types |= example.contains("types::");
            let lines: TokenStream = example.parse().unwrap_or_else(|error| {
                panic!("the example of {} ({error}): {example}", operation.id)
            });
            quote! {
                async fn #name(client: Client) -> Result<(), Error> {
                    #lines
                    Ok(())
                }
            }
        })
        .collect();
    let calls = context.api.operations.iter().map(|operation| {
        let name = ident(&names::snake(&operation.id));
        quote!(drop(#name(client.clone()));)
    });
    let types = uses_types.then(|| quote!(, types));
    quote! {
        #![doc = " The examples of the documentation: that they compile is what they are here for."]
        use #package::{Client, Error #types};
        #[test]
        fn examples_make_requests_and_send_nothing_before_they_are_awaited() {
            let client = Client::connect("tcp://127.0.0.1:1").unwrap();
            #(#calls)*
        }
        #(#examples)*
    }
}

impl Context<'_> {
    /// The lines of an operation's example; `client` is there.
    pub(super) fn example(&self, operation: &Operation) -> String {
        if let Some(example) = self.docs.example(operation) {
            return example.to_owned();
        }
        let own = OperationNames::new(operation);
        let accessor = names::tag(&operation.tag).accessor;
        let mut lines = Vec::new();
        let mut arguments: Vec<_> = operation
            .parameters
            .iter()
            .filter(|parameter| parameter.required)
            .map(|parameter| self.argument(operation, parameter))
            .collect();
        if let Some(Body {
            required: true,
            content,
        }) = &operation.body
        {
            match content {
                BodyContent::Binary(_) => {
                    lines.push("let content: Vec<u8> = Vec::new();".to_owned());
                    arguments.push("content".to_owned());
                }
                BodyContent::Json(Type::Named(id)) => {
                    let name = self.names.get(*id);
                    lines.push(format!("let body = types::{name}::default();"));
                    arguments.push("body".to_owned());
                }
                BodyContent::Json(Type::Text) => arguments.push("String::new()".to_owned()),
                BodyContent::Json(_) => arguments.push("Default::default()".to_owned()),
            }
        }
        let call = format!(
            "client.{accessor}().{}({}).send().await?",
            own.method,
            arguments.join(", ")
        );
        lines.extend(self.use_answer(operation, &call));
        lines.join("\n")
    }

    fn argument(&self, operation: &Operation, parameter: &Parameter) -> String {
        let text = format!("{:?}", sample(operation, parameter));
        if is_borrowed_text(self.api, parameter) {
            return text;
        }
        match self.api.resolve(&parameter.ty) {
            Type::Integer(_) => "1".to_owned(),
            Type::Boolean => "true".to_owned(),
            Type::List(inner) if **inner == Type::Text => format!("vec![{text}.into()]"),
            Type::Named(id) => match &self.api.type_def(*id).shape {
                Shape::TextEnum(values) => {
                    let name = self.names.get(*id);
                    format!("types::{name}::{}", names::variants(values)[0])
                }
                _ => "Default::default()".to_owned(),
            },
            _ => "Default::default()".to_owned(),
        }
    }

    fn use_answer(&self, operation: &Operation, call: &str) -> Vec<String> {
        let each = |name: &str, print: &str| {
            vec![
                format!("let mut {name}s = {call};"),
                format!("while let Some({name}) = {name}s.try_next().await? {{"),
                format!("    {print}"),
                "}".to_owned(),
            ]
        };
        let debug = |name: &str| {
            vec![
                format!("let {name} = {call};"),
                format!("println!(\"{{{name}:?}}\");"),
            ]
        };
        if !operation.outcomes.is_empty() {
            return debug("outcome");
        }
        match &operation.answer {
            Answer::Unit => vec![format!("{call};")],
            Answer::Json(_) => debug("answer"),
            Answer::Text => vec![
                format!("let text = {call};"),
                "println!(\"{text}\");".to_owned(),
            ],
            Answer::Head(_) => debug("headers"),
            Answer::Upgrade => debug("connection"),
            Answer::Bytes => each("chunk", "println!(\"{} bytes\", chunk.len());"),
            Answer::JsonLines(_) => each("item", "println!(\"{item:?}\");"),
            Answer::LogFrames => each(
                "frame",
                "println!(\"{}\", String::from_utf8_lossy(&frame.bytes));",
            ),
        }
    }
}

/// A text that could stand there.
fn sample(operation: &Operation, parameter: &Parameter) -> &'static str {
    match (
        parameter.place,
        parameter.name.as_str(),
        operation.tag.as_str(),
    ) {
        (_, "path", _) => "/etc/hostname",
        (_, "checkpoint", _) => "before-upgrade",
        (_, "version", _) => "1",
        (_, "term", _) => "alpine",
        (_, "remote", _) => "vieux/sshfs",
        (_, "force", _) => "true",
        (Place::Path, _, "Image" | "Distribution") => "alpine",
        (Place::Path, _, "Network") => "backend",
        (Place::Path, _, "Volume") => "data",
        (Place::Path, _, "Plugin") => "vieux/sshfs:latest",
        _ => "web",
    }
}

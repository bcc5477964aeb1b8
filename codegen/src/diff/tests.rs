//! One idea each, over documents of a few lines.

use serde_json::{Map, Value, json};

use super::{Change, Diff, diff};
use crate::model::Api;
use crate::versions::Versions;

/// A model with these paths and definitions.
fn api(version: &str, paths: Value, schemas: Value) -> Api {
    let document = json!({
        "info": {"version": version},
        "paths": paths,
        "components": {"schemas": schemas},
    });
    Api::read(&document).unwrap()
}

fn compare(old: (Value, Value), new: (Value, Value)) -> Diff {
    let row = |api: &str, docker: &str| {
        format!(
            "[[version]]\napi = \"{api}\"\ndocker = \"{docker}\"\ncommit = \"{}\"\npath = \"p\"\nsha256 = \"{}\"\n",
            "0".repeat(40),
            "0".repeat(64)
        )
    };
    let text = row("1.1", "2.0.0") + &row("1.2", "2.1.3");
    let versions = Versions::parse("versions", &text).unwrap();
    diff(
        &api("1.1", old.0, old.1),
        &api("1.2", new.0, new.1),
        &versions,
    )
}

/// Each change in a line: `!` if it breaks, kind, item, owner and name, types.
fn lines(diff: &Diff) -> Vec<String> {
    diff.changes.iter().map(line).collect()
}

fn line(change: &Change) -> String {
    let mark = if change.breaking { "! " } else { "" };
    let (kind, item) = (format!("{:?}", change.kind), format!("{:?}", change.item));
    let types = match (&change.before, &change.after) {
        (None, None) => String::new(),
        (Some(only), None) | (None, Some(only)) => format!(": {only}"),
        (Some(before), Some(after)) => format!(": {before} -> {after}"),
    };
    format!(
        "{mark}{} {} {}.{}{types}",
        kind.to_lowercase(),
        item.to_lowercase(),
        change.owner,
        change.name
    )
}

/// An operation of the tag `Thing`, with what `more` says of it.
fn operation(id: &str, more: Value) -> Value {
    let mut operation = json!({
        "operationId": id,
        "tags": ["Thing"],
        "responses": {"204": {}},
        "x-response": {"kind": "unit"},
    });
    let more: Map<String, Value> = serde_json::from_value(more).unwrap();
    operation.as_object_mut().unwrap().extend(more);
    operation
}

/// `GET /things`, which answers with this schema.
fn answering(schema: Value) -> Value {
    let response = json!({"content": {"application/json": {"schema": schema}}});
    let get = operation(
        "ThingList",
        json!({"responses": {"200": response}, "x-response": {"kind": "json"}}),
    );
    json!({"/things": {"get": get}})
}

/// `POST /things`, which takes this schema.
fn taking(schema: Value) -> Value {
    let body = json!({"required": true, "content": {"application/json": {"schema": schema}}});
    json!({"/things": {"post": operation("ThingCreate", json!({"requestBody": body}))}})
}

/// `GET /things/{id}` and `POST /things`: the schema goes both ways.
fn both_ways(schema: Value) -> Value {
    let mut paths = taking(schema.clone());
    paths["/things"]["get"] = answering(schema)["/things"]["get"].clone();
    paths
}

/// `POST /things/{id}/stop` with these parameters behind the one in its path.
fn with_parameters(parameters: &[Value]) -> Value {
    let mut list =
        vec![json!({"name": "id", "in": "path", "required": true, "schema": {"type": "string"}})];
    list.extend_from_slice(parameters);
    json!({"/things/{id}/stop": {"post": operation("ThingStop", json!({"parameters": list}))}})
}

fn query(name: &str, required: bool, ty: &str) -> Value {
    json!({"name": name, "in": "query", "required": required, "schema": {"type": ty}})
}

fn of_parameters(old: &[Value], new: &[Value]) -> Vec<String> {
    lines(&compare(
        (with_parameters(old), json!({})),
        (with_parameters(new), json!({})),
    ))
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// An object with these properties, all of them texts.
fn object(properties: &[&str]) -> Value {
    let properties: Map<String, Value> = properties
        .iter()
        .map(|name| ((*name).to_owned(), json!({"type": "string"})))
        .collect();
    json!({"type": "object", "properties": properties})
}

#[test]
fn nothing_changes_between_equals() {
    let same = || {
        (
            answering(reference("Thing")),
            json!({"Thing": object(&["Id"])}),
        )
    };
    let diff = compare(same(), same());
    assert_eq!(lines(&diff), [""; 0]);
    assert!(diff.to_text().contains("Nothing changes."));
}

#[test]
fn an_operation_comes_and_goes_with_its_signature() {
    let (none, some) = (
        (json!({}), json!({})),
        (
            with_parameters(&[query("count", true, "integer")]),
            json!({}),
        ),
    );
    assert_eq!(
        lines(&compare(none.clone(), some.clone())),
        ["added operation stop.stop: stop(id: &str, count: i64) -> ()"]
    );
    assert_eq!(
        lines(&compare(some, none)),
        ["! removed operation stop.stop: stop(id: &str, count: i64) -> ()"]
    );
}

#[test]
fn an_operation_at_the_same_path_was_renamed() {
    let renamed = json!({"/things": {"get": operation("ThingShow", json!({}))}});
    let before = json!({"/things": {"get": operation("ThingList", json!({}))}});
    assert_eq!(
        lines(&compare((before, json!({})), (renamed, json!({})))),
        ["! renamed operation show.things.show: things.list -> things.show"]
    );
}

#[test]
fn an_operation_that_moves_keeps_users_going() {
    let old = json!({"/things": {"get": operation("ThingList", json!({}))}});
    let new = json!({"/things/json": {"get": operation("ThingList", json!({}))}});
    let diff = compare((old, json!({})), (new, json!({})));
    assert_eq!(lines(&diff), ["changed operation list.list"]);
    assert_eq!(
        diff.changes[0].note.as_deref(),
        Some("`GET /things` before")
    );
}

#[test]
fn what_a_placeholder_is_called_does_not_matter() {
    let old = with_parameters(&[]);
    let new: Value = serde_json::from_str(
        &old.to_string()
            .replace("{id}", "{name}")
            .replace("\"id\"", "\"name\""),
    )
    .unwrap();
    let diff = compare((old, json!({})), (new, json!({})));
    assert!(
        diff.changes.iter().all(|change| !change.breaking),
        "{diff:?}"
    );
}

#[test]
fn an_option_may_come_but_not_go() {
    let option = [query("signal", false, "string")];
    assert_eq!(
        of_parameters(&[], &option),
        ["added option stop.signal: String"]
    );
    assert_eq!(
        of_parameters(&option, &[]),
        ["! removed option stop.signal: String"]
    );
}

#[test]
fn an_argument_breaks_however_it_changes() {
    let required = [query("signal", true, "string")];
    assert_eq!(
        of_parameters(&[], &required),
        ["! added argument stop.signal: &str"]
    );
    assert_eq!(
        of_parameters(&required, &[]),
        ["! removed argument stop.signal: &str"]
    );
    assert_eq!(
        of_parameters(&required, &[query("signal", true, "integer")]),
        ["! changed argument stop.signal: &str -> i64"]
    );
    let optional = [query("signal", false, "string")];
    assert_eq!(
        of_parameters(&optional, &required),
        ["! changed argument stop.signal: String -> &str"]
    );
    assert_eq!(
        of_parameters(&required, &optional),
        ["! changed option stop.signal: &str -> String"]
    );
}

#[test]
fn arguments_in_another_order_break_even_where_they_compile() {
    let (h, w) = (query("h", true, "integer"), query("w", true, "integer"));
    assert_eq!(
        of_parameters(&[h.clone(), w.clone()], &[w, h]),
        [
            "! changed operation stop.stop: stop(id: &str, h: i64, w: i64) -> () -> stop(id: &str, w: i64, h: i64) -> ()"
        ]
    );
}

#[test]
fn an_option_of_another_type_breaks() {
    assert_eq!(
        of_parameters(
            &[query("t", false, "string")],
            &[query("t", false, "integer")]
        ),
        ["! changed option stop.t: String -> i64"]
    );
}

#[test]
fn another_encoding_of_the_same_type_is_the_clients_business() {
    let list = |explode: bool| {
        json!({"name": "names", "in": "query", "explode": explode,
               "schema": {"type": "array", "items": {"type": "string"}}})
    };
    let diff = compare(
        (with_parameters(&[list(false)]), json!({})),
        (with_parameters(&[list(true)]), json!({})),
    );
    assert_eq!(lines(&diff), ["changed option stop.names"]);
    assert_eq!(
        diff.changes[0].note.as_deref(),
        Some("sent in the query as `names`; before in the query as `names`, separated by commas")
    );
}

#[test]
fn a_spelling_that_makes_the_same_name_does_not_break() {
    let lines = of_parameters(
        &[query("fromSrc", false, "string")],
        &[query("FromSrc", false, "string")],
    );
    assert_eq!(lines, ["changed option stop.from_src"]);
}

#[test]
fn filters_are_a_type_of_their_own() {
    let filters = json!({"name": "filters", "in": "query", "content": {"application/json": {"schema":
        {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}}}});
    assert_eq!(
        of_parameters(&[query("filters", false, "string")], &[filters]),
        ["! changed option stop.filters: String -> Filters"]
    );
}

#[test]
fn a_body_breaks_if_it_is_an_argument() {
    let none = json!({"/things": {"post": operation("ThingCreate", json!({}))}});
    let required = taking(json!({"type": "string"}));
    let mut optional = required.clone();
    optional["/things"]["post"]["requestBody"]["required"] = json!(false);
    let lines = |old: &Value, new: &Value| {
        lines(&compare((old.clone(), json!({})), (new.clone(), json!({}))))
    };
    assert_eq!(
        lines(&none, &required),
        ["! added body create.body: String"]
    );
    assert_eq!(lines(&none, &optional), ["added body create.body: String"]);
    assert_eq!(
        lines(&optional, &required),
        ["! changed body create.body: String -> String"]
    );
    assert_eq!(
        lines(&required, &none),
        ["! removed body create.body: String"]
    );
}

#[test]
fn an_answer_of_another_type_breaks() {
    let old = answering(json!({"type": "string"}));
    let new = answering(json!({"type": "array", "items": {"type": "string"}}));
    assert_eq!(
        lines(&compare((old.clone(), json!({})), (new, json!({})))),
        ["! changed answer list.send: String -> Vec<String>"]
    );
    let silent = json!({"/things": {"get": operation("ThingList", json!({}))}});
    assert_eq!(
        lines(&compare((old, json!({})), (silent, json!({})))),
        ["! changed answer list.send: String -> ()"]
    );
}

#[test]
fn outcomes_may_come_but_not_go() {
    let with = |outcomes: Value| json!({"/things": {"post": operation("ThingStart", json!({"x-outcomes": outcomes}))}});
    let one = with(json!({"204": "started"}));
    let two = with(json!({"204": "started", "304": "already-started"}));
    assert_eq!(
        lines(&compare((one.clone(), json!({})), (two.clone(), json!({})))),
        ["added outcome start.AlreadyStarted: AlreadyStarted"]
    );
    assert_eq!(
        lines(&compare((two, json!({})), (one.clone(), json!({})))),
        ["! removed outcome start.AlreadyStarted: AlreadyStarted"]
    );
    let none = json!({"/things": {"post": operation("ThingStart", json!({}))}});
    assert_eq!(
        lines(&compare((none, json!({})), (one, json!({})))),
        ["! changed answer start.send: () -> StartOutcome"]
    );
}

#[test]
fn declared_failures_are_told_and_break_nothing() {
    let with = |status: &str| json!({"/things": {"post": operation("ThingStart", json!({"responses": {"204": {}, status: {}}}))}});
    assert_eq!(
        lines(&compare((with("404"), json!({})), (with("409"), json!({})))),
        ["added error start.409", "removed error start.404"]
    );
}

#[test]
fn fields_may_come_but_not_go_whichever_way_they_travel() {
    for paths in [answering(reference("Thing")), taking(reference("Thing"))] {
        let one = (paths.clone(), json!({"Thing": object(&["Id"])}));
        let two = (paths, json!({"Thing": object(&["Id", "Name"])}));
        assert_eq!(
            lines(&compare(one.clone(), two.clone())),
            ["added field Thing.name: Option<String>"]
        );
        assert_eq!(
            lines(&compare(two, one)),
            ["! removed field Thing.name: Option<String>"]
        );
    }
}

#[test]
fn a_new_required_field_of_a_request_is_pointed_out() {
    let mut thing = object(&["Id", "Name"]);
    thing["required"] = json!(["Name"]);
    let paths = || taking(reference("Thing"));
    let diff = compare(
        (paths(), json!({"Thing": object(&["Id"])})),
        (paths(), json!({"Thing": thing})),
    );
    assert_eq!(lines(&diff), ["added field Thing.name: String"]);
    assert_eq!(
        diff.changes[0].note.as_deref(),
        Some("required: sent with its default where it is not set")
    );
}

#[test]
fn required_changes_the_type_only_where_it_makes_an_option() {
    let mut required = object(&["Id"]);
    required["required"] = json!(["Id"]);
    let optional = object(&["Id"]);
    let lines = |paths: fn(Value) -> Value| {
        let old = (paths(reference("Thing")), json!({"Thing": optional}));
        let new = (paths(reference("Thing")), json!({"Thing": required}));
        lines(&compare(old, new))
    };
    let breaks = ["! changed field Thing.id: Option<String> -> String"];
    assert_eq!(lines(answering), breaks);
    assert_eq!(lines(taking), breaks);
    // What goes both ways is always optional.
    assert_eq!(lines(both_ways), ["changed field Thing.id"]);
}

#[test]
fn lists_of_answers_become_options_where_requests_take_them_too() {
    let schemas = json!({"Thing": {"type": "object", "properties": {
        "Names": {"type": "array", "items": {"type": "string"}}}}});
    let (read, both) = (answering(reference("Thing")), both_ways(reference("Thing")));
    assert_eq!(
        lines(&compare(
            (read.clone(), schemas.clone()),
            (both.clone(), schemas.clone())
        )),
        [
            "added operation create.create: create(body: Thing) -> ()",
            "changed type Thing.Thing",
            "! changed field Thing.names: Vec<String> -> Option<Vec<String>>"
        ]
    );
    assert_eq!(
        lines(&compare((both, schemas.clone()), (read, schemas))),
        [
            "! removed operation create.create: create(body: Thing) -> ()",
            "! changed type Thing.Thing",
            "! changed field Thing.names: Option<Vec<String>> -> Vec<String>"
        ]
    );
}

#[test]
fn a_spelling_that_makes_the_same_field_does_not_break() {
    let paths = || answering(reference("Thing"));
    let diff = compare(
        (paths(), json!({"Thing": object(&["NanoCPUs"])})),
        (paths(), json!({"Thing": object(&["NanoCpus"])})),
    );
    assert_eq!(lines(&diff), ["changed field Thing.nano_cpus"]);
    assert_eq!(diff.changes[0].note.as_deref(), Some("`NanoCPUs` before"));
}

#[test]
fn a_type_at_the_same_place_was_renamed_and_no_field_of_it_changed() {
    let list = |name: &str| answering(json!({"type": "array", "items": reference(name)}));
    let schemas = |name: &str, port: &str| json!({name: {"type": "object", "properties": {"Port": reference(port)}}, port: object(&["IP"])});
    let diff = compare(
        (list("Thing"), schemas("Thing", "Port")),
        (list("Thing"), schemas("Thing", "PortSummary")),
    );
    assert_eq!(
        lines(&diff),
        ["! renamed type PortSummary.PortSummary: Port -> PortSummary"]
    );
    assert_eq!(
        diff.changes[0].place.as_deref(),
        Some("GET /things > [].Port")
    );
}

#[test]
fn a_name_that_went_to_another_type_is_told_apart() {
    let mut new_paths = answering(reference("ThingConfig"));
    new_paths["/configs"] = answering(reference("Config"))["/things"].clone();
    new_paths["/configs"]["get"]["operationId"] = json!("ConfigList");
    let diff = compare(
        (
            answering(reference("Config")),
            json!({"Config": object(&["A"])}),
        ),
        (
            new_paths,
            json!({"Config": object(&["B"]), "ThingConfig": object(&["A"])}),
        ),
    );
    assert_eq!(
        lines(&diff),
        [
            "added operation config_list.config_list: config_list() -> Config",
            "added type Config.Config: struct",
            "! renamed type ThingConfig.ThingConfig: Config -> ThingConfig"
        ]
    );
}

#[test]
fn where_one_type_became_two_its_other_place_has_another_type() {
    let thing = |second: &str| json!({"type": "object", "properties": {"A": reference("Part"), "B": reference(second)}});
    let paths = || answering(reference("Thing"));
    let diff = compare(
        (
            paths(),
            json!({"Part": object(&["X"]), "Thing": thing("Part")}),
        ),
        (
            paths(),
            json!({"Other": object(&["X"]), "Part": object(&["X"]), "Thing": thing("Other")}),
        ),
    );
    assert_eq!(
        lines(&diff),
        [
            "added type Other.Other: struct",
            "! changed field Thing.b: Option<Part> -> Option<Other>"
        ]
    );
}

#[test]
fn a_type_that_is_gone_names_what_stands_in_its_place() {
    let diff = compare(
        (
            answering(reference("Thing")),
            json!({"Thing": object(&["A"])}),
        ),
        (
            answering(reference("Kind")),
            json!({"Kind": {"type": "string", "enum": ["a"]}}),
        ),
    );
    assert_eq!(
        lines(&diff),
        [
            "! changed answer list.send: Thing -> Kind",
            "added type Kind.Kind: enum of texts",
            "! removed type Thing.Thing: struct"
        ]
    );
    assert_eq!(diff.changes[2].note.as_deref(), Some("`Kind` in its place"));
}

#[test]
fn an_alias_is_as_good_as_what_it_stands_for() {
    let ports = json!({"type": "object", "additionalProperties": {"type": "string"}});
    let thing = |port: &Value| json!({"type": "object", "properties": {"Ports": port}});
    let paths = || answering(reference("Thing"));
    let named = json!({"PortMap": ports, "Thing": thing(&reference("PortMap"))});
    let bare = json!({"Thing": thing(&ports)});
    let diff = compare((paths(), named), (paths(), bare));
    assert_eq!(lines(&diff), ["! removed type PortMap.PortMap: alias"]);
}

#[test]
fn values_may_come_but_not_go() {
    let paths = || answering(reference("State"));
    let state = |values: &[&str]| json!({"State": {"type": "string", "enum": values}});
    let diff = compare(
        (paths(), state(&["running", "gone"])),
        (paths(), state(&["running", "paused"])),
    );
    assert_eq!(
        lines(&diff),
        ["added value State.Paused", "! removed value State.Gone"]
    );
    assert_eq!(diff.changes[0].wire.as_deref(), Some("paused"));
}

#[test]
fn a_value_that_lost_its_variant_to_another_was_renamed() {
    let paths = || answering(reference("State"));
    let state = |values: &[&str]| json!({"State": {"type": "string", "enum": values}});
    let diff = compare(
        (paths(), state(&["Unknown"])),
        (paths(), state(&["unknown", "Unknown"])),
    );
    assert_eq!(
        lines(&diff),
        [
            "added value State.Unknown",
            "! renamed value State.UnknownValue: Unknown -> UnknownValue"
        ]
    );
}

#[test]
fn defaults_are_told_and_break_nothing() {
    let with = |default: Value| {
        let mut t = query("t", false, "integer");
        t["schema"]["default"] = default;
        (with_parameters(&[t]), json!({}))
    };
    let diff = compare(with(json!(10)), with(json!(20)));
    assert_eq!(lines(&diff), ["changed option stop.t"]);
    assert_eq!(
        diff.changes[0].note.as_deref(),
        Some("the daemon's default is `20`; it was `10`")
    );
}

/// A renamed type, an option, a removed field and a value, to be written down.
fn example() -> Diff {
    let thing = |fields: &[&str]| {
        let mut thing = object(fields);
        thing["properties"]["State"] = reference("State");
        thing
    };
    let mut paths = answering(reference("Thing"));
    let mut old = paths.clone();
    old.as_object_mut()
        .unwrap()
        .extend(with_parameters(&[]).as_object().unwrap().clone());
    paths.as_object_mut().unwrap().extend(
        with_parameters(&[query("signal", false, "string")])
            .as_object()
            .unwrap()
            .clone(),
    );
    compare(
        (
            old,
            json!({"State": {"type": "string", "enum": ["on"]}, "Thing": thing(&["Id", "Old"])}),
        ),
        (
            paths,
            json!({"State": {"type": "string", "enum": ["on", ""]}, "Thing": thing(&["Id"])}),
        ),
    )
}

#[test]
fn people_read_it_in_a_terminal() {
    similar_asserts::assert_eq!(
        example().to_text(),
        "\
API 1.1 (Docker 2.0) → API 1.2 (Docker 2.1.3)
3 changes, of which 1 can break code that moves from `v1_1` to `v1_2`: marked with !.

things
    stop  POST /things/{id}/stop
       + option signal: String

types
    State  GET /things > .State
       + value Empty = \"\"
    Thing  GET /things >
!      - field old: Option<String>
"
    );
}

#[test]
fn people_read_it_as_markdown() {
    similar_asserts::assert_eq!(
        example().to_markdown(2),
        "\
## API 1.1 (Docker 2.0) → API 1.2 (Docker 2.1.3)

3 changes, of which 1 can break code that moves from `v1_1` to `v1_2`: marked **breaking**.

### Operations on things

- `stop` (`POST /things/{id}/stop`)
  - added option `signal: String`

### Types

- `State` (`GET /things > .State`)
  - added value `Empty = \"\"`
- `Thing` (`GET /things >`)
  - **breaking:** removed field `old: Option<String>`
"
    );
}

#[test]
fn programs_read_it_as_json() {
    let json: Value = serde_json::from_str(&example().to_json()).unwrap();
    assert_eq!(json["from"], json!({"api": "1.1", "docker": "2.0.0"}));
    assert_eq!(json["to"], json!({"api": "1.2", "docker": "2.1.3"}));
    assert_eq!((&json["format"], &json["breaking"]), (&json!(1), &json!(1)));
    assert_eq!(
        json["changes"][0],
        json!({
            "group": "things",
            "owner": "stop",
            "place": "POST /things/{id}/stop",
            "item": "option",
            "change": "added",
            "name": "signal",
            "wire": "signal",
            "before": null,
            "after": "String",
            "breaking": false,
            "note": null
        })
    );
    let keys: Vec<&String> = json["changes"][0].as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "group", "owner", "place", "item", "change", "name", "wire", "before", "after",
            "breaking", "note"
        ]
    );
}

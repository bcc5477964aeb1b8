//! A difference as people and programs read it.

use serde::Serialize;

use super::{Change, Diff, Item, Kind, Side, TYPES};
use crate::names::version_module;

/// What stands at the top of the JSON.
#[derive(Serialize)]
struct Json<'a> {
    format: u32,
    from: &'a Side,
    to: &'a Side,
    breaking: usize,
    changes: &'a [Change],
}

impl Diff {
    /// As the documentation of the module says, with a line end.
    pub fn to_json(&self) -> String {
        let json = Json {
            format: 1,
            from: &self.from,
            to: &self.to,
            breaking: self.breaking(),
            changes: &self.changes,
        };
        // Plain data with text for keys: there is nothing in it that cannot be written.
        let mut text = serde_json::to_string_pretty(&json).unwrap_or_default();
        text.push('\n');
        text
    }

    /// For a terminal.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n{}\n", self.title(), self.summary("marked with !"));
        for group in groups(&self.changes) {
            text.push_str(&format!("\n{}\n", group[0].group));
            for of_owner in owners(group) {
                let (own, parts) = split(of_owner);
                for change in own {
                    let place = place(change, "  ");
                    text.push_str(&format!("{}  {}{place}\n", mark(change), line(change)));
                }
                if let (true, [first, ..]) = (own.is_empty(), parts) {
                    text.push_str(&format!("    {}{}\n", first.owner, place(first, "  ")));
                }
                for change in parts {
                    text.push_str(&format!("{}      {}\n", mark(change), line(change)));
                }
            }
        }
        text
    }

    /// As Markdown whose topmost heading is of this level.
    pub fn to_markdown(&self, level: usize) -> String {
        let heading = "#".repeat(level);
        let summary = self.summary("marked **breaking**");
        let mut text = format!("{heading} {}\n\n{summary}\n", self.title());
        for group in groups(&self.changes) {
            let name = match group[0].group.as_str() {
                TYPES => "Types".to_owned(),
                tag => format!("Operations on {tag}"),
            };
            text.push_str(&format!("\n{heading}# {name}\n\n"));
            for of_owner in owners(group) {
                let (own, parts) = split(of_owner);
                for change in own {
                    let place = markdown_place(change);
                    text.push_str(&format!("- {}{place}\n", markdown_line(change)));
                }
                if let (true, [first, ..]) = (own.is_empty(), parts) {
                    let place = markdown_place(first);
                    text.push_str(&format!("- {}{place}\n", code(&first.owner)));
                }
                for change in parts {
                    text.push_str(&format!("  - {}\n", markdown_line(change)));
                }
            }
        }
        text
    }

    /// `API 1.41 (Docker 20.10) → API 1.42 (Docker 23.0)`, or for a version whose description has changed
    /// `API 1.41 (Docker 20.10), described anew`.
    pub fn title(&self) -> String {
        let side = |side: &Side| match &side.release {
            Some(release) => format!("API {} ({release})", side.api),
            None => format!("API {}", side.api),
        };
        if self.from.api == self.to.api {
            return format!("{}, described anew", side(&self.to));
        }
        format!("{} → {}", side(&self.from), side(&self.to))
    }

    fn summary(&self, marked: &str) -> String {
        let (from, to) = (version_module(self.from.api), version_module(self.to.api));
        let moving = if from == to {
            format!("code that uses `{from}`")
        } else {
            format!("code that moves from `{from}` to `{to}`")
        };
        match (self.changes.len(), self.breaking()) {
            (0, _) => "Nothing changes.".to_owned(),
            (all, 0) => format!("{}, none of which breaks {moving}.", count(all)),
            (all, breaking) => {
                format!(
                    "{}, of which {breaking} can break {moving}: {marked}.",
                    count(all)
                )
            }
        }
    }
}

fn count(changes: usize) -> String {
    match changes {
        1 => "1 change".to_owned(),
        _ => format!("{changes} changes"),
    }
}

fn groups(changes: &[Change]) -> impl Iterator<Item = &[Change]> {
    changes.chunk_by(|a, b| a.group == b.group)
}

fn owners(group: &[Change]) -> impl Iterator<Item = &[Change]> {
    group.chunk_by(|a, b| a.owner == b.owner && a.place == b.place)
}

/// Changes of the operation or type itself, which come first, and those of its parts.
fn split(of_owner: &[Change]) -> (&[Change], &[Change]) {
    let own = of_owner.iter().take_while(|change| is_own(change)).count();
    of_owner.split_at(own)
}

fn is_own(change: &Change) -> bool {
    matches!(change.item, Item::Operation | Item::Type)
}

/// Whether its name says nothing more.
fn is_alone(change: &Change) -> bool {
    matches!(change.item, Item::Answer | Item::Body | Item::Operation)
}

fn mark(change: &Change) -> &'static str {
    if change.breaking { "!" } else { " " }
}

fn place(change: &Change, before: &str) -> String {
    let place = change.place.as_ref();
    place.map_or_else(String::new, |place| format!("{before}{place}"))
}

fn markdown_place(change: &Change) -> String {
    let place = change.place.as_ref();
    place.map_or_else(String::new, |place| format!(" ({})", code(place)))
}

/// `+ option signal: String`
fn line(change: &Change) -> String {
    let sign = match change.kind {
        Kind::Added => '+',
        Kind::Removed => '-',
        Kind::Renamed | Kind::Changed => '~',
    };
    let item = item(change);
    let what = match (change.kind, &change.before, &change.after) {
        (Kind::Renamed, Some(before), Some(after)) => format!("{before} → {after}"),
        (_, Some(before), Some(after)) if is_alone(change) => format!("{before} → {after}"),
        (_, Some(before), Some(after)) => format!("{}: {before} → {after}", change.name),
        _ => thing(change),
    };
    let note = change.note.as_ref();
    let note = note.map_or_else(String::new, |note| format!(" ({})", note.replace('`', "")));
    format!("{sign} {item} {what}{note}")
}

/// `added option` and the option as code.
fn markdown_line(change: &Change) -> String {
    let verb = match change.kind {
        Kind::Added => "added",
        Kind::Removed => "removed",
        Kind::Renamed => "renamed",
        Kind::Changed => "changed",
    };
    let item = item(change);
    let what = match (change.kind, &change.before, &change.after) {
        (Kind::Renamed, Some(before), Some(after)) => {
            format!("{} to {}", code(before), code(after))
        }
        (_, Some(before), Some(after)) if is_alone(change) => {
            format!("from {} to {}", code(before), code(after))
        }
        (_, Some(before), Some(after)) => {
            let (name, before, after) = (code(&change.name), code(before), code(after));
            format!("{name} from {before} to {after}")
        }
        _ => code(&thing(change)),
    };
    let breaking = if change.breaking {
        "**breaking:** "
    } else {
        ""
    };
    let note = change.note.as_ref();
    let note = note.map_or_else(String::new, |note| format!(": {note}"));
    format!("{breaking}{verb} {item} {what}{note}")
}

/// What is added, removed or only noted.
fn thing(change: &Change) -> String {
    let detail = change.before.as_ref().or(change.after.as_ref());
    match (change.item, detail) {
        // These say it all.
        (Item::Operation | Item::Outcome | Item::Setter | Item::Body, Some(detail)) => {
            detail.clone()
        }
        (Item::Type, Some(_)) | (_, None) => match &change.wire {
            Some(wire) if change.item == Item::Value => format!("{} = \"{wire}\"", change.name),
            _ => change.name.clone(),
        },
        (_, Some(detail)) => format!("{}: {detail}", change.name),
    }
}

/// What it is called, which for added and removed types is what kind of type it is.
fn item(change: &Change) -> &str {
    match change.item {
        Item::Type => match (&change.kind, &change.before, &change.after) {
            (Kind::Added, None, Some(kind)) | (Kind::Removed, Some(kind), None) => kind,
            _ => "type",
        },
        Item::Operation => "operation",
        Item::Argument => "argument",
        Item::Option => "option",
        Item::Setter => "setter",
        Item::Body => "body",
        Item::Answer => "answer",
        Item::Outcome => "outcome",
        Item::Header => "header",
        Item::Error => "error status",
        Item::Field => "field",
        Item::Value => "value",
    }
}

/// Text as code, in which a backtick would end it.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'"))
}

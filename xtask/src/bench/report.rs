//! Figures made readable: medians, ratios, goals, as text and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::machine::Machine;

/// What a figure is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum Unit {
    #[serde(rename = "s")]
    Seconds,
    #[serde(rename = "B")]
    Bytes,
    #[serde(rename = "")]
    Count,
}

impl Unit {
    fn text(self, value: f64) -> String {
        const MIB: f64 = 1024.0 * 1024.0;
        match self {
            Self::Seconds if value < 0.001 => format!("{:.1} µs", value * 1e6),
            Self::Seconds if value < 1.0 => format!("{:.0} ms", value * 1000.0),
            Self::Seconds if value < 10.0 => format!("{value:.2} s"),
            Self::Seconds => format!("{value:.1} s"),
            Self::Bytes if value >= 10.0 * MIB => format!("{:.0} MiB", value / MIB),
            Self::Bytes => format!("{} B", grouped(value)),
            Self::Count => grouped(value),
        }
    }
}

/// A whole number with commas between thousands.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What was measured of one subject.
#[derive(Debug)]
pub(crate) struct Row {
    what: String,
    subject: String,
    unit: Unit,
    /// One for each run.
    samples: Vec<f64>,
}

impl Row {
    /// The median.
    fn value(&self) -> f64 {
        let mut sorted = self.samples.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match sorted.len() {
            0 => f64::NAN,
            odd if odd % 2 == 1 => sorted[middle],
            _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
        }
    }
}

/// Rows that belong together, and what they have in common.
///
/// The subject that comes first is ours, the others are its peers.
#[derive(Debug)]
pub(crate) struct Section {
    title: String,
    rows: Vec<Row>,
}

impl Section {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            rows: Vec::new(),
        }
    }

    /// Adds what one run gave.
    pub(crate) fn add(&mut self, what: &str, subject: &str, unit: Unit, value: f64) {
        let same = |row: &&mut Row| row.what == what && row.subject == subject;
        match self.rows.iter_mut().find(same) {
            Some(row) => row.samples.push(value),
            None => self.rows.push(Row {
                what: what.to_owned(),
                subject: subject.to_owned(),
                unit,
                samples: vec![value],
            }),
        }
    }

    fn row(&self, what: &str, subject: &str) -> Option<&Row> {
        self.rows
            .iter()
            .find(|row| row.what == what && row.subject == subject)
    }

    fn whats(&self) -> Vec<&str> {
        unique(self.rows.iter().map(|row| row.what.as_str()))
    }

    fn subjects(&self) -> Vec<&str> {
        unique(self.rows.iter().map(|row| row.subject.as_str()))
    }

    /// What ours is, divided by what each peer is.
    fn ratios(&self) -> Vec<Ratio<'_>> {
        let subjects = self.subjects();
        let Some((&ours, peers)) = subjects.split_first() else {
            return Vec::new();
        };
        let ratio = |what, peer| {
            Some(Ratio {
                what,
                of: ours,
                to: peer,
                value: self.row(what, ours)?.value() / self.row(what, peer)?.value(),
            })
        };
        self.whats()
            .into_iter()
            .flat_map(|what| peers.iter().filter_map(move |peer| ratio(what, peer)))
            .collect()
    }
}

fn unique<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut unique = Vec::new();
    for name in names {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    unique
}

#[derive(Debug, Serialize)]
struct Ratio<'a> {
    what: &'a str,
    of: &'a str,
    to: &'a str,
    value: f64,
}

/// What a figure of ours has to keep to.
#[derive(Debug)]
pub(crate) struct Goal {
    what: &'static str,
    most: f64,
    /// The peer whose figure it is a multiple of.
    times: Option<&'static str>,
}

impl Goal {
    /// No more than `most`, in the figure's own unit.
    pub(crate) const fn at_most(what: &'static str, most: f64) -> Self {
        Self {
            what,
            most,
            times: None,
        }
    }

    /// No more than `factor` times what `peer` needs.
    pub(crate) const fn at_most_times(what: &'static str, factor: f64, peer: &'static str) -> Self {
        Self {
            what,
            most: factor,
            times: Some(peer),
        }
    }

    /// None where the section has no such figure.
    fn judge(&self, section: &Section) -> Option<Verdict<'_>> {
        let ours = section.rows.iter().find(|row| row.what == self.what)?;
        let (limit, text) = match self.times {
            None => (self.most, ours.unit.text(self.most)),
            Some(peer) => {
                let peers = section.row(self.what, peer)?.value();
                (self.most * peers, format!("{} × {peer}", self.most))
            }
        };
        Some(Verdict {
            what: self.what,
            goal: format!("≤ {text}"),
            limit,
            met: ours.value() <= limit,
        })
    }
}

#[derive(Debug, Serialize)]
struct Verdict<'a> {
    what: &'a str,
    goal: String,
    limit: f64,
    met: bool,
}

/// All figures of one call.
pub(crate) struct Report {
    machine: Machine,
    parts: Vec<Part>,
}

struct Part {
    name: &'static str,
    runs: u16,
    sections: Vec<Section>,
    goals: &'static [Goal],
}

impl Report {
    pub(crate) fn new(machine: Machine) -> Self {
        Self {
            machine,
            parts: Vec::new(),
        }
    }

    pub(crate) fn add(
        &mut self,
        name: &'static str,
        runs: u16,
        sections: Vec<Section>,
        goals: &'static [Goal],
    ) {
        self.parts.push(Part {
            name,
            runs,
            sections,
            goals,
        });
    }

    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.machine.to_line());
        for part in &self.parts {
            let runs = match part.runs {
                1 => "1 run".to_owned(),
                runs => format!("medians of {runs} runs"),
            };
            let _ = writeln!(text, "\nbench {}, {runs}", part.name);
            for section in &part.sections {
                let _ = writeln!(text, "\n{}", section.title);
                text.push_str(&table(section, part.goals));
            }
        }
        text
    }

    pub(crate) fn to_json(&self) -> String {
        let section = |part: &Part, section: &Section| {
            let rows: Vec<_> = section
                .rows
                .iter()
                .map(|row| {
                    serde_json::json!({
                        "what": row.what, "subject": row.subject, "value": row.value(), "unit": row.unit,
                        "samples": row.samples,
                    })
                })
                .collect();
            let goals: Vec<_> = part
                .goals
                .iter()
                .filter_map(|goal| goal.judge(section))
                .collect();
            serde_json::json!({
                "title": section.title, "ratios": section.ratios(), "goals": goals, "rows": rows,
            })
        };
        let part = |part: &Part| {
            let sections: Vec<_> = part.sections.iter().map(|one| section(part, one)).collect();
            serde_json::json!({ "name": part.name, "runs": part.runs, "sections": sections })
        };
        let benchmarks: Vec<_> = self.parts.iter().map(part).collect();
        let whole = serde_json::json!({ "machine": self.machine, "benchmarks": benchmarks });
        format!("{whole:#}\n")
    }
}

/// One line for each thing measured: ratios, then figures, then goals.
fn table(section: &Section, goals: &[Goal]) -> String {
    let ratios = section.ratios();
    let subjects = section.subjects();
    let mut head = vec![String::new()];
    head.extend(
        unique(ratios.iter().map(|ratio| ratio.to))
            .iter()
            .map(|peer| format!("/ {peer}")),
    );
    let peers = head.len() - 1;
    head.extend(subjects.iter().map(|&subject| subject.to_owned()));
    head.push("goal".to_owned());
    let mut lines = vec![head];
    for what in section.whats() {
        let mut line = vec![what.to_owned()];
        line.extend(lines[0][1..=peers].iter().map(|peer| {
            ratios
                .iter()
                .find(|ratio| ratio.what == what && peer[2..] == *ratio.to)
                .map_or_else(String::new, |ratio| format!("{:.2}", ratio.value))
        }));
        line.extend(subjects.iter().map(|subject| {
            section
                .row(what, subject)
                .map_or_else(String::new, |row| row.unit.text(row.value()))
        }));
        let verdicts = goals
            .iter()
            .filter(|goal| goal.what == what)
            .filter_map(|goal| goal.judge(section))
            .map(|verdict| {
                let met = if verdict.met { "met" } else { "NOT MET" };
                format!("{}: {met}", verdict.goal)
            });
        line.push(verdicts.collect::<Vec<_>>().join(", "));
        lines.push(line);
    }
    aligned(&lines)
}

/// The first and the last column to the left, those between to the right.
fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let widths = lines
            .iter()
            .filter_map(|line| Some(line.get(column)?.chars().count()));
        widths.max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let mut row = String::new();
        for (column, (cell, &width)) in line.iter().zip(&widths).enumerate() {
            let left = column == 0 || column + 1 == columns;
            let _ = match left {
                true => write!(row, "  {cell:<width$}"),
                false => write!(row, "  {cell:>width$}"),
            };
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOALS: &[Goal] = &[
        Goal::at_most("CPU", 2.5),
        Goal::at_most_times("CPU", 0.9, "theirs"),
        Goal::at_most_times("size", 1.1, "theirs"),
        Goal::at_most("of another section", 1.0),
    ];

    fn report() -> Report {
        let mut section = Section::new("A thing");
        for (ours, theirs, bare) in [(2.0, 2.0, 1.0), (9.0, 2.5, 1.0), (2.4, 2.2, 1.0)] {
            section.add("CPU", "ours", Unit::Seconds, ours);
            section.add("CPU", "theirs", Unit::Seconds, theirs);
            section.add("CPU", "bare", Unit::Seconds, bare);
        }
        section.add("size", "ours", Unit::Bytes, 1_862_104.0);
        section.add("size", "theirs", Unit::Bytes, 2_000_000.0);
        let machine = Machine {
            cpu: "a cpu".to_owned(),
            cores: 2,
            os: "an os".to_owned(),
            rustc: "rustc 1.95.0".to_owned(),
            load: Some(0.26),
        };
        let mut report = Report::new(machine);
        report.add("build", 3, vec![section], GOALS);
        report
    }

    #[test]
    fn text_has_ratios_figures_and_goals() {
        let expected = "\
a cpu, 2 cores, an os, rustc 1.95.0, load 0.3 at the start

bench build, medians of 3 runs

A thing
        / theirs  / bare         ours       theirs    bare  goal
  CPU       1.09    2.40       2.40 s       2.20 s  1.00 s  ≤ 2.50 s: met, ≤ 0.9 × theirs: NOT MET
  size      0.93          1,862,104 B  2,000,000 B          ≤ 1.1 × theirs: met
";
        assert_eq!(report().to_text(), expected);
    }

    #[test]
    fn json_has_the_same_and_every_sample() {
        let json: serde_json::Value = serde_json::from_str(&report().to_json()).unwrap();
        assert_eq!(json["machine"]["cores"], 2);
        let section = &json["benchmarks"][0]["sections"][0];
        assert_eq!(
            section["rows"][0],
            serde_json::json!({
                "what": "CPU", "subject": "ours", "value": 2.4, "unit": "s", "samples": [2.0, 9.0, 2.4],
            })
        );
        assert_eq!(section["ratios"].as_array().unwrap().len(), 3);
        assert_eq!(section["ratios"][1]["value"], 2.4);
        let met: Vec<_> = section["goals"]
            .as_array()
            .unwrap()
            .iter()
            .map(|goal| goal["met"].as_bool().unwrap())
            .collect();
        assert_eq!(met, [true, false, true]);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        let mut section = Section::new("");
        for value in [4.0, 1.0, 3.0, 2.0] {
            section.add("wall", "ours", Unit::Seconds, value);
        }
        assert_eq!(section.rows[0].value(), 2.5);
    }

    #[test]
    fn figures_have_their_unit() {
        let text = [
            Unit::Seconds.text(0.0423),
            Unit::Seconds.text(9.876),
            Unit::Seconds.text(61.04),
            Unit::Bytes.text(512.0),
            Unit::Bytes.text(500.0 * 1024.0 * 1024.0),
            Unit::Count.text(81.0),
        ];
        assert_eq!(
            text,
            ["42 ms", "9.88 s", "61.0 s", "512 B", "500 MiB", "81"]
        );
    }
}

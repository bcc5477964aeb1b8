//! The differences that are known, each with its reason.

use std::collections::BTreeMap;

use crate::compare::Differences;

struct Known {
    place: &'static str,
    ours: &'static str,
    theirs: &'static str,
    /// Where it is found: `1.24-1.27`, or `1.28-` up to the newest version.
    versions: &'static str,
    why: &'static str,
}

/// Their integers take the sign from `minimum: 0`; ours take it from the format alone, and there is none.
const MINIMUM: &str = "they read the sign from the minimum";
/// They have no enums of integers.
const INTEGERS: &str = "they write an enum of integers as a checked integer";

const KNOWN: &[Known] = &[
    Known {
        place: "ChangeType",
        ours: "enum of integers",
        theirs: "u8",
        versions: "1.43-",
        why: INTEGERS,
    },
    Known {
        place: "ContainerChangesResponseItem.Kind",
        ours: "enum of integers",
        theirs: "i64",
        versions: "1.24-1.27",
        why: INTEGERS,
    },
    Known {
        place: "ContainerChangesResponseItem.Kind",
        ours: "enum of integers",
        theirs: "u8",
        versions: "1.28-1.42",
        why: INTEGERS,
    },
    Known {
        place: "FilesystemChange.Kind",
        ours: "enum of integers",
        theirs: "u8",
        versions: "1.43-",
        why: INTEGERS,
    },
    Known {
        place: "ContainerExecRequest.ConsoleSize[]",
        ours: "i64",
        theirs: "u64",
        versions: "1.42-",
        why: MINIMUM,
    },
    Known {
        place: "ExecStartRequest.ConsoleSize[]",
        ours: "i64",
        theirs: "u64",
        versions: "1.42-",
        why: MINIMUM,
    },
    Known {
        place: "HostConfig.ConsoleSize[]",
        ours: "i64",
        theirs: "u64",
        versions: "1.24-",
        why: MINIMUM,
    },
    Known {
        place: "HostConfig.ShmSize",
        ours: "i64",
        theirs: "u64",
        versions: "1.24-1.38",
        why: MINIMUM,
    },
    Known {
        place: "ResourcesBlkioWeightDeviceItem.Weight",
        ours: "i64",
        theirs: "u64",
        versions: "1.24-",
        why: MINIMUM,
    },
];

/// What is found and not listed, and what is listed and not found.
pub(crate) fn check(differences: &BTreeMap<u16, &Differences>) -> Vec<String> {
    let mut found: BTreeMap<_, Vec<u16>> = BTreeMap::new();
    for (version, differences) in differences {
        for difference in *differences {
            found.entry(difference).or_default().push(*version);
        }
    }
    let versions: Vec<_> = differences.keys().copied().collect();
    let mut wrong = Vec::new();
    let mut listed: Vec<_> = KNOWN.iter().collect();
    for ((place, ours, theirs), at) in found {
        let at = ranges(&at, &versions);
        let known = listed.iter().position(|known| {
            (known.place, known.ours, known.theirs)
                == (place.as_str(), ours.as_str(), theirs.as_str())
        });
        match known.map(|n| listed.remove(n)) {
            None => wrong.push(format!("{place} in {at}: ours is {ours}, theirs {theirs}")),
            Some(known) if known.versions != at => wrong.push(format!(
                "{place}: listed for {}, found in {at} (ours is {ours}, theirs {theirs})",
                known.versions
            )),
            Some(_) => {}
        }
    }
    wrong.extend(listed.iter().map(|known| {
        format!(
            "{}: listed (ours is {}, theirs {}: {}), and found in no version",
            known.place, known.ours, known.theirs, known.why
        )
    }));
    wrong
}

/// `1.24-1.27, 1.30-`
fn ranges(found: &[u16], versions: &[u16]) -> String {
    let mut ranges: Vec<String> = Vec::new();
    for run in versions.split(|version| !found.contains(version)) {
        if let (Some(first), Some(last)) = (run.first(), run.last()) {
            ranges.push(match last {
                _ if versions.last() == Some(last) => format!("1.{first}-"),
                _ if first == last => format!("1.{first}"),
                _ => format!("1.{first}-1.{last}"),
            });
        }
    }
    ranges.join(", ")
}

#[test]
fn versions_are_told_as_ranges() {
    assert_eq!(
        ranges(&[24, 25, 27, 30, 31], &[24, 25, 26, 27, 28, 29, 30, 31]),
        "1.24-1.25, 1.27, 1.30-"
    );
    assert_eq!(ranges(&[31], &[30, 31]), "1.31-");
}

//! All names of the generated crates are made here, and nowhere else.
//!
//! Names in the descriptions come in every case there is, with abbreviations run together (`ExecIDs`,
//! `EnableIPv4`, `os.version`, `copyUIDGID`). They are cut into words first; each kind of Rust name is then
//! put together from the words.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Api, NamedInteger, Operation, Shape, Step, TypeId};
use crate::version::Version;

/// Spellings that the general rules would cut in the wrong places. Longer ones come first where one is
/// the beginning of another.
const UNITS: [&str; 23] = [
    "IOps", "IOPS", "IPv4", "IPv6", "IPAM", "IPs", "IDs", "CAs", "CPUs", "GPUs", "URLs", "NCPU",
    "UID", "GID", "VXLAN", "UDP", "OAuth", "RootFS", "Rootfs", "OOM", "Oom", "iops", "TTY",
];

/// Cuts a name into lower-case words.
pub fn words(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut words = Vec::new();
    let mut word = String::new();
    let mut at = 0;
    while at < chars.len() {
        if let Some(unit) = unit_at(&chars, at) {
            end_word(&mut words, &mut word);
            words.push(unit.to_lowercase());
            at += unit.len();
            continue;
        }
        let c = chars[at];
        if !c.is_alphanumeric() {
            end_word(&mut words, &mut word);
        } else {
            let before = if at == 0 { None } else { Some(chars[at - 1]) };
            let starts_word = c.is_uppercase()
                && (before.is_some_and(|b| b.is_lowercase() || b.is_numeric())
                    || chars.get(at + 1).is_some_and(|next| next.is_lowercase()));
            if starts_word {
                end_word(&mut words, &mut word);
            }
            word.extend(c.to_lowercase());
        }
        at += 1;
    }
    end_word(&mut words, &mut word);
    words
}

fn end_word(words: &mut Vec<String>, word: &mut String) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

/// The unit that stands at `at` as a whole: what follows does not go on in lower case.
fn unit_at(chars: &[char], at: usize) -> Option<&'static str> {
    let begins = at == 0 || !chars[at].is_lowercase() || !chars[at - 1].is_alphanumeric();
    UNITS.into_iter().find(|unit| {
        let end = at + unit.len();
        begins
            && chars.len() >= end
            && unit.chars().eq(chars[at..end].iter().copied())
            && chars.get(end).is_none_or(|next| !next.is_lowercase())
    })
}

/// `exec_ids`
pub fn snake(name: &str) -> String {
    words(name).join("_")
}

/// `ExecIds`
pub fn pascal(name: &str) -> String {
    words(name).iter().map(|word| capital(word)).collect()
}

/// `EXEC_IDS`
pub fn constant(name: &str) -> String {
    snake(name).to_uppercase()
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

/// A field, an argument, a setter or a method.
pub fn field(name: &str) -> String {
    let name = snake(name);
    match name.as_str() {
        "" => "value".to_owned(),
        _ if name.starts_with(|c: char| c.is_numeric()) => format!("n{name}"),
        _ if is_keyword(&name) => format!("{name}_"),
        _ => name,
    }
}

/// An argument or option: a header's `X-` says nothing.
pub fn parameter(name: &str) -> String {
    field(name.strip_prefix("X-").unwrap_or(name))
}

fn is_keyword(name: &str) -> bool {
    // Parsing an identifier fails exactly for keywords, reserved ones included.
    syn::parse_str::<syn::Ident>(name).is_err() || name == "union"
}

/// The variants of an enum, one for each text, all different and none of them `Other`.
pub fn variants(values: &[String]) -> Vec<String> {
    let mut taken = BTreeSet::from(["Other".to_owned()]);
    values
        .iter()
        .map(|value| {
            let mut name = match pascal(value) {
                name if name.is_empty() => "Empty".to_owned(),
                name if name.starts_with(|c: char| c.is_numeric()) => format!("V{name}"),
                name => name,
            };
            if name == "Self" || taken.contains(&name) {
                name.push_str("Value");
            }
            while !taken.insert(name.clone()) {
                name.push('_');
            }
            name
        })
        .collect()
}

/// The variant of an enum of integers.
pub fn integer_variant(integer: &NamedInteger) -> String {
    match &integer.name {
        Some(name) => pascal(name),
        None if integer.value < 0 => format!("Minus{}", integer.value.unsigned_abs()),
        None => format!("V{}", integer.value),
    }
}

/// `v1_41`, the feature and module of a version.
pub fn version_module(version: Version) -> String {
    format!("v{}_{}", version.major, version.minor)
}

/// `docker-api-gen-v1-41`, the crate of a version.
pub fn version_crate(version: Version) -> String {
    format!("docker-api-gen-v{}-{}", version.major, version.minor)
}

/// The crate of all versions together.
pub const NEGOTIATED_CRATE: &str = "docker-api-gen-negotiated";

/// The feature and the module of that crate.
pub const NEGOTIATED: &str = "negotiated";

/// How the operations of a tag are reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagNames {
    /// `containers`: accessor and module.
    pub accessor: String,
    /// `Containers`
    pub handle: String,
    /// `container`: the module of its types.
    pub types: String,
}

/// Tags that are not simply put into the plural.
const SINGULAR_TAGS: [&str; 5] = ["Exec", "Swarm", "System", "Distribution", "Session"];

pub fn tag(tag: &str) -> TagNames {
    let types = snake(tag);
    let accessor = if SINGULAR_TAGS.contains(&tag) {
        types.clone()
    } else {
        plural(&types)
    };
    TagNames {
        handle: pascal(&accessor),
        accessor,
        types,
    }
}

fn plural(word: &str) -> String {
    format!("{word}s")
}

/// Methods whose name does not follow from the operation's.
const METHODS: [(&str, &str); 9] = [
    ("ContainerExec", "create"),
    ("GetPluginPrivileges", "privileges"),
    ("SwarmUnlockkey", "unlock_key"),
    ("ImageGet", "save"),
    ("ImageGetAll", "save_all"),
    ("ContainerArchive", "archive"),
    ("PutContainerArchive", "put_archive"),
    ("SystemDataUsage", "disk_usage"),
    ("Session", "start"),
];

/// `stop`, the method of an operation: its name without the noun that the accessor says already.
pub fn method(operation: &Operation) -> String {
    if let Some((_, name)) = METHODS.iter().find(|(id, _)| *id == operation.id) {
        return (*name).to_owned();
    }
    let noun = words(&operation.tag);
    let words: Vec<_> = words(&operation.id)
        .into_iter()
        .filter(|word| !noun.contains(word))
        .collect();
    field(&words.join("_"))
}

/// `containers.stop`, as errors name it.
pub fn operation(operation: &Operation) -> String {
    format!("{}.{}", tag(&operation.tag).accessor, method(operation))
}

/// The Rust names of one version's types.
#[derive(Clone, Debug)]
pub struct TypeNames(BTreeMap<TypeId, String>);

/// Names that generated code uses for other things.
const TAKEN: [&str; 14] = [
    "Option",
    "Vec",
    "String",
    "Box",
    "Self",
    "Result",
    "BTreeMap",
    "BTreeSet",
    "Json",
    "Timestamp",
    "Base64Bytes",
    "Filters",
    "Default",
    "Debug",
];

impl TypeNames {
    pub fn new(api: &Api) -> Self {
        let mut names = BTreeMap::new();
        let mut taken: BTreeSet<String> = TAKEN.iter().map(|name| (*name).to_owned()).collect();
        // Definitions first: they have the better right to their names.
        let ids = || (0..api.types.len()).map(TypeId);
        let is_definition =
            |id: &TypeId| matches!(api.type_def(*id).place.as_slice(), [Step::Definition(_)]);
        for id in ids()
            .filter(is_definition)
            .chain(ids().filter(|id| !is_definition(id)))
        {
            let def = api.type_def(id);
            let mut name = place_name(&def.place);
            if taken.contains(&name) {
                name.push_str(match def.shape {
                    Shape::TextEnum(_) | Shape::IntegerEnum(_) => "Kind",
                    _ => "Object",
                });
            }
            while !taken.insert(name.clone()) {
                name.push('_');
            }
            names.insert(id, name);
        }
        Self(names)
    }

    pub fn get(&self, id: TypeId) -> &str {
        &self.0[&id]
    }
}

/// The name of the type at a place: the words on the way there, less what they repeat.
fn place_name(place: &[Step]) -> String {
    let mut name = String::new();
    for (at, step) in place.iter().enumerate() {
        let last_list = matches!(place.get(at + 1), Some(Step::Item | Step::Entry));
        match step {
            Step::Definition(text) | Step::Field(text) => {
                let text = pascal(text);
                let text = if last_list { singular(&text) } else { text };
                name.push_str(&text);
            }
            Step::Parameter(operation, parameter) => {
                name.push_str(&pascal(operation));
                name.push_str(&pascal(parameter));
            }
            Step::Request(operation) => name = pascal(operation) + "Request",
            Step::Response(operation) => name = pascal(operation) + "Response",
            Step::Item | Step::Entry => match place.get(at.wrapping_sub(1)) {
                Some(Step::Definition(text) | Step::Field(text))
                    if singular(&pascal(text)) != pascal(text) => {}
                _ => name.push_str(if *step == Step::Item { "Item" } else { "Entry" }),
            },
        }
    }
    name
}

/// `Config` for `Configs`; a word that is not in the plural stays as it is.
fn singular(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ies") {
        return format!("{stem}y");
    }
    for same in ["ss", "us", "is", "Stats", "Status"] {
        if word.ends_with(same) {
            return word.to_owned();
        }
    }
    word.strip_suffix('s').unwrap_or(word).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_read_as_words() {
        for (name, expected) in [
            ("EnableIPv4", "enable_ipv4"),
            ("ExecIDs", "exec_ids"),
            ("ExternalCAs", "external_cas"),
            ("GlobalIPv6PrefixLen", "global_ipv6_prefix_len"),
            ("IPv6Gateway", "ipv6_gateway"),
            ("IPAMConfig", "ipam_config"),
            ("IPPrefixLen", "ip_prefix_len"),
            ("LinkLocalIPs", "link_local_ips"),
            ("NanoCPUs", "nano_cpus"),
            ("NanoCpus", "nano_cpus"),
            ("BlkioDeviceReadIOps", "blkio_device_read_iops"),
            ("IOMaximumIOps", "io_maximum_iops"),
            ("IOMaximumBandwidth", "io_maximum_bandwidth"),
            ("OSType", "os_type"),
            ("CACert", "ca_cert"),
            ("TLSInfo", "tls_info"),
            ("DNSNames", "dns_names"),
            ("NCPU", "ncpu"),
            ("NEventsListener", "n_events_listener"),
            ("KernelMemoryTCP", "kernel_memory_tcp"),
            ("OomKillDisable", "oom_kill_disable"),
            ("OOMKilled", "oom_killed"),
            ("copyUIDGID", "copy_uid_gid"),
            ("noOverwriteDirNonDir", "no_overwrite_dir_non_dir"),
            ("one-shot", "one_shot"),
            ("os.version", "os_version"),
            ("diff_ids", "diff_ids"),
            ("Type", "type_"),
            ("for", "for_"),
            ("X-Registry-Auth", "x_registry_auth"),
            ("MacAddress", "mac_address"),
            ("RootFS", "rootfs"),
            ("timeNano", "time_nano"),
            ("OpenStdin", "open_stdin"),
            ("Tty", "tty"),
            ("TTY", "tty"),
        ] {
            assert_eq!(field(name), expected, "{name}");
        }
    }

    #[test]
    fn variants_never_clash() {
        let values = [
            "",
            "no",
            "unless-stopped",
            "unknown",
            "Unknown",
            "other",
            "1",
            "self",
        ]
        .map(str::to_owned);
        assert_eq!(
            variants(&values),
            [
                "Empty",
                "No",
                "UnlessStopped",
                "Unknown",
                "UnknownValue",
                "OtherValue",
                "V1",
                "SelfValue"
            ]
        );
    }

    #[test]
    fn tags_are_put_into_the_plural_but_for_mass_nouns() {
        assert_eq!(tag("Container").accessor, "containers");
        assert_eq!(tag("Exec").accessor, "exec");
        assert_eq!(tag("Exec").handle, "Exec");
    }
}

//! Operations that cannot be shown to work, or to fail, each by its name and with the reason. What is not here has to
//! be shown, and what is here must not work.

use crate::case::Case;

struct Named {
    operations: &'static [&'static str],
    why: &'static str,
    applies: fn(&Case<'_>) -> bool,
}

/// No engine for tests can do it.
const NO_SUCCESS: &[Named] = &[
    Named {
        operations: &["CheckpointCreate", "CheckpointDelete"],
        why: "a checkpoint takes CRIU, which is in no package that engines are made of",
        applies: |case| !case.facts.is_podman,
    },
    Named {
        operations: &["ImageSearch"],
        why: "no registry that can be searched is in the engine's network",
        applies: |_| true,
    },
    Named {
        operations: &["NodeDelete", "SwarmJoin"],
        why: "it takes a second node",
        applies: |case| !case.facts.is_podman,
    },
    Named {
        operations: &["VolumeUpdate"],
        why: "only the volumes of a CSI driver can be changed",
        applies: |_| true,
    },
    Named {
        operations: &["PluginPull"],
        why: "the version has no way to say which plugin, but by the name that today's engines take for the alias",
        applies: |case| !case.facts.is_podman && !case.takes("PluginPull", "remote"),
    },
    Named {
        operations: &["PluginEnable", "PluginInspect"],
        why: "today's engines want what the version does not have",
        applies: |case| !case.facts.is_podman && !case.takes("PluginEnable", "timeout"),
    },
    Named {
        operations: &["SystemAuth"],
        why: "podman wants TLS of the registry, whatever it is configured to",
        applies: |case| case.facts.is_podman,
    },
    Named {
        operations: PODMAN_LACKS,
        why: "podman has no such operation",
        applies: |case| case.facts.is_podman,
    },
];

/// There is no way to get it wrong.
const NO_FAILURE: &[Named] = &[
    Named {
        operations: &[
            "SystemPing",
            "SystemPingHead",
            "SystemVersion",
            "SystemInfo",
        ],
        why: "it takes no argument",
        applies: |_| true,
    },
    Named {
        operations: &["SystemEvents"],
        why: "podman takes no notice of what it cannot read",
        applies: |case| case.facts.is_podman,
    },
    Named {
        operations: &[
            "SystemDataUsage",
            "BuildPrune",
            "NetworkPrune",
            "VolumePrune",
            "PluginList",
            "ServiceList",
        ],
        why: "it takes no argument in this version",
        applies: |_| true,
    },
];

/// What is of Docker alone.
pub(crate) const PODMAN_LACKS: &[&str] = &[
    "BuildCancel",
    "BuildPrune",
    "CheckpointCreate",
    "CheckpointDelete",
    "CheckpointList",
    "ConfigCreate",
    "ConfigDelete",
    "ConfigInspect",
    "ConfigList",
    "ConfigUpdate",
    "ContainerAttachWebsocket",
    "ContainerUpdate",
    "DistributionInspect",
    "GetPluginPrivileges",
    "NodeDelete",
    "NodeInspect",
    "NodeList",
    "NodeUpdate",
    "PluginCreate",
    "PluginDelete",
    "PluginDisable",
    "PluginEnable",
    "PluginInspect",
    "PluginList",
    "PluginPull",
    "PluginPush",
    "PluginSet",
    "PluginUpgrade",
    "SecretUpdate",
    "ServiceCreate",
    "ServiceDelete",
    "ServiceInspect",
    "ServiceList",
    "ServiceLogs",
    "ServiceUpdate",
    "Session",
    "SwarmInit",
    "SwarmInspect",
    "SwarmJoin",
    "SwarmLeave",
    "SwarmUnlock",
    "SwarmUnlockkey",
    "SwarmUpdate",
    "TaskInspect",
    "TaskList",
    "TaskLogs",
];

/// Why the operation cannot succeed in this case.
pub(crate) fn no_success(case: &Case<'_>, operation: &str) -> Option<&'static str> {
    find(NO_SUCCESS, case, operation)
}

/// Why the operation cannot be refused in this case.
pub(crate) fn no_failure(case: &Case<'_>, operation: &str) -> Option<&'static str> {
    find(NO_FAILURE, case, operation)
}

fn find(list: &[Named], case: &Case<'_>, operation: &str) -> Option<&'static str> {
    let mut named = list.iter();
    let named = named.find(|named| (named.applies)(case) && named.operations.contains(&operation));
    named.map(|named| named.why)
}

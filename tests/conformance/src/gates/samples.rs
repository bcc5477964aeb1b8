//! What is looked at, on which engine.

use super::Does::{Honours, Ignores, Refuses};
use super::Look::{
    Answer, Connect, Container, DeleteNothing, Exec, Network, Operation, Signal, Started, Update,
    Volume,
};
use super::{Does, Look, Sample};

const fn sample(gate: &'static str, at: &'static str, does: Does, look: Look) -> Sample {
    Sample {
        gate,
        at,
        does,
        look,
    }
}

const WITH_MAC: &str =
    r#"{"NetworkingConfig":{"EndpointsConfig":{"bridge":{"MacAddress":"02:42:ac:11:22:33"}}}}"#;
const IMAGE_MOUNT: &str =
    r#"{"HostConfig":{"Mounts":[{"Type":"image","Source":"alpine:latest","Target":"/m"}]}}"#;
const SUBPATH: &str = r#"{"HostConfig":{"Mounts":[{"Type":"volume","Source":"gates","Target":"/m","VolumeOptions":{"Subpath":"x"}}]}}"#;
const FORCE_RECURSIVE: &str = r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/tmp","Target":"/m","ReadOnly":true,"BindOptions":{"ReadOnlyForceRecursive":true}}]}}"#;

/// Engine 20.10, which has nothing above 1.41.
pub(super) const OLD: &[Sample] = &[
    sample(
        "containers.stop signal",
        "1.41",
        Ignores,
        Signal("ContainerStop"),
    ),
    sample(
        "containers.restart signal",
        "1.41",
        Ignores,
        Signal("ContainerRestart"),
    ),
    sample(
        "containers.create HostConfig.Annotations",
        "1.41",
        Ignores,
        Container(
            r#"{"HostConfig":{"Annotations":{"a":"b"}}}"#,
            "/HostConfig/Annotations",
        ),
    ),
    sample(
        "containers.create Healthcheck.StartInterval",
        "1.41",
        Ignores,
        Container(
            r#"{"Healthcheck":{"Test":["CMD","true"],"StartInterval":2000000000}}"#,
            "/Config/Healthcheck/StartInterval",
        ),
    ),
    sample(
        "containers.create NetworkingConfig.EndpointsConfig{}.MacAddress",
        "1.41",
        Ignores,
        Started(WITH_MAC, "/NetworkSettings/Networks/bridge/MacAddress"),
    ),
    sample(
        "containers.create NetworkingConfig.EndpointsConfig{}.GwPriority",
        "1.41",
        Ignores,
        Container(
            r#"{"NetworkingConfig":{"EndpointsConfig":{"bridge":{"GwPriority":3}}}}"#,
            "/NetworkSettings/Networks/bridge/GwPriority",
        ),
    ),
    sample(
        "containers.create HostConfig.Mounts[].Type=image",
        "1.41",
        Refuses,
        Container(IMAGE_MOUNT, "/Mounts/0"),
    ),
    sample(
        "containers.create HostConfig.Mounts[].VolumeOptions.Subpath",
        "1.41",
        Ignores,
        Container(SUBPATH, "/HostConfig/Mounts/0/VolumeOptions/Subpath"),
    ),
    sample(
        "containers.create HostConfig.Mounts[].BindOptions.ReadOnlyForceRecursive",
        "1.41",
        Ignores,
        Container(
            FORCE_RECURSIVE,
            "/HostConfig/Mounts/0/BindOptions/ReadOnlyForceRecursive",
        ),
    ),
    sample(
        "exec.create ConsoleSize",
        "1.41",
        Ignores,
        Exec(
            r#"{"Cmd":["stty","size"],"Tty":true,"AttachStdout":true,"ConsoleSize":[33,77]}"#,
            "33 77",
        ),
    ),
    sample(
        "images.list shared-size",
        "1.41",
        Ignores,
        Answer(
            "ImageList",
            r#"{"query:shared-size":true}"#,
            "/0/SharedSize",
        ),
    ),
    sample(
        "images.list manifests",
        "1.41",
        Ignores,
        Answer("ImageList", r#"{"query:manifests":true}"#, "/0/Manifests"),
    ),
    sample(
        "images.inspect manifests",
        "1.41",
        Ignores,
        Answer(
            "ImageInspect",
            r#"{"path:name":"alpine:latest","query:manifests":true}"#,
            "/Manifests",
        ),
    ),
    sample(
        "system.disk_usage type",
        "1.41",
        Ignores,
        // With it, there would be no containers.
        Answer(
            "SystemDataUsage",
            r#"{"query:type":["image"]}"#,
            "/NoContainers",
        ),
    ),
    sample(
        "networks.create EnableIPv4",
        "1.41",
        Ignores,
        Network(
            r#"{"EnableIPv4":false,"EnableIPv6":true,"IPAM":{"Config":[{"Subnet":"fd00:9::/64"}]}}"#,
            "/NoIPv4",
        ),
    ),
    sample(
        "networks.connect EndpointConfig.MacAddress",
        "1.41",
        Ignores,
        Connect(r#"{"MacAddress":"02:42:ac:11:22:33"}"#, "MacAddress"),
    ),
    sample(
        "volumes.create ClusterVolumeSpec",
        "1.41",
        Ignores,
        Volume(r#"{"ClusterVolumeSpec":{"Group":"g"}}"#, "/ClusterVolume"),
    ),
    sample(
        "containers.update PidsLimit",
        "1.39",
        Ignores,
        Update(r#"{"PidsLimit":100}"#, "/HostConfig/PidsLimit"),
    ),
    sample(
        "containers.update BlkioDeviceReadBps",
        "1.41",
        Ignores,
        Update(
            r#"{"BlkioDeviceReadBps":[{"Path":"/dev/null","Rate":1048576}]}"#,
            "/HostConfig/BlkioDeviceReadBps/0",
        ),
    ),
    sample(
        "volumes.update",
        "1.41",
        Refuses,
        Operation("VolumeUpdate", r#"{"path:name":"gates","query:version":1}"#),
    ),
    sample(
        "images.attestations",
        "1.41",
        Refuses,
        Operation("ImageAttestations", r#"{"path:name":"alpine:latest"}"#),
    ),
];

/// Engine 28.5, which has 1.51 and is spoken to in older versions.
pub(super) const NEW: &[Sample] = &[
    sample(
        "containers.stop signal",
        "1.41",
        Ignores,
        Signal("ContainerStop"),
    ),
    sample(
        "containers.restart signal",
        "1.41",
        Ignores,
        Signal("ContainerRestart"),
    ),
    sample(
        "containers.create HostConfig.Annotations",
        "1.42",
        Ignores,
        Container(
            r#"{"HostConfig":{"Annotations":{"a":"b"}}}"#,
            "/HostConfig/Annotations",
        ),
    ),
    sample(
        "containers.create Healthcheck.StartInterval",
        "1.43",
        Ignores,
        Container(
            r#"{"Healthcheck":{"Test":["CMD","true"],"StartInterval":2000000000}}"#,
            "/Config/Healthcheck/StartInterval",
        ),
    ),
    sample(
        "containers.create NetworkingConfig.EndpointsConfig{}.MacAddress",
        "1.43",
        Ignores,
        Started(WITH_MAC, "/NetworkSettings/Networks/bridge/MacAddress"),
    ),
    sample(
        "containers.create HostConfig.Mounts[].Type=image",
        "1.47",
        Refuses,
        Container(IMAGE_MOUNT, "/Mounts/0"),
    ),
    sample(
        "containers.create HostConfig.Mounts[].VolumeOptions.Subpath",
        "1.44",
        Refuses,
        Container(SUBPATH, "/HostConfig/Mounts/0/VolumeOptions/Subpath"),
    ),
    sample(
        "containers.create HostConfig.Mounts[].BindOptions.ReadOnlyForceRecursive",
        "1.43",
        Refuses,
        Container(
            FORCE_RECURSIVE,
            "/HostConfig/Mounts/0/BindOptions/ReadOnlyForceRecursive",
        ),
    ),
    sample(
        "containers.create HostConfig.CgroupnsMode",
        "1.40",
        Honours,
        Container(
            r#"{"HostConfig":{"CgroupnsMode":"private"}}"#,
            "/HostConfig/CgroupnsMode=private",
        ),
    ),
    sample(
        "containers.create HostConfig.MaskedPaths",
        "1.37",
        Honours,
        Container(
            r#"{"HostConfig":{"MaskedPaths":["/proc/x"]}}"#,
            "/HostConfig/MaskedPaths/0=/proc/x",
        ),
    ),
    sample(
        "containers.create HostConfig.DeviceCgroupRules",
        "1.27",
        Honours,
        Container(
            r#"{"HostConfig":{"DeviceCgroupRules":["c 1:3 r"]}}"#,
            "/HostConfig/DeviceCgroupRules/0",
        ),
    ),
    sample(
        "containers.create HostConfig.LogConfig.Type=local",
        "1.38",
        Honours,
        Container(
            r#"{"HostConfig":{"LogConfig":{"Type":"local"}}}"#,
            "/HostConfig/LogConfig/Type=local",
        ),
    ),
    sample(
        "containers.create HostConfig.Init",
        "1.24",
        Honours,
        Container(r#"{"HostConfig":{"Init":true}}"#, "/HostConfig/Init"),
    ),
    sample(
        "containers.create HostConfig.NanoCpus",
        "1.24",
        Honours,
        Container(
            r#"{"HostConfig":{"NanoCpus":500000000}}"#,
            "/HostConfig/NanoCpus",
        ),
    ),
    sample(
        "containers.create HostConfig.AutoRemove",
        "1.24",
        Ignores,
        Container(
            r#"{"HostConfig":{"AutoRemove":true}}"#,
            "/HostConfig/AutoRemove",
        ),
    ),
    sample(
        "containers.create StopTimeout",
        "1.24",
        Honours,
        Container(r#"{"StopTimeout":3}"#, "/Config/StopTimeout"),
    ),
    sample(
        "containers.create Healthcheck.StartPeriod",
        "1.28",
        Honours,
        Container(
            r#"{"Healthcheck":{"Test":["CMD","true"],"StartPeriod":2000000000}}"#,
            "/Config/Healthcheck/StartPeriod",
        ),
    ),
    sample(
        "exec.create ConsoleSize",
        "1.41",
        Ignores,
        Exec(
            r#"{"Cmd":["stty","size"],"Tty":true,"AttachStdout":true,"ConsoleSize":[33,77]}"#,
            "33 77",
        ),
    ),
    sample(
        "exec.create Env",
        "1.24",
        Honours,
        Exec(
            r#"{"Cmd":["sh","-c","echo $GATE"],"AttachStdout":true,"Env":["GATE=open"]}"#,
            "open",
        ),
    ),
    sample(
        "exec.create WorkingDir",
        "1.34",
        Honours,
        Exec(
            r#"{"Cmd":["pwd"],"AttachStdout":true,"WorkingDir":"/tmp"}"#,
            "/tmp",
        ),
    ),
    sample(
        "images.list manifests",
        "1.46",
        Ignores,
        Answer("ImageList", r#"{"query:manifests":true}"#, "/0/Manifests"),
    ),
    sample(
        "system.disk_usage type",
        "1.41",
        Ignores,
        Answer(
            "SystemDataUsage",
            r#"{"query:type":["image"]}"#,
            "/NoContainers",
        ),
    ),
    sample(
        "networks.create EnableIPv4",
        "1.47",
        Ignores,
        Network(
            r#"{"EnableIPv4":false,"EnableIPv6":true,"IPAM":{"Config":[{"Subnet":"fd00:9::/64"}]}}"#,
            "/NoIPv4",
        ),
    ),
    sample(
        "networks.create ConfigOnly",
        "1.29",
        Honours,
        Network(r#"{"ConfigOnly":true}"#, "/ConfigOnly"),
    ),
    sample(
        "networks.connect EndpointConfig.MacAddress",
        "1.51",
        Ignores,
        Connect(r#"{"MacAddress":"02:42:ac:11:22:33"}"#, "MacAddress"),
    ),
    sample(
        "networks.connect EndpointConfig.GwPriority",
        "1.47",
        Honours,
        Connect(r#"{"GwPriority":3}"#, "GwPriority"),
    ),
    sample(
        "containers.update PidsLimit",
        "1.39",
        Ignores,
        Update(r#"{"PidsLimit":100}"#, "/HostConfig/PidsLimit"),
    ),
    sample(
        "containers.update BlkioDeviceReadBps",
        "1.51",
        Ignores,
        Update(
            r#"{"BlkioDeviceReadBps":[{"Path":"/dev/null","Rate":1048576}]}"#,
            "/HostConfig/BlkioDeviceReadBps/0",
        ),
    ),
    sample("volumes.delete force", "1.24", Honours, DeleteNothing),
    sample(
        "configs.list",
        "1.29",
        Honours,
        Operation("ConfigList", "{}"),
    ),
    sample(
        "secrets.list",
        "1.24",
        Honours,
        Operation("SecretList", "{}"),
    ),
    sample(
        "system.disk_usage",
        "1.24",
        Honours,
        Operation("SystemDataUsage", "{}"),
    ),
    sample(
        "containers.prune",
        "1.24",
        Honours,
        Operation("ContainerPrune", "{}"),
    ),
    sample(
        "images.build_prune",
        "1.30",
        Honours,
        Operation("BuildPrune", "{}"),
    ),
    sample(
        "distribution.inspect",
        "1.29",
        Honours,
        Operation("DistributionInspect", r#"{"path:name":"127.0.0.1:1/none"}"#),
    ),
    sample(
        "images.attestations",
        "1.51",
        Refuses,
        Operation("ImageAttestations", r#"{"path:name":"alpine:latest"}"#),
    ),
];

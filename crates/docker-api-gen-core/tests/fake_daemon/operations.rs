//! Operations as generated code has them.

use docker_api_gen_core::{ApiVersion, Operation, TtySource};
use http::Method;

/// The same for all but a few.
macro_rules! operation {
    ($id:literal, $name:literal, $method:ident $path:literal) => {
        operation!($id, $name, $method $path, 41, &[], false, None)
    };
    ($id:literal, $name:literal, $method:ident $path:literal, $minor:literal, $outcomes:expr, $unbounded:expr, $tty:expr) => {
        Operation {
            id: $id,
            name: $name,
            method: Method::$method,
            path: $path,
            version: ApiVersion::new(1, $minor),
            outcomes: $outcomes,
            unbounded: $unbounded,
            tty: $tty,
        }
    };
}

const fn tty(content_type: bool) -> Option<TtySource> {
    Some(TtySource {
        path: "/containers/{id}/json",
        pointer: "/Config/Tty",
        content_type,
    })
}

pub(crate) static LIST: Operation =
    operation!("ContainerList", "containers.list", GET "/containers/json");

pub(crate) static INSPECT: Operation =
    operation!("ContainerInspect", "containers.inspect", GET "/containers/{id}/json");

pub(crate) static CREATE: Operation =
    operation!("ContainerCreate", "containers.create", POST "/containers/create");

pub(crate) static ARCHIVE_INFO: Operation =
    operation!("ContainerArchiveInfo", "containers.archive_info", HEAD "/containers/{id}/archive");

pub(crate) static ARCHIVE_PUT: Operation =
    operation!("PutContainerArchive", "containers.put_archive", PUT "/containers/{id}/archive");

pub(crate) static START: Operation = operation!("ContainerStart", "containers.start", POST "/containers/{id}/start", 41, &[304], false, None);

pub(crate) static PULL: Operation =
    operation!("ImageCreate", "images.pull", POST "/images/create", 41, &[], true, None);

pub(crate) static PUSH: Operation =
    operation!("ImagePush", "images.push", POST "/images/{name}/push", 41, &[], true, None);

pub(crate) static BUILD: Operation =
    operation!("ImageBuild", "images.build", POST "/build", 41, &[], true, None);

pub(crate) static LOGS: Operation = operation!("ContainerLogs", "containers.logs", GET "/containers/{id}/logs", 41, &[], true, tty(false));

pub(crate) static LOGS_TYPED: Operation = operation!("ContainerLogs", "containers.logs", GET "/containers/{id}/logs", 42, &[], true, tty(true));

pub(crate) static ATTACH: Operation = operation!("ContainerAttach", "containers.attach", POST "/containers/{id}/attach", 41, &[], true, tty(false));

pub(crate) static ATTACH_TYPED: Operation = operation!("ContainerAttach", "containers.attach", POST "/containers/{id}/attach", 42, &[], true, tty(true));

pub(crate) static EXEC_START: Operation = operation!("ExecStart", "exec.start", POST "/exec/{id}/start", 42, &[], true, Some(TtySource {
    path: "/exec/{id}/json",
    pointer: "/ProcessConfig/tty",
    content_type: true,
}));

pub(crate) static SESSION: Operation =
    operation!("Session", "session.start", POST "/session", 41, &[], true, None);

/// Of a version in which the type of the answer tells, or not.
const fn exec_start(content_type: bool) -> Operation {
    Operation {
        id: "ExecStart",
        name: "exec.start",
        method: Method::POST,
        path: "/exec/{id}/start",
        version: ApiVersion::new(1, if content_type { 42 } else { 41 }),
        outcomes: &[],
        unbounded: true,
        tty: Some(TtySource {
            path: "/exec/{id}/json",
            pointer: "/ProcessConfig/tty",
            content_type,
        }),
    }
}

pub(crate) static EXEC: Operation = exec_start(false);

pub(crate) static EXEC_TYPED: Operation = exec_start(true);

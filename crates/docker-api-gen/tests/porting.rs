//! The calls of `docs/porting.md`: all of them compile, because all of them stand here too.

use docker_api_gen::shortcuts::Mount;
use docker_api_gen::v1_41 as docker;
use docker_api_gen::v1_41::types;
use docker_api_gen::{Connection, Error, ErrorKind, Limits, Tls};

const GUIDE: &str = include_str!("../docs/porting.md");
const HERE: &str = include_str!("porting.rs");

fn compiles<T>(_: T) {}

#[rustfmt::skip]
fn connections(host: &str, tls: Tls, limits: Limits) {
    compiles(docker::Client::from_env());
    compiles(docker::Client::connect(host));
    compiles(Connection::builder().host(host).tls(tls).build());
    compiles(Connection::builder().limits(limits).build());
}

#[rustfmt::skip]
fn calls(client: &docker::Client) {
    let container = types::ContainerCreateRequest::default();
    let limits = types::ContainerUpdateRequest::default();
    let (exec, start) = (types::ContainerExecRequest::default(), types::ExecStartRequest::default());
    let network = types::NetworkCreateRequest::default();
    let (endpoint, end) = (types::NetworkConnectRequest::default(), types::NetworkDisconnectRequest::default());
    let volume = types::VolumeCreateOptions::default();
    let login = types::AuthConfig::default();
    let id = "4fa6e0f0c678";
    let tar = "in a real program this is an archive";
    compiles(client.containers().list().all(true));
    compiles(client.containers().create(container).name("web"));
    compiles(client.containers().start("web"));
    compiles(client.containers().stop("web").t(10));
    compiles(client.containers().restart("web").t(10));
    compiles(client.containers().kill("web").signal("HUP"));
    compiles(client.containers().delete("web").force(true));
    compiles(client.containers().inspect("web"));
    compiles(client.containers().wait("web"));
    compiles(client.containers().logs("web").stdout(true).stderr(true));
    compiles(client.containers().attach("web").stream(true).stdin(true).stdout(true));
    compiles(client.containers().stats("web"));
    compiles(client.usage("web"));
    compiles(client.containers().top("web"));
    compiles(client.containers().changes("web"));
    compiles(client.containers().update("web", limits));
    compiles(client.containers().rename("web", "old"));
    compiles(client.containers().pause("web"));
    compiles(client.containers().unpause("web"));
    compiles(client.containers().resize("web", 24, 80));
    compiles(client.containers().prune());
    compiles(client.containers().put_archive("web", "/srv", tar));
    compiles(client.copy_in("app.conf", "web", "/etc/"));
    compiles(client.containers().archive("web", "/etc"));
    compiles(client.copy_out("web", "/var/log", "logs"));
    compiles(client.containers().archive_info("web", "/etc"));
    compiles(client.containers().export("web"));
    compiles(client.exec_run("web", ["ls", "/"]));
    compiles(client.exec().create("web", exec));
    compiles(client.exec().start(id, start));
    compiles(client.exec().inspect(id));
    compiles(client.exec().resize(id, 24, 80));
    compiles(client.pull("alpine:3.20"));
    compiles(client.images().create().from_src("-").repo("base").body(tar));
    compiles(client.images().push("me/app").tag("1.0"));
    compiles(client.build("./web").tag("web:1.2"));
    compiles(client.images().build().t(["web:1.2"]).body(tar));
    compiles(client.images().list());
    compiles(client.images().inspect("alpine"));
    compiles(client.distribution().inspect("alpine"));
    compiles(client.images().history("alpine"));
    compiles(client.images().tag("alpine").repo("mine").tag("1.0"));
    compiles(client.images().delete("alpine"));
    compiles(client.images().search("nginx"));
    compiles(client.images().commit().container("web").repo("web").tag("1.3"));
    compiles(client.images().prune());
    compiles(client.images().build_prune());
    compiles(client.images().save("alpine"));
    compiles(client.images().save_all().names(["alpine", "web"]));
    compiles(client.images().load(tar));
    compiles(client.networks().create(network));
    compiles(client.networks().list());
    compiles(client.networks().inspect("net"));
    compiles(client.networks().connect("net", endpoint));
    compiles(client.networks().disconnect("net", end));
    compiles(client.networks().delete("net"));
    compiles(client.networks().prune());
    compiles(client.volumes().create(volume));
    compiles(client.volumes().list());
    compiles(client.volumes().inspect("data"));
    compiles(client.volumes().delete("data").force(true));
    compiles(client.volumes().prune());
    compiles(client.system().events());
    compiles(client.system().info());
    compiles(client.system().version());
    compiles(client.system().ping());
    compiles(client.system().disk_usage());
    compiles(client.run("alpine", ["echo", "hi"]));
    compiles(client.run("alpine", ["echo", "hi"]).keep(true));
    compiles(client.run("nginx", ()).start());
    compiles(client.run("nginx", ()).env("TZ", "UTC").publish(80, 8080).mount(Mount::bind("/srv", "/srv")));
    compiles(client.containers().logs("web").stdout(true).stderr(true).follow(true));
    compiles(client.system().auth(login));
}

#[rustfmt::skip]
fn failures(error: &Error) {
    compiles(error.is_not_found());
    compiles(error.message());
    compiles(error.kind() == ErrorKind::Stream);
    compiles(error.is_timeout());
    compiles(error.status());
    compiles(error.code());
}

/// What stands in backticks in the last column of the tables and is a call.
fn told() -> Vec<&'static str> {
    let rows = GUIDE.lines().filter(|line| line.starts_with("| "));
    let cells = rows.filter_map(|row| row.trim_end_matches([' ', '|']).rsplit(" | ").next());
    cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .filter(|text| {
            ["client.", "docker::", "Connection::", "error."]
                .iter()
                .any(|start| text.starts_with(start))
        })
        .collect()
}

#[test]
fn every_call_of_the_guide_is_here() {
    let told = told();
    assert!(told.len() > 100, "the tables were not found");
    for call in told {
        assert!(
            HERE.contains(&format!("    compiles({call});\n")),
            "docs/porting.md tells `{call}`, which is not tried"
        );
    }
}

#[tokio::test]
async fn every_call_can_be_made() {
    calls(&docker::Client::connect("tcp://nowhere.invalid").unwrap());
    connections("tcp://nowhere.invalid", Tls::new(), Limits::default());
    let client = docker::Client::connect("tcp://nowhere.invalid").unwrap();
    failures(&client.containers().inspect("").request().unwrap_err());
}

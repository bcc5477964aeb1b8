//! Gates of operations that changed their shape, which the tests made of the documents pass over.
#![cfg(feature = "negotiated")]

use docker_api_gen::negotiated::{Client, types};
use docker_api_gen::{ApiVersion, Connection, Error, ErrorKind, Request, Unsupported};

fn speaking(minor: u16) -> Client {
    let connection = Connection::open("tcp://nowhere.invalid").unwrap();
    Client::speaking(connection, ApiVersion::new(1, minor)).unwrap()
}

fn refusal(request: Result<Request, Error>) -> String {
    let error = request.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    error.to_string()
}

fn query(request: Result<Request, Error>) -> String {
    let request = request.unwrap();
    let (_, query) = request.path_and_query().split_once('?').unwrap_or_default();
    query.to_owned()
}

fn platforms(architectures: &[&str]) -> Vec<types::OciPlatform> {
    let platform = |architecture: &&str| types::OciPlatform {
        architecture: Some((*architecture).to_owned()),
        ..Default::default()
    };
    architectures.iter().map(platform).collect()
}

#[test]
fn one_platform_or_several() {
    let one = platforms(&["amd64"]);
    let three = platforms(&["amd64", "arm64", "s390x"]);
    let amd64 = "platform=%7B%22architecture%22%3A%22amd64%22%7D";
    for name in ["images.load", "images.save", "images.save_all"] {
        let request = |client: &Client, platforms: &[types::OciPlatform]| {
            let (images, platforms) = (client.images(), platforms.to_vec());
            match name {
                "images.load" => images.load("").platform(platforms).request(),
                "images.save" => images.save("alpine").platform(platforms).request(),
                _ => images.save_all().platform(platforms).request(),
            }
        };
        assert_eq!(
            refusal(request(&speaking(47), &one)),
            format!("{name}: platform needs API 1.48 (Docker 28.0), this connection speaks 1.47")
        );
        assert_eq!(query(request(&speaking(48), &one)), amd64);
        assert_eq!(
            refusal(request(&speaking(51), &three)),
            format!(
                "{name}: platform[1] needs API 1.52 (Docker 29.0), platform[2] needs API 1.52 (Docker 29.0); \
                 this connection speaks 1.51"
            )
        );
        let dropping = speaking(51).with_unsupported(Unsupported::Drop);
        assert_eq!(query(request(&dropping, &three)), amd64);
        let all = query(request(&speaking(52), &three));
        assert_eq!(all.matches("platform=").count(), 3, "{all}");
    }
}

#[test]
fn how_a_service_is_rolled_back() {
    let request = |client: &Client| {
        let update = client
            .services()
            .update("web", 7, types::ServiceSpec::default());
        update.rollback("previous").request()
    };
    assert_eq!(
        refusal(request(&speaking(27))),
        "services.update: rollback needs API 1.28 (Docker 17.04), this connection speaks 1.27"
    );
    assert_eq!(query(request(&speaking(28))), "version=7&rollback=previous");
}

#[test]
fn which_plugins_are_listed() {
    let filters = docker_api_gen::Filters::new().with("enabled", "true");
    let request = |client: &Client| client.plugins().list().filters(filters.clone()).request();
    assert_eq!(
        refusal(request(&speaking(27))),
        "plugins.list: filters needs API 1.28 (Docker 17.04), this connection speaks 1.27"
    );
    assert!(query(request(&speaking(28))).starts_with("filters="));
}

#[test]
fn what_a_plugin_is_pulled_from_and_allowed() {
    let allowed = types::PluginPrivilege {
        name: Some("network".to_owned()),
        value: Some(vec!["host".to_owned()]),
        ..Default::default()
    };
    let request = |client: &Client| {
        let pull = client.plugins().pull().remote("vieux/sshfs");
        pull.body(vec![allowed.clone()]).request()
    };
    assert_eq!(
        refusal(request(&speaking(24))),
        "plugins.pull: remote needs API 1.25 (Docker 1.13), [0].Name needs API 1.25 (Docker 1.13), \
         [0].Value needs API 1.25 (Docker 1.13); this connection speaks 1.24"
    );
    let sent = request(&speaking(25)).unwrap();
    assert_eq!(
        sent.path_and_query(),
        "/v1.25/plugins/pull?remote=vieux%2Fsshfs"
    );
    assert_eq!(
        sent.body().as_bytes(),
        Some(&br#"[{"Name":"network","Value":["host"]}]"#[..])
    );
}

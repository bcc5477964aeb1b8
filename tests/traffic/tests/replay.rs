//! What replay makes of recordings, good ones and bad ones.

use std::io::Write;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::NamedTempFile;

fn line(method: &str, path: &str, fields: Value) -> Value {
    let mut line = json!({
        "method": method, "path": path, "api": null, "req_ct": null, "req_headers": {}, "req": null,
        "status": 200, "resp_ct": null, "resp_headers": {}, "resp": null, "hijacked": false,
        "client_gone": false, "more": {"kept": true},
    });
    for (name, value) in fields.as_object().unwrap() {
        line[name] = value.clone();
    }
    line
}

fn recording(lines: &[Value]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    for line in lines {
        writeln!(file, "{line}").unwrap();
    }
    file
}

fn replay(file: &NamedTempFile, options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_replay"))
        .arg(file.path())
        .args(options)
        .output()
        .unwrap()
}

/// The report, and whether the program was content.
fn report(lines: &[Value], options: &[&str]) -> (Value, bool) {
    let file = recording(lines);
    let output = replay(&file, &[&["--json"], options].concat());
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{words}"));
    (report, output.status.success())
}

fn error(lines: &[Value], options: &[&str]) -> String {
    let file = recording(lines);
    let output = replay(&file, options);
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn what_is_read_and_kept_is_counted_by_version_and_operation() {
    let lines = [
        line(
            "GET",
            "/v1.41/containers/json?all=1",
            json!({"resp": {"json": [{"Id": "a", "Names": ["/b"]}, {"Id": "c"}]}}),
        ),
        line(
            "GET",
            "/v1.41/events",
            json!({"resp": {"ndjson": [{"Type": "image"}, {"Type": "image"}], "lines": 2, "bytes": 60}, "client_gone": true}),
        ),
        line(
            "POST",
            "/v1.41/containers/create",
            json!({"status": 201, "req": {"json": {"Image": "a"}}, "resp": {"json": {"Id": "a", "Warnings": null}}}),
        ),
        line(
            "POST",
            "/v1.41/containers/a/start",
            json!({"status": 404, "resp": {"json": {"message": "no such container"}}}),
        ),
        // Not JSON, or not all of it.
        line(
            "GET",
            "/v1.41/containers/a/logs",
            json!({"resp": {"raw_b64": "AQ=="}}),
        ),
        line(
            "GET",
            "/v1.41/info",
            json!({"resp": {"text": "{\"ID\":", "bytes": 900}}),
        ),
        line(
            "POST",
            "/v1.41/exec/a/start",
            json!({"status": 101, "hijacked": true}),
        ),
        line(
            "GET",
            "/v1.41/containers/a/changes",
            json!({"resp": {"json": null}}),
        ),
        line(
            "POST",
            "/v1.41/build",
            json!({"req": {"raw_b64": "AQ=="}, "resp": {"ndjson": [{"stream": "a"}], "lines": 1}}),
        ),
    ];
    let (report, content) = report(&lines, &[]);
    assert!(content);
    assert_eq!(report["exchanges"], 9);
    assert_eq!(report["decoded"], 8);
    assert_eq!(report["failed"], 0);
    assert_eq!(report["lost"], 0);
    let of = |name: &str| {
        let operations = report["operations"].as_array().unwrap();
        let found = operations
            .iter()
            .find(|operation| operation["operation"] == name);
        found.map(|found| (found["version"].clone(), found["decoded"].clone()))
    };
    assert_eq!(of("ContainerList"), Some((json!("1.41"), json!(1))));
    assert_eq!(of("SystemEvents"), Some((json!("1.41"), json!(2))));
    assert_eq!(of("ContainerCreate"), Some((json!("1.41"), json!(2))));
    assert_eq!(of("SystemInfo"), Some((json!("1.41"), json!(0))));
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let bad = json!({"resp": {"json": {"Id": "a", "HostConfig": {"Ulimits": [{"Soft": 1}, {"Soft": "many"}]}}}});
    let good = json!({"resp": {"json": {"Id": "a"}}});
    let lines = [
        line("GET", "/v1.41/containers/a/json", good),
        line("GET", "/v1.41/containers/a/json", bad.clone()),
        line("GET", "/v1.41/containers/a/json", bad),
        line(
            "POST",
            "/v1.41/containers/create",
            json!({"status": 400, "req": {"json": {"Image": 1}}}),
        ),
    ];
    let (found, content) = report(&lines, &[]);
    assert!(!content);
    assert_eq!(found["failed"], 3);
    let failures = found["failures"].as_array().unwrap();
    assert_eq!(failures.len(), 2);
    let inspect = failures
        .iter()
        .find(|failure| failure["part"] == "answer")
        .unwrap();
    assert_eq!(inspect["path"], "HostConfig.Ulimits[1].Soft");
    assert_eq!(
        inspect["reason"],
        "invalid type: string \"many\", expected i64"
    );
    assert_eq!(
        (&inspect["line"], &inspect["times"]),
        (&json!(2), &json!(2))
    );

    let file = recording(&lines);
    let text = String::from_utf8(replay(&file, &[]).stdout).unwrap();
    assert!(
        text.contains(
            "  1.41 ContainerInspect, answer 200: HostConfig.Ulimits[1].Soft: invalid type: string"
        ),
        "{text}"
    );
    assert!(
        text.contains("4 exchanges: 1 documents decoded, 3 failed, 0 fields lost"),
        "{text}"
    );
}

#[test]
fn what_nobody_described_is_listed() {
    let lines = [
        line(
            "GET",
            "/v1.41/version",
            json!({"resp": {"json": {"Version": "1", "Mood": "good"}}}),
        ),
        line("GET", "/v1.41/libpod/info", json!({"resp": {"json": {}}})),
        line("GET", "/v4.3.1/libpod/info", json!({})),
        line(
            "POST",
            "/v1.41/containers/a/stop",
            json!({"status": 204, "resp": {"json": {"Stopped": true}}}),
        ),
    ];
    let (report, content) = report(&lines, &[]);
    assert!(content);
    assert_eq!(report["undeclared"][0]["path"], "Mood");
    assert_eq!(report["undeclared"][0]["type"], "string");
    assert_eq!(report["undescribed"][0]["operation"], "ContainerStop");
    assert_eq!(report["unknown"].as_array().unwrap().len(), 2);
}

#[test]
fn the_version_is_that_of_the_path_or_the_nearest_or_the_one_asked_for() {
    let versions = |path: &str, api: Value, options: &[&str]| {
        let (report, _) = report(&[line("GET", path, json!({"api": api}))], options);
        report["operations"][0]["version"].clone()
    };
    let newest = versions("/info", Value::Null, &[]);
    assert_eq!(versions("/v1.999/info", json!("1.999"), &[]), newest);
    assert_eq!(versions("/v1.41/info", Value::Null, &[]), "1.41");
    assert_eq!(versions("/info", json!("1.41"), &[]), "1.41");
    for asked in ["v1_41", "v1.41", "1.41"] {
        assert_eq!(
            versions("/v1.24/info", json!("1.24"), &["--version", asked]),
            "1.41"
        );
    }
    let words = error(&[line("GET", "/info", json!({}))], &["--version", "v1_999"]);
    assert!(
        words.contains("there is no version v1_999: there are 1.24 to "),
        "{words}"
    );
}

#[test]
fn a_bad_recording_is_an_error_that_names_the_line() {
    let mut file = recording(&[line("GET", "/v1.41/info", json!({}))]);
    write!(file, "{{\"method\":").unwrap();
    let output = replay(&file, &[]);
    assert!(!output.status.success() && output.stdout.is_empty());
    let words = String::from_utf8(output.stderr).unwrap();
    let place = format!(
        "error: {}:2: the line ends in the middle",
        file.path().display()
    );
    assert!(words.starts_with(&place), "{words}");
    let words = error(&[], &[]);
    assert!(
        words.contains(":1: there is no exchange in this file"),
        "{words}"
    );
    let words = error(&[json!({"method": "GET", "path": 1})], &[]);
    assert!(
        words.contains(":1: this is no exchange: invalid type"),
        "{words}"
    );
}

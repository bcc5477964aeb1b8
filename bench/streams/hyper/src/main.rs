//! Reads the body of an answer to its end, and prints how many pieces and bytes there were, and how much memory that
//! took. Nothing is looked at; `copy` writes it to a file.

use std::env;
use std::error::Error;
use std::fs::File;
use std::io::Write;

use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

#[path = "../../peak.rs"]
mod peak;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // In a task: what `block_on` itself waits for costs a call of the system each time.
    let (items, bytes) = runtime.block_on(runtime.spawn(read()))??;
    println!("{items} {bytes} {}", peak::peak());
    Ok(())
}

async fn read() -> Result<(u64, u64), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut file = None;
    let (method, path) = match arguments[..] {
        ["logs", id] => (
            "GET",
            format!("/containers/{id}/logs?stdout=true&stderr=true"),
        ),
        ["events", since] => ("GET", format!("/events?since={since}")),
        ["progress", image] => ("POST", format!("/images/create?fromImage={image}")),
        ["read", id] => ("GET", format!("/containers/{id}/archive?path=/large")),
        ["copy", id, to] => {
            file = Some(File::create(to)?);
            ("GET", format!("/containers/{id}/archive?path=/large"))
        }
        _ => {
            return Err(
                "usage: logs ID | events SINCE | progress IMAGE | read ID | copy ID TO".into(),
            );
        }
    };

    let host = env::var("DOCKER_HOST")?;
    let socket = host
        .strip_prefix("unix://")
        .ok_or("DOCKER_HOST is not a unix socket")?;
    let stream = UnixStream::connect(socket).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(format!("/v1.41{path}"))
        .header("host", "localhost")
        .body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    if !response.status().is_success() {
        return Err(response.status().to_string().into());
    }
    let mut body = response.into_body();
    let (mut items, mut bytes) = (0, 0);
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            items += 1;
            bytes += data.len() as u64;
            if let Some(file) = &mut file {
                file.write_all(&data)?;
            }
        }
    }
    Ok((items, bytes))
}

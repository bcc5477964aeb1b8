//! Prints the ids of the running containers.

use std::env;
use std::error::Error;

use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(list())
}

async fn list() -> Result<(), Box<dyn Error>> {
    let host = env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
    let path = host
        .strip_prefix("unix://")
        .ok_or_else(|| format!("{host} is not a unix socket"))?;
    let stream = UnixStream::connect(path)
        .await
        .map_err(|error| format!("cannot connect to {host}: {error}"))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);

    let request = Request::get("/v1.41/containers/json")
        .header("host", "localhost")
        .body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    if !status.is_success() {
        return Err(format!("{status}: {}", String::from_utf8_lossy(&body).trim()).into());
    }
    let containers: Vec<Value> = serde_json::from_slice(&body)?;
    for container in containers {
        println!("{}", container["Id"].as_str().unwrap_or_default());
    }
    Ok(())
}

//! What daemons do with what the version spoken does not have, compared with what the table of the client says of it.
//!
//! A daemon that has no newer version shows what the table is about. One that has, and is spoken to in an older version,
//! may know the thing all the same: whether it goes by it is its own affair, and noted here so that a change is seen.

mod samples;
mod unsaid;

use anyhow::{Context as _, Result, ensure};
use docker_api_gen_core::history::Outside;
use docker_api_gen_core::{ApiVersion, Connection, ErrorKind, Unsupported};
use docker_api_gen_negotiated::history::HISTORY;
use docker_api_gen_tests::call::{Caller, Given, Got};
use serde_json::{Value, json};
use xtask::engine::{Engine, EngineKind};

const IMAGE: &str = "alpine:latest";

const MAC: &str = "02:42:ac:11:22:33";

/// One thing, said in a version that does not have it.
struct Sample {
    /// The operation and the place, as [`HISTORY`] has them.
    gate: &'static str,
    /// The version that is spoken.
    at: &'static str,
    does: Does,
    look: Look,
}

/// What a daemon does with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Ignores,
    Refuses,
    Honours,
}

use Does::{Honours, Ignores, Refuses};

/// How that is seen. Bodies are JSON; a thing that is honoured shows at a place of what is inspected then.
#[derive(Clone, Copy)]
enum Look {
    Container(&'static str, &'static str),
    /// The same, once it runs.
    Started(&'static str, &'static str),
    Network(&'static str, &'static str),
    Volume(&'static str, &'static str),
    /// A running container is updated.
    Update(&'static str, &'static str),
    /// An exec of a running container, and what it prints then.
    Exec(&'static str, &'static str),
    /// The operation itself, with these parameters.
    Operation(&'static str, &'static str),
    /// An operation with these parameters, whose answer has such a place then.
    Answer(&'static str, &'static str, &'static str),
    /// An operation that ends a container whose program knows the signal, which it ends with 7 for.
    Signal(&'static str),
    /// A volume that is not there.
    DeleteNothing,
    /// A container is connected to a network with this.
    Connect(&'static str, &'static str),
}

use Look::{
    Answer, Connect, Container, DeleteNothing, Exec, Network, Operation, Signal, Started, Update,
    Volume,
};
use samples::{NEW, OLD};

/// Looks at what an engine does, and says how often it was as it should be, and how often not.
pub(crate) fn run(kinds: &[EngineKind]) -> Result<bool> {
    let (mut passed, mut failed) = (0, 0);
    for kind in kinds {
        let samples = match kind {
            EngineKind::Docker20_10 => OLD,
            EngineKind::Docker28_5 => NEW,
            _ => continue,
        };
        let engine = Engine::builder()
            .kind(*kind)
            .name(format!("gates-{kind}"))
            .start()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        for sample in samples {
            match runtime.block_on(sample.judge(&engine)) {
                Ok(()) => passed += 1,
                Err(error) => {
                    failed += 1;
                    println!("{kind}: {} at {}: {error:#}", sample.gate, sample.at);
                }
            }
        }
        for (what, versions) in unsaid::ALL {
            for at in *versions {
                match runtime.block_on(unsaid::judge(&engine, what, at)) {
                    Ok(judged) => passed += judged.map_or(0, |()| 1),
                    Err(error) => {
                        failed += 1;
                        println!("{kind}: without {what} at {at}: {error:#}");
                    }
                }
            }
        }
        engine.stop()?;
    }
    ensure!(passed + failed > 0, "no engine of these has samples");
    println!("{passed} passed, {failed} failed");
    Ok(failed == 0)
}

impl Sample {
    async fn judge(&self, engine: &Engine) -> Result<()> {
        let at: ApiVersion = self.at.parse()?;
        let max: ApiVersion = engine.api_window()?.max.parse()?;
        ensure!(
            !HISTORY.has(at, self.gate)?,
            "the table says that the version has it"
        );
        let world = World::new(engine, at, max)?;
        let does = world.look(self.look).await?;
        ensure!(
            does == self.does,
            "the daemon {does:?} it, and not {:?}",
            self.does
        );
        if at == max {
            let place = self
                .gate
                .split_once(' ')
                .map_or(self.gate, |(_, place)| place);
            let mut known = HISTORY.lookup(place).into_iter();
            let known = known.find(|known| known.what == self.gate);
            let table = match known.context("the table does not have it")?.outside {
                Outside::Refused => Refuses,
                _ => Ignores,
            };
            ensure!(does == table, "the table says that it {table:?} it");
        }
        Ok(())
    }
}

/// A client that says what its version does not have, and one that has no need to.
struct World {
    client: Box<dyn Caller>,
    aide: Box<dyn Caller>,
}

impl World {
    fn new(engine: &Engine, at: ApiVersion, max: ApiVersion) -> Result<Self> {
        let connection = Connection::open(engine.host())?;
        let sending = connection.clone().with_unsupported(Unsupported::Send);
        Ok(Self {
            client: docker_api_gen_harness::negotiated(sending, at)?,
            aide: docker_api_gen_harness::negotiated(connection, max)?,
        })
    }

    async fn look(&self, look: Look) -> Result<Does> {
        match look {
            Container(body, shows) | Started(body, shows) => {
                let Some(id) = self.create(body).await? else {
                    return Ok(Refuses);
                };
                if let Started(..) = look {
                    let parameters = given(json!({"path:id": id}), None);
                    call(&*self.aide, "ContainerStart", parameters).await?;
                }
                let seen = self.inspect("ContainerInspect", "path:id", &id).await?;
                self.remove(&id).await?;
                Ok(honours(is_there(&seen, shows)))
            }
            Network(body, shows) => {
                let mut body: Value = serde_json::from_str(body)?;
                body["Name"] = json!("gates");
                let Some(made) =
                    try_call(&*self.client, "NetworkCreate", given(json!({}), Some(body))).await?
                else {
                    return Ok(Refuses);
                };
                let id = made["Id"].as_str().context("an id")?.to_owned();
                let mut seen = self.inspect("NetworkInspect", "path:id", &id).await?;
                let subnets = seen["IPAM"]["Config"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default();
                let has_ipv4 = subnets.iter().any(|config| {
                    config["Subnet"]
                        .as_str()
                        .is_some_and(|subnet| subnet.contains('.'))
                });
                seen["NoIPv4"] = json!(!has_ipv4);
                call(
                    &*self.aide,
                    "NetworkDelete",
                    given(json!({"path:id": id}), None),
                )
                .await?;
                Ok(honours(is_there(&seen, shows)))
            }
            Volume(body, shows) => {
                let mut body: Value = serde_json::from_str(body)?;
                body["Name"] = json!("gates-volume");
                if try_call(&*self.client, "VolumeCreate", given(json!({}), Some(body)))
                    .await?
                    .is_none()
                {
                    return Ok(Refuses);
                }
                let seen = self
                    .inspect("VolumeInspect", "path:name", "gates-volume")
                    .await?;
                let name = json!({"path:name": "gates-volume"});
                call(&*self.aide, "VolumeDelete", given(name, None)).await?;
                Ok(honours(is_there(&seen, shows)))
            }
            Update(body, shows) => {
                let id = self.running("sleep 60").await?;
                let parameters = given(json!({"path:id": id}), Some(serde_json::from_str(body)?));
                let updated = try_call(&*self.client, "ContainerUpdate", parameters).await?;
                let seen = self.inspect("ContainerInspect", "path:id", &id).await?;
                self.remove(&id).await?;
                Ok(updated.map_or(Refuses, |_| honours(is_there(&seen, shows))))
            }
            Exec(body, prints) => {
                let id = self.running("sleep 60").await?;
                let said = self.exec(&id, serde_json::from_str(body)?).await;
                self.remove(&id).await?;
                Ok(said?.map_or(Refuses, |said| honours(said.trim() == prints)))
            }
            Operation(operation, parameters) => {
                let given = given(serde_json::from_str(parameters)?, None);
                let sending = self
                    .client
                    .call(operation, &given)
                    .context("no such operation")?;
                match sending.await {
                    Err(error) if error.kind() == ErrorKind::Unsupported => Ok(Refuses),
                    // Whatever it says: it knows the operation.
                    _ => Ok(Honours),
                }
            }
            Answer(operation, parameters, shows) => {
                // Something that is not asked for.
                let id = self.running("sleep 60").await?;
                let given = given(serde_json::from_str(parameters)?, None);
                let seen = try_call(&*self.client, operation, given).await?;
                self.remove(&id).await?;
                let Some(mut seen) = seen else {
                    return Ok(Refuses);
                };
                if let Some(members) = seen.as_object_mut() {
                    let containers = members.get("Containers").and_then(Value::as_array);
                    let has_none = containers.is_none_or(Vec::is_empty);
                    members.insert("NoContainers".to_owned(), json!(has_none));
                }
                Ok(honours(is_there(&seen, shows)))
            }
            Signal(operation) => self.signal(operation).await,
            DeleteNothing => {
                let parameters = json!({"path:name": "gates-nothing", "query:force": true});
                let deleted =
                    try_call(&*self.client, "VolumeDelete", given(parameters, None)).await?;
                // Without, it says that there is no such volume.
                Ok(honours(deleted.is_some()))
            }
            Connect(endpoint, shows) => {
                let body = json!({"Name": "gates"});
                let made = call(&*self.aide, "NetworkCreate", given(json!({}), Some(body))).await?;
                let network = made["Id"].as_str().context("an id")?.to_owned();
                let endpoint: Value = serde_json::from_str(endpoint)?;
                let id = self.running("sleep 60").await?;
                let body = json!({"Container": id, "EndpointConfig": endpoint});
                let parameters = given(json!({"path:id": network}), Some(body));
                let connected = try_call(&*self.client, "NetworkConnect", parameters).await?;
                let seen = self.inspect("ContainerInspect", "path:id", &id).await?;
                self.remove(&id).await?;
                call(
                    &*self.aide,
                    "NetworkDelete",
                    given(json!({"path:id": network}), None),
                )
                .await?;
                let seen = &seen["NetworkSettings"]["Networks"]["gates"][shows];
                Ok(connected.map_or(Refuses, |_| honours(*seen == endpoint[shows])))
            }
        }
    }

    /// Ends a program that ends with 7 on a signal that is not the usual one.
    async fn signal(&self, operation: &str) -> Result<Does> {
        let id = self
            .running(
                "trap 'echo seven; exit 7' USR1; trap 'exit 8' TERM; while :; do sleep 0.1; done",
            )
            .await?;
        // The traps have to be set.
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        let parameters = json!({"path:id": id, "query:signal": "SIGUSR1", "query:t": 5});
        let ended = try_call(&*self.client, operation, given(parameters, None)).await?;
        let logs = json!({"path:id": id, "query:stdout": true});
        let logs = given(logs, None);
        let sending = self.aide.call("ContainerLogs", &logs).context("logs")?;
        let Got::Logs(mut logs) = sending.await? else {
            anyhow::bail!("those are no logs");
        };
        let written = logs.collect(1 << 20).await?;
        self.remove(&id).await?;
        let has_seen = written.stdout.windows(5).any(|five| five == b"seven");
        Ok(ended.map_or(Refuses, |_| honours(has_seen)))
    }

    async fn exec(&self, id: &str, body: Value) -> Result<Option<String>> {
        let parameters = given(json!({"path:id": id}), Some(body));
        let Some(made) = try_call(&*self.client, "ContainerExec", parameters).await? else {
            return Ok(None);
        };
        let exec = made["Id"].as_str().context("an id")?;
        let parameters = given(json!({"path:id": exec}), Some(json!({})));
        let sending = self.aide.call("ExecStart", &parameters).context("exec")?;
        let Got::Upgraded(upgraded) = sending.await? else {
            anyhow::bail!("that is no connection");
        };
        let (mut logs, _input) = upgraded.into_logs();
        let output = logs.collect(1 << 20).await?;
        Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned()))
    }

    /// A container that was made with this; none if the daemon refuses to.
    async fn create(&self, body: &str) -> Result<Option<String>> {
        let mut body: Value = serde_json::from_str(body)?;
        body["Image"] = json!(IMAGE);
        body["Cmd"] = json!(["sleep", "60"]);
        let made = try_call(
            &*self.client,
            "ContainerCreate",
            given(json!({}), Some(body)),
        )
        .await?;
        let Some(made) = made else { return Ok(None) };
        Ok(Some(made["Id"].as_str().context("an id")?.to_owned()))
    }

    async fn running(&self, script: &str) -> Result<String> {
        let body = json!({"Image": IMAGE, "Cmd": ["sh", "-c", script]});
        let made = call(&*self.aide, "ContainerCreate", given(json!({}), Some(body))).await?;
        let id = made["Id"].as_str().context("an id")?.to_owned();
        let parameters = given(json!({"path:id": id}), None);
        call(&*self.aide, "ContainerStart", parameters).await?;
        Ok(id)
    }

    async fn inspect(&self, operation: &str, parameter: &str, id: &str) -> Result<Value> {
        call(&*self.aide, operation, given(json!({parameter: id}), None)).await
    }

    async fn remove(&self, id: &str) -> Result<()> {
        let parameters = json!({"path:id": id, "query:force": true, "query:v": true});
        call(&*self.aide, "ContainerDelete", given(parameters, None)).await?;
        Ok(())
    }
}

fn honours(is_so: bool) -> Does {
    if is_so { Honours } else { Ignores }
}

/// Whether there is something at a place, or, behind `=`, just that.
fn is_there(document: &Value, place: &str) -> bool {
    let (pointer, wanted) = match place.split_once('=') {
        Some((pointer, wanted)) => (pointer, Some(wanted)),
        None => (place, None),
    };
    match (document.pointer(pointer), wanted) {
        (Some(value), Some(wanted)) => value.as_str() == Some(wanted),
        (Some(Value::Null | Value::Bool(false)) | None, _) => false,
        (Some(Value::String(text)), None) => {
            !text.is_empty() && (!pointer.ends_with("MacAddress") || text == MAC)
        }
        (Some(Value::Number(number)), None) => number.as_i64().is_none_or(|number| number > 0),
        (Some(Value::Array(items)), None) => !items.is_empty(),
        (Some(Value::Object(members)), None) => !members.is_empty(),
        (Some(Value::Bool(true)), None) => true,
    }
}

fn given(parameters: Value, body: Option<Value>) -> Given {
    let mut given = Given::default();
    if let Value::Object(parameters) = parameters {
        given.parameters = parameters.into_iter().collect();
    }
    given.body = body;
    given
}

/// What a call brings, as a document; none if the daemon says that there is something wrong with it.
async fn try_call(client: &dyn Caller, operation: &str, given: Given) -> Result<Option<Value>> {
    let sending = client.call(operation, &given);
    match sending.context("there is no such operation")?.await {
        Ok(Got::Document(document)) => Ok(Some(document)),
        Ok(_) => Ok(Some(Value::Null)),
        Err(error) if error.status().is_some() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The same where nothing is wrong.
async fn call(client: &dyn Caller, operation: &str, given: Given) -> Result<Value> {
    let sending = client.call(operation, &given);
    match sending.context("there is no such operation")?.await? {
        Got::Document(document) => Ok(document),
        _ => Ok(Value::Null),
    }
}

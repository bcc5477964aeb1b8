//! `cargo xtask engine …`.

use std::io::{ErrorKind, Write};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::Subcommand;

use super::private::{self, Private};
use super::{Builder, Engine, EngineKind, Inner, Net, Registry, existing, say};

/// Finds or starts container engines.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: EngineCommand,
}

#[derive(Debug, Subcommand)]
enum EngineCommand {
    /// Start an engine that stays until `engine down`, and print its address
    Up {
        #[command(flatten)]
        options: Options,
        /// What to call it, to tell several apart [default: its kind]
        #[arg(long)]
        name: Option<String>,
    },
    /// Stop engines started by `engine up`, all of them unless some are named, and remove what they had
    Down { names: Vec<String> },
    /// Print the shell command that points docker at an engine: eval "$(cargo xtask engine env)"
    Env { name: Option<String> },
    /// Show the engines that run and those that can be had on this machine
    List,
    /// Run a command with an engine of its own, or the one that is there, and end with its exit code
    Run {
        #[command(flatten)]
        options: Options,
        #[arg(last = true, required = true, value_name = "COMMAND")]
        command: Vec<String>,
    },
    /// Run a command inside the network of an engine, where its tcp ports are
    Exec {
        name: Option<String>,
        #[arg(last = true, required = true, value_name = "COMMAND")]
        command: Vec<String>,
    },
    /// Start a registry inside the network of an engine, and print its address
    Registry {
        name: Option<String>,
        /// Ask for a name and a password, which are printed too
        #[arg(long)]
        closed: bool,
    },
    /// Start an sshd inside the network of an engine, and print its address and a program that gets there
    Ssh { name: Option<String> },
    /// Stop the daemon of an engine and start it again
    Restart { name: Option<String> },
    /// Kill the daemon of an engine, as a crash would
    Kill { name: Option<String> },
    #[command(hide = true)]
    Supervise,
    #[command(hide = true)]
    Inside,
}

#[derive(Debug, clap::Args)]
struct Options {
    /// The kind to start [default: the engine that docker would talk to, else the best that can be had]
    #[arg(long, value_name = "KIND")]
    engine: Option<EngineKind>,
    /// Start one even if an engine is there
    #[arg(long)]
    private: bool,
    /// Start a registry inside, on 127.0.0.1:5000
    #[arg(long)]
    registry: bool,
    /// The network it lives in
    #[arg(long, value_enum, default_value_t)]
    net: Net,
    /// One more argument for the daemon
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    arg: Vec<String>,
    /// One more variable for the daemon
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a variable is written NAME=VALUE".to_owned()),
    }
}

impl Options {
    fn builder(self) -> Builder {
        Builder {
            kind: self.engine,
            private: self.private,
            args: self.arg,
            env: self.env,
            net: self.net,
            registry: self.registry,
            ..Builder::default()
        }
    }
}

/// Does what the command line says.
pub fn run(args: Args) -> Result<ExitCode> {
    match args.command {
        EngineCommand::Up { options, name } => up(options.builder(), name)?,
        EngineCommand::Down { names } => down(&names)?,
        EngineCommand::Env { name } => env(name.as_deref())?,
        EngineCommand::List => list()?,
        EngineCommand::Run { options, command } => {
            let engine = options.builder().start()?;
            let status = engine.run(Command::new(&command[0]).args(&command[1..]))?;
            engine.stop()?;
            return Ok(private::exit_code(status));
        }
        EngineCommand::Exec { name, command } => {
            let engine = chosen(name.as_deref())?;
            let status = engine.run(engine.command(&command[0]).args(&command[1..]))?;
            return Ok(private::exit_code(status));
        }
        EngineCommand::Registry { name, closed } => {
            let registry = if closed {
                Registry::Closed
            } else {
                Registry::Open
            };
            print(chosen(name.as_deref())?.registry(registry)?)?;
            if closed {
                print(&format!("{} {}", Registry::USER, Registry::PASSWORD))?;
            }
        }
        EngineCommand::Ssh { name } => {
            let ssh = chosen(name.as_deref())?.ssh()?;
            print(&format!("ssh://root@127.0.0.1:{}", ssh.port))?;
            print(&ssh.program.display().to_string())?;
        }
        EngineCommand::Restart { name } => chosen(name.as_deref())?.restart()?,
        EngineCommand::Kill { name } => chosen(name.as_deref())?.kill()?,
        EngineCommand::Supervise => private::supervise()?,
        EngineCommand::Inside => private::inside()?,
    }
    Ok(ExitCode::SUCCESS)
}

fn up(mut builder: Builder, name: Option<String>) -> Result<()> {
    let wanted = name.as_deref().or(builder.kind.map(EngineKind::name));
    let mut engines = kept()?;
    engines.retain(|engine| wanted.is_none_or(|wanted| wanted == engine.name()));
    if let Some(engine) = engines.first() {
        say(format_args!("{} is up already", engine.name()));
        return print(engine.host());
    }
    builder.name = name;
    builder.keep = true;
    let mut engine = builder.start()?;
    match &mut engine.0 {
        Inner::Existing { .. } => say(format_args!(
            "an engine is there already, and none was started"
        )),
        Inner::Private(engine) => engine.detach()?,
    }
    print(engine.host())
}

fn down(names: &[String]) -> Result<()> {
    let mut engines = kept()?;
    for name in names {
        if !engines.iter().any(|engine| engine.name() == name) {
            bail!("{}", nobody(name, &engines));
        }
    }
    engines.retain(|engine| names.is_empty() || names.iter().any(|name| name == engine.name()));
    if engines.is_empty() {
        say(format_args!("none was up"));
    }
    for mut engine in engines {
        engine.stop()?;
        say(format_args!("{} is down", engine.name()));
    }
    private::sweep()
}

fn env(name: Option<&str>) -> Result<()> {
    let engines = kept()?;
    let host = match (name, engines.is_empty()) {
        (None, true) => existing().context("no engine is up (cargo xtask engine up starts one)")?,
        _ => select(name, engines)?.host().to_owned(),
    };
    print(&format!("export DOCKER_HOST={}", quoted(&host)))
}

/// For a shell, which takes plain addresses as they are.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/:.-_@[]".contains(c);
    if text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn list() -> Result<()> {
    print(&match existing() {
        Ok(host) => format!("found by docker    yes  {host}"),
        Err(why) => format!("found by docker    no   {why:#}"),
    })?;
    for kind in EngineKind::ALL {
        print(&match private::available(kind) {
            Ok(version) => format!("{kind:<18} yes  {version}"),
            Err(why) => format!("{kind:<18} no   {}", format!("{why:#}").replace('\n', " ")),
        })?;
    }
    for engine in private::running()? {
        let whose = if engine.is_kept() {
            "up"
        } else {
            "in use by a command"
        };
        let version = engine.version().unwrap_or("starting");
        print(&format!(
            "running            {}  {version}  {}  {whose}",
            engine.name(),
            engine.host()
        ))?;
    }
    Ok(())
}

/// Unlike `println!`, takes it well when nobody reads on.
fn print(line: &str) -> Result<()> {
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.context("cannot print"),
    }
}

/// The engines that `engine up` started.
fn kept() -> Result<Vec<Private>> {
    let mut engines = private::running()?;
    engines.retain(Private::is_kept);
    Ok(engines)
}

fn chosen(name: Option<&str>) -> Result<Engine> {
    select(name, kept()?).map(|engine| Engine(Inner::Private(Box::new(engine))))
}

fn select(name: Option<&str>, mut engines: Vec<Private>) -> Result<Private> {
    match name {
        None if engines.len() == 1 => Ok(engines.remove(0)),
        None if engines.is_empty() => bail!("no engine is up (cargo xtask engine up starts one)"),
        None => bail!("several engines are up, say which: {}", names(&engines)),
        Some(name) => match engines.iter().position(|engine| engine.name() == name) {
            Some(position) => Ok(engines.remove(position)),
            None => bail!("{}", nobody(name, &engines)),
        },
    }
}

fn nobody(name: &str, engines: &[Private]) -> String {
    if engines.is_empty() {
        format!("no engine {name} is up, nor any other")
    } else {
        format!("no engine {name} is up, only {}", names(engines))
    }
}

fn names(engines: &[Private]) -> String {
    engines
        .iter()
        .map(Private::name)
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_meant() {
        assert_eq!(
            quoted("unix:///run/a-b/docker.sock"),
            "unix:///run/a-b/docker.sock"
        );
        assert_eq!(quoted("unix:///it's here"), r"'unix:///it'\''s here'");
    }

    #[test]
    fn a_variable_has_a_name() {
        assert_eq!(variable("A=b=c"), Ok(("A".into(), "b=c".into())));
        assert!(variable("=b").is_err() && variable("A").is_err());
    }
}

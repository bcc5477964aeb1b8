//! Credentials in `DOCKER_AUTH_CONFIG` and in `config.json`.

use std::path::Path;

use super::helper::Helper;
use super::registry::{is_same, of_address};
use super::{Registries, RegistryAuth};
use crate::base64_bytes;
use crate::config::{self, JsonFile};
use crate::error::Error;
use crate::scan;
use crate::text::shorten;

const VARIABLE: &str = "DOCKER_AUTH_CONFIG";

/// What is stored for one registry.
#[derive(Debug)]
pub(super) enum Stored {
    Nothing,
    Auth(RegistryAuth),
    /// A helper has to be asked; and what stands in the file beside it.
    Helper(Helper, Option<RegistryAuth>),
}

/// What is stored for all registries.
#[derive(Debug, Default)]
pub(super) struct All {
    /// What stands in the file.
    pub(super) auths: Vec<(String, RegistryAuth)>,
    /// Where everything is unless it is said otherwise.
    pub(super) store: Option<Helper>,
    /// Where some are.
    pub(super) helpers: Vec<(Helper, String)>,
    /// What comes before all others.
    pub(super) first: Vec<(String, RegistryAuth)>,
}

/// What is stored for a registry.
pub(super) fn find(registries: &Registries, registry: &str) -> Result<Stored, Error> {
    if let Some(auth) = pick(auths_of_variable(registries)?, registry) {
        return auth.read(VARIABLE).map(Stored::Auth);
    }
    let Some(file) = open(registries)? else {
        return Ok(Stored::Nothing);
    };
    let whence = file.path.display().to_string();
    let auth = pick(entries(file.get("auths"), &whence)?, registry);
    let helper = match pick_helper(&file, registry)? {
        Some(name) => Some(Helper::new(&name, "credHelpers")?),
        None => store(&file)?,
    };
    match (helper, auth) {
        (Some(helper), auth) => {
            // A helper counts, whatever became of what is beside it.
            let rest = auth.and_then(|auth| auth.read(&whence).ok());
            Ok(Stored::Helper(helper, rest))
        }
        (None, Some(auth)) => auth.read(&whence).map(Stored::Auth),
        (None, None) => Ok(Stored::Nothing),
    }
}

/// What is stored for all registries.
pub(super) fn all(registries: &Registries) -> Result<All, Error> {
    let mut all = All::default();
    for entry in auths_of_variable(registries)? {
        all.first
            .push((entry.address.clone(), entry.read(VARIABLE)?));
    }
    let Some(file) = open(registries)? else {
        return Ok(all);
    };
    let whence = file.path.display().to_string();
    all.store = store(&file)?;
    if all.store.is_none() {
        for entry in entries(file.get("auths"), &whence)? {
            let auth = entry.read(&whence)?;
            if auth.username.is_some()
                || auth.identity_token.is_some()
                || auth.registry_token.is_some()
            {
                all.auths.push((entry.address, auth));
            }
        }
    }
    file.texts("credHelpers", &mut |address, name| {
        if !name.is_empty() {
            let helper = Helper::new(name, "credHelpers")?;
            all.helpers.push((helper, of_address(address).to_owned()));
        }
        Ok(())
    })?;
    Ok(all)
}

/// What there is, without any secret.
pub(super) fn describe(registries: &Registries) -> String {
    let mut places = Vec::new();
    let given = registries.given.iter().map(|(address, _)| address.as_str());
    let given: Vec<_> = given.collect();
    if !given.is_empty() {
        places.push(format!("the caller, for {}", given.join(", ")));
    }
    let result = look(registries, &mut places);
    match (result, places.is_empty()) {
        (Err(error), _) => format!("credentials for registries cannot be read: {error}"),
        (Ok(()), true) => "no credentials for registries are stored".to_owned(),
        (Ok(()), false) => format!("credentials for registries come from {}", places.join("; ")),
    }
}

fn look(registries: &Registries, places: &mut Vec<String>) -> Result<(), Error> {
    let names = |entries: Vec<Entry<'_>>| {
        let names = entries.into_iter().map(|entry| entry.address);
        names.collect::<Vec<_>>().join(", ")
    };
    let of_variable = auths_of_variable(registries)?;
    if !of_variable.is_empty() {
        places.push(format!("{VARIABLE}, for {}", names(of_variable)));
    }
    let Some(file) = open(registries)? else {
        return Ok(());
    };
    file.texts("credHelpers", &mut |address, name| {
        places.push(format!(
            "{}, for {address}",
            Helper::new(name, "credHelpers")?
        ));
        Ok(())
    })?;
    if let Some(store) = store(&file)? {
        places.push(format!("{store}, for all others"));
        return Ok(());
    }
    let whence = file.path.display().to_string();
    let entries = entries(file.get("auths"), &whence)?;
    if !entries.is_empty() {
        places.push(format!("{whence}, for {}", names(entries)));
    }
    Ok(())
}

fn open(registries: &Registries) -> Result<Option<JsonFile>, Error> {
    match &registries.file {
        Some(path) => JsonFile::open(path.clone()),
        None => Ok(None),
    }
}

fn store(file: &JsonFile) -> Result<Option<Helper>, Error> {
    let name = file.text("credsStore");
    name.map(|name| Helper::new(&name, "credsStore"))
        .transpose()
}

fn pick_helper(file: &JsonFile, registry: &str) -> Result<Option<String>, Error> {
    let (mut exact, mut same) = (None, None);
    file.texts("credHelpers", &mut |address, name| {
        if name.is_empty() {
        } else if address == registry {
            exact = Some(name.to_owned());
        } else if is_same(address, registry) {
            same.get_or_insert_with(|| name.to_owned());
        }
        Ok(())
    })?;
    Ok(exact.or(same))
}

/// A member of `auths`: an address, and the text of what is stored for it.
struct Entry<'t> {
    address: String,
    text: &'t [u8],
}

impl Entry<'_> {
    fn read(&self, whence: &str) -> Result<RegistryAuth, Error> {
        let member = |name| scan::member_in_any_case(self.text, name).and_then(config::string);
        let mut auth = RegistryAuth {
            username: member("username"),
            password: member("password"),
            server_address: Some(self.address.clone()),
            identity_token: member("identitytoken"),
            registry_token: member("registrytoken"),
        };
        match member("auth") {
            Some(text) => {
                let (username, password) = decode(&text).ok_or_else(|| self.odd(whence))?;
                auth.username = Some(username);
                auth.password = Some(password);
            }
            None if whence == VARIABLE => return Err(self.odd(whence)),
            None => {}
        }
        Ok(auth)
    }

    fn odd(&self, whence: &str) -> Error {
        let address = shorten(&self.address, 100);
        let remedy = match whence {
            VARIABLE => "write it anew, or unset it".to_owned(),
            _ => format!("log in anew with `docker login {address}`"),
        };
        config::failure(format!(
            "the credentials for {address} in {whence} have no `auth` that is NAME:PASSWORD in base64: {remedy}"
        ))
    }
}

/// A name and a password from `auth`.
fn decode(text: &str) -> Option<(String, String)> {
    let text = String::from_utf8(base64_bytes::decode_any(text)?).ok()?;
    let (name, password) = text.split_once(':')?;
    let password = password.trim_matches('\0');
    (!name.is_empty()).then(|| (name.to_owned(), password.to_owned()))
}

/// The entry for a registry: the one that is called so, or else the first that means it.
fn pick<'t>(entries: Vec<Entry<'t>>, registry: &str) -> Option<Entry<'t>> {
    let exact = |entry: &Entry<'_>| entry.address == registry;
    let same = |entry: &Entry<'_>| is_same(&entry.address, registry);
    let at = entries
        .iter()
        .position(exact)
        .or_else(|| entries.iter().position(same))?;
    entries.into_iter().nth(at)
}

fn auths_of_variable(registries: &Registries) -> Result<Vec<Entry<'_>>, Error> {
    let Some(text) = &registries.variable else {
        return Ok(Vec::new());
    };
    if !config::is_json(text.as_bytes()) {
        return Err(config::failure(format!(
            "{VARIABLE} cannot be read as JSON: write it like config.json, or unset it"
        )));
    }
    entries(scan::member_in_any_case(text.as_bytes(), "auths"), VARIABLE)
}

/// The members of `auths`.
fn entries<'t>(auths: Option<&'t [u8]>, whence: &str) -> Result<Vec<Entry<'t>>, Error> {
    let mut entries = Vec::new();
    let Some(auths) = auths.filter(|auths| *auths != b"null") else {
        return Ok(entries);
    };
    let mut is_odd = auths.first() != Some(&b'{');
    scan::members(auths, &mut |name, text| {
        match (scan::name(name), text.first()) {
            (Some(address), Some(b'{')) => entries.push(Entry { address, text }),
            (Some(_), _) if text == b"null" => {}
            _ => is_odd = true,
        }
        is_odd
    });
    match is_odd {
        false => Ok(entries),
        true => Err(config::failure(format!(
            "auths in {} should be an object of objects, and is not",
            Path::new(whence).display()
        ))),
    }
}

//! The two configuration files, read as the AWS SDK for JavaScript reads them.
//!
//! The SDK for Rust refuses a whole file for one line that it does not like, and goes on as if the
//! file were not there. So it is handed what is read here, in a form that it cannot misread.

mod ini;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::dynamodb::configuration::settings::variable;
pub use ini::Section;
use ini::Sections;

const DEFAULT_PROFILE: &str = "default";
/// Stands for `credential_source = Environment`.
const ENVIRONMENT_PROFILE: &str = "dynamodb-balance/environment";

/// What both files say.
#[derive(Debug, Default)]
pub struct Profiles {
    config: Sections,
    credentials: Sections,
    /// What was passed over, in words: lines without a meaning, files that cannot be read.
    pub passed_over: Vec<String>,
    /// Where they were looked for.
    pub places: String,
}

/// A property whose value differs between the files.
#[derive(Clone, Copy, Debug)]
pub enum Preferred {
    Config,
    Credentials,
}

impl Profiles {
    /// Reads both files, which may be missing. An error is one that may pass.
    pub fn read(environment: &HashMap<String, String>) -> io::Result<Self> {
        let mut profiles = Self::default();
        let config = path(environment, "AWS_CONFIG_FILE", "config");
        let credentials = path(environment, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
        profiles.places = format!("{} and {}", config.display(), credentials.display());
        profiles.config = profiles.read_file(&config)?;
        profiles.credentials = profiles.read_file(&credentials)?;
        Ok(profiles)
    }

    fn read_file(&mut self, path: &Path) -> io::Result<Sections> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if may_pass(&error) => return Err(error),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Sections::default()),
            Err(error) => {
                self.passed_over.push(format!("{} cannot be read ({error})", path.display()));
                return Ok(Sections::default());
            }
        };
        let (sections, lines) = ini::parse(&String::from_utf8_lossy(&bytes));
        self.passed_over.extend(
            lines.iter().map(|line| format!("line {line} of {} says nothing", path.display())),
        );
        Ok(sections)
    }

    pub fn contains(&self, profile: &str) -> bool {
        self.in_config(profile).is_some() || self.credentials.contains_key(profile)
    }

    /// A property of a profile.
    pub fn get(&self, profile: &str, property: &str, preferred: Preferred) -> Option<&str> {
        let config = self.in_config(profile);
        let credentials = self.credentials.get(profile);
        let order = match preferred {
            Preferred::Config => [config, credentials],
            Preferred::Credentials => [credentials, config],
        };
        order.into_iter().flatten().find_map(|section| section.get(property)).map(String::as_str)
    }

    /// A section of services in the configuration file; its nested properties are spelt
    /// `dynamodb.endpoint_url`.
    pub fn services(&self, name: &str) -> Option<&Section> {
        self.config.get(&format!("services.{name}"))
    }

    fn in_config(&self, profile: &str) -> Option<&Section> {
        let named = self.config.get(&format!("profile.{profile}"));
        let short = (profile == DEFAULT_PROFILE).then(|| self.config.get(profile)).flatten();
        named.filter(|section| !section.is_empty()).or(short).or(named)
    }

    /// Everything as one configuration file. What the credentials file says of a profile comes
    /// first. `environment` replaces `credential_source = Environment`: credentials of the
    /// environment must count for such a profile alone.
    pub fn to_config_file(&self, environment: &HashMap<String, String>) -> String {
        let mut text = String::new();
        for (profile, section) in self.merged() {
            write_section(&mut text, &format!("profile {profile}"), &section);
        }
        for (name, section) in &self.config {
            if let Some((kind @ ("services" | "sso-session"), name)) = name.split_once('.') {
                write_section(&mut text, &format!("{kind} {name}"), section);
            }
        }
        write_section(
            &mut text,
            &format!("profile {ENVIRONMENT_PROFILE}"),
            &environment_section(environment),
        );
        text
    }

    fn merged(&self) -> Sections {
        let mut merged = Sections::new();
        let named = self.config.keys().filter_map(|name| name.strip_prefix("profile."));
        for profile in named.chain([DEFAULT_PROFILE]) {
            if let Some(section) = self.in_config(profile) {
                merged.insert(profile.to_owned(), section.clone());
            }
        }
        for (profile, section) in &self.credentials {
            let properties = section.iter().map(|(name, value)| (name.clone(), value.clone()));
            merged.entry(profile.clone()).or_default().extend(properties);
        }
        for section in merged.values_mut() {
            if section.get("credential_source").is_some_and(|source| source == "Environment") {
                section.remove("credential_source");
                section.insert("source_profile".to_owned(), ENVIRONMENT_PROFILE.to_owned());
            }
        }
        merged
    }
}

fn environment_section(environment: &HashMap<String, String>) -> Section {
    [
        ("aws_access_key_id", "AWS_ACCESS_KEY_ID"),
        ("aws_secret_access_key", "AWS_SECRET_ACCESS_KEY"),
        ("aws_session_token", "AWS_SESSION_TOKEN"),
    ]
    .into_iter()
    .filter_map(|(property, name)| {
        Some((property.to_owned(), variable(environment, name)?.to_owned()))
    })
    .collect()
}

/// Properties of a nested section (`s3.addressing`) follow their own line, indented.
fn write_section(text: &mut String, name: &str, section: &Section) {
    let is_plain = |name: &str| {
        let mut letters = name.chars();
        letters.all(|letter| letter.is_ascii_alphanumeric() || "_-./%@:+ ".contains(letter))
    };
    if !is_plain(name) {
        return;
    }
    let mut nested = None;
    // Writing to a string cannot fail.
    let _ = writeln!(text, "[{name}]");
    let properties = section.iter().filter(|(name, _)| is_plain(name) && !name.contains(' '));
    let (inner, outer): (Vec<_>, Vec<_>) = properties.partition(|(name, _)| name.contains('.'));
    for (property, value) in outer {
        let _ = writeln!(text, "{property}={value}");
    }
    for (property, value) in inner {
        if let Some((group, property)) = property.split_once('.') {
            if nested != Some(group) {
                let _ = writeln!(text, "{group}=");
                nested = Some(group);
            }
            let _ = writeln!(text, "  {property}={value}");
        }
    }
}

fn path(environment: &HashMap<String, String>, name: &str, file: &str) -> PathBuf {
    let home = home(environment);
    match variable(environment, name) {
        Some(path) => match path.strip_prefix("~/") {
            Some(rest) => home.join(rest),
            None => PathBuf::from(path),
        },
        None => home.join(".aws").join(file),
    }
}

fn home(environment: &HashMap<String, String>) -> PathBuf {
    let named = ["HOME", "USERPROFILE"].iter().find_map(|name| variable(environment, name));
    named.map(PathBuf::from).or_else(std::env::home_dir).unwrap_or_default()
}

/// Whether an error lies in what the machine lacks at this moment and may have at the next.
pub fn may_pass(error: &io::Error) -> bool {
    // EAGAIN, ENFILE, EMFILE: no more processes, no more descriptors.
    let is_scarce = cfg!(unix) && matches!(error.raw_os_error(), Some(11 | 23 | 24 | 35));
    is_scarce || matches!(error.kind(), ErrorKind::OutOfMemory | ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests;

//! What the AWS chain says of region and endpoint, by the rules of the AWS SDK for JavaScript.
//! A variable that is set to nothing is not set.

use std::collections::HashMap;

use url::Url;

use crate::dynamodb::configuration::profiles::{Preferred, Profiles};
use crate::error::BalanceError;
use crate::options::{Options, check_endpoint, invalid_option, is_region};

const DEFAULT_PROFILE: &str = "default";
const REGION: &str = "AWS_REGION";
/// The SDK for JavaScript does not know this one, and fails where only this one is set.
const SECOND_REGION: &str = "AWS_DEFAULT_REGION";

/// A variable of the environment.
pub fn variable<'a>(environment: &'a HashMap<String, String>, name: &str) -> Option<&'a str> {
    environment.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// Options, environment and files together.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    pub options: &'a Options,
    pub environment: &'a HashMap<String, String>,
    pub profiles: &'a Profiles,
}

/// The profile that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile<'a> {
    Unnamed,
    ByOption(&'a str),
    /// By the variable `AWS_PROFILE`.
    ByVariable(&'a str),
}

impl<'a> Profile<'a> {
    pub fn choose(options: &'a Options, environment: &'a HashMap<String, String>) -> Self {
        match (&options.profile, variable(environment, "AWS_PROFILE")) {
            (Some(name), _) => Self::ByOption(name),
            (None, Some(name)) => Self::ByVariable(name),
            (None, None) => Self::Unnamed,
        }
    }

    pub fn name(self) -> &'a str {
        match self {
            Self::Unnamed => DEFAULT_PROFILE,
            Self::ByOption(name) | Self::ByVariable(name) => name,
        }
    }

    /// A complaint about a name that stands in neither file.
    pub fn missing(self, profiles: &Profiles) -> Option<BalanceError> {
        let (setting, name) = match self {
            Self::Unnamed => return None,
            Self::ByOption(name) => ("profile", name),
            Self::ByVariable(name) => ("AWS_PROFILE", name),
        };
        if profiles.contains(name) || name == DEFAULT_PROFILE {
            return None;
        }
        let complaint = format!(
            "names the profile {name:?}, which does not exist: there is no [profile {name}] and no \
             [{name}] in {}, respectively",
            profiles.places
        );
        Some(invalid_option(setting, &complaint))
    }
}

impl<'a> Settings<'a> {
    pub fn profile(&self) -> Profile<'a> {
        Profile::choose(self.options, self.environment)
    }

    /// A property of the profile.
    fn property(&self, name: &str, preferred: Preferred) -> Option<&'a str> {
        self.profiles.get(self.profile().name(), name, preferred)
    }

    fn variable(&self, name: &str) -> Option<&'a str> {
        variable(self.environment, name)
    }

    /// The region, if it is named anywhere.
    pub fn region(&self) -> Result<Option<String>, BalanceError> {
        let Some((source, region)) = self.named_region() else {
            return Ok(None);
        };
        if is_region(region) {
            Ok(Some(real_region(region)))
        } else {
            let complaint = format!("must be a region's name such as us-east-1, not {region:?}");
            Err(invalid_option(source, &complaint))
        }
    }

    fn named_region(&self) -> Option<(&'static str, &'a str)> {
        let named = [
            ("region", self.options.region.as_deref()),
            (REGION, self.variable(REGION)),
            ("region in the profile", self.property("region", Preferred::Credentials)),
            (SECOND_REGION, self.variable(SECOND_REGION)),
        ];
        named.into_iter().find_map(|(source, region)| Some((source, region?)))
    }

    /// Without any region it is the default one, unless somebody meant to name one and was not
    /// understood: then money would go to another region without a word.
    pub fn check_that_no_region_was_meant(&self) -> Result<(), BalanceError> {
        if let Some(missing) = self.profile().missing(self.profiles) {
            return Err(missing);
        }
        match self.profiles.passed_over.first() {
            None => Ok(()),
            Some(why) => Err(invalid_option(
                "region",
                &format!("is not known: {why}. Correct that, or name the region"),
            )),
        }
    }

    /// The endpoint, if one is named: for DynamoDB in particular, or for every service.
    pub fn endpoint(&self) -> Result<Option<Url>, BalanceError> {
        if let Some(url) = &self.options.endpoint {
            return Ok(Some(url.clone()));
        }
        let is_ignored = self.is_set_outside_the_option(
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
            "ignore_configured_endpoint_urls",
        );
        if is_ignored {
            return Ok(None);
        }
        let variables = ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"];
        for name in variables {
            if let Some(url) = self.variable(name) {
                return parse(name, url).map(Some);
            }
        }
        let in_files = self.endpoint_in_files()?;
        in_files.map(|url| parse("endpoint_url in the profile", url)).transpose()
    }

    fn endpoint_in_files(&self) -> Result<Option<&'a str>, BalanceError> {
        let profile = self.endpoint_profile();
        let property = |name| self.profiles.get(profile, name, Preferred::Config);
        if let Some(services) = property("services") {
            let Some(section) = self.profiles.services(services) else {
                let complaint = format!("names the section {services:?}, which does not exist");
                return Err(invalid_option("services in the profile", &complaint));
            };
            if let Some(url) = section.get("dynamodb.endpoint_url") {
                return Ok(Some(url));
            }
        }
        Ok(property("endpoint_url"))
    }

    /// The SDK for JavaScript takes endpoints from the profile of the environment, even where
    /// the option names another one.
    fn endpoint_profile(&self) -> &'a str {
        self.variable("AWS_PROFILE").unwrap_or(DEFAULT_PROFILE)
    }

    fn is_set_outside_the_option(&self, name: &str, property: &str) -> bool {
        truth(self.variable(name)).unwrap_or_else(|| {
            let value = self.profiles.get(self.endpoint_profile(), property, Preferred::Config);
            truth(value).unwrap_or(false)
        })
    }

    pub fn use_fips(&self) -> bool {
        let is_asked_of_region = self.named_region().is_some_and(|(_, region)| is_fips(region));
        is_asked_of_region || self.is_set("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint")
    }

    pub fn use_dual_stack(&self) -> bool {
        self.is_set("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint")
    }

    fn is_set(&self, name: &str, property: &str) -> bool {
        truth(self.variable(name))
            .or_else(|| truth(self.property(property, Preferred::Config)))
            .unwrap_or(false)
    }

    /// Whether the account's number is part of the endpoint: `preferred`, `required`, `disabled`.
    pub fn account_id_mode(&self) -> &'a str {
        let is_known = |mode: &&str| matches!(*mode, "preferred" | "required" | "disabled");
        self.variable("AWS_ACCOUNT_ID_ENDPOINT_MODE")
            .filter(is_known)
            .or_else(|| {
                self.property("account_id_endpoint_mode", Preferred::Config).filter(is_known)
            })
            .unwrap_or("preferred")
    }

    /// Settings that the endpoint's rules do not allow together.
    pub fn check_together(&self, endpoint: Option<&Url>) -> Result<(), BalanceError> {
        if endpoint.is_none() {
            return Ok(());
        }
        let source = if self.options.endpoint.is_some() {
            "endpoint"
        } else {
            "AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL or endpoint_url in the profile"
        };
        let other = if self.use_fips() {
            "AWS_USE_FIPS_ENDPOINT or use_fips_endpoint in the profile"
        } else if self.use_dual_stack() {
            "AWS_USE_DUALSTACK_ENDPOINT or use_dualstack_endpoint in the profile"
        } else {
            return Ok(());
        };
        Err(invalid_option(source, &format!("and {other} exclude each other")))
    }
}

/// An old way to ask for a FIPS endpoint.
fn is_fips(region: &str) -> bool {
    region.starts_with("fips-") || region.ends_with("-fips")
}

fn real_region(region: &str) -> String {
    if is_fips(region) {
        region.replace("fips-", "").replace("-fips", "")
    } else {
        region.to_owned()
    }
}

/// Anything but the two words is passed over.
fn truth(value: Option<&str>) -> Option<bool> {
    value.and_then(|value| value.parse().ok())
}

fn parse(source: &str, address: &str) -> Result<Url, BalanceError> {
    check_endpoint(address).map_err(|complaint| invalid_option(source, &complaint))
}

#[cfg(test)]
mod tests;

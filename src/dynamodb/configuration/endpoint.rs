//! Where DynamoDB is: by the SDK's own rules.

use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_sdk_dynamodb::error::BoxError;
use url::Url;

use crate::dynamodb::configuration::settings::Settings;
use crate::error::BalanceError;
use crate::options::invalid_option;

/// What decides over the URL, besides the account.
#[derive(Debug)]
pub struct Endpoint {
    rules: DefaultResolver,
    region: String,
    /// Named by the options or the AWS chain.
    named: Option<String>,
    use_fips: bool,
    use_dual_stack: bool,
    account_id_mode: String,
}

impl Endpoint {
    pub fn new(settings: &Settings<'_>, region: &str, named: Option<&Url>) -> Self {
        Self {
            rules: DefaultResolver::new(),
            region: region.to_owned(),
            named: named.map(Url::to_string),
            use_fips: settings.use_fips(),
            use_dual_stack: settings.use_dual_stack(),
            account_id_mode: settings.account_id_mode().to_owned(),
        }
    }

    /// The URL for requests of an account, if the credentials tell the account.
    pub async fn url(&self, account_id: Option<String>) -> Result<String, BalanceError> {
        self.resolve(account_id).await.map_err(|error| {
            let complaint = format!("contradict each other or the credentials: {error}");
            invalid_option("the settings of the endpoint", &complaint)
        })
    }

    async fn resolve(&self, account_id: Option<String>) -> Result<String, BoxError> {
        let parameters = Params::builder()
            .region(&self.region)
            .set_endpoint(self.named.clone())
            .use_fips(self.use_fips)
            .use_dual_stack(self.use_dual_stack)
            .set_account_id(account_id)
            .account_id_endpoint_mode(&self.account_id_mode)
            .build()?;
        Ok(self.rules.resolve_endpoint(&parameters).await?.url().to_owned())
    }

    pub fn region(&self) -> &str {
        &self.region
    }

    /// For error messages.
    pub fn place(&self, url: &str) -> String {
        format!("{url}, region {}", self.region)
    }
}

#[cfg(test)]
mod tests;

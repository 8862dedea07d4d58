//! Where DynamoDB is: by the SDK's own rules.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_sdk_dynamodb::error::BoxError;

/// What decides over the URL, besides the account.
#[derive(Debug)]
pub struct Endpoint {
    rules: DefaultResolver,
    region: String,
    /// Named by the options or the AWS chain.
    named: Option<String>,
    use_fips: Option<bool>,
    use_dual_stack: Option<bool>,
    account_id_mode: String,
}

impl Endpoint {
    pub fn new(shared: &SdkConfig, region: &str, named: Option<&str>) -> Self {
        Self {
            rules: DefaultResolver::new(),
            region: region.to_owned(),
            named: named.map(str::to_owned),
            use_fips: shared.use_fips(),
            use_dual_stack: shared.use_dual_stack(),
            account_id_mode: shared
                .account_id_endpoint_mode()
                .cloned()
                .unwrap_or_default()
                .to_string(),
        }
    }

    /// The URL for requests of an account, if the credentials tell the account.
    pub async fn url(&self, account_id: Option<String>) -> Result<String, BoxError> {
        let parameters = Params::builder()
            .region(&self.region)
            .set_endpoint(self.named.clone())
            .set_use_fips(self.use_fips)
            .set_use_dual_stack(self.use_dual_stack)
            .set_account_id(account_id)
            .account_id_endpoint_mode(&self.account_id_mode)
            .build()?;
        Ok(self.rules.resolve_endpoint(&parameters).await?.url().to_owned())
    }
}

#[cfg(test)]
mod tests;

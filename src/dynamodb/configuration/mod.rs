//! From options, environment and files to a region, an endpoint and credentials, as the AWS SDK for
//! JavaScript reads them.

pub mod chain;
pub mod credentials;
pub mod endpoint;
pub mod identity_cache;
pub mod limited;
pub mod metadata;
pub mod profiles;
pub mod real_calls;
pub mod settings;
pub mod shared_task;

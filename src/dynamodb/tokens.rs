//! Names of requests that DynamoDB has not heard before.

use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use crate::store::Token;

/// Client request tokens have at most 36 characters: here always as many, 20 of them of chance (80 bits),
/// drawn once for each client, and then a name within the client.
/// Source: Amazon DynamoDB API Reference, TransactWriteItems.
#[derive(Debug)]
pub struct Tokens {
    prefix: String,
    next: AtomicU64,
}

impl Tokens {
    pub fn new() -> Self {
        let mut prefix = Uuid::new_v4().simple().to_string();
        prefix.truncate(20);
        Self { prefix, next: AtomicU64::new(0) }
    }

    /// The same for the same request.
    pub fn of(&self, token: Token) -> String {
        format!("{}{:011x}{:05x}", self.prefix, token.batch, token.request)
    }

    /// Of a request that is not repeated.
    pub fn unique(&self) -> String {
        format!("{}-{:015x}", self.prefix, self.next.fetch_add(1, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_token_fills_36_characters_and_names_one_request_of_one_client() {
        let clients = [Tokens::new(), Tokens::new()];
        let mut tokens = HashSet::new();
        for client in &clients {
            for (batch, request) in [(1, 0), (1, 1), (0x11, 0), (u64::from(u32::MAX), 200)] {
                let token = Token { batch, request };
                assert_eq!(client.of(token), client.of(token));
                assert!(tokens.insert(client.of(token)));
                assert!(tokens.insert(client.unique()));
            }
        }
        assert!(tokens.iter().all(|token| token.len() == 36), "{tokens:?}");
    }
}

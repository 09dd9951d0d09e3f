//! Issuers outside of here where nobody logs in for the gateway: what their tokens are exchanged for, and what they say of opaque ones.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "app_launch/app.rs"]
#[expect(dead_code, reason = "the tests of apps use the rest")]
mod app;
#[path = "issuers/exchange.rs"]
mod exchange;
#[path = "outside/here.rs"]
mod here;
#[path = "issuers/issuer.rs"]
mod issuer;
#[path = "issuers/opaque.rs"]
mod opaque;

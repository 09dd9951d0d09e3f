//! The harness of the black-box tests: a server per engine, an HTTP client that hides nothing, a foreign writer.
//!
//! Every test is written once and runs on SQLite and on PostgreSQL ([`suite!`]). The binary under test is
//! `FHIR_GATEWAY_BIN`, else the workspace's own build; PostgreSQL is `FHIR_GATEWAY_TEST_POSTGRES`, a superuser's URL.

pub mod browser;
mod client;
mod counsel;
mod engine;
mod foreign;
mod json;
mod known;
mod oauth;
mod random;
mod samples;
mod scrape;
mod server;
mod shared;
mod sql;
mod window;

pub use browser::Browser;
pub use client::{Client, Issue, Request, Response, gunzip, gzip};
pub use counsel::Counsel;
pub use engine::{Database, Engine, skipped};
pub use foreign::{hidden_organization, look, own, residue_stays, row_key, true_everywhere, with_residue};
pub use json::Json;
pub use known::Known;
pub use oauth::program;
pub use random::{Random, rounds};
pub use samples::{consent, lab_observation, medication_request, patient, transaction};
pub use scrape::{Labels, Scrape};
pub use server::{Audited, Command, Given, Options, Server, TOKEN, binary};
pub use shared::{Example, examples, json_lines, shared_data};
pub use sql::Sql;
pub use window::{Shown, Window, escaped};

/// Writes each async test once and runs it as `sqlite::name` and as `postgres::name`.
///
/// The parameter's type says what the test is given: `&'static Server` is the one server the tests of this file share (each
/// with ids of its own), [`Engine`] lets the test start what it needs.
#[macro_export]
macro_rules! suite {
    ($($(#[$meta:meta])* async fn $name:ident($argument:ident: $given:ty) $body:block)*) => {
        $($(#[$meta])* async fn $name($argument: $given) $body)*

        $crate::run_on! { sqlite, Sqlite: $($name($given))* }
        $crate::run_on! { postgres, Postgres: $($name($given))* }
    };
}

/// The tests of a module that runs them on one engine.
#[doc(hidden)]
#[macro_export]
macro_rules! run_on {
    ($module:ident, $engine:ident: $($name:ident($given:ty))*) => {
        mod $module {
            #[allow(unused_imports)]
            use super::*;
            $(#[tokio::test]
            async fn $name() {
                if $crate::Engine::$engine.is_skipped() {
                    return;
                }
                super::$name(<$given as $crate::Given>::given($crate::Engine::$engine)).await;
            })*
        }
    };
}

/// As [`suite!`], of what only PostgreSQL has: roles.
#[macro_export]
macro_rules! on_postgres {
    ($($(#[$meta:meta])* async fn $name:ident($argument:ident: $given:ty) $body:block)*) => {
        $($(#[$meta])* async fn $name($argument: $given) $body)*

        $crate::run_on! { on_postgres, Postgres: $($name($given))* }
    };
}

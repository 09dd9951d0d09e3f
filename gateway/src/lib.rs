//! The running gateway: HTTP, interactions, store, audit, command line.

// Layers of futures about an exchange are deeper than what the compiler follows unasked.
#![recursion_limit = "256"]

pub mod audit;
pub mod auth;
pub mod authorization;
pub mod cli;
pub mod clock;
pub mod demo;
pub mod fair;
pub mod gateway;
pub mod http;
pub mod interaction;
pub mod logins;
mod markup;
pub mod metrics;
pub mod operation;
pub mod outcome;
pub mod outside;
pub mod outward;
pub mod pages;
pub mod readiness;
pub mod router;
pub mod sealing;
pub mod signing;
pub mod store;
mod tls;
pub mod traces;
pub mod webhook;

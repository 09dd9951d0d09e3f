//! The options of the edge: who stands before it.

use clap::Args;
use ipnet::IpNet;

use crate::http::source::{ProxyHeader, TrustedProxies, network};

/// What stands between clients and the gateway.
#[derive(Args, Clone, Debug)]
pub(super) struct EdgeArgs {
    /// A network of proxies (10.0.0.0/8) whose word counts for the address of a client; give it again for more. From anybody else
    /// the address of the connection counts.
    #[arg(long, value_name = "CIDR", env = "FHIR_GATEWAY_TRUSTED_PROXY", value_delimiter = ',', value_parser = network)]
    trusted_proxy: Vec<IpNet>,
    /// The header that these proxies write; the other is not looked at, for they pass it on as clients wrote it.
    #[arg(
        long,
        value_enum,
        value_name = "HEADER",
        env = "FHIR_GATEWAY_PROXY_HEADER",
        requires = "trusted_proxy",
        default_value_t
    )]
    proxy_header: ProxyHeader,
}

impl EdgeArgs {
    /// Whom an address is believed.
    pub(super) fn proxies(&self) -> TrustedProxies {
        TrustedProxies { networks: self.trusted_proxy.clone(), header: self.proxy_header }
    }
}

//! The options of the edge: who stands before it, who is answered, and how much.

use std::net::IpAddr;
use std::sync::Arc;

use clap::Args;
use ipnet::IpNet;

use super::rates::{RateArgs, Standard};
use crate::http::edge::Edge;
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
    /// A network (10.0.0.0/8) from which requests are answered, others with 403; give it again for more. Without it all are. Probes
    /// (/healthz, /readyz) are answered in any case.
    #[arg(long, value_name = "CIDR", env = "FHIR_GATEWAY_ALLOW_FROM", value_delimiter = ',', value_parser = network)]
    allow_from: Vec<IpNet>,
    #[command(flatten)]
    rates: RateArgs,
}

impl EdgeArgs {
    /// What stands before the exchanges of a server that listens there.
    pub(super) fn edge(&self, is_dev: bool, listen: IpAddr, behind_proxy: bool) -> Edge {
        let standard = Standard::of(is_dev, listen, behind_proxy, !self.trusted_proxy.is_empty());
        if self.rates.is_blind(standard) {
            tracing::warn!(
                "all addresses are those of the proxy before this server, so nothing bounds what is asked without a token, and how often logins \
                 fail, by address: say --trusted-proxy, or --rate-source, --rate-login and --rate-token"
            );
        }
        Edge {
            proxies: TrustedProxies { networks: self.trusted_proxy.clone(), header: self.proxy_header },
            networks: self.allow_from.clone(),
            rates: self.rates.rates(standard),
            guesses: Arc::new(self.rates.guesses(standard)),
            tokens: self.rates.tokens(standard),
            load: self.rates.load(standard),
            ..Edge::default()
        }
    }
}

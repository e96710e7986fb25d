//! Which addresses the configurations of tenants may reach (design 7).
//!
//! Whoever may write a ConfigMap can name any URL. For the operator's own configurations that is all right; a tenant's
//! must not reach what only this process can reach: loopback, the cluster's networks, the cloud's metadata. Names are
//! judged by what they resolve to, for every request of a chain of redirects, and connections are opened to the very
//! addresses that were judged.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use futures::future::BoxFuture;

/// What tenants may reach: public addresses, and what the operator allows besides (`--egress-allow`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Egress {
    allowed: Vec<Allowed>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowed {
    /// A network by its address and the length of its prefix.
    Network(IpAddr, u8),
    /// A host by its name, wherever it is.
    Host(String),
    /// All hosts below a domain.
    Below(String),
}

impl Egress {
    /// Reads a list with commas between: networks (`10.1.0.0/16`), addresses, hosts (`grafana.monitoring.svc`) and
    /// domains (`*.example.org`).
    pub fn parse(list: &str) -> Result<Self, String> {
        let items = list.split(',').map(str::trim).filter(|item| !item.is_empty());
        Ok(Self { allowed: items.map(Allowed::parse).collect::<Result<_, _>>()? })
    }

    /// Whether `host`, which resolves to `address`, may be reached.
    pub fn permits(&self, host: &str, address: IpAddr) -> bool {
        let address = canonical(address);
        let host = plain_host(host);
        is_public(address) || self.allowed.iter().any(|allowed| allowed.covers(&host, address))
    }
}

impl Allowed {
    fn parse(item: &str) -> Result<Self, String> {
        let expected = || {
            format!(
                "expected a network such as `10.0.0.0/8`, an address, a host or `*.domain`, found `{item}`"
            )
        };
        if let Some((address, length)) = item.split_once('/') {
            let address: IpAddr = address.parse().map_err(|_| expected())?;
            let length: u8 = length.parse().map_err(|_| expected())?;
            if length > bits(address) {
                return Err(expected());
            }
            return Ok(Self::Network(address, length));
        }
        if let Ok(address) = plain_host(item).parse::<IpAddr>() {
            return Ok(Self::Network(address, bits(address)));
        }
        let is_name = |name: &str| {
            !name.is_empty()
                && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-._".contains(letter))
        };
        let (name, below) = item.strip_prefix("*.").map_or((item, false), |domain| (domain, true));
        if !is_name(name) {
            return Err(expected());
        }
        let name = plain_host(name);
        Ok(if below { Self::Below(format!(".{name}")) } else { Self::Host(name) })
    }

    fn covers(&self, host: &str, address: IpAddr) -> bool {
        match self {
            Self::Network(network, length) => is_inside(address, *network, *length),
            Self::Host(name) => host == name,
            Self::Below(domain) => host.ends_with(domain.as_str()),
        }
    }
}

/// A host as it is compared: lower case, without brackets and the dot of the root.
fn plain_host(host: &str) -> String {
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    host.to_ascii_lowercase()
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn is_inside(address: IpAddr, network: IpAddr, length: u8) -> bool {
    let differs = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => u128::from(address.to_bits() ^ network.to_bits()) << 96,
        (IpAddr::V6(address), IpAddr::V6(network)) => address.to_bits() ^ network.to_bits(),
        _ => return false,
    };
    length == 0 || differs >> (128 - u32::from(length)) == 0
}

/// An IPv4 address that is written as an IPv6 address is the IPv4 address: that is where the packets go.
fn canonical(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address else { return address };
    if let Some(four) = six.to_ipv4_mapped() {
        return four.into();
    }
    let four = |high: u16, low: u16| IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    // NAT64 and 6to4 carry the IPv4 address to which they lead.
    match six.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => four(high, low),
        _ => address,
    }
}

/// Networks that are nobody's on the Internet, or this host's, this link's, the cluster's or the cloud's own.
const CLOSED_V4: [(Ipv4Addr, u8); 16] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    // Carriers' networks; some clouds have their metadata here.
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // The metadata of Azure's virtual machines; the address looks like any other.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    // Link-local, with the metadata of most clouds.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// The only IPv6 addresses that are given out for the Internet, and what is closed among them.
const GLOBAL_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
const CLOSED_V6: [(Ipv6Addr, u8); 3] = [
    // Protocols of their own, among them tunnels that carry any IPv4 address.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

fn is_public(address: IpAddr) -> bool {
    let inside = |(network, length): (IpAddr, u8)| is_inside(address, network, length);
    match address {
        IpAddr::V4(_) => !CLOSED_V4.iter().any(|(network, length)| inside(((*network).into(), *length))),
        IpAddr::V6(_) => {
            inside((GLOBAL_V6.0.into(), GLOBAL_V6.1))
                && !CLOSED_V6.iter().any(|(network, length)| inside(((*network).into(), *length)))
        }
    }
}

/// Finds the addresses of a host; the system's resolver unless a test brings its own.
pub trait Names: Send + Sync + 'static {
    /// The addresses of `host`, in order of preference.
    fn lookup<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// The system's resolver.
#[derive(Debug, Default)]
pub struct SystemNames;

impl Names for SystemNames {
    fn lookup<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
        })
    }
}

/// Judges hosts by their addresses; without [`Egress`] everything passes.
#[derive(Clone)]
pub(super) struct Guard {
    egress: Option<Arc<Egress>>,
    names: Arc<dyn Names>,
    /// The operator's proxies, which may well be inside the cluster.
    proxies: Arc<[String]>,
}

/// Why a host is not reached.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreachable {
    /// All of its addresses are closed to tenants. Which they are is nothing that a tenant should learn.
    #[error(
        "`{0}` is at an address that configurations of tenants may not reach (loopback, private, link-local or \
         metadata); the operator can allow it with `--egress-allow`"
    )]
    Closed(String),
    /// It has no addresses.
    #[error("the name `{0}` cannot be resolved: {1}")]
    Unknown(String, io::Error),
}

impl Guard {
    pub(super) fn new(egress: Option<Egress>, names: Arc<dyn Names>, proxies: &[Option<String>]) -> Self {
        let host_of = |proxy: &Option<String>| proxy.as_deref().and_then(super::proxy::host);
        let proxies = proxies.iter().filter_map(host_of).map(|host| plain_host(&host)).collect();
        Self { egress: egress.map(Arc::new), names, proxies }
    }

    /// Whether anything is guarded at all.
    pub(super) fn is_on(&self) -> bool {
        self.egress.is_some()
    }

    /// The addresses of `host` that may be reached; never an empty list.
    pub(super) async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, Unreachable> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found = match bare.parse::<IpAddr>() {
            Ok(address) => Ok(vec![address]),
            Err(_) => self.names.lookup(bare).await,
        };
        let unknown = |error| Unreachable::Unknown(host.to_owned(), error);
        let mut found = found.map_err(unknown)?;
        if found.is_empty() {
            return Err(unknown(io::Error::other("it has no address")));
        }
        if let Some(egress) = &self.egress {
            found.retain(|address| egress.permits(bare, *address));
        }
        if found.is_empty() { Err(Unreachable::Closed(host.to_owned())) } else { Ok(found) }
    }
}

/// What the HTTP client asks for addresses: a name that changes its mind between judgement and connection gains nothing.
impl reqwest::dns::Resolve for Guard {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let host = plain_host(name.as_str());
            // A tenant's URL that names the proxy itself has been judged before it came here.
            let found = if guard.proxies.contains(&host) {
                guard.names.lookup(name.as_str()).await?
            } else {
                guard.resolve(name.as_str()).await?
            };
            let addresses: reqwest::dns::Addrs =
                Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(egress: &str, host: &str, address: &str) -> bool {
        Egress::parse(egress).unwrap().permits(host, address.parse().unwrap())
    }

    #[test]
    fn tenants_reach_public_addresses_only() {
        for open in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "168.63.129.17",
            "2606:4700::1111",
        ] {
            assert!(permits("", "x", open), "{open}");
        }
        for closed in [
            "0.0.0.0",
            "10.0.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001:0:1::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!permits("", "x", closed), "{closed}");
        }
    }

    #[test]
    fn the_operator_can_allow_networks_hosts_and_domains() {
        let list = "10.1.0.0/16, fd00:1::/64,grafana.monitoring.svc, *.corp.example , 192.168.7.7";
        for (host, address) in [
            ("any", "10.1.255.255"),
            ("any", "::ffff:10.1.0.1"),
            ("any", "fd00:1::7"),
            ("Grafana.Monitoring.SVC.", "10.96.0.1"),
            ("chat.corp.example", "127.0.0.1"),
            ("any", "192.168.7.7"),
        ] {
            assert!(permits(list, host, address), "{host} {address}");
        }
        for (host, address) in [
            ("any", "10.2.0.0"),
            ("any", "fd00:1:0:1::"),
            ("x.grafana.monitoring.svc", "10.96.0.1"),
            ("corp.example", "127.0.0.1"),
            ("notcorp.example", "127.0.0.1"),
            ("any", "192.168.7.8"),
        ] {
            assert!(!permits(list, host, address), "{host} {address}");
        }
        assert!(permits("0.0.0.0/0", "x", "127.0.0.1") && !permits("0.0.0.0/0", "x", "::1"));
        for wrong in ["10.0.0.0/33", "10/8", "::/129", "https://x.example/", "a b", "*."] {
            assert!(Egress::parse(wrong).unwrap_err().contains(wrong), "{wrong}");
        }
    }
}

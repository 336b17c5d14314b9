//! The internet: sockets that are connected and bound.

use std::net::{IpAddr, SocketAddr};

use caps::Capability::CAP_NET_BIND_SERVICE;

use crate::draft::access::{BIND_TCP, CONNECT_TCP};

use super::judge::Judge;
use super::{Layer, Reason};

/// What is done with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// A TCP connection to it.
    Connect(SocketAddr),
    /// A TCP socket bound to it.
    Bind(SocketAddr),
}

/// Below this, ports take a capability where the host does not say otherwise (ip(7), ip_unprivileged_port_start).
const PRIVILEGED: u16 = 1024;

impl Reach {
    /// The address.
    pub fn address(self) -> SocketAddr {
        match self {
            Self::Connect(address) | Self::Bind(address) => address,
        }
    }
}

impl Judge {
    /// Everything that is in the way.
    pub(super) fn reach(&self, reach: Reach) -> Vec<Reason> {
        let address = reach.address();
        let (ip, port) = (address.ip(), address.port());
        let family = if address.is_ipv6() { "AF_INET6" } else { "AF_INET" };
        let socket = format!("socket({family}, SOCK_STREAM, IPPROTO_TCP)");
        let (call, bit, verb) = match reach {
            Reach::Connect(_) => ("connect", CONNECT_TCP, "connected to"),
            Reach::Bind(_) => ("bind", BIND_TCP, "bound"),
        };
        let mut reasons = self.calls(&[&socket, call]);
        let one = |layer, error: &str, text| Reason::new(layer, error, text, port.to_string());
        if let Some((rules, by)) = &self.rules
            && rules.handled_net & bit != 0
            && !rules.ports.contains(&(bit, port))
        {
            let text = format!("TCP port {port} is not among those that can be {verb}");
            let asked = if bit == CONNECT_TCP { "Landlock.ConnectTCP" } else { "Landlock.BindTCP" };
            let own: Vec<_> = by.iter().filter(|by| by.directive == asked).cloned().collect();
            let by = if own.is_empty() { by.clone() } else { own };
            reasons.push(one(Layer::Landlock, "EACCES", text).by(by));
        }
        let loopback = match ip {
            IpAddr::V4(ip) => ip.is_loopback() || ip.is_unspecified(),
            IpAddr::V6(ip) => ip.is_loopback() || ip.is_unspecified(),
        };
        if let Some(by) = &self.network
            && !loopback
        {
            let error = if matches!(reach, Reach::Connect(_)) { "ENETUNREACH" } else { "EADDRNOTAVAIL" };
            let text = "its own network namespace has nothing but the loopback device".into();
            reasons.push(one(Layer::Network, error, text).by(by.clone()));
        }
        let low = matches!(reach, Reach::Bind(_)) && port != 0 && port < PRIVILEGED;
        if low && !self.identity.effective.has(CAP_NET_BIND_SERVICE) {
            let text = format!("ports below {PRIVILEGED} take CAP_NET_BIND_SERVICE, which the target does not hold");
            let reason = Reason::new(Layer::Capabilities, "EACCES", text, "CAP_NET_BIND_SERVICE");
            reasons.push(reason.dropped(self.dropped(CAP_NET_BIND_SERVICE)));
        }
        reasons
    }
}

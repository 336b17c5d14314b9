//! Address families by name (`linux/socket.h` of Linux 7.2).

use super::line::Line;
use crate::fault::{Fault, Origin};

/// Which families RestrictAddressFamilies= lets through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Families {
    /// Whether the list allows; it refuses elsewhere.
    pub allow: bool,
    /// The families and where each was written.
    pub listed: Vec<(u32, Origin)>,
}

impl Families {
    /// The list after one more line. The first line decides whether it allows or refuses.
    pub(in crate::policy) fn merge(before: Option<Self>, line: &Line) -> Result<Self, Fault> {
        if !line.inverted && matches!(line.words.as_slice(), [word] if word.text == "none") {
            return Ok(Self { allow: true, listed: Vec::new() });
        }
        let mut families = before.unwrap_or(Self { allow: !line.inverted, listed: Vec::new() });
        for word in &line.words {
            let number = number(&word.text).ok_or_else(|| {
                let fault = word.fault(format!("`{}` is not an address family", word.text));
                let full = format!("AF_{}", word.text.to_ascii_uppercase());
                let whole = NAMES.iter().map(|(name, _)| *name).find(|name| **name == full);
                match whole.or_else(|| crate::policy::form::nearest(&word.text, NAMES.iter().map(|(name, _)| *name))) {
                    Some(near) => fault.help(format!("did you mean `{near}`?")),
                    None => {
                        fault.help("the names are those of socket(2), such as AF_INET; `none` alone allows no family")
                    }
                }
            })?;
            families.listed.retain(|(listed, _)| *listed != number);
            if line.inverted != families.allow {
                families.listed.push((number, word.at.clone()));
            }
        }
        Ok(families)
    }

    /// Whether systemd's analysis takes these families as restricted.
    pub(in crate::policy) fn restricts(&self, wanted: impl Fn(u32) -> bool) -> bool {
        self.listed.iter().any(|(number, _)| wanted(*number)) != self.allow
    }
}

/// The usual name of a family's number.
pub fn name(number: i32) -> Option<&'static str> {
    let number = u32::try_from(number).ok()?;
    NAMES.iter().find(|(_, known)| *known == number).map(|(name, _)| *name)
}

/// The number of a family's name, which can be written small, too, as under systemd (src/basic/af-list.c).
pub fn number(name: &str) -> Option<u32> {
    NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, number)| *number)
}

/// Every name, the usual one of a number first.
const NAMES: [(&str, u32); 47] = [
    ("AF_UNIX", 1),
    ("AF_LOCAL", 1),
    ("AF_INET", 2),
    ("AF_AX25", 3),
    ("AF_IPX", 4),
    ("AF_APPLETALK", 5),
    ("AF_NETROM", 6),
    ("AF_BRIDGE", 7),
    ("AF_ATMPVC", 8),
    ("AF_X25", 9),
    ("AF_INET6", 10),
    ("AF_ROSE", 11),
    ("AF_DECnet", 12),
    ("AF_NETBEUI", 13),
    ("AF_SECURITY", 14),
    ("AF_KEY", 15),
    ("AF_NETLINK", 16),
    ("AF_ROUTE", 16),
    ("AF_PACKET", 17),
    ("AF_ASH", 18),
    ("AF_ECONET", 19),
    ("AF_ATMSVC", 20),
    ("AF_RDS", 21),
    ("AF_SNA", 22),
    ("AF_IRDA", 23),
    ("AF_PPPOX", 24),
    ("AF_WANPIPE", 25),
    ("AF_LLC", 26),
    ("AF_IB", 27),
    ("AF_MPLS", 28),
    ("AF_CAN", 29),
    ("AF_TIPC", 30),
    ("AF_BLUETOOTH", 31),
    ("AF_IUCV", 32),
    ("AF_RXRPC", 33),
    ("AF_ISDN", 34),
    ("AF_PHONET", 35),
    ("AF_IEEE802154", 36),
    ("AF_CAIF", 37),
    ("AF_ALG", 38),
    ("AF_NFC", 39),
    ("AF_VSOCK", 40),
    ("AF_KCM", 41),
    ("AF_QIPCRTR", 42),
    ("AF_SMC", 43),
    ("AF_XDP", 44),
    ("AF_MCTP", 45),
];

//! What a unit says of the addresses that it can be reached from, as systemd 252 weighs it.

/// What the IP filters let through.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Network {
    deny4: bool,
    deny6: bool,
    localhost: bool,
    others: bool,
    ingress: bool,
    egress: bool,
}

impl Network {
    /// Takes one assignment in.
    pub(super) fn line(&mut self, key: &str, value: &str) {
        match key {
            "IPIngressFilterPath" => self.ingress = !value.is_empty(),
            "IPEgressFilterPath" => self.egress = !value.is_empty(),
            "IPAddressDeny" if value.is_empty() => (self.deny4, self.deny6) = (false, false),
            "IPAddressDeny" => {
                for word in value.split_ascii_whitespace() {
                    self.deny4 |= matches!(word, "any" | "0.0.0.0/0");
                    self.deny6 |= matches!(word, "any" | "::/0");
                }
            }
            _ if value.is_empty() => (self.localhost, self.others) = (false, false),
            _ => {
                for word in value.split_ascii_whitespace() {
                    let own = word == "localhost" || word.starts_with("127.") || matches!(word, "::1" | "::1/128");
                    self.localhost |= own;
                    self.others |= !own;
                }
            }
        }
    }

    /// How bad `IPAddressDeny` makes the unit.
    pub(super) fn badness(self) -> u32 {
        match self {
            _ if self.ingress || self.egress => 0,
            _ if !(self.deny4 && self.deny6) => 10,
            _ if self.others => 5,
            _ if self.localhost => 2,
            _ => 0,
        }
    }
}

//! A service of systemd's as a policy that people can read and change.

use crate::policy::service::Service;

use super::import::wrapped;
use super::show;

/// The policy: what is to be known, the words, and what is left behind with the reason, a comment each.
pub fn policy(service: &Service, name: &str) -> String {
    let mut text = wrapped(&format!("The sandbox of {name}."));
    for note in &service.notes {
        text.push_str(&wrapped(note));
    }
    text.push('\n');
    text.push_str(&show::toml(&service.document));
    let mut reasons: Vec<&str> = Vec::new();
    for left in &service.left {
        if !reasons.contains(&left.why.as_str()) {
            reasons.push(&left.why);
        }
    }
    for why in reasons {
        text.push('\n');
        text.push_str(&wrapped(&format!("Not in this policy: {why}.")));
        for left in service.left.iter().filter(|left| left.why == why) {
            text.push_str(&wrapped(&format!("  {} ({})", left.text, left.at)));
        }
    }
    text
}

//! Labels of security modules.

use crate::draft::attributes::{Label, Module};
use crate::fault::Fault;
use crate::text::Value;

use super::form::{self, Form};
use super::{Demands, Directive};

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// AppArmorProfile=.
    pub apparmor: Option<Label>,
    /// SELinuxContext=.
    pub selinux: Option<Label>,
}

/// The rows.
pub const DIRECTIVES: &[Directive] = &[
    Directive {
        name: "AppArmorProfile",
        form: Form::Text("[-]PROFILE"),
        summary: "AppArmor profile of the target",
        manual: "The name of a loaded profile, which the target has when it is executed (aa_change_onexec(3)). The start \
                 fails where AppArmor is not there or does not know the profile; with `-` in front the target runs \
                 without it then. Whether the profile takes effect together with *NoNewPrivileges* is AppArmor's \
                 decision. An empty value resets.",
        example: "AppArmorProfile = \"-web\"",
        unlike: Some("Where AppArmor is not there the start fails; systemd leaves the profile out."),
        exposure: &[],
        read: |policy, value| {
            policy.labels.apparmor = label(value, Module::AppArmor)?;
            Ok(())
        },
        demand: |policy, demands| ask(demands, policy.labels.apparmor.as_ref()),
    },
    Directive {
        name: "SELinuxContext",
        form: Form::Text("[-]CONTEXT"),
        summary: "SELinux context of the target",
        manual: "The context that the target has when it is executed (setexeccon(3)); the loaded policy has to allow the \
                 transition. The start fails where SELinux is not there or refuses; with `-` in front the target runs \
                 in the context that it would have without. An empty value resets.",
        example: "SELinuxContext = \"-system_u:system_r:httpd_t:s0\"",
        unlike: Some("Where SELinux is not there the start fails; systemd leaves the context out."),
        exposure: &[],
        read: |policy, value| {
            policy.labels.selinux = label(value, Module::SeLinux)?;
            Ok(())
        },
        demand: |policy, demands| ask(demands, policy.labels.selinux.as_ref()),
    },
];

fn label(value: &Value, module: Module) -> Result<Option<Label>, Fault> {
    let item = form::text(value)?;
    let text = item.text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let (label, optional) = text.strip_prefix('-').map_or((text, false), |rest| (rest, true));
    if label.is_empty() || label.len() > 4000 || label.chars().any(char::is_control) {
        return Err(item
            .fault(format!("`{text}` is not a label"))
            .help("write its name, with `-` in front if it may fail"));
    }
    Ok(Some(Label { module, label: label.to_owned(), optional }))
}

fn ask(demands: &mut Demands<'_>, label: Option<&Label>) {
    if let Some(label) = label {
        demands.draft.labels.push(demands.asked(label.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::users::read;
    use super::*;
    use crate::text::Kind;

    #[test]
    fn a_minus_lets_it_fail() {
        let read = |text: &str| read("AppArmorProfile", Kind::Text(text.into())).map(|policy| policy.labels.apparmor);
        let label = |optional| Some(Label { module: Module::AppArmor, label: "web".into(), optional });
        assert_eq!(read("web"), Ok(label(false)));
        assert_eq!(read("-web"), Ok(label(true)));
        assert_eq!(read(""), Ok(None));
        assert!(read("-").is_err() && read("a\nb").is_err());
    }
}

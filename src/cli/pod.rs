//! `stockade run --pod`: the seccomp profile that a container of a Kubernetes manifest gets, as one more entry.

use std::path::Path;

use clap::{Arg, ArgMatches, ValueHint};

use crate::fault::{Exit, Fault, clean};
use crate::text::kubernetes::{self, Profile};
use crate::text::{Document, Entry, Kind, Value, attach};

use super::{door, import};

/// A container of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// The manifest.
    pub file: String,
    /// The container's name.
    pub container: String,
    /// The directory that Localhost profiles are below.
    pub root: String,
}

/// The options. They are not in the table that a launch reads by hand: clap reads what names a pod.
pub(super) fn args() -> [Arg; 3] {
    [
        Arg::new("pod")
            .long("pod")
            .value_name("FILE")
            .requires("container")
            .help("Add the seccomp profile of a Kubernetes pod's container")
            .long_help(
                "Add the seccomp profile that a container gets in a Kubernetes manifest (YAML or JSON; a Pod, or what has a \
                 template of pods). The container's seccompProfile counts before the pod's, and both before the annotations of \
                 old. It is one more layer beside -P and -p, which cannot name a SeccompProfile of their own then. Where the \
                 manifest names none, Kubernetes filters nothing, and neither does this: it is told on standard error.",
            )
            .value_hint(ValueHint::FilePath),
        Arg::new("container")
            .long("container")
            .value_name("NAME")
            .requires("pod")
            .help("Which container of the pod, by its name"),
        Arg::new("seccomp-root")
            .long("seccomp-root")
            .value_name("DIR")
            .requires("pod")
            .help("Look for Localhost profiles below this directory, not /var/lib/kubelet/seccomp")
            .value_hint(ValueHint::DirPath),
    ]
}

/// What clap read.
pub(super) fn request(matches: &ArgMatches) -> Option<Pod> {
    let text = |id: &str| matches.get_one::<String>(id).cloned();
    let root = text("seccomp-root").unwrap_or_else(|| attach::KUBELET.into());
    Some(Pod { file: text("pod")?, container: text("container")?, root })
}

/// Puts the container's profile behind what a document says, which must not name another one.
///
/// # Errors
/// The manifest or the profile cannot be read or trusted, the container is not there, or there is a profile already.
pub(super) fn add(pod: &Pod, document: &mut Document, uid: u32) -> Result<(), Vec<Fault>> {
    let source = attach::file(Path::new(&pod.file), uid).map_err(|fault| vec![fault])?;
    let objects = kubernetes::parse(&source)?;
    import::warn(&objects.warnings);
    let found = import::container(&objects.containers, Some(&pod.container), &pod.file).map_err(|fault| vec![fault])?;
    let other = |one: &&kubernetes::Container| one.name == found.name && profile(one) != profile(found);
    if objects.containers.iter().any(|one| other(&one)) {
        let message = format!("{} has several containers `{}` with different profiles", pod.file, pod.container);
        return Err(vec![Fault::new(message).help("put each pod in a file of its own")]);
    }
    let Some((profile, at)) = &found.profile else {
        let (file, name) = (&pod.file, &pod.container);
        let note = format!("{file} names no seccomp profile for {name}: Unconfined, as Kubernetes has it by default");
        door::tell(&format!("stockade: note: {}\n", clean(&note)));
        return Ok(());
    };
    let here = |fault: Fault| vec![Fault { origin: Some(at.clone()), ..fault }];
    let kind = match profile {
        // No layer; what -P and -p say of profiles stays.
        Profile::Unconfined => return Ok(()),
        Profile::RuntimeDefault => Kind::Text("RuntimeDefault".into()),
        Profile::Localhost(name) => {
            let path = attach::below(Path::new(&pod.root), name).map_err(here)?;
            let elsewhere = "where nodes keep their profiles elsewhere: --seccomp-root DIRECTORY";
            Kind::File(attach::file(&path, uid).map_err(|fault| here(fault.help(elsewhere)))?)
        }
    };
    // The last value would hold alone, and the other filter would be gone.
    if let Some(entry) = document.entries.iter().find(|entry| entry.name == attach::DIRECTIVE) {
        let fault = Fault::at(&entry.at, format!("a seccomp profile is named here and in {at}"));
        return Err(vec![fault.help("leave one of them out: only one SeccompProfile can hold").exit(Exit::Config)]);
    }
    let value = Value { kind, at: at.clone() };
    document.entries.push(Entry { name: attach::DIRECTIVE.into(), at: at.clone(), value });
    Ok(())
}

fn profile(container: &kubernetes::Container) -> Option<&Profile> {
    container.profile.as_ref().map(|(profile, _)| profile)
}

//! What Kubernetes objects say about seccomp: pods (`securityContext.seccompProfile` and the annotations before it,
//! <https://kubernetes.io/docs/reference/node/seccomp/>), whatever has a template of pods, and the SeccompProfile objects
//! of the security-profiles-operator.

use std::sync::Arc;

use super::attach;
use super::node::{Field, Node, Reader, Tree, Word};
use super::{json, oci, yaml};
use crate::fault::{Fault, Origin, Source};

/// The annotation for a whole pod, until Kubernetes 1.25.
pub const POD_ANNOTATION: &str = "seccomp.security.alpha.kubernetes.io/pod";

/// The beginning of the annotation for one container, whose name follows.
pub const CONTAINER_ANNOTATION: &str = "container.seccomp.security.alpha.kubernetes.io/";

/// How the annotation for a container is misspelt in articles.
const MISSPELT: &str = "container.security.alpha.kubernetes.io/";

/// The group of the security-profiles-operator's objects.
pub const OPERATOR: &str = "security-profiles-operator.x-k8s.io";

/// Which profile a container gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Profile {
    /// None: nothing is filtered.
    Unconfined,
    /// The engine's own.
    RuntimeDefault,
    /// A file below kubelet's directory.
    Localhost(String),
}

/// A container and its profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its name; empty where only the piece of a pod about seccomp was written.
    pub name: String,
    /// Its profile and where that was said; nothing where nobody said anything.
    pub profile: Option<(Profile, Origin)>,
}

/// What a text holds.
#[derive(Debug, Default)]
pub struct Objects<'a> {
    /// Every pod's containers, those that start first first.
    pub containers: Vec<Container>,
    /// SeccompProfile objects, and OCI profiles, with their names where they have one.
    pub profiles: Vec<(String, oci::Profile<'a>)>,
    /// The kinds of all objects.
    pub kinds: Vec<String>,
    /// What is odd.
    pub warnings: Vec<Fault>,
}

/// Reads Kubernetes objects, in YAML or JSON.
///
/// # Errors
/// What is wrong with the text or with what it says of seccomp.
pub fn parse(source: &Arc<Source>) -> Result<Objects<'_>, Vec<Fault>> {
    let one = |fault| vec![fault];
    let documents = if json::looks_like(&source.text) {
        vec![json::parse(source).map_err(one)?]
    } else {
        yaml::parse(source).map_err(one)?
    };
    let mut reading = Reading { reader: Reader::new(source), objects: Objects::default() };
    for document in documents.iter().filter(|document| document.tree != Tree::Null) {
        reading.object(document);
    }
    let Reading { reader, mut objects } = reading;
    if !reader.faults.is_empty() {
        return Err(reader.faults);
    }
    objects.warnings.extend(reader.warnings);
    Ok(objects)
}

struct Reading<'a> {
    reader: Reader<'a>,
    objects: Objects<'a>,
}

impl<'a> Reading<'a> {
    fn object(&mut self, node: &Node<'a>) {
        let kind = node.get("kind").and_then(Node::text).unwrap_or_default();
        let version = node.get("apiVersion").and_then(Node::text).unwrap_or_default();
        if let Some(Tree::List(items)) = node.get("items").map(|items| &items.tree) {
            for item in items {
                self.object(item);
            }
            return;
        }
        if !kind.is_empty() && !self.objects.kinds.iter().any(|known| known == kind) {
            self.objects.kinds.push(kind.to_owned());
        }
        if kind == "SeccompProfile" || version.starts_with(OPERATOR) {
            self.operators(node, kind);
        } else if node.get("defaultAction").is_some() {
            match oci::read(self.reader.source, node) {
                Ok(profile) => self.objects.profiles.push((String::new(), profile)),
                Err(faults) => self.reader.faults.extend(faults),
            }
        } else if let Some(template) = node
            .way(&["spec", "jobTemplate", "spec", "template"])
            .or_else(|| node.way(&["spec", "template"]))
            .or_else(|| node.get("template").filter(|_| kind == "PodTemplate"))
        {
            self.pod(template);
        } else if kind == "Pod" || kind.is_empty() {
            self.pod(node);
        }
    }

    /// A SeccompProfile object: its `spec` is an OCI profile and a little more.
    fn operators(&mut self, node: &Node<'a>, kind: &str) {
        if kind != "SeccompProfile" {
            return;
        }
        let Some(spec) = node.get("spec") else {
            self.reader.fault(&(node.span.start..node.span.start + 1), "this SeccompProfile has no `spec`");
            return;
        };
        if let Some(base) = spec.get("baseProfileName") {
            let fault = self.reader.fault(&base.span, "this profile rests on another one, which is not here");
            fault.help.push("write what the base profile says into this one, and take `baseProfileName` out".into());
        }
        if let Some(state) = spec.get("state").filter(|state| state.text() != Some("Enabled")) {
            self.reader.warn(&state.span, "the operator would not install this profile");
        }
        let own = |field: &Field<'_>| ["state", "baseProfileName", "disabled"].contains(&&*field.name.text);
        let mut bare = spec.clone();
        if let Tree::Table(fields) = &mut bare.tree {
            fields.retain(|field| !own(field));
        }
        let name = node.way(&["metadata", "name"]).and_then(Node::text).unwrap_or_default();
        match oci::read(self.reader.source, &bare) {
            Ok(profile) => self.objects.profiles.push((name.to_owned(), profile)),
            Err(faults) => self.reader.faults.extend(faults),
        }
    }

    fn pod(&mut self, pod: &Node<'a>) {
        let spec = pod.get("spec");
        let context = spec.and_then(|spec| spec.get("securityContext")).or_else(|| pod.get("securityContext"));
        let whole = context.and_then(|context| self.context(context)).or_else(|| self.annotation(pod, POD_ANNOTATION));
        self.misspelt(pod);
        let mut any = false;
        for list in ["initContainers", "containers", "ephemeralContainers"] {
            let containers = spec.and_then(|spec| spec.get(list));
            for container in containers.map_or(&[][..], |node| self.reader.list(node, list)) {
                any = true;
                let name = container.get("name").and_then(Node::text).unwrap_or_default();
                let own = container.get("securityContext").and_then(|context| self.context(context));
                // Fields count before annotations, whoever has them; see the pod's.
                let fields = own.or_else(|| whole.clone().filter(|_| context.is_some_and(has_profile)));
                let profile = fields
                    .or_else(|| self.annotation(pod, &format!("{CONTAINER_ANNOTATION}{name}")))
                    .or_else(|| whole.clone());
                self.objects.containers.push(Container { name: name.to_owned(), profile });
            }
        }
        if !any && whole.is_some() {
            self.objects.containers.push(Container { name: String::new(), profile: whole });
        }
    }

    /// `seccompProfile` in a securityContext.
    fn context(&mut self, context: &Node<'a>) -> Option<(Profile, Origin)> {
        let node = context.get("seccompProfile")?;
        for field in self.reader.table(node, "`seccompProfile`") {
            if !["type", "localhostProfile"].contains(&&*field.name.text) {
                self.reader.unknown(&field.name, &["type", "localhostProfile"]);
            }
        }
        let start = node.span.start..node.span.start + 1;
        let Some(kind) = node.get("type") else {
            self.reader.fault(&start, "this `seccompProfile` has no `type`");
            return None;
        };
        let kind = self.reader.word(kind, "`type`")?;
        let local = node.get("localhostProfile").and_then(|node| self.reader.word(node, "`localhostProfile`"));
        let profile = match (&*kind.text, &local) {
            ("Localhost", Some(path)) => Profile::Localhost(self.inside(path, &path.text)?),
            ("Localhost", None) => {
                let fault = self.reader.fault(&kind.span, "a profile of the type Localhost needs a `localhostProfile`");
                fault.help.push("write for instance localhostProfile: profiles/audit.json".into());
                return None;
            }
            ("RuntimeDefault" | "Unconfined", Some(path)) => {
                let message = format!("`localhostProfile` stands beside the type {}, which has no file", kind.text);
                self.reader.fault(&path.span, message);
                return None;
            }
            ("RuntimeDefault", None) => Profile::RuntimeDefault,
            ("Unconfined", None) => Profile::Unconfined,
            _ => {
                let fault = self.reader.fault(&kind.span, format!("`{}` is not a type of profile", kind.text));
                fault.help.push("write one of: RuntimeDefault, Localhost, Unconfined".into());
                return None;
            }
        };
        Some((profile, self.reader.at(&kind.span)))
    }

    /// The profile that an annotation names.
    fn annotation(&mut self, pod: &Node<'a>, name: &str) -> Option<(Profile, Origin)> {
        let node = pod.way(&["metadata", "annotations"]).or_else(|| pod.get("annotations"))?.get(name)?;
        let word = self.reader.word(node, &format!("`{name}`"))?;
        let profile = match &*word.text {
            "unconfined" => Profile::Unconfined,
            "runtime/default" | "docker/default" => Profile::RuntimeDefault,
            text => {
                let Some(path) = text.strip_prefix(attach::LOCAL) else {
                    let fault = self.reader.fault(&word.span, format!("`{text}` is not a profile"));
                    fault.help.push("write one of: runtime/default, unconfined, localhost/FILE".into());
                    return None;
                };
                Profile::Localhost(self.inside(&word, path)?)
            }
        };
        Some((profile, self.reader.at(&word.span)))
    }

    /// A name that stays below kubelet's directory.
    fn inside(&mut self, word: &Word<'a>, path: &str) -> Option<String> {
        let parts = |path: &str| path.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        if !parts(path) {
            let fault = self.reader.fault(&word.span, format!("`{path}` does not stay below {}", attach::KUBELET));
            fault.help.push("write a relative path without `..`".into());
            return None;
        }
        Some(path.to_owned())
    }

    fn misspelt(&mut self, pod: &Node<'a>) {
        let annotations = pod.way(&["metadata", "annotations"]).or_else(|| pod.get("annotations"));
        let Some(Tree::Table(fields)) = annotations.map(|node| &node.tree) else { return };
        for field in fields.iter().filter(|field| field.name.text.starts_with(MISSPELT)) {
            let right = field.name.text.replacen(MISSPELT, CONTAINER_ANNOTATION, 1);
            let warning = self.reader.warn(&field.name.span, format!("nothing reads `{}`", field.name.text));
            warning.help.push(format!("did you mean `{right}`?"));
        }
    }
}

fn has_profile(context: &Node<'_>) -> bool {
    context.get("seccompProfile").is_some()
}

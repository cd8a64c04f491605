//! Pods of the node's own files. They run without an API server, which only shows their mirrors.
//!
//! Follows kubernetes v1.36 pkg/kubelet/config: file.go, common.go (applyDefaults, tryDecodeSinglePod);
//! pkg/kubelet/pod/mirror_client.go; kubelet.go: tryReconcileMirrorPods, HandlePodUpdates.
//! DIFFERENCE: a file that holds no valid Pod is passed over in silence, because nobody reads a kubelet's own log here.

use std::sync::Arc;

use api::k8s_openapi::api::core::v1::{EnvVar, PodSpec, Toleration};
use api::{Because, Cause, Kind, Object, ObjectKey, OwnerReference, Pod};
use apiserver::{Change, DeleteOptions, WatchEvent};
use sim::{Gather as _, VecMap, latency};

use crate::held::Held;
use crate::pod;
use crate::worker::{Stage, Worker};
use crate::{Ctx, Event, Host, Kubelet};

/// What a worker knows of how the API server shows its static Pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Mirror {
    /// The Pod is one of the node's own files.
    pub is_of_file: bool,
    /// As far as this kubelet has heard.
    shown: Option<Held<Pod>>,
    /// There has been a mirror before this one.
    again: bool,
}

impl Kubelet {
    /// What the files say is what runs: Pods of new files begin, those of files that are gone or have changed end.
    pub(crate) fn read_manifests(&mut self, ctx: &mut Ctx<'_>) {
        let mut wanted = VecMap::new();
        for (file, bytes) in ctx.runtime.manifests(&self.host.name) {
            let Some(pod) = decode(&self.host.name, &file, &bytes, ctx) else { continue };
            let uid: Arc<str> = pod::uid(&pod).into();
            // What is known already keeps the time of its first sight.
            let known = self.statics.get(&uid).cloned();
            wanted.insert(uid, known.unwrap_or_else(|| Held::new(pod)));
        }
        self.statics = wanted;
        let mut ending = Vec::new();
        for worker in self.workers.values_mut() {
            if worker.mirror.is_of_file && !worker.gone && !self.statics.contains_key(&worker.uid) {
                let worker = Arc::make_mut(worker);
                worker.gone = true;
                worker.update(&mut self.host, ctx);
                ending.push(worker.id);
            }
        }
        for id in ending {
            self.forget_if_done(id, ctx);
        }
        self.begin_static_pods(ctx);
    }

    /// A changed Pod waits until its former self is gone.
    fn begin_static_pods(&mut self, ctx: &mut Ctx<'_>) {
        for pod in self.statics.values().cloned().gather() {
            if self.static_worker(&pod).is_some() {
                continue;
            }
            // The mirror of its former self is replaced at the first look.
            let shown = ctx.api.pod(pod::namespace(&pod), pod::name(&pod)).cloned().map(Held);
            self.add_as(&pod.0, 0, Mirror { is_of_file: true, shown, again: false }, ctx);
        }
    }

    fn static_worker(&mut self, like: &Pod) -> Option<&mut Arc<Worker>> {
        self.workers.values_mut().find(|it| it.mirror.is_of_file && same_name(&it.pod, like))
    }

    pub(crate) fn static_pod_ended(&mut self, ctx: &mut Ctx<'_>) {
        ctx.outbox.at(ctx.now + latency::HOUSEKEEPING.draw(ctx.rng), Event::Mirrors);
        self.begin_static_pods(ctx);
    }

    // Follows kubernetes v1.36 pkg/kubelet/kubelet_pods.go: HandlePodCleanups, its part about orphaned mirrors.
    pub(crate) fn delete_orphaned_mirrors(&mut self, ctx: &mut Ctx<'_>) {
        let orphan = |it: &&Arc<Pod>| {
            pod::annotation(it, pod::MIRROR).is_some()
                && pod::spec(it).node_name.as_deref() == Some(&*self.host.name)
                && !self.statics.values().any(|of| same_name(of, it))
                && !self.workers.values().any(|of| same_name(&of.pod, it))
        };
        for mirror in ctx.api.pods().filter(orphan).cloned().gather() {
            delete_mirror(&mirror, &self.host, None, ctx);
        }
    }

    pub(crate) fn observe_mirror(&mut self, mirror: &Arc<Pod>, event: &WatchEvent, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.static_worker(mirror).map(Arc::make_mut) else {
            if event.change == Change::Added {
                ctx.outbox.at(ctx.now + latency::HOUSEKEEPING.draw(ctx.rng), Event::Mirrors);
            }
            return;
        };
        worker.revision = event.revision;
        let shown = worker.mirror.shown.as_ref();
        let known = shown.is_some_and(|it| it.metadata.uid == mirror.metadata.uid);
        let gone = event.change == Change::Deleted;
        if gone && !known {
            return;
        }
        worker.mirror.shown = Some(Held(mirror.clone())).filter(|_| !gone);
        if !known && std::mem::replace(&mut worker.mirror.again, true) && !worker.report_planned {
            worker.report_planned = true;
            let due = ctx.now + latency::MIRROR_STATUS.draw(ctx.rng);
            ctx.outbox.at(due, Event::Report { pod: worker.id });
        }
        let id = worker.id;
        if gone || mirror.metadata.deletion_timestamp.is_some() {
            self.look_again(id, ctx);
        }
    }

    fn look_again(&mut self, id: crate::PodId, ctx: &mut Ctx<'_>) {
        if let Some(worker) = self.workers.get_mut(&id).map(Arc::make_mut) {
            worker.update(&mut self.host, ctx);
        }
    }
}

impl Worker {
    /// Is anything told of a static Pod? Not before the API server shows it, and not after its last container.
    pub(crate) fn is_shown(&self) -> bool {
        self.mirror.shown.is_some() && !(self.gone && Stage::Terminated <= self.stage)
    }

    /// Sees to it that the API server shows a static Pod as it is.
    pub(crate) fn reconcile_mirror(&mut self, host: &Host, ctx: &mut Ctx<'_>) {
        if !self.mirror.is_of_file {
            return;
        }
        if let Some(mirror) = &self.mirror.shown {
            let same = pod::annotation(mirror, pod::MIRROR) == Some(&self.uid);
            if mirror.metadata.deletion_timestamp.is_none() && same {
                return;
            }
            delete_mirror(mirror, host, self.parent(), ctx);
        }
        let node = ctx.api.node(&host.name);
        let Some(node) = node.filter(|it| it.metadata.deletion_timestamp.is_none()) else { return };
        let mut mirror = (*self.pod).clone();
        let meta = &mut mirror.metadata;
        meta.uid = None;
        let owner = OwnerReference { controller: Some(true), ..host.owner_reference(node) };
        meta.owner_references = Some(vec![owner]);
        let annotations = meta.annotations.get_or_insert_default();
        annotations.insert(pod::MIRROR.to_owned(), self.uid.to_string());
        let cause = Cause { by: host.actor.clone(), because: Because::StatusSync, parent: self.parent() };
        // Without its namespace, say, there is no mirror. The Pod runs all the same, and the next look tries again.
        let _ = ctx.api.create_from_template(mirror.into(), cause, ctx.now);
    }
}

fn same_name(a: &Pod, b: &Pod) -> bool {
    pod::name(a) == pod::name(b) && pod::namespace(a) == pod::namespace(b)
}

fn delete_mirror(mirror: &Pod, host: &Host, parent: Option<u64>, ctx: &mut Ctx<'_>) {
    let key = ObjectKey::pod(pod::namespace(mirror), pod::name(mirror));
    let options = DeleteOptions {
        grace_period_seconds: Some(0),
        uid: mirror.metadata.uid.clone(),
        ..DeleteOptions::default()
    };
    let cause = Cause { by: host.actor.clone(), because: Because::StatusSync, parent };
    // Somebody may have been faster.
    let _ = ctx.api.delete(&key, &options, cause, ctx.now);
}

/// The Pod of a file. Its uid is a digest of what stands there, and where.
fn decode(node: &str, file: &str, bytes: &[u8], ctx: &Ctx<'_>) -> Option<Pod> {
    let text = std::str::from_utf8(bytes).ok()?;
    let value = api::yaml::read(text).into_iter().next()?.ok()?.value;
    if value["kind"] != "Pod" || value["apiVersion"] != "v1" {
        return None;
    }
    let written = (node, file, value.to_string());
    let Object::Pod(pod) = Object::from_value(Kind::Pod, value).ok()? else { return None };
    let mut pod = (*pod).clone();
    let meta = &mut pod.metadata;
    let uid = meta.uid.take().filter(|it| !it.is_empty()).unwrap_or_else(|| {
        format!("{:016x}{:016x}", sim::digest_of(&written), sim::digest_of(&(&written, 0_u8)))
    });
    let name = meta.name.as_deref().filter(|it| !it.is_empty())?;
    meta.name = Some(format!("{name}-{}", node.to_ascii_lowercase()));
    meta.namespace = meta.namespace.take().filter(|it| !it.is_empty()).or_else(|| Some("default".to_owned()));
    let annotations = meta.annotations.get_or_insert_default();
    let seen = api::time::micro_text(api::time::time(ctx.now).0);
    for (name, value) in [("hash", uid.clone()), ("seen", seen), ("source", "file".to_owned())] {
        annotations.insert(format!("kubernetes.io/config.{name}"), value);
    }
    meta.uid = Some(uid);
    pod.status = None;
    let spec = pod.spec.get_or_insert_default();
    if needs_the_server(spec) {
        return None;
    }
    spec.node_name = Some(node.to_owned());
    // Troubles of the node do not drive it away.
    spec.tolerations.get_or_insert_default().push(Toleration {
        operator: Some("Exists".to_owned()),
        effect: Some("NoExecute".to_owned()),
        ..Toleration::default()
    });
    let Object::Pod(pod) = ctx.api.completed(pod.into())? else { return None };
    Some((*pod).clone())
}

/// A static Pod may not refer to other objects.
// Follows kubernetes v1.36 pkg/api/pod/util.go: HasAPIObjectReference.
fn needs_the_server(spec: &PodSpec) -> bool {
    let given = |it: Option<usize>| it.is_some_and(|it| it != 0);
    let of_variable = |it: &EnvVar| {
        let from = it.value_from.as_ref();
        from.is_some_and(|it| it.config_map_key_ref.is_some() || it.secret_key_ref.is_some())
    };
    let mut containers = spec.init_containers.iter().flatten().chain(&spec.containers);
    given(spec.service_account_name.as_ref().map(String::len))
        || given(spec.image_pull_secrets.as_ref().map(Vec::len))
        || given(spec.resource_claims.as_ref().map(Vec::len))
        || spec.volumes.iter().flatten().any(|it| {
            it.config_map.is_some()
                || it.secret.is_some()
                || it.projected.is_some()
                || it.persistent_volume_claim.is_some()
        })
        || containers
            .any(|it| given(it.env_from.as_ref().map(Vec::len)) || it.env.iter().flatten().any(of_variable))
}

//! Pods that write more to their node's disk than they may.
//!
//! Follows kubernetes v1.36 pkg/kubelet/eviction/eviction_manager.go: localStorageEviction.

use std::time::Duration;

use api::quantity::{self, Amount, Format};
use apiserver::EventKind;
use runtime::MountSource;

use crate::pod;
use crate::worker::{Stage, Worker};
use crate::{Ctx, Host};

const STORAGE: &str = "ephemeral-storage";
/// What a volume holds is measured so often.
const VOLUME_SAMPLE: Duration = Duration::from_mins(1);
const EVICTION_GRACE_SECONDS: i64 = 1;

impl Worker {
    /// Is there a limit to look after?
    pub(crate) fn limits_storage(&self) -> bool {
        self.stage == Stage::Syncing
            && !self.rejected
            && (pod::app_containers(&self.pod).iter().any(|it| {
                it.resources
                    .as_ref()
                    .and_then(|it| it.limits.as_ref())
                    .is_some_and(|it| it.contains_key(STORAGE))
            }) || pod::spec(&self.pod)
                .volumes
                .iter()
                .flatten()
                .any(|it| it.empty_dir.as_ref().is_some_and(|it| it.size_limit.is_some())))
    }

    pub(crate) fn check_storage(&mut self, host: &mut Host, ctx: &mut Ctx<'_>) {
        let Some(message) = self.storage_exceeded(ctx) else { return };
        let regarding = pod::reference(&self.pod);
        host.tell(regarding, EventKind::Warning, "Evicted", message.clone(), self.revision, ctx);
        self.verdict = Some(("Evicted".to_owned(), message));
        self.grace = Some(EVICTION_GRACE_SECONDS);
        self.update(host, ctx);
    }

    fn storage_exceeded(&self, ctx: &Ctx<'_>) -> Option<String> {
        let pod = self.pod.clone();
        let age = self.status.as_ref()?.start_time.as_ref().map(api::time::sim_time)?;
        let mut volumes = 0;
        for volume in pod::spec(&pod).volumes.iter().flatten() {
            let Some(empty_dir) = &volume.empty_dir else { continue };
            let mounted = self.mounts.list.iter().find(|it| it.name == volume.name);
            let Some(MountSource::Volume(id)) = mounted.and_then(|it| it.source.as_ref()) else { continue };
            if ctx.now.since(age) < VOLUME_SAMPLE {
                continue;
            }
            let used = ctx.runtime.volume_usage(*id);
            if let Some(limit) = &empty_dir.size_limit
                && quantity::of(limit).value().unsigned_abs() < used
            {
                let name = &volume.name;
                return Some(format!(
                    "Usage of EmptyDir volume \"{name}\" exceeds the limit \"{}\". ",
                    limit.0
                ));
            }
            if empty_dir.medium.as_deref() != Some("Memory") {
                volumes += used;
            }
        }
        let containers = pod::app_containers(&pod);
        let limit = |it: &api::k8s_openapi::api::core::v1::Container| {
            it.resources.as_ref().and_then(|it| it.limits.as_ref()?.get(STORAGE)).map(quantity::of)
        };
        let usage = |name: &str| {
            let id = self.cache.find(name).map(|it| it.status.id);
            id.and_then(|id| ctx.runtime.container_stats(id, ctx.now))
                .map_or(0, |it| it.disk_bytes + it.log_bytes)
        };
        let limits: Option<Vec<Amount>> = containers.iter().map(limit).collect();
        if let Some(limits) = limits {
            let total = limits.iter().map(|it| it.value()).sum::<i64>();
            let used = volumes + containers.iter().map(|it| usage(&it.name)).sum::<u64>();
            if total.unsigned_abs() < used {
                let total = Amount::from_value(total).to_text(Format::BinarySI);
                return Some(format!(
                    "Pod ephemeral local storage usage exceeds the total limit of containers {total}. "
                ));
            }
        }
        containers.iter().find_map(|it| {
            let limit = limit(it)?;
            (limit.value().unsigned_abs() < usage(&it.name)).then(|| {
                let text = limit.to_text(Format::BinarySI);
                format!("Container {} exceeded its local ephemeral storage limit \"{text}\". ", it.name)
            })
        })
    }
}

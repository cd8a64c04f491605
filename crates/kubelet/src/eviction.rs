//! Pods that write more to their node's disk than they may.
//!
//! Follows kubernetes v1.36 pkg/kubelet/eviction/eviction_manager.go: localStorageEviction.

use std::time::Duration;

use api::quantity::{self, Amount, Format};
use runtime::MountSource;
use sim::{Gather as _, SimTime, VecMap};

use crate::worker::{Stage, Worker};
use crate::{Ctx, Host, pod, pressure};

const STORAGE: &str = "ephemeral-storage";
/// The kubelet looks for new Pods' volumes so often, and waits as long or up to twice as long between two measurements.
/// Follows kubernetes v1.36 pkg/kubelet/server/stats: fs_resource_analyzer.go, volume_stat_calculator.go.
const VOLUME_SAMPLE: Duration = Duration::from_mins(1);
const EVICTION_PERIOD: Duration = Duration::from_secs(10);
pub(crate) const EVICTION_GRACE_SECONDS: i64 = 1;
pub(crate) const EVICTED: &str = "Evicted";

/// Bytes by volume, as of the last measurement.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct VolumeSample {
    due: Option<SimTime>,
    used: VecMap<String, u64>,
}

impl Host {
    /// When the kubelet next looks at what its Pods have written.
    pub(crate) fn next_eviction(&self, now: SimTime) -> SimTime {
        self.next_in_phase(EVICTION_PERIOD, now + Duration::from_micros(1))
    }

    /// Periodic work whose phase is this kubelet's own, at `from` or after.
    fn next_in_phase(&self, period: Duration, from: SimTime) -> SimTime {
        let micros = period.as_micros() as u64;
        let phase = sim::digest_of(&(&self.name, self.phases(), micros)) % micros;
        let passed = from.as_micros() % micros;
        from + Duration::from_micros((phase + micros - passed) % micros)
    }
}

impl Worker {
    /// Is there a limit to look after?
    pub(crate) fn limits_storage(&self) -> bool {
        self.stage == Stage::Syncing
            && !self.rejected
            && !pressure::is_critical(&self.pod)
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
        self.measure_volumes(host, ctx);
        let Some(message) = self.storage_exceeded(ctx) else { return };
        self.evict(message, host, ctx);
    }

    pub(crate) fn is_evicted(&self) -> bool {
        self.verdict.as_ref().is_some_and(|it| it.0 == EVICTED)
    }

    fn measure_volumes(&mut self, host: &Host, ctx: &mut Ctx<'_>) {
        let Some(since) = self.status.as_ref().and_then(|it| it.start_time.as_ref()) else { return };
        let first = host.next_in_phase(VOLUME_SAMPLE, api::time::sim_time(since));
        if ctx.now < self.volume_sample.due.unwrap_or(first) {
            return;
        }
        self.volume_sample.due = Some(ctx.now + ctx.rng.between(VOLUME_SAMPLE, VOLUME_SAMPLE * 2));
        for it in &self.mounts.list {
            if let Some(MountSource::Volume(id)) = it.source {
                self.volume_sample.used.insert(it.name.clone(), ctx.runtime.volume_usage(id));
            }
        }
    }

    fn storage_exceeded(&self, ctx: &Ctx<'_>) -> Option<String> {
        let pod = self.pod.clone();
        let mut volumes = 0;
        for volume in pod::spec(&pod).volumes.iter().flatten() {
            let Some(empty_dir) = &volume.empty_dir else { continue };
            let Some(&used) = self.volume_sample.used.get(&volume.name) else { continue };
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
        let limits: Option<Vec<Amount>> = containers.iter().map(limit).fill();
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

//! The plugins for volumes and devices as far as they show: this cluster has no claims, so they have nothing to do
//! but to be named, and to turn down a Pod whose PersistentVolumeClaim cannot exist.

use crate::framework::{Cycle, Plugin, PreFilter, PreScore};

macro_rules! idle {
    ($($name:ident),*) => {
        $(
            #[derive(Debug)]
            pub struct $name;

            impl Plugin for $name {
                fn name(&self) -> &'static str {
                    stringify!($name)
                }

                fn pre_filter(&self, _cycle: &mut Cycle<'_>) -> PreFilter {
                    PreFilter::Skip
                }
            }
        )*
    };
}

idle!(NodeVolumeLimits, VolumeZone);

#[derive(Debug)]
pub struct VolumeRestrictions;

impl Plugin for VolumeRestrictions {
    fn name(&self) -> &'static str {
        "VolumeRestrictions"
    }

    // Follows kubernetes v1.36 plugins/volumerestrictions: the claims are looked up here first.
    fn pre_filter(&self, cycle: &mut Cycle<'_>) -> PreFilter {
        let volumes = cycle.pod.pod.spec.as_ref().and_then(|it| it.volumes.as_deref()).unwrap_or_default();
        match volumes.iter().find_map(|it| it.persistent_volume_claim.as_ref()) {
            Some(claim) => {
                PreFilter::Reject(format!("persistentvolumeclaim \"{}\" not found", claim.claim_name).into())
            }
            None => PreFilter::Skip,
        }
    }
}

#[derive(Debug)]
pub struct VolumeBinding;

impl Plugin for VolumeBinding {
    fn name(&self) -> &'static str {
        "VolumeBinding"
    }

    fn pre_filter(&self, _cycle: &mut Cycle<'_>) -> PreFilter {
        PreFilter::Skip
    }

    fn weight(&self) -> i64 {
        1
    }

    fn pre_score(&self, _cycle: &mut Cycle<'_>, _feasible: &[usize]) -> PreScore {
        PreScore::Skip
    }
}

/// Scores 0 everywhere, and is there.
#[derive(Debug)]
pub struct DynamicResources;

impl Plugin for DynamicResources {
    fn name(&self) -> &'static str {
        "DynamicResources"
    }

    fn pre_filter(&self, _cycle: &mut Cycle<'_>) -> PreFilter {
        PreFilter::Skip
    }

    fn weight(&self) -> i64 {
        2
    }
}

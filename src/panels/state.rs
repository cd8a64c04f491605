//! How states look and read: one place for class, shape and words of a tone.

use session::frame::{ContainerKind, Probe, Tone, VolumeKind};

use crate::components::icon::icon;
use crate::dom::prelude::*;
use crate::i18n::t;

pub fn tone_class(tone: Tone) -> &'static str {
    match tone {
        Tone::Wait => "wait",
        Tone::Ok => "ok",
        Tone::NotReady => "half",
        Tone::Bad => "bad",
        Tone::Done => "done",
        Tone::Ending => "ending",
        Tone::Busy => "busy",
    }
}

pub fn tone_icon(tone: Tone) -> &'static str {
    match tone {
        Tone::Done => "ok",
        other => tone_class(other),
    }
}

/// Shape, text and colour together.
pub fn pill(tone: Tone, text: String) -> View {
    let class = ["pill ", tone_class(tone)].concat();
    view! { <span class=class>{icon(tone_icon(tone))}{text}</span> }
}

pub fn probe_word(probe: Probe) -> &'static str {
    t(match probe {
        Probe::Liveness => "probe.liveness",
        Probe::Readiness => "probe.readiness",
        Probe::Startup => "probe.startup",
    })
}

pub fn kind_word(kind: ContainerKind) -> &'static str {
    t(match kind {
        ContainerKind::Init => "container.init",
        ContainerKind::Sidecar => "container.sidecar",
        ContainerKind::App => "container.app",
        ContainerKind::Ephemeral => "container.ephemeral",
    })
}

/// As in manifests.
pub fn volume_kind(kind: VolumeKind) -> &'static str {
    match kind {
        VolumeKind::EmptyDir => "emptyDir",
        VolumeKind::HostPath => "hostPath",
        VolumeKind::ConfigMap => "configMap",
        VolumeKind::Secret => "secret",
        VolumeKind::DownwardApi => "downwardAPI",
        VolumeKind::Projected => "projected",
        VolumeKind::PersistentVolumeClaim => "persistentVolumeClaim",
        VolumeKind::Other => "…",
    }
}

//! Widgets that know no Kubernetes.

pub mod dialog;
pub mod icon;
pub mod split;
pub mod tabs;

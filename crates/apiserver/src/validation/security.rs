//! Security contexts of Pods and containers.

use api::k8s_openapi::api::core::v1::{PodSecurityContext, PodSpec, SeccompProfile, SecurityContext};

use super::container::descending_path;
use crate::field::{Errors, Raw};

fn id(value: Option<i64>, path: String, errors: &mut Errors) {
    if let Some(value) = value.filter(|it| !(0..=i64::from(i32::MAX)).contains(it)) {
        errors.invalid(path, &value, "must be between 0 and 2147483647, inclusive");
    }
}

fn seccomp(profile: Option<&SeccompProfile>, path: &str, errors: &mut Errors) {
    let Some(profile) = profile else { return };
    if profile.type_.is_empty() {
        errors.required(format!("{path}.type"), "type is required when seccompProfile is set");
    } else {
        errors.one_of(
            format!("{path}.type"),
            Some(&profile.type_),
            &["Localhost", "RuntimeDefault", "Unconfined"],
        );
    }
    if profile.type_ == "Localhost" {
        match &profile.localhost_profile {
            None => errors
                .required(format!("{path}.localhostProfile"), "must be set when seccomp type is Localhost"),
            Some(file) => descending_path(file, &format!("{path}.localhostProfile"), errors),
        }
    }
}

pub(super) fn pod(context: &PodSecurityContext, spec: &PodSpec, path: &str, errors: &mut Errors) {
    id(context.fs_group, format!("{path}.fsGroup"), errors);
    id(context.run_as_user, format!("{path}.runAsUser"), errors);
    id(context.run_as_group, format!("{path}.runAsGroup"), errors);
    for (index, group) in context.supplemental_groups.iter().flatten().enumerate() {
        id(Some(*group), format!("{path}.supplementalGroups[{index}]"), errors);
    }
    if spec.share_process_namespace == Some(true) && spec.host_pid == Some(true) {
        errors.invalid(
            format!("{path}.shareProcessNamespace"),
            &true,
            "ShareProcessNamespace and HostPID cannot both be enabled",
        );
    }
    for (index, sysctl) in context.sysctls.iter().flatten().enumerate() {
        let path = format!("{path}.sysctls[{index}].name");
        let host = [
            (spec.host_network == Some(true), "net.", "hostNetwork"),
            (spec.host_ipc == Some(true), "kernel.shm", "hostIPC"),
        ];
        if sysctl.name.is_empty() {
            errors.required(path, "");
        } else if !is_sysctl(&sysctl.name) {
            let why = "must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$";
            errors.invalid(path, &sysctl.name, why);
        } else if let Some((_, _, field)) = host.iter().find(|it| it.0 && sysctl.name.starts_with(it.1)) {
            let why = format!("may not be specified when '{field}' is true");
            errors.invalid(path, &sysctl.name, &why);
        }
    }
    errors.one_of(
        format!("{path}.fsGroupChangePolicy"),
        context.fs_group_change_policy.as_deref(),
        &["Always", "OnRootMismatch"],
    );
    seccomp(context.seccomp_profile.as_ref(), &format!("{path}.seccompProfile"), errors);
}

fn is_sysctl(name: &str) -> bool {
    let edge = |it: Option<&u8>| it.is_some_and(|it| it.is_ascii_lowercase() || it.is_ascii_digit());
    name.len() <= 253
        && name.split(['.', '/']).all(|part| {
            let bytes = part.as_bytes();
            edge(bytes.first())
                && edge(bytes.last())
                && bytes.iter().all(|it| edge(Some(it)) || matches!(it, b'-' | b'_'))
        })
}

pub(super) fn container(context: &SecurityContext, spec: &PodSpec, path: &str, errors: &mut Errors) {
    id(context.run_as_user, format!("{path}.runAsUser"), errors);
    id(context.run_as_group, format!("{path}.runAsGroup"), errors);
    if let Some(mount) = context.proc_mount.as_deref() {
        errors.one_of(format!("{path}.procMount"), Some(mount), &["Default", "Unmasked"]);
        if mount == "Unmasked" && spec.host_users != Some(false) {
            let why = "`hostUsers` must be false to use `Unmasked`";
            errors.invalid(format!("{path}.procMount"), mount, why);
        }
    }
    seccomp(context.seccomp_profile.as_ref(), &format!("{path}.seccompProfile"), errors);
    if context.allow_privilege_escalation != Some(false) {
        return;
    }
    if context.privileged == Some(true) {
        let why = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true";
        errors.invalid(path, &Raw(internal(context)), why);
    }
    let admin = context.capabilities.as_ref().and_then(|it| it.add.as_ref());
    if admin.is_some_and(|it| it.iter().any(|it| it == "CAP_SYS_ADMIN")) {
        let why = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
        errors.invalid(path, &Raw(internal(context)), why);
    }
}

/// The server shows its internal form, in Go's field names and order.
fn internal(context: &SecurityContext) -> String {
    let show = |value: Option<String>| value.unwrap_or_else(|| "null".to_owned());
    let capabilities = context.capabilities.as_ref().map(|it| {
        let list = |it: &Option<Vec<String>>| it.as_ref().map_or("null".to_owned(), api::codec::to_text);
        format!("{{\"Add\":{},\"Drop\":{}}}", list(&it.add), list(&it.drop))
    });
    format!(
        "{{\"Capabilities\":{},\"Privileged\":{},\"SELinuxOptions\":null,\"WindowsOptions\":null,\"RunAsUser\":{},\"RunAsGroup\":{},\"RunAsNonRoot\":{},\"ReadOnlyRootFilesystem\":{},\"AllowPrivilegeEscalation\":{},\"ProcMount\":{},\"SeccompProfile\":null,\"AppArmorProfile\":null}}",
        show(capabilities),
        show(context.privileged.map(|it| it.to_string())),
        show(context.run_as_user.map(|it| it.to_string())),
        show(context.run_as_group.map(|it| it.to_string())),
        show(context.run_as_non_root.map(|it| it.to_string())),
        show(context.read_only_root_filesystem.map(|it| it.to_string())),
        show(context.allow_privilege_escalation.map(|it| it.to_string())),
        show(context.proc_mount.as_ref().map(|it| format!("{it:?}"))),
    )
}

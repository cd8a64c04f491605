//! Volumes of a Pod.
//!
//! Follows kubernetes v1.36 pkg/apis/core/validation: ValidateVolumes.

use api::k8s_openapi::api::core::v1::{DownwardAPIVolumeFile, KeyToPath, ProjectedVolumeSource, Volume};
use api::{quantity, syntax};
use sim::VecSet;

use super::container::{
    MODE_MESSAGE, VOLUME_FIELDS, descending_path, field_ref, no_backsteps, resource_field_ref,
};
use super::text;
use crate::field::Errors;

/// Answers with the names that mounts may use: those of volumes without a mistake.
pub(super) fn volumes(volumes: &[Volume], path: &str, errors: &mut Errors) -> VecSet<String> {
    let mut names = VecSet::new();
    for (index, volume) in volumes.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let before = errors.0.len();
        source(volume, &path, errors);
        let name_path = format!("{path}.name");
        if volume.name.is_empty() {
            errors.required(&name_path, "");
        } else {
            errors.invalid_all(&name_path, &volume.name, syntax::dns1123_label(&volume.name));
        }
        if names.contains(&volume.name) {
            errors.duplicate(name_path, &volume.name);
        }
        if before == errors.0.len() {
            names.insert(volume.name.clone());
        }
    }
    names
}

fn source(volume: &Volume, path: &str, errors: &mut Errors) {
    // In the order in which upstream looks at them: the second and later ones are too many.
    let order = [
        ("emptyDir", volume.empty_dir.is_some()),
        ("hostPath", volume.host_path.is_some()),
        ("gitRepo", volume.git_repo.is_some()),
        ("secret", volume.secret.is_some()),
        ("nfs", volume.nfs.is_some()),
        ("iscsi", volume.iscsi.is_some()),
        ("persistentVolumeClaim", volume.persistent_volume_claim.is_some()),
        ("configMap", volume.config_map.is_some()),
        ("downwardAPI", volume.downward_api.is_some()),
        ("projected", volume.projected.is_some()),
        ("csi", volume.csi.is_some()),
        ("ephemeral", volume.ephemeral.is_some()),
        ("image", volume.image.is_some()),
    ];
    let mut first = true;
    for (name, _) in order.into_iter().filter(|it| it.1) {
        if first {
            one(volume, name, &format!("{path}.{name}"), errors);
        } else {
            errors.forbidden(format!("{path}.{name}"), "may not specify more than 1 volume type");
        }
        first = false;
    }
}

const HOST_PATH_TYPES: &[&str] =
    &["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

fn one(volume: &Volume, name: &str, path: &str, errors: &mut Errors) {
    match name {
        "emptyDir" => {
            let limit = volume.empty_dir.as_ref().and_then(|it| it.size_limit.as_ref());
            if limit.is_some_and(|it| quantity::of(it) < quantity::Amount::ZERO) {
                let why = "SizeLimit field must be a valid resource quantity";
                errors.forbidden(format!("{path}.sizeLimit"), why);
            }
        }
        "hostPath" => {
            let Some(host) = &volume.host_path else { return };
            if host.path.is_empty() {
                errors.required(format!("{path}.path"), "");
            }
            no_backsteps(&host.path, &format!("{path}.path"), errors);
            errors.one_of(format!("{path}.type"), host.type_.as_deref(), HOST_PATH_TYPES);
        }
        "secret" => {
            let Some(secret) = &volume.secret else { return };
            if text(secret.secret_name.as_ref()).is_empty() {
                errors.required(format!("{path}.secretName"), "");
            }
            mode(secret.default_mode, &format!("{path}.defaultMode"), errors);
            items(secret.items.as_deref(), path, errors);
        }
        "configMap" => {
            let Some(map) = &volume.config_map else { return };
            if map.name.is_empty() {
                errors.required(format!("{path}.name"), "");
            }
            mode(map.default_mode, &format!("{path}.defaultMode"), errors);
            items(map.items.as_deref(), path, errors);
        }
        "persistentVolumeClaim" => {
            let name = volume.persistent_volume_claim.as_ref().map_or("", |it| it.claim_name.as_str());
            if name.is_empty() {
                errors.required(format!("{path}.claimName"), "");
            }
        }
        "downwardAPI" => {
            let Some(files) = &volume.downward_api else { return };
            mode(files.default_mode, &format!("{path}.defaultMode"), errors);
            for file in files.items.iter().flatten() {
                // Upstream leaves the items and their index out of the path.
                downward_file(file, path, errors);
            }
        }
        "projected" => {
            let Some(sources) = &volume.projected else { return };
            projected(sources, path, errors);
        }
        "image" => {
            let image = volume.image.as_ref();
            if text(image.and_then(|it| it.reference.as_ref())).is_empty() {
                errors.required(format!("{path}.reference"), "");
            }
            errors.one_of(
                format!("{path}.pullPolicy"),
                image.and_then(|it| it.pull_policy.as_deref()),
                &["Always", "IfNotPresent", "Never"],
            );
        }
        _ => {}
    }
}

fn mode(mode: Option<i32>, path: &str, errors: &mut Errors) {
    if let Some(mode) = mode.filter(|it| !(0..=0o777).contains(it)) {
        errors.invalid(path, &mode, MODE_MESSAGE);
    }
}

fn items(items: Option<&[KeyToPath]>, path: &str, errors: &mut Errors) {
    for (index, item) in items.unwrap_or_default().iter().enumerate() {
        let path = format!("{path}.items[{index}]");
        if item.key.is_empty() {
            errors.required(format!("{path}.key"), "");
        }
        file_path(&item.path, &format!("{path}.path"), errors);
        mode(item.mode, &format!("{path}.mode"), errors);
    }
}

fn file_path(target: &str, path: &str, errors: &mut Errors) {
    if target.is_empty() {
        errors.required(path, "");
    }
    descending_path(target, path, errors);
    if target.starts_with("..") && !target.starts_with("../") && target != ".." {
        errors.invalid(path, target, "must not start with '..'");
    }
}

fn downward_file(file: &DownwardAPIVolumeFile, path: &str, errors: &mut Errors) {
    file_path(&file.path, &format!("{path}.path"), errors);
    if let Some(field) = &file.field_ref {
        field_ref(field, VOLUME_FIELDS, &format!("{path}.fieldRef"), errors);
        if file.resource_field_ref.is_some() {
            errors.invalid(
                path,
                "resource",
                "fieldRef and resourceFieldRef can not be specified simultaneously",
            );
        }
    } else if let Some(resource) = &file.resource_field_ref {
        resource_field_ref(resource, true, &format!("{path}.resourceFieldRef"), errors);
    } else {
        errors.required(path, "one of fieldRef and resourceFieldRef is required");
    }
    mode(file.mode, &format!("{path}.mode"), errors);
}

fn projected(projected: &ProjectedVolumeSource, path: &str, errors: &mut Errors) {
    mode(projected.default_mode, &format!("{path}.defaultMode"), errors);
    let mut taken = VecSet::new();
    let mut claim = |target: &str, errors: &mut Errors| {
        if !target.is_empty() && !taken.insert(target.to_owned()) {
            errors.invalid(path, target, "conflicting duplicate paths");
        }
    };
    for (index, source) in projected.sources.iter().flatten().enumerate() {
        let path = format!("{path}.sources[{index}]");
        let mut found = 0;
        let mut next = |errors: &mut Errors| {
            found += 1;
            if 1 < found {
                errors.forbidden(&path, "may not specify more than 1 volume type per source");
            }
            found == 1
        };
        if let Some(secret) = &source.secret
            && next(errors)
        {
            if secret.name.is_empty() {
                errors.required(format!("{path}.secret.name"), "");
            }
            items(secret.items.as_deref(), &format!("{path}.secret"), errors);
            secret.items.iter().flatten().for_each(|it| claim(&it.path, errors));
        }
        if let Some(map) = &source.config_map
            && next(errors)
        {
            if map.name.is_empty() {
                errors.required(format!("{path}.configMap.name"), "");
            }
            items(map.items.as_deref(), &format!("{path}.configMap"), errors);
            map.items.iter().flatten().for_each(|it| claim(&it.path, errors));
        }
        if let Some(files) = &source.downward_api
            && next(errors)
        {
            for file in files.items.iter().flatten() {
                downward_file(file, &format!("{path}.downwardAPI"), errors);
                claim(&file.path, errors);
            }
        }
        if let Some(token) = &source.service_account_token
            && next(errors)
        {
            let path = format!("{path}.serviceAccountToken");
            let seconds = token.expiration_seconds.unwrap_or(3600);
            if seconds < 600 {
                let why = "may not specify a duration less than 10 minutes";
                errors.invalid(format!("{path}.expirationSeconds"), &seconds, why);
            } else if 1 << 32 < seconds {
                let why = "may not specify a duration larger than 2^32 seconds";
                errors.invalid(format!("{path}.expirationSeconds"), &seconds, why);
            }
            file_path(&token.path, &format!("{path}.path"), errors);
            claim(&token.path, errors);
        }
    }
}

//! A Pod's volumes: made once, filled with real files, retried when what they need is missing.
//!
//! Follows kubernetes v1.36 pkg/kubelet/volumemanager and pkg/volume/{configmap,secret,projected,downwardapi,
//! hostpath,emptydir}; retries as in pkg/util/goroutinemap/exponentialbackoff.
//!
//! DIFFERENCE: kinds of volumes that live outside the cluster are empty directories here.

use std::time::Duration;

use api::k8s_openapi::api::core::v1::{
    DownwardAPIVolumeFile, HostPathVolumeSource, KeyToPath, Volume, VolumeProjection,
};
use api::{Kind, Object, ObjectKey, Pod};
use apiserver::{ApiServer, EventKind};
use runtime::{HostPathKind, MountSource, VolumeConfig, VolumeFile, VolumeId};
use sim::{Gather as _, SimTime, digest_of, latency};

use crate::env;
use crate::pod;
use crate::sync::Doing;
use crate::words::go_quote;
use crate::worker::Worker;
use crate::{Ctx, Event, Host};

const MOUNT_WAIT_INITIAL: Duration = Duration::from_millis(500);
const MOUNT_WAIT_MAX: Duration = Duration::from_secs(122);
const MODE_DEFAULT: i32 = 0o644;

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Mounts {
    planned: bool,
    /// A look at the Pod has found them all there.
    pub settled: bool,
    pub list: Vec<MountedVolume>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MountedVolume {
    pub name: String,
    /// None until it is there.
    pub source: Option<MountSource>,
    wait: Duration,
    pub next_try: SimTime,
    /// Of the files, to see a change.
    digest: u64,
}

/// What a volume turns out to be.
enum Content {
    Files(Vec<VolumeFile>),
    Empty { memory: bool },
    Host(String),
}

impl Worker {
    pub(crate) fn volumes_ready(&self) -> bool {
        self.mounts.list.iter().all(|it| it.source.is_some())
    }

    pub(crate) fn plan_volumes(&mut self, ctx: &mut Ctx<'_>) {
        if self.mounts.planned {
            return;
        }
        self.mounts.planned = true;
        let pod = self.pod.clone();
        let containers = || pod::init_containers(&pod).iter().chain(pod::app_containers(&pod));
        for volume in pod::spec(&pod).volumes.iter().flatten() {
            let used = containers()
                .any(|it| it.volume_mounts.iter().flatten().any(|mount| mount.name == volume.name));
            if used {
                self.mounts.list.push(MountedVolume {
                    name: volume.name.clone(),
                    source: None,
                    wait: Duration::ZERO,
                    next_try: ctx.now,
                    digest: 0,
                });
            }
        }
        if self.mounts.list.is_empty() {
            self.mounts.settled = true;
        } else {
            let delay = latency::VOLUME_MOUNT.draw(ctx.rng);
            ctx.outbox.at(ctx.now + delay, Event::Mount { pod: self.id });
        }
    }

    /// Tries to set up what is due.
    pub(crate) fn mount_volumes(&mut self, host: &mut Host, ctx: &mut Ctx<'_>) {
        if !matches!(self.doing, Doing::Mounting { .. }) && self.stage != crate::worker::Stage::Syncing {
            return;
        }
        for index in 0..self.mounts.list.len() {
            let it = &self.mounts.list[index];
            if it.source.is_none() && it.next_try <= ctx.now {
                self.mount_volume(index, host, ctx);
            }
        }
        let next = self.mounts.list.iter().filter(|it| it.source.is_none()).map(|it| it.next_try).min();
        if let Some(due) = next {
            ctx.outbox.at(due, Event::Mount { pod: self.id });
        } else if matches!(self.doing, Doing::Mounting { .. }) {
            self.advance(host, ctx);
        }
    }

    fn mount_volume(&mut self, index: usize, host: &mut Host, ctx: &mut Ctx<'_>) {
        let pod = self.pod.clone();
        let name = self.mounts.list[index].name.clone();
        let Some(volume) = pod::spec(&pod).volumes.iter().flatten().find(|it| it.name == name) else {
            return;
        };
        match content_of(volume, &pod, Token::Written, host, ctx) {
            Ok(content) => {
                let source = put_in_place(volume, content, &pod, host, ctx);
                let digest = content_of(volume, &pod, Token::Named, host, ctx).map_or(0, |it| digest(&it));
                let it = &mut self.mounts.list[index];
                (it.source, it.digest) = (Some(source), digest);
            }
            Err(error) => {
                let it = &mut self.mounts.list[index];
                it.wait =
                    if it.wait.is_zero() { MOUNT_WAIT_INITIAL } else { (it.wait * 2).min(MOUNT_WAIT_MAX) };
                it.next_try = ctx.now + it.wait;
                let text = format!("MountVolume.SetUp failed for volume \"{name}\" : {error}");
                let regarding = pod::reference(&pod);
                host.tell(regarding, EventKind::Warning, "FailedMount", text, self.revision, ctx);
            }
        }
    }

    /// Brings files up to date with the objects that they come from.
    pub(crate) fn refresh_volumes(&mut self, host: &mut Host, ctx: &mut Ctx<'_>) {
        let pod = self.pod.clone();
        for index in 0..self.mounts.list.len() {
            let Some(MountSource::Volume(id)) = self.mounts.list[index].source else { continue };
            let name = &self.mounts.list[index].name;
            let found = pod::spec(&pod).volumes.iter().flatten().find(|it| it.name == *name);
            let Some(volume) = found.filter(|it| it.empty_dir.is_none()) else { continue };
            let Ok(content) = content_of(volume, &pod, Token::Named, host, ctx) else { continue };
            let digest = digest(&content);
            if digest != self.mounts.list[index].digest
                && let Ok(Content::Files(files)) = content_of(volume, &pod, Token::Written, host, ctx)
            {
                self.mounts.list[index].digest = digest;
                ctx.runtime.replace_volume_files(id, &files, ctx.now);
            }
        }
    }

    pub(crate) fn release_volumes(&mut self, ctx: &mut Ctx<'_>) {
        for it in std::mem::take(&mut self.mounts.list) {
            if let Some(MountSource::Volume(id)) = it.source {
                ctx.runtime.remove_volume(id);
            }
        }
    }

    /// The runtime's volume of this name, for the page.
    pub fn volume(&self, name: &str) -> Option<VolumeId> {
        match self.mounts.list.iter().find(|it| it.name == name)?.source {
            Some(MountSource::Volume(id)) => Some(id),
            Some(MountSource::HostPath(_)) | None => None,
        }
    }
}

fn put_in_place(volume: &Volume, content: Content, pod: &Pod, host: &Host, ctx: &mut Ctx<'_>) -> MountSource {
    let (files, memory) = match content {
        Content::Host(path) => return MountSource::HostPath(path),
        Content::Files(files) => (Some(files), false),
        Content::Empty { memory } => (None, memory),
    };
    let config = VolumeConfig {
        name: volume.name.clone(),
        kind: kind_name(volume).to_owned(),
        pod_uid: pod::uid(pod).to_owned(),
        group: pod::spec(pod).security_context.as_ref().and_then(|it| it.fs_group),
        memory,
    };
    let id = ctx.runtime.create_volume(&host.name, config);
    if let Some(files) = files {
        ctx.runtime.replace_volume_files(id, &files, ctx.now);
    }
    MountSource::Volume(id)
}

/// To see a change of files.
fn digest(content: &Content) -> u64 {
    match content {
        Content::Files(files) => digest_of(files),
        Content::Empty { .. } | Content::Host(_) => 0,
    }
}

fn kind_name(volume: &Volume) -> &'static str {
    if volume.empty_dir.is_some() {
        "emptyDir"
    } else if volume.config_map.is_some() {
        "configMap"
    } else if volume.secret.is_some() {
        "secret"
    } else if volume.projected.is_some() {
        "projected"
    } else if volume.downward_api.is_some() {
        "downwardAPI"
    } else {
        "other"
    }
}

/// A Pod's token stays the same all its life: to see whether files have changed it need not be made again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Written,
    Named,
}

fn content_of(
    volume: &Volume,
    pod: &Pod,
    token: Token,
    host: &Host,
    ctx: &mut Ctx<'_>,
) -> Result<Content, String> {
    let mut files = Vec::new();
    if let Some(it) = &volume.host_path {
        return host_path(it, host, ctx).map(Content::Host);
    } else if let Some(it) = &volume.empty_dir {
        return Ok(Content::Empty { memory: it.medium.as_deref() == Some("Memory") });
    } else if let Some(it) = &volume.config_map {
        let mode = it.default_mode.unwrap_or(MODE_DEFAULT);
        let optional = it.optional.unwrap_or(false);
        config_map_files(&it.name, optional, it.items.as_deref(), mode, pod, ctx.api, &mut files)?;
    } else if let Some(it) = &volume.secret {
        let mode = it.default_mode.unwrap_or(MODE_DEFAULT);
        let name = it.secret_name.as_deref().unwrap_or("");
        let optional = it.optional.unwrap_or(false);
        secret_files(name, optional, it.items.as_deref(), mode, pod, ctx.api, &mut files)?;
    } else if let Some(it) = &volume.downward_api {
        let mode = it.default_mode.unwrap_or(MODE_DEFAULT);
        downward_files(it.items.as_deref(), mode, pod, host, ctx.api, &mut files)?;
    } else if let Some(it) = &volume.projected {
        let mode = it.default_mode.unwrap_or(MODE_DEFAULT);
        for source in it.sources.iter().flatten() {
            projected_files(source, mode, pod, token, host, ctx.api, &mut files)?;
        }
    } else if let Some(claim) = &volume.persistent_volume_claim {
        return Err(format!("persistentvolumeclaim \"{}\" not found", claim.claim_name));
    } else {
        return Ok(Content::Empty { memory: false });
    }
    Ok(Content::Files(files))
}

fn projected_files(
    source: &VolumeProjection,
    mode: i32,
    pod: &Pod,
    token: Token,
    host: &Host,
    api: &ApiServer,
    files: &mut Vec<VolumeFile>,
) -> Result<(), String> {
    if let Some(it) = &source.config_map {
        let optional = it.optional.unwrap_or(false);
        return config_map_files(&it.name, optional, it.items.as_deref(), mode, pod, api, files);
    }
    if let Some(it) = &source.secret {
        let optional = it.optional.unwrap_or(false);
        return secret_files(&it.name, optional, it.items.as_deref(), mode, pod, api, files);
    }
    if let Some(it) = &source.downward_api {
        return downward_files(it.items.as_deref(), mode, pod, host, api, files);
    }
    if let Some(it) = &source.service_account_token {
        let text = match token {
            Token::Written => env::service_account_token(pod),
            Token::Named => String::new(),
        };
        push(files, &it.path, text.into_bytes(), mode);
    }
    Ok(())
}

fn push(files: &mut Vec<VolumeFile>, path: &str, content: Vec<u8>, mode: i32) {
    files.retain(|it| it.path != path);
    files.push(VolumeFile { path: path.to_owned(), content, mode: mode as u32 });
}

fn keyed_files<'a>(
    items: Option<&[KeyToPath]>,
    mode: i32,
    optional: bool,
    keys: impl Iterator<Item = (&'a String, &'a [u8])>,
    missing: &str,
    files: &mut Vec<VolumeFile>,
) -> Result<(), String> {
    let keys: Vec<(&String, &[u8])> = keys.gather();
    let Some(items) = items.filter(|it| !it.is_empty()) else {
        for (key, content) in keys {
            push(files, key, content.to_vec(), mode);
        }
        return Ok(());
    };
    for item in items {
        match keys.iter().find(|(key, _)| **key == item.key) {
            Some((_, content)) => push(files, &item.path, content.to_vec(), item.mode.unwrap_or(mode)),
            None if optional => {}
            None => return Err(format!("{missing}: {}", item.key)),
        }
    }
    Ok(())
}

/// What every namespace's `kube-root-ca.crt` says.
const ROOT_CA: &str = "-----BEGIN CERTIFICATE-----\nUG9kIFBsYXlncm91bmQ6IG5vdCBhIHJlYWwgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";

fn config_map_files(
    name: &str,
    optional: bool,
    items: Option<&[KeyToPath]>,
    mode: i32,
    pod: &Pod,
    api: &ApiServer,
    files: &mut Vec<VolumeFile>,
) -> Result<(), String> {
    let key = ObjectKey::new(Kind::ConfigMap, pod::namespace(pod), name);
    let Some(Object::ConfigMap(found)) = api.get(&key) else {
        if name == "kube-root-ca.crt" {
            // DIFFERENCE: a namespace whose root certificate is not published yet makes no Pod wait.
            push(files, "ca.crt", ROOT_CA.as_bytes().to_vec(), mode);
            return Ok(());
        }
        return if optional { Ok(()) } else { Err(env::not_found("configmap", name)) };
    };
    let text = found.data.iter().flatten().map(|(key, value)| (key, value.as_bytes()));
    let binary = found.binary_data.iter().flatten().map(|(key, value)| (key, value.0.as_slice()));
    let missing = "configmap references non-existent config key";
    keyed_files(items, mode, optional, text.chain(binary), missing, files)
}

fn secret_files(
    name: &str,
    optional: bool,
    items: Option<&[KeyToPath]>,
    mode: i32,
    pod: &Pod,
    api: &ApiServer,
    files: &mut Vec<VolumeFile>,
) -> Result<(), String> {
    let key = ObjectKey::new(Kind::Secret, pod::namespace(pod), name);
    let Some(Object::Secret(found)) = api.get(&key) else {
        return if optional { Ok(()) } else { Err(env::not_found("secret", name)) };
    };
    let data = found.data.iter().flatten().map(|(key, value)| (key, value.0.as_slice()));
    keyed_files(items, mode, optional, data, "references non-existent secret key", files)
}

fn downward_files(
    items: Option<&[DownwardAPIVolumeFile]>,
    mode: i32,
    pod: &Pod,
    host: &Host,
    api: &ApiServer,
    files: &mut Vec<VolumeFile>,
) -> Result<(), String> {
    for item in items.into_iter().flatten() {
        let content = if let Some(field) = &item.field_ref {
            match field.field_path.as_str() {
                "metadata.labels" => lines(pod.metadata.labels.as_ref()),
                "metadata.annotations" => lines(pod.metadata.annotations.as_ref()),
                path => env::pod_field(path, pod, host, "")?,
            }
        } else if let Some(resource) = &item.resource_field_ref {
            let name = resource.container_name.as_deref().unwrap_or("");
            match pod::find_container(pod, name) {
                Some(container) => env::resource_field(resource, &container, host, api)?,
                None => return Err(format!("container {name} not found")),
            }
        } else {
            continue;
        };
        push(files, &item.path, content.into_bytes(), item.mode.unwrap_or(mode));
    }
    Ok(())
}

fn lines(map: Option<&std::collections::BTreeMap<String, String>>) -> String {
    let lines: Vec<String> =
        map.into_iter().flatten().map(|(key, value)| format!("{key}={}", go_quote(value))).gather();
    lines.join("\n")
}

/// Follows kubernetes v1.36 pkg/volume/hostpath: checkTypeInternal.
fn host_path(source: &HostPathVolumeSource, host: &Host, ctx: &mut Ctx<'_>) -> Result<String, String> {
    let path = &source.path;
    let found = ctx.runtime.host_path_kind(&host.name, path);
    let make = match source.type_.as_deref().unwrap_or("") {
        // Without a type the runtime makes a directory when it mounts a missing path.
        "" | "DirectoryOrCreate" => Some(HostPathKind::Directory),
        "FileOrCreate" => Some(HostPathKind::File),
        _ => None,
    };
    if let (None, Some(kind)) = (found, make) {
        ctx.runtime.make_host_path(&host.name, path, kind, ctx.now);
        return Ok(path.clone());
    }
    let (wanted, what) = match source.type_.as_deref().unwrap_or("") {
        "" => return Ok(path.clone()),
        "Directory" | "DirectoryOrCreate" => (HostPathKind::Directory, "a directory"),
        "File" | "FileOrCreate" => (HostPathKind::File, "a file"),
        "Socket" => (HostPathKind::Socket, "a socket file"),
        "CharDevice" => (HostPathKind::CharDevice, "a character device"),
        _ => (HostPathKind::BlockDevice, "a block device"),
    };
    if found == Some(wanted) {
        Ok(path.clone())
    } else {
        Err(format!("hostPath type check failed: {path} is not {what}"))
    }
}

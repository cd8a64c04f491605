//! What the runtime is told about a container.
//!
//! Follows kubernetes v1.36 pkg/kubelet/kuberuntime: generateContainerConfig, verifyRunAsNonRoot.

use api::Pod;
use api::k8s_openapi::api::core::v1::Container;
use api::quantity;
use runtime::{ContainerConfig, ContainerId, Mount};
use sim::Gather as _;

use crate::pod::{self, Slot};
use crate::words::go_quote;
use crate::worker::Worker;
use crate::{Ctx, Host, env};

/// Annotations with this prefix script a simulated container.
const SCRIPT_PREFIX: &str = "playground.dev/";

impl Worker {
    pub(crate) fn container_config(
        &mut self,
        container: &Container,
        _slot: Slot,
        attempt: u32,
        host: &Host,
        ctx: &Ctx<'_>,
    ) -> Result<ContainerConfig, String> {
        let pod = self.pod.clone();
        let ip = self.sandbox_ip(ctx);
        let env = env::of_container(container, &pod, &ip, host, ctx.api)?;
        let lookup = |name: &str| env.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let expand_all = |list: &Option<Vec<String>>| -> Vec<String> {
            list.iter().flatten().map(|it| env::expand(it, lookup)).gather()
        };
        let image = container.image.clone().unwrap_or_default();
        let own = container.security_context.as_ref();
        let of_pod = pod::spec(&pod).security_context.as_ref();
        let run_as_user = own.and_then(|it| it.run_as_user).or(of_pod.and_then(|it| it.run_as_user));
        let non_root = own.and_then(|it| it.run_as_non_root).or(of_pod.and_then(|it| it.run_as_non_root));
        if non_root == Some(true) {
            verify_non_root(&pod, container, run_as_user, &image, host, ctx)?;
        }
        let mut mounts = Vec::new();
        for it in container.volume_mounts.iter().flatten() {
            let found = self.mounts.list.iter().find(|volume| volume.name == it.name);
            let Some(source) = found.and_then(|volume| volume.source.clone()) else { continue };
            let sub_path = match &it.sub_path_expr {
                Some(text) => env::expand(text, lookup),
                None => it.sub_path.clone().unwrap_or_default(),
            };
            let read_only = it.read_only.unwrap_or(false);
            mounts.push(Mount { source, sub_path, path: it.mount_path.clone(), read_only });
        }
        let limit = |name: &str| {
            container.resources.as_ref().and_then(|it| it.limits.as_ref()?.get(name)).map(quantity::of)
        };
        let groups = of_pod
            .into_iter()
            .flat_map(|it| it.fs_group.into_iter().chain(it.supplemental_groups.iter().flatten().copied()));
        let script = script(&pod, &container.name);
        let ports = container.ports.iter().flatten();
        Ok(ContainerConfig {
            name: container.name.clone(),
            attempt,
            image,
            command: expand_all(&container.command),
            args: expand_all(&container.args),
            working_dir: container.working_dir.clone().unwrap_or_default(),
            mounts,
            run_as_user,
            run_as_group: own.and_then(|it| it.run_as_group).or(of_pod.and_then(|it| it.run_as_group)),
            read_only_root: own.and_then(|it| it.read_only_root_filesystem).unwrap_or(false),
            memory_limit_bytes: limit("memory").map(|it| it.value().unsigned_abs()),
            cpu_limit_milli: limit("cpu").map(|it| it.milli_value().unsigned_abs()),
            declared_ports: ports.filter_map(|it| u16::try_from(it.container_port).ok()).gather(),
            termination_message_path: container
                .termination_message_path
                .clone()
                .unwrap_or_else(|| "/dev/termination-log".to_owned()),
            stdin: container.stdin.unwrap_or(false),
            tty: container.tty.unwrap_or(false),
            groups: groups.gather(),
            script,
            target: self.target_of(&container.name)?,
            env,
        })
    }
}

impl Worker {
    /// Whose processes an ephemeral container shall see.
    // Follows kubernetes v1.36 pkg/kubelet/kuberuntime/kuberuntime_container.go: getTargetID.
    fn target_of(&self, name: &str) -> Result<Option<ContainerId>, String> {
        let found = pod::ephemeral_containers(&self.pod).iter().find(|it| it.name == name);
        let target = found.and_then(|it| it.target_container_name.as_deref()).filter(|it| !it.is_empty());
        let Some(target) = target else { return Ok(None) };
        let found = self.cache.find(target).map(|it| it.status.id);
        found.map(Some).ok_or_else(|| format!("unable to find target container {target}"))
    }
}

/// What the annotations `playground.dev/<container>.…` say of this container, before what those without a name say of all.
fn script(pod: &Pod, container: &str) -> Vec<(String, String)> {
    let (mut own, mut of_all) = (Vec::new(), Vec::new());
    for (key, value) in pod.metadata.annotations.iter().flatten() {
        match key.strip_prefix(SCRIPT_PREFIX).map(|key| (key, key.split_once('.'))) {
            Some((_, Some((name, key)))) if name == container => own.push((key.to_owned(), value.clone())),
            Some((key, None)) => of_all.push((key.to_owned(), value.clone())),
            Some((_, Some(_))) | None => {}
        }
    }
    own.append(&mut of_all);
    own
}

fn verify_non_root(
    pod: &Pod,
    container: &Container,
    run_as_user: Option<i64>,
    image: &str,
    host: &Host,
    ctx: &Ctx<'_>,
) -> Result<(), String> {
    let place = format!("(pod: {}, container: {})", go_quote(&pod::full_name(pod)), container.name);
    match run_as_user {
        Some(0) => return Err(format!("container's runAsUser breaks non-root policy {place}")),
        Some(_) => return Ok(()),
        None => {}
    }
    let info = ctx.runtime.image_info(&host.name, image).unwrap_or_default();
    if info.uid == Some(0) || info.user.is_empty() {
        return Err(format!("container has runAsNonRoot and image will run as root {place}"));
    }
    if info.user.parse::<i64>().is_err() {
        let user = info.user;
        return Err(format!(
            "container has runAsNonRoot and image has non-numeric user ({user}), cannot verify user is non-root {place}"
        ));
    }
    Ok(())
}

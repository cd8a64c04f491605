//! What the kubelet knows of a Pod's sandbox and containers: the runtime's answers as of one moment.

use std::time::Duration;

use api::k8s_openapi::api::core::v1::ResourceRequirements;
use runtime::{ContainerId, ContainerState, ContainerStatus, ExitReason, Runtime, SandboxId};
use sim::SimTime;

use crate::held::Held;

/// A container that this kubelet made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Made {
    pub id: ContainerId,
    pub name: String,
    /// As the manifest named it then.
    pub image: String,
    /// What it was last given.
    pub resources: Held<ResourceRequirements>,
    /// Why it could not be started.
    pub start_error: Option<String>,
    /// What it says at its end also comes from its log.
    pub message_from_logs: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Instance {
    pub spec_image: String,
    pub resources: Held<ResourceRequirements>,
    pub status: ContainerStatus,
}

impl Instance {
    pub fn exit(&self) -> Option<(i32, ExitReason, SimTime)> {
        match &self.status.state {
            ContainerState::Exited { exit_code, reason, finished_at, .. } => {
                Some((*exit_code, *reason, *finished_at))
            }
            ContainerState::Created | ContainerState::Running { .. } => None,
        }
    }

    pub fn is_running(&self) -> bool {
        matches!(self.status.state, ContainerState::Running { .. })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SandboxView {
    pub id: SandboxId,
    pub ready: bool,
}

/// Newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Observed {
    pub sandbox: Option<SandboxView>,
    /// Stays after the sandbox has gone.
    pub ip: String,
    pub containers: Vec<Instance>,
}

/// How much of a log's end becomes a termination message.
const MESSAGE_LINES_MAX: u64 = 80;
const MESSAGE_BYTES_MAX: usize = 2_048;
/// The runtime notices the end of a process so long after it: a relist that comes sooner still sees it run.
const EXIT_SEEN_AFTER: Duration = Duration::from_millis(60);

impl Observed {
    /// What a relist sees; answers also whether an exit was too young to be seen.
    pub fn relist(
        runtime: &Runtime,
        sandboxes: &[SandboxId],
        made: &[Made],
        previous: &Observed,
        now: SimTime,
    ) -> (Observed, bool) {
        let mut observed = Observed::read(runtime, sandboxes, made, previous);
        let mut missed = false;
        for it in &mut observed.containers {
            if let ContainerState::Exited { started_at, finished_at, reason, .. } = it.status.state
                && reason != ExitReason::StartError
                && now.since(finished_at) < EXIT_SEEN_AFTER
            {
                it.status.state = ContainerState::Running { started_at };
                it.status.message.clear();
                missed = true;
            }
        }
        (observed, missed)
    }

    /// Asks the runtime. `previous` lends the address that a dead sandbox no longer has.
    pub fn read(runtime: &Runtime, sandboxes: &[SandboxId], made: &[Made], previous: &Observed) -> Observed {
        let mut observed = Observed { ip: previous.ip.clone(), ..Observed::default() };
        if let Some(status) = sandboxes.last().and_then(|id| runtime.sandbox_status(*id)) {
            observed.sandbox = Some(SandboxView { id: status.id, ready: status.ready });
            if status.ready {
                observed.ip = status.ip;
            }
        }
        for it in made.iter().rev() {
            let Some(mut status) = runtime.container_status(it.id) else { continue };
            if let ContainerState::Exited { exit_code, .. } = status.state
                && status.message.is_empty()
            {
                if let Some(text) = &it.start_error {
                    status.message.clone_from(text);
                } else if exit_code != 0 && it.message_from_logs {
                    status.message = last_lines(runtime, it.id);
                }
            }
            observed.containers.push(Instance {
                spec_image: it.image.clone(),
                resources: it.resources.clone(),
                status,
            });
        }
        observed
    }

    /// The newest instance of a container.
    pub fn find(&self, name: &str) -> Option<&Instance> {
        self.containers.iter().find(|it| it.status.name == name)
    }

    /// The newest instance that has ended.
    pub fn find_exited(&self, name: &str) -> Option<&Instance> {
        self.containers.iter().find(|it| it.status.name == name && it.exit().is_some())
    }

    pub fn running(&self) -> impl Iterator<Item = &Instance> {
        self.containers.iter().filter(|it| it.is_running())
    }

    /// Is there a change that the Pod's worker should look at?
    ///
    /// Follows kubernetes v1.36 pkg/kubelet/pleg: computeEvents.
    pub fn has_news(&self, before: &Observed) -> bool {
        let sandbox = |it: &Observed| it.sandbox.as_ref().map(|s| (s.id, s.ready));
        if sandbox(self) != sandbox(before) {
            return true;
        }
        let state = |it: &Observed, id: ContainerId| {
            it.containers.iter().find(|c| c.status.id == id).map(|c| std::mem::discriminant(&c.status.state))
        };
        // A container that is gone is no news.
        self.containers.iter().any(|it| state(self, it.status.id) != state(before, it.status.id))
    }
}

fn last_lines(runtime: &Runtime, id: ContainerId) -> String {
    let options = runtime::LogOptions { tail: Some(MESSAGE_LINES_MAX), ..runtime::LogOptions::default() };
    let mut text = String::new();
    for line in runtime.logs(id, &options) {
        text.push_str(&line.text);
        if line.whole && !line.text.ends_with('\n') {
            text.push('\n');
        }
    }
    let mut start = text.len().saturating_sub(MESSAGE_BYTES_MAX);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text.split_off(start)
}

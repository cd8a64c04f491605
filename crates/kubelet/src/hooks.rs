//! postStart and preStop handlers.
//!
//! Follows kubernetes v1.36 pkg/kubelet/lifecycle/handlers.go: Run.

use std::time::Duration;

use api::k8s_openapi::api::core::v1::{Container, LifecycleHandler};
use runtime::{ContainerId, ExecConfig, ExecOutcome, Notice};
use sim::SimTime;

use crate::pod;
use crate::probes::{Flight, http_request};
use crate::words::{go_list, go_quote, rpc_error};
use crate::worker::Worker;
use crate::{Ctx, Host, RouteTo};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HookWait {
    Flight(Flight),
    Sleep(SimTime),
    /// The long text of a failure.
    Ended(Result<(), String>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Hook {
    pub wait: HookWait,
    container: String,
    command: Vec<String>,
    path: String,
}

/// The kubelet's HTTP client for hooks waits this long.
const HOOK_REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

impl Hook {
    /// None while it goes on.
    pub fn poll(&self, now: SimTime) -> Option<Result<(), String>> {
        match &self.wait {
            HookWait::Flight(_) => None,
            HookWait::Sleep(until) => (*until <= now).then_some(Ok(())),
            HookWait::Ended(result) => Some(result.clone()),
        }
    }

    pub fn sleeps_until(&self) -> Option<SimTime> {
        match &self.wait {
            HookWait::Sleep(until) => Some(*until),
            HookWait::Flight(_) | HookWait::Ended(_) => None,
        }
    }

    /// Takes the end of its command or request; answers whether the notice was for this hook.
    pub fn take(&mut self, notice: &Notice, pod_name: &str) -> bool {
        let HookWait::Flight(flight) = &self.wait else { return false };
        let result = match (flight, notice) {
            (Flight::Exec(id), Notice::ExecFinished { exec, result }) if id == exec => {
                let command = self.command.join(" ");
                let error = match &result.outcome {
                    ExecOutcome::Exited(0) => None,
                    ExecOutcome::Exited(code) => Some(format!("command '{command}' exited with {code}: ")),
                    ExecOutcome::TimedOut => Some(format!("command '{command}' timed out")),
                    ExecOutcome::Failed(text) => Some(rpc_error(text)),
                };
                error.map(|error| {
                    format!(
                        "Exec lifecycle hook ({}) for Container {} in Pod {} failed - error: {error}, message: {}",
                        go_list(&self.command),
                        go_quote(&self.container),
                        go_quote(pod_name),
                        go_quote(&String::from_utf8_lossy(&result.output)),
                    )
                })
            }
            (Flight::Request(id), Notice::RequestFinished { request, result }) if id == request => {
                // Any answer at all is a success.
                result.as_ref().err().map(|error| {
                    format!(
                        "HTTP lifecycle hook ({}) for Container {} in Pod {} failed - error: {error}",
                        self.path,
                        go_quote(&self.container),
                        go_quote(pod_name),
                    )
                })
            }
            _ => return false,
        };
        self.wait = HookWait::Ended(result.map_or(Ok(()), Err));
        true
    }
}

impl Worker {
    pub(crate) fn start_hook(
        &mut self,
        handler: &LifecycleHandler,
        container: &Container,
        id: ContainerId,
        host: &mut Host,
        ctx: &mut Ctx<'_>,
    ) -> Hook {
        let mut hook = Hook {
            wait: HookWait::Ended(Ok(())),
            container: container.name.clone(),
            command: Vec::new(),
            path: String::new(),
        };
        if let Some(exec) = &handler.exec {
            hook.command = exec.command.clone().unwrap_or_default();
            let config = ExecConfig { argv: hook.command.clone(), ..ExecConfig::default() };
            hook.wait =
                HookWait::Flight(Flight::Exec(ctx.runtime.exec(id, config, ctx.now, ctx.runtime_outbox)));
        } else if let Some(sleep) = &handler.sleep {
            hook.wait = HookWait::Sleep(ctx.now + Duration::from_secs(sleep.seconds.max(0).unsigned_abs()));
        } else if let Some(get) = &handler.http_get {
            hook.path = get.path.clone().unwrap_or_default();
            let ip = self.sandbox_ip(ctx);
            let ip = if pod::host_network(&self.pod) { &host.ip } else { &ip };
            if let Some(request) = http_request(get, container, ip) {
                let timeout = HOOK_REQUEST_TIMEOUT;
                let id = ctx.runtime.request(&host.name, request, timeout, ctx.now, ctx.runtime_outbox);
                hook.wait = HookWait::Flight(Flight::Request(id));
            }
        }
        if let HookWait::Flight(flight) = hook.wait {
            host.expect(flight, self.id, RouteTo::Worker);
        }
        hook
    }
}

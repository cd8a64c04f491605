//! Where an address and a port lead.

use std::time::Duration;

use sim::SimTime;

use super::{FAR, NEAR};
use crate::Runtime;
use crate::cri::{SandboxId, ServiceEntry};
use crate::machine::{Container, Machine, Sandbox};

/// Who asks.
#[derive(Clone, Copy)]
pub(crate) enum From<'a> {
    Machine(&'a Machine),
    Sandbox(&'a Machine, &'a Sandbox),
}

pub(crate) enum Route {
    Listener {
        sandbox: SandboxId,
        port: u16,
        /// The address that the server sees.
        from: String,
        latency: Duration,
        http_status: Option<u16>,
    },
    /// The API server, which is no process of these machines.
    ApiServer,
    Refused,
    Silence,
}

/// Services that lead to another Service, at most.
const HOPS_MAX: u32 = 4;
const API_PORT: u16 = 6443;

impl<'a> From<'a> {
    pub fn machine(self) -> &'a Machine {
        match self {
            From::Machine(machine) | From::Sandbox(machine, _) => machine,
        }
    }
}

impl Runtime {
    pub(crate) fn route(&self, from: From<'_>, ip: &str, port: u16, now: SimTime) -> Route {
        self.route_within(from, ip, port, now, HOPS_MAX)
    }

    fn route_within(&self, from: From<'_>, ip: &str, port: u16, now: SimTime, hops: u32) -> Route {
        if hops == 0 {
            return Route::Refused;
        }
        if ip.starts_with("127.") || ip == "::1" || ip == "0.0.0.0" {
            return match from {
                From::Sandbox(machine, sandbox) if !sandbox.config.host_network => {
                    listener(machine, sandbox, port, "127.0.0.1".to_owned(), NEAR, now)
                }
                From::Machine(machine) | From::Sandbox(machine, _) => {
                    self.host_port(from, machine, port, now, hops, "127.0.0.1")
                }
            };
        }
        if let Some(service) =
            self.services.iter().find(|it| !it.cluster_ip.is_empty() && it.cluster_ip == ip)
        {
            return match service.ports.iter().find(|it| it.port == port) {
                Some(found) => self.balance(from, service, &found.endpoints, now, hops),
                None => Route::Silence,
            };
        }
        if let Some((machine, sandbox)) = owner_on(from.machine(), ip).or_else(|| self.owner_of(ip)) {
            if !self.connected(from.machine(), machine) {
                return Route::Silence;
            }
            let own = matches!(from, From::Sandbox(_, it) if it.status.id == sandbox.status.id);
            let asker = match from {
                From::Machine(it) if it.spec.name == machine.spec.name => {
                    format!("{}.1", it.spec.pod_network)
                }
                From::Machine(it) => it.spec.ip.clone(),
                From::Sandbox(_, it) => it.status.ip.clone(),
            };
            let near = own || from.machine().spec.name == machine.spec.name;
            return listener(machine, sandbox, port, asker, if near { NEAR } else { FAR }, now);
        }
        if let Some(machine) = self.machines().find(|it| it.spec.ip == ip) {
            if !self.connected(from.machine(), machine) {
                return Route::Silence;
            }
            return self.host_port(from, machine, port, now, hops, ip);
        }
        Route::Silence
    }

    fn owner_of(&self, ip: &str) -> Option<(&Machine, &Sandbox)> {
        self.machines().find_map(|machine| owner_on(machine, ip))
    }

    /// A machine's own address: containers in its network, forwarded ports, node ports.
    fn host_port(
        &self,
        from: From<'_>,
        machine: &Machine,
        port: u16,
        now: SimTime,
        hops: u32,
        ip: &str,
    ) -> Route {
        let asker = if ip == "127.0.0.1" { ip } else { &from.machine().spec.ip };
        let latency = if from.machine().spec.name == machine.spec.name { NEAR } else { FAR };
        for sandbox in machine.sandboxes.values().filter(|it| it.status.ready) {
            if sandbox.config.host_network {
                if sandbox.kernel.listeners().contains_key(&port) {
                    return listener(machine, sandbox, port, asker.to_owned(), latency, now);
                }
            } else if let Some(forward) = sandbox.config.host_ports.iter().find(|it| it.0 == port) {
                return listener(machine, sandbox, forward.1, asker.to_owned(), latency, now);
            }
        }
        let node_port =
            |it: &ServiceEntry| it.ports.iter().find(|it| it.node_port == port && port != 0).cloned();
        let found = self.services.iter().find_map(|it| Some((it, node_port(it)?)));
        match found {
            Some((service, found)) => {
                self.balance(From::Machine(machine), service, &found.endpoints, now, hops)
            }
            None if port == API_PORT => Route::ApiServer,
            None => Route::Refused,
        }
    }

    /// Without endpoints the proxy refuses.
    fn balance(
        &self,
        from: From<'_>,
        service: &ServiceEntry,
        endpoints: &[(String, u16)],
        now: SimTime,
        hops: u32,
    ) -> Route {
        if endpoints.is_empty() {
            let api = service.name == "kubernetes" && service.namespace == "default";
            return if api { Route::ApiServer } else { Route::Refused };
        }
        // Any of them, but the same in every run.
        let turn = sim::digest_of(&(now, self.turn, &service.name)) % endpoints.len() as u64;
        let (ip, port) = &endpoints[turn as usize];
        self.route_within(from, ip, *port, now, hops - 1)
    }

    pub(crate) fn connected(&self, one: &Machine, other: &Machine) -> bool {
        let (a, b) = (&one.spec.name, &other.spec.name);
        let cut = |it: &(std::sync::Arc<str>, std::sync::Arc<str>)| {
            (&it.0, &it.1) == (a, b) || (&it.1, &it.0) == (a, b)
        };
        other.powered && one.powered && !self.partitions.iter().any(cut)
    }
}

fn owner_on<'a>(machine: &'a Machine, ip: &str) -> Option<(&'a Machine, &'a Sandbox)> {
    let sandbox = machine.sandboxes.get(machine.addresses.get(ip)?)?;
    sandbox.status.ready.then_some((machine, &**sandbox))
}

fn listener(
    machine: &Machine,
    sandbox: &Sandbox,
    port: u16,
    from: String,
    latency: Duration,
    now: SimTime,
) -> Route {
    if !machine.powered {
        return Route::Silence;
    }
    match open_port(sandbox, port, now) {
        Some((more, http_status)) => {
            Route::Listener { sandbox: sandbox.status.id, port, from, latency: latency + more, http_status }
        }
        None => Route::Refused,
    }
}

/// Somebody listens: what the container's annotations add to each answer, and what status they give. None: refused.
pub(super) fn open_port(sandbox: &Sandbox, port: u16, now: SimTime) -> Option<(Duration, Option<u16>)> {
    let pid = sandbox.kernel.listeners().get(&port).copied()?;
    let space = sandbox.kernel.process(pid).map(|it| it.space);
    let container = sandbox.containers.values().find(|it| it.space == space && it.pid.is_some());
    let script = container.map(|it| &it.script);
    if let (Some(script), Some(started)) = (script, container.and_then(Container::started_at))
        && now < started + script.ready_after
    {
        return None;
    }
    Some(script.map_or((Duration::ZERO, None), |it| (it.latency, it.http_status)))
}

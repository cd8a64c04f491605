//! Which event goes to which component, and what comes of it.

use std::sync::Arc;

use api::{Kind, Object};
use apiserver::WatchEvent;
use kubelet::Kubelet;
use runtime::{ContainerId, ExecConfig, ExecId, ExecResult, MachineSpec, Notice, Runtime};
use sim::{Gather as _, Latency, Outbox, latency};

use crate::{Cluster, Event, NodeSpec, proxy};

impl Cluster {
    pub(crate) fn start_control_plane(&mut self) {
        let mut outbox = Outbox::default();
        let mut ctx = controllers::Ctx {
            now: self.queue.now(),
            api: &mut self.api,
            rng: &mut self.dice.controllers,
            outbox: &mut outbox,
        };
        self.controllers.start(&mut ctx);
        self.take(&mut outbox, Event::Controllers);
    }

    fn take<E>(&mut self, outbox: &mut Outbox<E>, wrap: impl Fn(E) -> Event) {
        for (due, event) in outbox.drain() {
            self.queue.schedule_at(due, wrap(event));
        }
    }

    /// Writes that nobody has been told of yet get their delivery.
    pub fn settle_watch(&mut self) {
        if !self.watch_is_due && self.watched < self.api.store().revision() {
            self.watch_is_due = true;
            let delay = Latency::draw(latency::WATCH, &mut self.dice.watch);
            self.queue.schedule(delay, Event::Watch);
        }
    }

    pub(crate) fn dispatch(&mut self, event: Event) {
        match event {
            Event::Watch => self.deliver_watch(),
            Event::Scheduler(event) => self.with_scheduler(|scheduler, ctx| scheduler.handle(event, ctx)),
            Event::Controllers(event) => {
                self.with_controllers(|controllers, ctx| controllers.handle(event, ctx));
            }
            Event::Kubelet { node, event } => {
                self.with_kubelet(&node, |kubelet, ctx| kubelet.handle(event, ctx));
            }
            Event::Runtime(event) => {
                let mut outbox = Outbox::default();
                self.runtime.handle(event, self.queue.now(), &mut self.dice.runtime, &mut outbox);
                self.take(&mut outbox, Event::Runtime);
                self.deliver_notices();
            }
        }
    }

    fn with_scheduler(&mut self, act: impl FnOnce(&mut scheduler::Scheduler, &mut scheduler::Ctx<'_>)) {
        let mut outbox = Outbox::default();
        let now = self.queue.now();
        let rng = &mut self.dice.scheduler;
        act(&mut self.scheduler, &mut scheduler::Ctx { now, api: &mut self.api, rng, outbox: &mut outbox });
        self.take(&mut outbox, Event::Scheduler);
    }

    fn with_controllers(
        &mut self,
        act: impl FnOnce(&mut controllers::Controllers, &mut controllers::Ctx<'_>),
    ) {
        let mut outbox = Outbox::default();
        let now = self.queue.now();
        let rng = &mut self.dice.controllers;
        act(
            &mut self.controllers,
            &mut controllers::Ctx { now, api: &mut self.api, rng, outbox: &mut outbox },
        );
        self.take(&mut outbox, Event::Controllers);
    }

    pub(crate) fn with_kubelet(
        &mut self,
        node: &Arc<str>,
        act: impl FnOnce(&mut Kubelet, &mut kubelet::Ctx<'_>),
    ) {
        let Some(kubelet) = self.kubelets.get_mut(node) else { return };
        let (mut outbox, mut runtime_outbox) = (Outbox::default(), Outbox::default());
        let mut ctx = kubelet::Ctx {
            now: self.queue.now(),
            api: &mut self.api,
            rng: &mut self.dice.kubelets,
            runtime: &mut self.runtime,
            runtime_outbox: &mut runtime_outbox,
            outbox: &mut outbox,
        };
        act(Arc::make_mut(kubelet), &mut ctx);
        self.take(&mut runtime_outbox, Event::Runtime);
        self.take(&mut outbox, |event| Event::Kubelet { node: node.clone(), event });
        self.deliver_notices();
    }

    /// Calls into the machines from outside: what they ask for later goes into the queue.
    pub fn with_runtime<T>(&mut self, act: impl FnOnce(&mut Runtime, &mut Outbox<runtime::Event>) -> T) -> T {
        let mut outbox = Outbox::default();
        let answer = act(&mut self.runtime, &mut outbox);
        self.take(&mut outbox, Event::Runtime);
        self.deliver_notices();
        answer
    }

    /// What the machines have to tell goes to their kubelets, at once.
    pub(crate) fn deliver_notices(&mut self) {
        loop {
            let notices: Vec<(Arc<str>, Notice)> = self.runtime.take_notices();
            if notices.is_empty() {
                return;
            }
            for (machine, notice) in notices {
                if let Notice::ExecFinished { exec, result } = &notice
                    && self.execs.remove(exec)
                {
                    self.finished.insert(*exec, result.clone());
                    continue;
                }
                self.with_kubelet(&machine, |kubelet, ctx| kubelet.notice(notice, ctx));
            }
        }
    }

    fn deliver_watch(&mut self) {
        self.watch_is_due = false;
        let events: Vec<Arc<WatchEvent>> = match self.api.store().events_after(self.watched) {
            Ok(events) => events.to_vec(),
            // Cannot happen while each batch is delivered within milliseconds; a bug if it does.
            Err(expired) => unreachable!("the watch fell behind: {expired:?}"),
        };
        self.watched = self.api.store().revision();
        let mut routes_changed = false;
        for event in &events {
            routes_changed |= matches!(event.key.kind, Kind::Service | Kind::EndpointSlice);
            self.with_scheduler(|scheduler, ctx| scheduler.observe(event, ctx));
            self.with_controllers(|controllers, ctx| controllers.observe(event, ctx));
            self.tell_kubelets(event);
        }
        if routes_changed {
            self.runtime.set_services(proxy::service_table(&self.api));
        }
    }

    /// A kubelet watches the Pods of its node, its Node, and what Pods mount.
    fn tell_kubelets(&mut self, event: &WatchEvent) {
        match &event.object {
            Object::Pod(pod) => {
                let node = pod.spec.as_ref().and_then(|it| it.node_name.as_deref()).unwrap_or("");
                if !node.is_empty() {
                    let node: Arc<str> = node.into();
                    self.with_kubelet(&node, |kubelet, ctx| kubelet.observe(event, ctx));
                }
            }
            Object::Node(_) => {
                let node = event.key.name.clone();
                self.with_kubelet(&node, |kubelet, ctx| kubelet.observe(event, ctx));
            }
            Object::ConfigMap(_) | Object::Secret(_) | Object::Service(_) => {
                let nodes: Vec<Arc<str>> = self.kubelets.keys().cloned().gather();
                for node in nodes {
                    self.with_kubelet(&node, |kubelet, ctx| kubelet.observe(event, ctx));
                }
            }
            Object::Namespace(_)
            | Object::ServiceAccount(_)
            | Object::Event(_)
            | Object::Deployment(_)
            | Object::ReplicaSet(_)
            | Object::EndpointSlice(_)
            | Object::PodDisruptionBudget(_)
            | Object::PriorityClass(_)
            | Object::Lease(_) => {}
        }
    }

    pub(crate) fn join(&mut self, spec: &NodeSpec, number: u32) {
        let name: Arc<str> = spec.name.as_str().into();
        let pod_network = format!("10.244.{number}");
        self.runtime.add_machine(MachineSpec {
            name: name.clone(),
            ip: format!("192.168.10.{}", 9 + number),
            pod_network,
            cpu_milli: spec.cpu_milli,
            memory_bytes: spec.memory_bytes,
            images: spec.images.clone(),
        });
        let mut settings = kubelet::Settings { pods_max: spec.pods, ..kubelet::Settings::default() };
        settings.labels.extend(spec.labels.iter().cloned());
        settings
            .taints
            .extend(spec.taints.iter().map(|it| (it.key.clone(), it.value.clone(), it.effect.clone())));
        if spec.control_plane {
            const ROLE: &str = "node-role.kubernetes.io/control-plane";
            settings.labels.insert(ROLE.to_owned(), String::new());
            settings.taints.push((ROLE.to_owned(), String::new(), "NoSchedule".to_owned()));
        }
        self.kubelets.insert(name.clone(), Arc::new(Kubelet::new(&spec.name, settings)));
        self.with_kubelet(&name, kubelet::Kubelet::start);
    }

    /// Runs a command in a container for somebody outside; ask [`Cluster::exec_result`] how it ended.
    pub fn exec(&mut self, container: ContainerId, config: ExecConfig) -> ExecId {
        let now = self.queue.now();
        let mut outbox = Outbox::default();
        let exec = self.runtime.exec(container, config, now, &mut outbox);
        self.execs.insert(exec);
        self.take(&mut outbox, Event::Runtime);
        self.deliver_notices();
        exec
    }

    /// How a command ended; it is forgotten with that.
    pub fn exec_result(&mut self, exec: ExecId) -> Option<ExecResult> {
        self.finished.remove(&exec)
    }
}

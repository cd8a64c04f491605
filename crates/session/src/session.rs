//! One session: the only writer. Commands in, frames out; history and links on the side.

use std::sync::Arc;

use api::{Kind, ObjectKey};
use cluster::{Fault, Settings};
use sim::{Gather as _, SimTime};

use crate::frame::{
    Advanced, Command, Diagnostic, FaultTarget, Frame, Mark, ObjectRef, Outcome, ScenarioCard, Tone, Trouble,
    ViewState,
};
use crate::history::History;
use crate::input::{Input, Logged, typed_line};
use crate::line::{Asked, Line};
use crate::link::{Link, LinkError};
use crate::playground::{Finished, Playground, RunId};
use crate::recording::Recording;
use crate::scenario::{self, Scenario};
use crate::view::View;

/// Events that one step of the clock handles between two looks at the watch.
const EVENTS_PER_LOOK: u32 = 256;
/// A jump to the next interesting moment gives up after this much virtual time.
const LOOK_AHEAD: u64 = 3_600_000_000;
/// And after this many events.
const LOOK_AHEAD_EVENTS: u32 = 400_000;
/// Text of a manifest that is taken; more is refused before anything looks at it.
pub const MANIFEST_BYTES_MAX: usize = 1 << 20;
/// Keys of one input.
pub const INPUT_BYTES_MAX: usize = 64 << 10;
/// What a command printed that is answered beside the terminal.
const OUTPUT_BYTES_MAX: usize = 64 << 10;

pub struct Session {
    scenario: Arc<Scenario>,
    seed: u64,
    current: Playground,
    history: History,
    recording: Recording,
    /// The furthest instant that was computed.
    end: SimTime,
    manifest: Option<String>,
    faults: Vec<FaultTarget>,
    view: View,
    /// How much of the terminal has been handed out; none: all of it has to be drawn again.
    terminal_shown: Option<u64>,
    /// What is to be written to the terminal and has not been handed out.
    terminal_pending: Vec<u8>,
    terminal_columns: u16,
    line: Line,
    others: Vec<(String, String)>,
}

impl Session {
    /// From what stands after `#` in an address; an empty text is the first scenario. What a damaged link meant is told
    /// beside a session that works.
    pub fn open(link: &str) -> (Session, Option<LinkError>) {
        Session::of(Link::read(link))
    }

    /// The same of a link that somebody else has unpacked.
    pub fn of(link: Result<Link, LinkError>) -> (Session, Option<LinkError>) {
        let (link, error) = match link {
            Ok(link) => (link, None),
            Err(error) => (Link::default(), Some(error)),
        };
        (Session::from_link(link), error)
    }

    fn from_link(link: Link) -> Session {
        let scenario = scenario::find(&link.scenario);
        let seed = link.seed.unwrap_or(scenario.seed);
        let mut session = Session::start(scenario, seed);
        session.manifest = link.manifest;
        session.others = link.others;
        session.history.load(link.inputs);
        // Faults are known by what was done, and so is what the arrow keys bring back.
        let inputs: Vec<Logged> = session.history.inputs().to_vec();
        for (index, logged) in inputs.iter().enumerate() {
            match &logged.input {
                Input::Fault(fault) => session.note_fault(fault),
                Input::Keys(keys) if keys.ends_with('\r') => {
                    session.line.remember(&typed_line(&inputs, index));
                }
                Input::Run(line) => session.line.remember(line),
                Input::Keys(_) | Input::Apply { .. } | Input::File { .. } => {}
            }
        }
        let at = SimTime(link.time.min(SimTime::from_secs(7 * 86_400).0));
        session.run_to(at, u32::MAX);
        session
    }

    fn start(scenario: Arc<Scenario>, seed: u64) -> Session {
        let playground = scenario.playground(seed);
        Session::over(scenario, seed, playground)
    }

    /// A session over other nodes than a scenario's. Its links lead to the first scenario.
    pub fn on_nodes(settings: &Settings) -> Session {
        Session::over(scenario::find(""), settings.seed, Playground::new(settings))
    }

    fn over(scenario: Arc<Scenario>, seed: u64, playground: Playground) -> Session {
        let mut session = Session {
            scenario,
            seed,
            current: playground.clone(),
            history: History::new(playground),
            recording: Recording::default(),
            end: SimTime::ZERO,
            manifest: None,
            faults: Vec::new(),
            view: View::default(),
            terminal_shown: None,
            terminal_pending: Vec::new(),
            terminal_columns: 0,
            line: Line::default(),
            others: Vec::new(),
        };
        session.end = session.current.now();
        session.look();
        session
    }

    pub fn scenarios() -> Vec<ScenarioCard> {
        scenario::cards()
    }

    pub fn now(&self) -> SimTime {
        self.current.now()
    }

    pub fn playground(&self) -> &Playground {
        &self.current
    }

    /// Whose turn at the scheduler was the last, and when.
    pub fn last_decision(&self) -> Option<(ObjectRef, u64)> {
        let attempt = self.current.cluster().scheduler().attempts().last()?;
        let pod = &attempt.decision.pod;
        Some((ObjectRef::pod(&pod.namespace, &pod.name), attempt.at.0))
    }

    /// The editor's text: what was typed, or the scenario's own.
    pub fn manifest(&self) -> &str {
        self.manifest.as_deref().unwrap_or_else(|| self.scenario.manifest())
    }

    #[cfg(feature = "packing")]
    pub fn share_link(&self, language: Option<&str>) -> String {
        self.link(language).write()
    }

    pub fn link(&self, language: Option<&str>) -> Link {
        Link {
            scenario: self.scenario.id.clone(),
            seed: (self.seed != self.scenario.seed).then_some(self.seed),
            time: self.now().0,
            language: language.map(str::to_owned),
            inputs: self.history.inputs().to_vec(),
            manifest: self.manifest.clone().filter(|it| it != self.scenario.manifest()),
            others: self.others.clone(),
        }
    }

    /// Remarks on a manifest, without applying it.
    pub fn check(text: &str) -> Vec<Diagnostic> {
        crate::diagnose::check(text)
    }

    /// Lets virtual time pass, at most `events_max` events of it.
    pub fn advance(&mut self, by_micros: u64, events_max: u32) -> Advanced {
        let target = SimTime(self.now().0.saturating_add(by_micros));
        let (events, reached) = self.run_to(target, events_max);
        Advanced { events, behind: !reached }
    }

    /// Runs on to `target`, taking up recorded inputs on the way.
    fn run_to(&mut self, target: SimTime, events_max: u32) -> (u32, bool) {
        let mut left = events_max;
        while left > 0 {
            let pending = self.history.pending(&self.current, target).next().cloned();
            let until = pending.as_ref().map_or(target, super::input::Logged::at);
            let turn = left.min(EVENTS_PER_LOOK);
            let before = self.current.cluster().steps();
            let reached = self.current.run_until(until, turn);
            left = left.saturating_sub((self.current.cluster().steps() - before).max(1) as u32);
            self.look();
            if !reached {
                continue;
            }
            match pending {
                Some(logged) => self.current.apply(&logged.input),
                None => return (events_max - left, true),
            }
        }
        (events_max, false)
    }

    /// Takes in what has happened.
    fn look(&mut self) {
        if let Ok(events) = self.current.cluster().api().store().events_after(self.recording.revision) {
            let events = events.to_vec();
            self.recording.observe(&events);
        } else {
            self.recording.revision = self.current.cluster().api().store().revision();
        }
        if self.recording.samples_at(self.now()) {
            crate::view::sample_memory(self.current.cluster(), &mut self.recording);
        }
        self.end = self.end.max(self.now());
        self.history.maybe_checkpoint(&self.current);
    }

    /// The picture of now.
    pub fn frame(&mut self, view: &ViewState) -> Arc<Frame> {
        let about = crate::view::Surroundings {
            scenario: &self.scenario,
            manifest: self.manifest.as_deref().unwrap_or_else(|| self.scenario.manifest()),
            seed: self.seed,
            end: self.end,
            faults: &self.faults,
            branches: self.history.branches(),
            inputs: self.history.inputs(),
        };
        self.view.frame(&self.current, &self.recording, &about, view)
    }

    /// What the terminal has to show since the last call. When time has jumped it starts with a reset of the screen.
    pub fn terminal_take_output(&mut self) -> Vec<u8> {
        self.take_screen();
        if let Some(prompt) = self.current.prompt() {
            self.line.stand(&prompt.text, self.terminal_columns, prompt.clear);
            self.terminal_pending.extend(self.line.take_output().bytes());
        }
        std::mem::take(&mut self.terminal_pending)
    }

    /// What was written since the last look stands where the line that is being typed stood.
    fn take_screen(&mut self) {
        let anew = self.terminal_shown.is_none();
        let (bytes, written) = self.current.terminal_since(self.terminal_shown);
        self.terminal_shown = Some(written);
        if !bytes.is_empty() {
            if !anew {
                self.line.erase();
            }
            self.line.forget_screen();
            self.terminal_pending.extend(self.line.take_output().bytes());
            self.terminal_pending.extend(bytes);
        }
    }

    /// Keys at a prompt edit a line; elsewhere they go to whatever runs.
    fn typed(&mut self, keys: &str) {
        let mut rest = keys;
        while !rest.is_empty() {
            self.take_screen();
            let Some(prompt) = self.current.prompt() else {
                self.input(&Input::Keys(rest.to_owned()));
                return;
            };
            self.line.stand(&prompt.text, self.terminal_columns, prompt.clear);
            let (taken, asked) = self.line.feed(rest);
            rest = &rest[taken..];
            match asked {
                Asked::Nothing => {}
                Asked::Complete => {
                    let before = self.line.before_cursor();
                    let (partial, found) = crate::complete::complete(&self.current, &prompt, &before);
                    self.line.complete(&partial, &found);
                }
                Asked::Send(text) => {
                    self.terminal_pending.extend(self.line.take_output().bytes());
                    if text.trim() != "" {
                        self.note_mark(text.trim());
                    }
                    self.input(&Input::Keys(text));
                }
            }
        }
        self.terminal_pending.extend(self.line.take_output().bytes());
    }

    pub fn run(&mut self, command: Command) -> Outcome {
        match command {
            Command::ApplyManifest { text } => self.apply_manifest(text),
            Command::KeepManifest { text } => {
                if text.len() <= MANIFEST_BYTES_MAX {
                    self.manifest = Some(text);
                }
                Outcome::default()
            }
            Command::TerminalInput { bytes } => {
                if bytes.len() <= INPUT_BYTES_MAX {
                    self.typed(&bytes);
                }
                Outcome::default()
            }
            // Programs here print for a terminal of any width; the line that is typed wraps.
            Command::TerminalResize { columns, .. } => {
                self.terminal_columns = columns;
                Outcome::default()
            }
            Command::RunLine { line } => self.run_line(&line),
            Command::SeekTo { at } => self.seek(SimTime(at)),
            Command::Step => self.step(),
            Command::StepBack => self.step_back(),
            Command::NextInteresting => self.next_interesting(),
            Command::ToStart => self.seek(self.history.start_time()),
            Command::ToEnd => self.seek(self.end),
            Command::Fork => self.fork(),
            Command::SwitchBranch { index } => self.switch_branch(index as usize),
            Command::Fault { target } => self.fault(&target, true),
            Command::Heal { target } => self.fault(&target, false),
            Command::KillContainer { namespace, pod, container } => {
                self.inflict(Fault::KillContainer { namespace, pod, container })
            }
            Command::KillProcess { node, pid } => self.inflict(Fault::KillProcess { node, pid }),
            Command::OpenScenario { id } => self.open_scenario(&id),
            Command::OpenLink { link } => self.open_link(Link::read(&link)),
            Command::Restart => {
                let id = self.scenario.id.clone();
                self.open_scenario(&id)
            }
            Command::EditLabel { .. }
            | Command::AddTaint { .. }
            | Command::RemoveTaint { .. }
            | Command::SetCordoned { .. }
            | Command::Drain { .. }
            | Command::DeletePod { .. }
            | Command::Trouble { .. }
            | Command::Scale { .. } => {
                let line = gesture(&command);
                self.run_line(&line)
            }
        }
    }

    /// Something that the person does: noted, so that it happens again when this stretch is lived again.
    fn input(&mut self, input: &Input) -> bool {
        let now = self.now();
        if now < self.end {
            // What lies ahead will not come that way.
            let revision = self.current.cluster().api().store().revision();
            self.recording.cut(now, revision);
        }
        let fits = self.history.record(now, input.clone(), self.end);
        if fits {
            self.end = now;
            self.current.apply(input);
            self.settle();
        }
        fits
    }

    /// What is due at this very instant happens, also while the clock stands still.
    fn settle(&mut self) {
        self.run_to(self.now(), LOOK_AHEAD_EVENTS);
    }

    fn apply_manifest(&mut self, text: String) -> Outcome {
        if MANIFEST_BYTES_MAX < text.len() {
            let errors = vec![format!("error: the manifest is larger than {} KiB", MANIFEST_BYTES_MAX >> 10)];
            return Outcome { errors, ..Outcome::default() };
        }
        let diagnostics = Session::check(&text);
        let file = self.scenario.file_name().to_owned();
        let printed = format!("kubectl apply -f {file}");
        self.note_mark(&printed);
        self.manifest = Some(text.clone());
        if !self.input(&Input::Apply { file, text }) {
            return full();
        }
        let mut outcome = self.outcome_of_last_run(printed);
        outcome.diagnostics = diagnostics;
        outcome
    }

    fn run_line(&mut self, line: &str) -> Outcome {
        if INPUT_BYTES_MAX < line.len() {
            return Outcome::default();
        }
        self.note_mark(line);
        self.line.remember(line);
        if !self.input(&Input::Run(line.to_owned())) {
            return full();
        }
        self.outcome_of_last_run(line.to_owned())
    }

    fn outcome_of_last_run(&mut self, printed: String) -> Outcome {
        let mut outcome = Outcome { printed: Some(printed), ..Outcome::default() };
        let run: Option<RunId> = self.current.last_run();
        if let Some(Finished { stdout, stderr, .. }) = run.and_then(|it| self.current.look_at(it)) {
            outcome.select = made(&stdout, self.current.namespace());
            outcome.output = clipped(stdout);
            outcome.errors = clipped(stderr).lines().map(str::to_owned).gather();
        }
        outcome
    }

    fn note_mark(&mut self, text: &str) {
        let at = self.now().0;
        self.recording.mark(Mark { at, text: text.to_owned(), tone: Tone::Busy, yours: true, object: None });
    }

    fn fault(&mut self, target: &FaultTarget, on: bool) -> Outcome {
        let fault = match (target.clone(), on) {
            (FaultTarget::Node { node }, true) => Fault::FailNode { node },
            (FaultTarget::Node { node }, false) => Fault::RecoverNode { node },
            (FaultTarget::Kubelet { node }, true) => Fault::StopKubelet { node },
            (FaultTarget::Kubelet { node }, false) => Fault::ContinueKubelet { node },
            (FaultTarget::Runtime { node }, true) => Fault::FreezeRuntime { node },
            (FaultTarget::Runtime { node }, false) => Fault::ContinueRuntime { node },
            (FaultTarget::Network { node }, true) => Fault::CutNetwork { node },
            (FaultTarget::Network { node }, false) => Fault::HealNetwork { node },
            (FaultTarget::Registry, true) => Fault::RegistryDown,
            (FaultTarget::Registry, false) => Fault::RegistryUp,
            (FaultTarget::Image { image }, true) => Fault::RemoveFromRegistry { image },
            (FaultTarget::Image { image }, false) => Fault::RestoreToRegistry { image },
            (FaultTarget::Sandbox { namespace, pod }, _) => Fault::KillSandbox { namespace, pod },
        };
        self.inflict(fault)
    }

    fn inflict(&mut self, fault: Fault) -> Outcome {
        let printed = fault.command_line();
        if let Err(error) = self.current.clone().inflict(&fault) {
            return Outcome { errors: vec![error.to_string()], ..Outcome::default() };
        }
        self.note_mark(&printed);
        self.note_fault(&fault);
        if self.input(&Input::Fault(fault)) {
            Outcome { printed: Some(printed), ..Outcome::default() }
        } else {
            full()
        }
    }

    fn note_fault(&mut self, fault: &Fault) {
        let (target, on) = match fault.clone() {
            Fault::FailNode { node } => (FaultTarget::Node { node }, true),
            Fault::RecoverNode { node } => (FaultTarget::Node { node }, false),
            Fault::StopKubelet { node } => (FaultTarget::Kubelet { node }, true),
            Fault::ContinueKubelet { node } => (FaultTarget::Kubelet { node }, false),
            Fault::FreezeRuntime { node } => (FaultTarget::Runtime { node }, true),
            Fault::ContinueRuntime { node } => (FaultTarget::Runtime { node }, false),
            Fault::CutNetwork { node } => (FaultTarget::Network { node }, true),
            Fault::HealNetwork { node } => (FaultTarget::Network { node }, false),
            Fault::RegistryDown => (FaultTarget::Registry, true),
            Fault::RegistryUp => (FaultTarget::Registry, false),
            Fault::RemoveFromRegistry { image } => (FaultTarget::Image { image }, true),
            Fault::RestoreToRegistry { image } => (FaultTarget::Image { image }, false),
            Fault::KillProcess { .. }
            | Fault::KillContainer { .. }
            | Fault::KillSandbox { .. }
            | Fault::AddNode { .. }
            | Fault::AddStaticPod { .. }
            | Fault::RemoveStaticPod { .. }
            | Fault::RestartKubelet { .. } => return,
        };
        self.faults.retain(|it| *it != target);
        if on {
            self.faults.push(target);
        }
    }

    fn seek(&mut self, at: SimTime) -> Outcome {
        if self.now() <= at {
            self.run_to(at, LOOK_AHEAD_EVENTS);
        } else {
            self.current = self.history.at(at.max(self.history.start_time()));
            self.terminal_shown = None;
        }
        Outcome::default()
    }

    /// To the next write of an object that somebody could see.
    fn step(&mut self) -> Outcome {
        let from = self.current.cluster().api().store().revision();
        for _ in 0..LOOK_AHEAD_EVENTS {
            let Some(due) = self.next_due().filter(|it| it.0 <= self.now().0 + LOOK_AHEAD) else { break };
            self.run_to(due, 1);
            let store = self.current.cluster().api().store();
            let visible =
                store.events_after(from).is_ok_and(|it| it.iter().any(|it| it.key.kind != Kind::Lease));
            if visible {
                break;
            }
        }
        Outcome::default()
    }

    fn next_due(&self) -> Option<SimTime> {
        let input = self.history.pending(&self.current, SimTime::MAX).next().map(super::input::Logged::at);
        [self.current.next_due(), input].into_iter().flatten().min()
    }

    /// To the last moment that was worth a stop before now.
    fn step_back(&mut self) -> Outcome {
        let now = self.now().0;
        let start = self.history.start_time();
        let segments = self.recording.lanes.iter().flat_map(|it| it.segments.iter().map(|it| it.start));
        let moments = self.recording.marks.iter().map(|it| it.at).chain(segments);
        let last = moments.filter(|it| *it < now).max().map_or(start, SimTime);
        self.seek(last.max(start))
    }

    /// Skips idle waiting: to the next change of a Pod's status, the next event or the next input.
    fn next_interesting(&mut self) -> Outcome {
        let from = self.now();
        let known = self.recording.marks.iter().map(|it| it.at).find(|it| from.0 < *it);
        if let Some(at) = known {
            return self.seek(SimTime(at));
        }
        let marks = self.recording.marks.len();
        let limit = SimTime(from.0 + LOOK_AHEAD);
        let mut left = LOOK_AHEAD_EVENTS;
        while left > 0 && self.recording.marks.len() == marks {
            let Some(due) = self.next_due().filter(|it| *it <= limit) else { break };
            self.run_to(due, 1);
            left -= 1;
        }
        Outcome::default()
    }

    fn fork(&mut self) -> Outcome {
        let now = self.now();
        if now < self.end {
            self.history.fork(now, self.end);
            let revision = self.current.cluster().api().store().revision();
            self.recording.cut(now, revision);
            self.end = now;
        }
        Outcome::default()
    }

    fn switch_branch(&mut self, index: usize) -> Outcome {
        let Some(forked_at) = self.history.branches().get(index).map(|it| it.forked_at) else {
            return Outcome::default();
        };
        let end = self.end;
        if let Some(branch_end) = self.history.switch_to(index, end) {
            self.current = self.history.at(forked_at.min(self.now()));
            let revision = self.current.cluster().api().store().revision();
            self.recording.cut(self.now(), revision);
            self.end = self.now();
            self.terminal_shown = None;
            self.run_to(branch_end, LOOK_AHEAD_EVENTS);
        }
        Outcome::default()
    }

    fn open_scenario(&mut self, id: &str) -> Outcome {
        let scenario = scenario::find(id);
        let seed = scenario.seed;
        *self = Session::start(scenario, seed);
        Outcome { manifest: Some(self.manifest().to_owned()), ..Outcome::default() }
    }

    /// [`Command::OpenLink`] with a link that somebody else has unpacked.
    pub fn open_link(&mut self, link: Result<Link, LinkError>) -> Outcome {
        match link {
            Ok(link) => {
                *self = Session::from_link(link);
                Outcome { manifest: Some(self.manifest().to_owned()), ..Outcome::default() }
            }
            Err(error) => Outcome { errors: vec![error.to_string()], ..Outcome::default() },
        }
    }

    pub fn find(&self, object: &ObjectRef) -> bool {
        let kind = Kind::ALL.iter().find(|it| it.name() == object.kind);
        kind.is_some_and(|kind| {
            self.current
                .cluster()
                .api()
                .get(&ObjectKey::new(*kind, &object.namespace, &object.name))
                .is_some()
        })
    }
}

fn full() -> Outcome {
    let errors =
        vec![format!("this session has {} inputs already; start a new one", crate::history::INPUTS_MAX)];
    Outcome { errors, ..Outcome::default() }
}

fn clipped(mut text: String) -> String {
    if OUTPUT_BYTES_MAX < text.len() {
        let mut end = OUTPUT_BYTES_MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}

/// `pod/web created` names what is worth a look.
fn made(stdout: &str, namespace: &str) -> Option<ObjectRef> {
    let first = stdout.lines().next()?;
    let (object, verb) = first.split_once(' ')?;
    if !matches!(verb, "created" | "configured" | "replaced") {
        return None;
    }
    let (resource, name) = object.split_once('/')?;
    let resource = resource.split('.').next().unwrap_or(resource);
    let kind = Kind::ALL.iter().find(|it| it.info().singular == resource)?;
    let namespace = if kind.info().namespaced { namespace } else { "" };
    Some(ObjectRef::new(kind.name(), namespace, name))
}

/// The command line that does what a gesture on the stage asks for.
fn gesture(command: &Command) -> String {
    let place = |it: &ObjectRef| {
        if it.namespace.is_empty() { String::new() } else { format!(" -n {}", quoted(&it.namespace)) }
    };
    match command {
        Command::EditLabel { object, key, value } => {
            let change = value.as_ref().map_or_else(|| format!("{key}-"), |it| format!("{key}={it}"));
            format!(
                "kubectl label {} {} {} --overwrite{}",
                object.kind.to_ascii_lowercase(),
                quoted(&object.name),
                quoted(&change),
                place(object)
            )
        }
        Command::AddTaint { node, taint } => {
            format!("kubectl taint node {} {} --overwrite", quoted(node), quoted(taint))
        }
        Command::RemoveTaint { node, taint } => {
            format!("kubectl taint node {} {}-", quoted(node), quoted(taint))
        }
        Command::SetCordoned { node, cordoned } => {
            format!("kubectl {} {}", if *cordoned { "cordon" } else { "uncordon" }, quoted(node))
        }
        Command::Drain { node } => {
            format!("kubectl drain {} --ignore-daemonsets --force --delete-emptydir-data", quoted(node))
        }
        Command::DeletePod { namespace, name } => {
            format!("kubectl delete pod {} -n {} --wait=false", quoted(name), quoted(namespace))
        }
        Command::Scale { object, replicas } => {
            format!(
                "kubectl scale {} {} --replicas={replicas}{}",
                object.kind.to_ascii_lowercase(),
                quoted(&object.name),
                place(object)
            )
        }
        Command::Trouble { namespace, pod, container, trouble } => {
            trouble_line(namespace, pod, container, *trouble)
        }
        _ => String::new(),
    }
}

/// The command lines of [`Trouble`]: what anybody could type.
fn trouble_line(namespace: &str, pod: &str, container: &str, trouble: Trouble) -> String {
    let (place, name, inside) = (quoted(namespace), quoted(pod), quoted(container));
    match trouble {
        Trouble::LeakMemory => format!("kubectl exec -n {place} {name} -c {inside} -- tail /dev/zero"),
        Trouble::FillDisk => {
            format!(
                "kubectl exec -n {place} {name} -c {inside} -- dd if=/dev/zero of=/tmp/fill bs=1M count=102400"
            )
        }
        Trouble::SlowStart => format!(
            "kubectl annotate -n {place} pod {name} --overwrite playground.dev/{inside}.ready-after=30s && fault container kill {place}/{name} {inside}"
        ),
    }
}

/// Quoted for the shell where that is needed.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

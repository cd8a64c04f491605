//! The only writer: owns the session, paces it, publishes one frame an animation frame.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use session::frame::{
    Command, Diagnostic, FaultTarget, Frame, Micros, NodeCard, ObjectRef, Outcome, PodCard, Sentence, Tab,
    ViewState,
};

use crate::browser;
use crate::dom::prelude::*;
use crate::i18n::{self, Language, t};
use crate::panels::stage::theatre::{self, Director};
use session::theatre::Theatre;
use session::{Gather as _, Link, LinkError, Session};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

/// Real milliseconds a frame may spend on the cluster; then virtual time falls behind instead of the page.
const CLUSTER_MS_PER_FRAME: f64 = 8.0;
/// Events between two looks at the real clock.
const EVENTS_PER_SLICE: u32 = 200;
/// And altogether in one frame, whatever the clock says.
const EVENTS_PER_FRAME_MAX: u32 = 20_000;
/// A tab that slept does not catch up.
const FRAME_MS_MAX: f64 = 100.0;
const AUTOSAVE: Duration = Duration::from_secs(2);
const CHECK_DELAY: Duration = Duration::from_millis(250);
const TOAST: Duration = Duration::from_secs(9);
/// What is kept of the terminal's output, to fill a terminal that is built anew.
const TERMINAL_KEPT_BYTES: usize = 128 << 10;
/// As `reset` sends it.
const TERMINAL_RESET: &str = "\u{1b}c";
/// Sentences that the live region reads at once; more are a blur.
const SAID_AT_ONCE_MAX: usize = 3;

/// Virtual seconds a real second, in hundredths, log scale.
pub const SPEEDS: [u32; 11] = [1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000];
pub const SPEED_REAL: usize = 4;

/// What lies over the page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Dialog {
    #[default]
    None,
    Scenarios,
    Chaos,
    Help,
    /// The decision about a Pod, or else the last one.
    Decision,
    Queue,
    Share(String),
    EditNode(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    /// The command line that does the same.
    pub printed: String,
    pub output: String,
    pub bad: bool,
    serial: u32,
}

/// The scenarios that can be opened.
pub fn scenarios() -> Vec<session::frame::ScenarioCard> {
    Session::scenarios()
}

/// What a page begins with.
pub struct Start {
    address: String,
    /// What the address says, or else what was saved last.
    link: String,
    read: Result<Link, LinkError>,
}

impl Start {
    pub async fn find() -> Start {
        let address = browser::address();
        let linked = ["scenario", "z", "v"].iter().any(|it| browser::parameter(&address, it).is_some());
        let link = if linked { address.clone() } else { browser::stored("session").unwrap_or_default() };
        let read = read_link(&link).await;
        Start { address, link, read }
    }
}

async fn read_link(text: &str) -> Result<Link, LinkError> {
    let (mut link, packed) = Link::read_head(text)?;
    if let Some(packed) = packed {
        link.read_unpacked(&browser::unpack(&packed).await?)?;
    }
    Ok(link)
}

type Sink = Box<dyn Fn(&str)>;

/// What panels hold: one pointer, so that the hundreds of closures that take it along stay small.
#[derive(Clone, Copy)]
pub struct Page(&'static Shared);

impl Deref for Page {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        self.0
    }
}

/// Everything that panels share. There is one of it, for as long as the page lives.
pub struct Shared {
    session: StoredValue<Session, LocalStorage>,
    pub frame: RwSignal<Arc<Frame>>,
    pub view: RwSignal<ViewState>,
    pub playing: RwSignal<bool>,
    pub speed: RwSignal<usize>,
    /// Virtual time runs slower than asked.
    pub behind: RwSignal<bool>,
    pub language: RwSignal<Language>,
    pub dark: RwSignal<bool>,
    /// The editor's text; `applied` is what was applied last.
    pub manifest: RwSignal<String>,
    pub applied: RwSignal<String>,
    /// Counts texts that came from elsewhere than the editor.
    pub replaced: RwSignal<u32>,
    pub diagnostics: RwSignal<Arc<Vec<Diagnostic>>>,
    pub dialog: RwSignal<Dialog>,
    pub toast: RwSignal<Option<Toast>>,
    /// Which panel a narrow page shows.
    pub panel: RwSignal<&'static str>,
    pub dock: RwSignal<&'static str>,
    pub left: RwSignal<&'static str>,
    /// Nodes that a clause under the pointer counts.
    pub lit: RwSignal<Vec<String>>,
    /// Tiles instead of cards: chosen by the person, or else by the number of Pods.
    pub tiles: RwSignal<Option<bool>>,
    /// A decision that is being played on the stage.
    pub theatre: RwSignal<Option<Theatre>>,
    /// Decisions are played as they are made.
    pub plays: RwSignal<bool>,
    pub spoken: RwSignal<String>,
    pub presenting: RwSignal<bool>,
    /// The way out of an embedded page: this session's whole address.
    pub whole_address: RwSignal<String>,
    pub now: Memo<Micros>,
    /// `now` in whole seconds, for texts that need no more.
    pub seconds: Memo<Micros>,
    seek: StoredValue<Option<Micros>>,
    stale: StoredValue<bool>,
    said: StoredValue<u64>,
    terminal_kept: StoredValue<String>,
    terminal: StoredValue<Option<Sink>, LocalStorage>,
    pub director: StoredValue<Director>,
}

impl Page {
    pub fn open(language: Language, start: Start) -> Page {
        i18n::use_language(language);
        let Start { address, link, read } = start;
        let dark = browser::stored("theme")
            .map_or_else(|| browser::matches("(prefers-color-scheme: dark)"), |it| it == "dark");
        let speed = browser::stored("speed").and_then(|it| it.parse().ok()).filter(|it| *it < SPEEDS.len());
        let frame = RwSignal::new(Arc::<Frame>::default());
        let now = Memo::new(move || frame.with(|it| it.clock.now));
        let (session, error) = Session::of(read);
        let page = Page(Box::leak(Box::new(Shared {
            session: StoredValue::new_local(session),
            frame,
            view: RwSignal::new(ViewState { language: language.code().to_owned(), ..ViewState::default() }),
            playing: RwSignal::new(browser::parameter(&address, "paused").is_none()),
            speed: RwSignal::new(speed.unwrap_or(SPEED_REAL)),
            behind: RwSignal::new(false),
            language: RwSignal::new(language),
            dark: RwSignal::new(dark),
            manifest: RwSignal::new(String::new()),
            applied: RwSignal::new(String::new()),
            replaced: RwSignal::new(0),
            diagnostics: RwSignal::new(Arc::default()),
            dialog: RwSignal::new(Dialog::None),
            toast: RwSignal::new(None),
            panel: RwSignal::new("stage"),
            dock: RwSignal::new("timeline"),
            left: RwSignal::new("manifest"),
            lit: RwSignal::new(Vec::new()),
            tiles: RwSignal::new(None),
            theatre: RwSignal::new(None),
            plays: RwSignal::new(browser::stored("theatre").is_none_or(|it| it != "off")),
            spoken: RwSignal::new(String::new()),
            presenting: RwSignal::new(false),
            whole_address: RwSignal::new(browser::address_with(&link)),
            now,
            seconds: Memo::new(move || now.get() / 1_000_000 * 1_000_000),
            seek: StoredValue::new(None),
            stale: StoredValue::new(true),
            said: StoredValue::new(0),
            terminal_kept: StoredValue::new(String::new()),
            terminal: StoredValue::new_local(None),
            director: StoredValue::new(Director::default()),
        })));
        let manifest = page.session.with_value(|it| it.manifest().to_owned());
        // A session that goes on has applied what its editor shows, unless nothing was done yet.
        if browser::parameter(&link, "z").is_some() {
            page.applied.set(manifest.clone());
        }
        page.replace_manifest(manifest);
        if let Some(error) = error {
            page.show_outcome(&Outcome { errors: vec![error.to_string()], ..Outcome::default() });
        }
        page.publish();
        page.said.set_value(page.frame.with_untracked(|it| it.said));
        browser::every_frame(move |elapsed| page.on_frame(elapsed));
        set_interval(move || page.save(), AUTOSAVE);
        page
    }

    /// A value of the frame that panels watch; they hear of it only when it changes.
    pub fn pick<T: PartialEq + Send + Sync + 'static>(
        self,
        select: impl Fn(&Frame) -> T + Send + Sync + 'static,
    ) -> Memo<T> {
        Memo::new(move || self.frame.with(|it| select(it)))
    }

    /// The same for cards, one or many.
    pub fn pick_card<T: Card + Send + Sync + 'static>(
        self,
        select: impl Fn(&Frame) -> T + Send + Sync + 'static,
    ) -> Memo<T> {
        Memo::of_card(move || self.frame.with(|it| select(it)))
    }

    pub fn pod(self, uid: String) -> Memo<Option<Arc<PodCard>>> {
        self.pick_card(move |it| it.pod(&uid).cloned())
    }

    pub fn node(self, name: String) -> Memo<Option<Arc<NodeCard>>> {
        self.pick_card(move |it| it.node(&name).cloned())
    }

    /// Carries out one gesture and shows what came of it.
    pub fn run(self, command: Command) -> Outcome {
        let quiet = matches!(command, Command::TerminalInput { .. } | Command::TerminalResize { .. });
        let outcome = self.session.try_update_value(|it| it.run(command)).unwrap_or_default();
        self.take(&outcome, quiet);
        outcome
    }

    fn take(self, outcome: &Outcome, quiet: bool) {
        if let Some(text) = &outcome.manifest {
            self.replace_manifest(text.clone());
        }
        if let Some(object) = &outcome.select {
            self.select(Some(object.clone()));
        }
        if !quiet {
            self.show_outcome(outcome);
        }
        self.stale.set_value(true);
    }

    fn show_outcome(self, outcome: &Outcome) {
        let bad = !outcome.errors.is_empty();
        let Some(printed) = outcome.printed.clone().or_else(|| bad.then(String::new)) else { return };
        let output = if bad { outcome.errors.join("\n") } else { outcome.output.trim().to_owned() };
        let serial = self.toast.with_untracked(|it| it.as_ref().map_or(0, |it| it.serial + 1));
        self.toast.set(Some(Toast { printed, output, bad, serial }));
        set_timeout(
            move || {
                if self.toast.with_untracked(|it| it.as_ref().is_some_and(|it| it.serial == serial)) {
                    self.toast.set(None);
                }
            },
            TOAST,
        );
    }

    /// Travels at the next animation frame: dragging asks far more often than that.
    pub fn seek(self, at: Micros) {
        self.playing.set(false);
        self.seek.set_value(Some(at));
    }

    pub fn seek_by(self, seconds: i64) {
        let now = self.now.get_untracked() as i64;
        self.seek((now + seconds * 1_000_000).max(0) as Micros);
    }

    pub fn step(self, command: Command) {
        self.playing.set(false);
        self.run(command);
    }

    pub fn select(self, object: Option<ObjectRef>) {
        self.view.update(|it| {
            if it.selected != object {
                it.selected = object;
                it.log_container = None;
            }
        });
        self.stale.set_value(true);
    }

    pub fn open_tab(self, tab: Tab) {
        self.view.update(|it| it.tab = tab);
        self.stale.set_value(true);
    }

    pub fn open_dialog(self, dialog: Dialog) {
        if dialog != Dialog::Decision && self.dialog.with_untracked(|it| *it == Dialog::Decision) {
            self.view.update(|it| (it.decision, it.fixes) = (None, None));
            self.stale.set_value(true);
        }
        self.dialog.set(dialog);
    }

    /// The decision about this Pod, or else the one that the stage shows, or the last one; and what would change it.
    pub fn open_decision(self, pod: Option<ObjectRef>) {
        let shown = |it: &session::frame::Frame| {
            it.decision.as_ref().map(|it| it.pod.clone()).or_else(|| it.scheduler.decided.clone())
        };
        let pod = pod.or_else(|| self.frame.with_untracked(|it| shown(it)));
        // The smallest changes are searched only while somebody looks at them.
        self.view.update(|it| (it.decision, it.fixes) = (pod.clone(), pod));
        self.publish();
        self.dialog.set(Dialog::Decision);
    }

    pub fn fault(self, target: FaultTarget) {
        let on = self.frame.with_untracked(|it| it.about.faults.contains(&target));
        self.run(if on { Command::Heal { target } } else { Command::Fault { target } });
    }

    pub fn open_scenario(self, id: String) {
        self.select(None);
        self.run(Command::OpenScenario { id });
        self.applied.set(String::new());
        self.dialog.set(Dialog::None);
        self.left.set("lesson");
        self.playing.set(true);
    }

    pub fn apply(self) {
        let text = self.manifest.get_untracked();
        let outcome = self.run(Command::ApplyManifest { text: text.clone() });
        if outcome.errors.is_empty() {
            self.applied.set(text);
            self.panel.set("stage");
            self.playing.set(true);
        }
        if !outcome.diagnostics.is_empty() {
            self.diagnostics.set(Arc::new(outcome.diagnostics));
        }
    }

    /// The editor tells of its text; a check follows when the fingers rest.
    pub fn edited(self, text: String) {
        if self.manifest.with_untracked(|it| *it == text) {
            return;
        }
        self.manifest.set(text.clone());
        set_timeout(
            move || {
                if self.manifest.with_untracked(|it| *it == text) {
                    self.check();
                }
            },
            CHECK_DELAY,
        );
    }

    pub fn replace_manifest(self, text: String) {
        self.manifest.set(text);
        self.replaced.update(|it| *it += 1);
        self.check();
    }

    fn check(self) {
        self.keep_manifest();
        self.diagnostics.set(Arc::new(self.manifest.with_untracked(|it| Session::check(it))));
    }

    fn keep_manifest(self) {
        let text = self.manifest.get_untracked();
        self.session.update_value(|it| {
            // An unchanged text stays the scenario's own, so that links stay short.
            if it.manifest() != text {
                it.run(Command::KeepManifest { text });
            }
        });
    }

    /// Promises a link with the whole session, behind `before`, and does `then` with it, or with none where nothing packs it.
    fn link(self, before: &str, then: fn(Page, Option<String>)) -> JsValue {
        // What has just been typed is in it too.
        self.keep_manifest();
        let language = self.language.get_untracked().code();
        let (head, to_pack) = self.session.with_value(|it| it.link(Some(language))).write_head();
        let link = browser::pack(&[before, &head].concat(), to_pack.as_deref());
        let coming = browser::arrival(link.clone());
        spawn_local(async move {
            then(self, coming.await.and_then(|it| it.as_string()));
        });
        link
    }

    /// A session that was saved or shared.
    pub fn open_link(self, text: String) {
        spawn_local(async move {
            let link = read_link(&text).await;
            let outcome = self.session.try_update_value(|it| it.open_link(link)).unwrap_or_default();
            self.take(&outcome, false);
            self.open_dialog(Dialog::None);
        });
    }

    /// The view changed in a way that needs another frame.
    pub fn look_again(self) {
        self.stale.set_value(true);
    }

    pub fn share(self) {
        let address = self.link(&browser::address_with(""), |page, address| {
            if let Some(address) = address {
                browser::show_address(&address);
                page.dialog.set(Dialog::Share(address));
            } else {
                let errors = vec![LinkError::Packing.to_string()];
                page.show_outcome(&Outcome { errors, ..Outcome::default() });
            }
        });
        browser::copy(&address);
    }

    /// Changes the language once its words are there; without them the old one stays.
    pub fn speak(self, language: Language) {
        spawn_local(async move {
            if !i18n::fetch(language).await {
                let error = t("top.speechless").to_owned();
                return self.show_outcome(&Outcome { errors: vec![error], ..Outcome::default() });
            }
            browser::store("language", language.code());
            self.view.update(|it| it.language = language.code().to_owned());
            self.stale.set_value(true);
            self.language.set(language);
        });
    }

    pub fn paint(self, dark: bool) {
        browser::store("theme", if dark { "dark" } else { "light" });
        self.dark.set(dark);
    }

    pub fn pace(self, speed: usize) {
        browser::store("speed", &speed.to_string());
        self.speed.set(speed.min(SPEEDS.len() - 1));
    }

    pub fn terminal_input(self, text: String) {
        self.run(Command::TerminalInput { bytes: text });
        if !self.playing.get_untracked() {
            self.publish();
        }
    }

    /// From now on the terminal's output goes there; answers what was printed before.
    pub fn attach_terminal(self, sink: Option<Sink>) -> String {
        self.terminal.set_value(sink);
        self.terminal_kept.get_value()
    }

    fn on_frame(self, elapsed: f64) {
        if let Some(at) = self.seek.get_value() {
            self.seek.set_value(None);
            self.run(Command::SeekTo { at });
        } else if !theatre::plays_on(self, elapsed.min(FRAME_MS_MAX)) && self.playing.get_untracked() {
            self.advance(elapsed.min(FRAME_MS_MAX));
        }
        if self.stale.get_value() {
            self.publish();
        }
    }

    fn advance(self, elapsed: f64) {
        let speed = f64::from(SPEEDS[self.speed.get_untracked()]) / 100.0;
        let target = self.session.with_value(|it| it.now().0) + (elapsed * 1_000.0 * speed) as Micros;
        let until = browser::milliseconds() + CLUSTER_MS_PER_FRAME;
        // Who wants to see every decision must stop at it.
        let slice = if theatre::is_awaited(self) { 1 } else { EVENTS_PER_SLICE };
        let mut events = 0;
        let behind = loop {
            let done = self.session.try_update_value(|it| {
                let left = target.saturating_sub(it.now().0);
                it.advance(left, slice)
            });
            if slice == 1 && theatre::begins(self) {
                break false;
            }
            let Some(done) = done.filter(|it| it.behind) else { break false };
            events += done.events;
            if until < browser::milliseconds() || EVENTS_PER_FRAME_MAX < events {
                break true;
            }
        };
        if self.behind.get_untracked() != behind {
            self.behind.set(behind);
        }
        self.stale.set_value(true);
    }

    pub fn last_decision(self) -> Option<(ObjectRef, Micros)> {
        self.session.with_value(session::Session::last_decision)
    }

    pub fn publish(self) {
        self.stale.set_value(false);
        let view = self.view.get_untracked();
        let frame = self.session.try_update_value(|it| it.frame(&view)).unwrap_or_default();
        self.read_out(&frame);
        self.frame.set(frame);
        let output = self.session.try_update_value(Session::terminal_take_output).unwrap_or_default();
        if !output.is_empty() {
            self.print(&String::from_utf8_lossy(&output));
        }
    }

    fn print(self, text: &str) {
        self.terminal_kept.update_value(|kept| {
            // After a journey through time the terminal starts anew.
            if text.starts_with(TERMINAL_RESET) {
                kept.clear();
            }
            kept.push_str(text);
            if TERMINAL_KEPT_BYTES < kept.len() {
                let cut = kept.len() - TERMINAL_KEPT_BYTES / 2;
                let line =
                    kept.bytes().skip(cut).position(|it| it == b'\n').map_or(kept.len(), |it| cut + it + 1);
                kept.drain(..line);
            }
        });
        self.terminal.with_value(|it| it.iter().for_each(|write| write(text)));
    }

    fn read_out(self, frame: &Frame) {
        let fresh = frame.said.saturating_sub(self.said.get_value()) as usize;
        self.said.set_value(frame.said);
        if fresh == 0 {
            return;
        }
        let from = frame.narrated.len().saturating_sub(fresh.min(SAID_AT_ONCE_MAX));
        let say = |it: &Sentence| i18n::sentence_text(it, frame.clock.now);
        let text: Vec<String> = frame.narrated[from..].iter().map(say).gather();
        self.spoken.set(text.join(" "));
    }

    fn save(self) {
        self.link("", |_, link| {
            if let Some(link) = link {
                browser::store("session", &link);
            }
        });
    }

    /// Keeps the way out of an embedded page true.
    pub fn follow(self) {
        self.applied.track();
        self.language.track();
        self.link(&browser::address_with(""), |page, address| {
            if let Some(address) = address {
                page.whole_address.set(address);
            }
        });
    }
}

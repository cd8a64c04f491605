//! A decision as theatre: nodes pass the gates plugin by plugin, those stopped dim with the reason on them, the rest get
//! their scores, the winner is bound. Virtual time waits meanwhile: the clock is honest, only the pace is elastic.

use std::sync::Arc;

use session::frame::{Decision, Frame, Gate, Micros, NodeCard, ObjectRef};
use session::theatre::{Scene, Spot, Theatre};

use crate::browser;
use crate::components::icon::icon;
use crate::dom::prelude::*;
use crate::i18n::{self, t, tf};
use crate::panels::decision::short;
use crate::session::{Dialog, Page, SPEEDS};

/// How long one scene takes at the pace of real time.
const SCENE_MS: f64 = 260.0;
const SCENE_MS_MAX: f64 = 900.0;
/// Quicker than that nobody sees anything: then only the end is shown.
const SCENE_MS_MIN: f64 = 24.0;
/// The end stays for so many scenes.
const END_SCENES: f64 = 5.0;
/// With more there are too many decisions to watch one by one.
const PODS_MAX: usize = 60;
const NODES_MAX: usize = 24;
const QUEUE_MAX: u32 = 2;
/// Plays that are remembered, so that none is shown twice.
const PLAYED_MAX: usize = 64;

/// What the theatre remembers.
#[derive(Debug, Default)]
pub struct Director {
    seen: Option<(ObjectRef, Micros)>,
    played: Vec<(ObjectRef, String)>,
    /// Milliseconds that the scene has been on.
    since: f64,
}

fn scene_ms(page: Page) -> f64 {
    (SCENE_MS * 100.0 / f64::from(SPEEDS[page.speed.get_untracked()])).min(SCENE_MS_MAX)
}

fn is_still() -> bool {
    browser::matches("(prefers-reduced-motion: reduce)")
}

/// Whether the next decision is to be played.
pub fn is_awaited(page: Page) -> bool {
    page.plays.get_untracked()
        && SCENE_MS_MIN <= scene_ms(page)
        && !is_still()
        && page.dialog.with_untracked(|it| *it == Dialog::None)
        && page.frame.with_untracked(|it| it.pods.len() <= PODS_MAX && it.nodes.len() <= NODES_MAX)
}

/// Looks for a new decision, and begins to play it.
pub fn begins(page: Page) -> bool {
    let Some(last) = page.last_decision() else { return false };
    let seen = page.director.try_update_value(|it| it.seen.replace(last.clone())).flatten();
    // A decision from before a journey through time is none that was just made.
    if seen.as_ref() == Some(&last) || seen.is_some_and(|it| last.1 < it.1) {
        return false;
    }
    page.view.update(|it| it.decision = Some(last.0.clone()));
    page.publish();
    let decision = page.frame.with_untracked(|it| worth_playing(it, &last));
    let key = decision.as_ref().map(|it| (it.pod.clone(), it.message.clone()));
    let is_new =
        key.is_some_and(|key| page.director.try_update_value(|it| it.is_new(key)).unwrap_or_default());
    if let Some(decision) = decision.filter(|_| is_new) {
        play(page, decision);
        return true;
    }
    page.view.update(|it| it.decision = None);
    false
}

fn worth_playing(frame: &Frame, last: &(ObjectRef, Micros)) -> Option<Arc<Decision>> {
    let decision = frame.decision.as_ref().filter(|it| it.pod == last.0 && it.at == last.1)?;
    let few = frame.scheduler.active.count <= QUEUE_MAX;
    (few && !decision.rows.is_empty()).then(|| Arc::clone(decision))
}

impl Director {
    fn is_new(&mut self, play: (ObjectRef, String)) -> bool {
        if self.played.contains(&play) {
            return false;
        }
        if self.played.len() == PLAYED_MAX {
            self.played.remove(0);
        }
        self.played.push(play);
        true
    }
}

pub fn play(page: Page, decision: Arc<Decision>) {
    page.director.update_value(|it| it.since = 0.0);
    page.view.update(|it| it.decision = Some(decision.pod.clone()));
    page.look_again();
    page.theatre.set(Some(Theatre::new(decision)));
}

/// Lets the play go on; answers whether the clock has to wait for it.
pub fn plays_on(page: Page, elapsed: f64) -> bool {
    let Some(over) = page.theatre.with_untracked(|it| it.as_ref().map(Theatre::is_over)) else {
        return false;
    };
    let length = if over { END_SCENES } else { 1.0 } * scene_ms(page).max(SCENE_MS_MIN);
    let next = page.director.try_update_value(|it| {
        it.since += elapsed;
        let next = length <= it.since;
        if next {
            it.since = 0.0;
        }
        next
    });
    if next == Some(true) {
        if over {
            close(page);
        } else {
            page.theatre.update(|it| it.iter_mut().for_each(Theatre::advance));
        }
    }
    !over
}

fn close(page: Page) {
    page.theatre.set(None);
    page.view.update(|it| it.decision = None);
    page.look_again();
}

/// To the end of the play; from there out of it.
pub fn skip(page: Page) {
    match page.theatre.with_untracked(|it| it.as_ref().map(Theatre::is_over)) {
        Some(false) => page.theatre.update(|it| it.iter_mut().for_each(Theatre::skip)),
        Some(true) => close(page),
        None => {}
    }
}

/// Whether decisions are played from now on.
pub fn set_plays(page: Page, on: bool) {
    browser::store("theatre", if on { "on" } else { "off" });
    page.plays.set(on);
    if !on && page.theatre.with_untracked(Option::is_some) {
        close(page);
    }
}

/// What is being played, above the nodes.
pub fn bar(page: Page) -> View {
    let inside = move || page.theatre.with(|it| it.as_ref().map(|it| playbill(page, it)));
    view! { <div class="theatre-place">{inside}</div> }
}

fn playbill(page: Page, it: &Theatre) -> View {
    let pod = [&it.decision.pod.namespace, "/", &it.decision.pod.name].concat();
    let scene = it.scene();
    let words = match scene {
        Scene::Filter(plugin) => explained("filter", plugin),
        Scene::Score(plugin, _) => explained("score", plugin),
        Scene::End => match &it.decision.chosen {
            Some(node) => tf("theatre.won", &[node]),
            None => it.decision.message.clone(),
        },
    };
    let title = match scene {
        Scene::Filter(plugin) => tf("theatre.filter", &[plugin]),
        Scene::Score(plugin, weight) => tf("theatre.score", &[plugin, &weight.to_string()]),
        Scene::End => {
            t(if it.decision.chosen.is_some() { "theatre.bound" } else { "theatre.nobody" }).to_owned()
        }
    };
    let now = it.step();
    let gates = it.decision.columns.iter().filter(|it| it.filters).map(|it| ("f", &it.plugin));
    let scores = it.decision.columns.iter().filter(|it| it.scores).map(|it| ("s", &it.plugin));
    let steps = gates.chain(scores).enumerate().map(|(at, (kind, plugin))| {
        let when = match at.cmp(&now) {
            std::cmp::Ordering::Less => " past",
            std::cmp::Ordering::Equal => " now",
            std::cmp::Ordering::Greater => "",
        };
        view! { <li class=[kind, when].concat()>{short(plugin)}</li> }
    });
    let label = tf("theatre.label", &[&pod]);
    view! {
        <section class="theatre" aria-label=label>
            <div class="line">
                <b>{t("plane.scheduler")}</b> <span class="mono sm">{pod}</span>
                <span class="push"></span>
                <button class="link sm" on:click=move |_| skip(page)>{t("theatre.skip")}</button>
                <button class="link sm" on:click=move |_| set_plays(page, false)>{t("theatre.off")}</button>
            </div>
            <ol class="acts-list" aria-hidden="true">{steps.collect_view()}</ol>
            <div class="scene"><b>{title}</b> <span>{words}</span></div>
        </section>
    }
}

/// What a plugin looks at, in our words.
pub fn explained(part: &str, plugin: &str) -> String {
    i18n::lookup(&["plugin.", part, ".", plugin].concat()).unwrap_or_default().to_owned()
}

/// What the node says: to the play, or else to the Pod whose decision is shown.
pub fn line(page: Page, card: &Arc<NodeCard>) -> View {
    let card = Arc::clone(card);
    (move || {
        let spot = page.theatre.with(|it| it.as_ref().and_then(|it| it.spot(&card.name)));
        match spot {
            Some(spot) => acting(&spot),
            None => card.gate.as_ref().map(super::node::gate).into_view(),
        }
    })
    .into_view()
}

fn acting(spot: &Spot) -> View {
    let row = |class: &'static str, sign: &'static str, text: String, light: String, score: Option<i64>| {
        let score = score.map(|it| view! { <span class="score mono">{it}</span> });
        view! { <div class=class>{icon(sign)} <span>{text}</span> <span class="light">{light}</span> {score}</div> }
    };
    match spot {
        Spot::Passed(plugin) => row("gate ok", "ok", short(plugin), String::new(), None),
        Spot::Out { plugin, reason, detail } => {
            let light = [short(plugin).as_str(), if detail.is_empty() { "" } else { " · " }, detail].concat();
            row("gate done", "bad", reason.clone(), light, None)
        }
        Spot::Scored { plugin, raw, normalised, weighted, total } => {
            let light = format!("{raw} → {normalised} → +{weighted}");
            row("gate ok", "plus", short(plugin), light, Some(*total))
        }
        Spot::Waits { total } => row("gate ok", "ok", t("node.fits").to_owned(), String::new(), *total),
        Spot::Won { total } => row("gate acc", "ok", t("node.chosen").to_owned(), String::new(), *total),
        Spot::Lost { total } => row("gate ok", "ok", t("node.fits").to_owned(), String::new(), *total),
        Spot::Unseen => row("gate done", "branch", t("decision.unseen").to_owned(), String::new(), None),
    }
}

/// How a node's card looks: none while nothing is played.
pub fn look(page: Page, node: &str) -> Option<&'static str> {
    page.theatre.with(|it| {
        Some(match it.as_ref()?.spot(node)? {
            Spot::Out { .. } | Spot::Unseen => " out",
            Spot::Won { .. } => " won",
            Spot::Passed(_) | Spot::Scored { .. } | Spot::Waits { .. } | Spot::Lost { .. } => " on-stage",
        })
    })
}

/// From the card's own verdict, when nothing is played.
pub fn usual_look(gate: Option<&Gate>) -> &'static str {
    match gate.map(|it| (it.fits, it.chosen)) {
        Some((_, true)) => " won",
        Some((false, _)) => " out",
        _ => "",
    }
}

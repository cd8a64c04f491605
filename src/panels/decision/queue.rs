//! The scheduler's queue, lane by lane: who waits, for what, and which event would wake it.

use session::Gather as _;
use session::frame::{Lane, Queued, Tone};

use super::short;
use crate::dom::prelude::*;
use crate::i18n::{self, t, tf};
use crate::panels::state::tone_class;
use crate::session::Page;

pub fn queue(page: Page) -> View {
    let scheduler = page.pick_card(|it| it.scheduler.clone());
    let lanes = move || {
        scheduler.get().lanes().map(|(name, lane, tone)| self::lane(page, name, lane, tone)).collect_view()
    };
    view! { <div class="lane-board">{lanes}</div> }
}

fn lane(page: Page, name: &'static str, it: &Lane, tone: Tone) -> View {
    let word = i18n::lookup(&["lane.", name].concat()).unwrap_or(name);
    let rule = i18n::lookup(&["lane.rule.", name].concat()).unwrap_or_default();
    let pods = it.pods.iter().map(|it| pod(page, it)).collect_view();
    let hidden = (it.count as usize).saturating_sub(it.pods.len());
    let more =
        (0 < hidden).then(|| view! { <li class="xs dim">{tf("lane.more", &[&hidden.to_string()])}</li> });
    let class = if it.count == 0 { "count".to_owned() } else { ["count ", tone_class(tone)].concat() };
    view! {
        <section class="lane-column" aria-label=word>
            <div class="line"><h3>{word}</h3> <span class=class>{it.count}</span></div>
            <p class="xs dim">{rule}</p>
            <ul class="queued-list">{pods} {more}</ul>
        </section>
    }
}

fn pod(page: Page, it: &Queued) -> View {
    let name = [&it.pod.namespace, "/", &it.pod.name].concat();
    let priority = (it.priority != 0).then(|| tf("lane.priority", &[&it.priority.to_string()]));
    let attempts = (it.attempts != 0).then(|| tf("lane.attempts", &[&it.attempts.to_string()]));
    let by: Vec<String> = it.by.iter().map(|it| short(it)).gather();
    let by = (!by.is_empty()).then(|| view! { <div>{tf("lane.by", &[&by.join(", ")])}</div> });
    let wakes: Vec<&str> = it.wakes.iter().filter_map(|it| i18n::lookup(&["wake.", it].concat())).gather();
    let wakes =
        (!wakes.is_empty()).then(|| view! { <div>{tf("lane.wakes", &[&wakes.join(t("lane.or"))])}</div> });
    let until = it.until;
    let until =
        move || until.map(|at| tf("lane.until", &[&i18n::span(at.saturating_sub(page.seconds.get()))]));
    let binding = it.binding.then(|| view! { <div>{t("lane.binding")}</div> });
    let facts: Vec<String> = [priority, attempts].into_iter().flatten().gather();
    let object = it.pod.clone();
    let why = move |_| page.open_decision(Some(object.clone()));
    view! {
        <li class="queued sm">
            <button class="link mono" on:click=why>{name}</button>
            <div class="xs dim">{facts.join(" · ")}</div>
            {by} {wakes} {binding}
            <div class="dim">{until}</div>
        </li>
    }
}

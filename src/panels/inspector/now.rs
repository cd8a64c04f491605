//! What it does and waits for, in a sentence; then the four tracks, live side by side.

use session::frame::{Condition, Inspector, Micros, Track, TrackKind};

use crate::components::icon::icon;
use crate::dom::prelude::*;
use crate::i18n::{self, t};
use crate::panels::state::tone_class;
use crate::session::Page;

/// Parts of a track that are shown; older ones are on the timeline.
const PARTS_MAX: usize = 5;

pub fn now(page: Page, card: &Inspector) -> View {
    let says = card.now.clone();
    let sentences = move || {
        let now = page.seconds.get();
        says.iter().map(|it| view! { <p>{i18n::sentence_view(it, now)}</p> }).collect_view()
    };
    let tracks = card.tracks.iter().map(track).collect_view();
    let conditions = card.conditions.iter().map(condition).collect_view();
    let by_hand =
        card.by_hand.iter().map(|it| view! { <li class="mono sm">{it.clone()}</li> }).collect_view();
    view! {
        <div class="say">{sentences}</div>
        {(!card.tracks.is_empty()).then(|| view! { <h3>{t("now.tracks")}</h3> <dl class="tracks">{tracks}</dl> })}
        {(!card.conditions.is_empty())
            .then(|| view! { <h3>{t("now.conditions")}</h3> <ul class="conditions">{conditions}</ul> })}
        {(!card.by_hand.is_empty())
            .then(|| view! { <h3>{t("now.by_hand")}</h3> <ul class="by-hand">{by_hand}</ul> })}
    }
}

fn track(it: &Track) -> View {
    let name = match &it.kind {
        TrackKind::Phase => "phase".to_owned(),
        TrackKind::Status => "STATUS".to_owned(),
        TrackKind::Condition(name) | TrackKind::Container(name) => name.clone(),
    };
    let from = it.parts.len().saturating_sub(PARTS_MAX);
    let last = it.parts.len().saturating_sub(1);
    let parts = it.parts.iter().enumerate().skip(from).map(|(index, part)| {
        let width = if index == last { "part last " } else { "part " };
        let title = [&part.text, " · ", &i18n::clock(part.start)].concat();
        view! { <span class=[width, tone_class(part.tone)].concat() title=title>{part.text.clone()}</span> }
    });
    view! { <dt class="dim">{name}</dt> <dd class="track">{parts.collect_view()}</dd> }
}

fn condition(it: &Condition) -> View {
    let on = it.status == "True";
    let since: Micros = it.since;
    let reason = [it.reason.as_str(), if it.message.is_empty() { "" } else { ": " }, &it.message].concat();
    view! {
        <li class=if on { "condition on" } else { "condition" }>
            <span class="line">
                {icon(if on { "ok" } else { "branch" })} <b class="mono sm">{it.kind.clone()}</b>
                <span class="sm">{it.status.clone()}</span> <span class="push"></span>
                <span class="xs dim mono">{i18n::clock(since)}</span>
            </span>
            <span class="xs dim">{reason}</span>
        </li>
    }
}

//! A Pod: STATUS, containers in their order, probes, back-off, the sandbox that holds it all.

use std::sync::Arc;

use session::Gather as _;
use session::frame::{
    Backoff, ContainerCard, ContainerKind, ContainerState, Foundation, Grace, Lamp, ObjectRef, PodCard, Says,
    Tone, VolumeCard,
};

use crate::components::icon::{icon, ring};
use crate::dom::prelude::*;
use crate::i18n::{self, t, tf};
use crate::panels::state::{kind_word, pill, probe_word, tone_class, tone_icon, volume_kind};
use crate::session::Page;

pub fn pod_card(page: Page, uid: String) -> View {
    let card = page.pod(uid);
    let class = move || {
        card.with(|it| {
            let Some(it) = it else { return "pod".to_owned() };
            let chosen = page.view.with(|view| {
                let is = |object: &ObjectRef| {
                    object.kind == "Pod" && object.name == it.name && object.namespace == it.namespace
                };
                view.selected.as_ref().is_some_and(is)
            });
            ["pod t-", tone_class(it.tone), if chosen { " selected" } else { "" }].concat()
        })
    };
    let label = move || card.with(|it| it.as_ref().map(|it| words(it)));
    let choose = move || {
        if let Some(it) = card.get_untracked() {
            page.select(Some(ObjectRef::pod(&it.namespace, &it.name)));
            page.panel.set("inspector");
        }
    };
    view! {
        <article class=class aria-label=label on:click=move |_| choose()>
            {move || card.get().map(|it| inside(page, &it))}
        </article>
    }
}

fn words(card: &PodCard) -> String {
    ["pod ", &card.name, &rest_words(card)].concat()
}

fn rest_words(card: &PodCard) -> String {
    let restarts = tf("pod.restarts", &[&card.restarts.to_string()]);
    [", ", &card.status, ", READY ", &card.ready, ", ", &restarts].concat()
}

fn inside(page: Page, card: &Arc<PodCard>) -> View {
    let status = match card.tone {
        Tone::Ok | Tone::NotReady => [&card.status, " ", &card.ready].concat(),
        Tone::Wait | Tone::Bad | Tone::Done | Tone::Ending | Tone::Busy => card.status.clone(),
    };
    let restarts = (card.restarts > 0).then(|| {
        let title = tf("pod.restarts", &[&card.restarts.to_string()]);
        view! { <span class="restarts xs" title=title>"↻ " {card.restarts}</span> }
    });
    let containers = card.containers.iter().map(|it| container(page, it)).collect_view();
    let wait = card.containers.iter().find_map(|it| it.backoff.as_ref()).map(|it| backoff(page, it));
    let grace = card.grace.as_ref().map(|it| grace(page, it));
    let lamps: Vec<View> = card
        .containers
        .iter()
        .flat_map(|it| it.lamps.iter().map(|lamp| (it.lamps.len(), lamp)))
        .map(|(_, it)| lamp(page, it))
        .gather();
    let lamps = (!lamps.is_empty()).then(|| view! { <ul class="lamps">{lamps}</ul> });
    let foundation = card.foundation.as_ref().map(|it| foundation(it, &card.volumes));
    view! {
        <button class="pod-head">
            <span class="unseen">"pod "</span>
            <b>{card.name.clone()}</b>
            <span class="unseen">{rest_words(card)}</span>
            <span class="line" aria-hidden="true">{restarts} {pill(card.tone, status)}</span>
        </button>
        <div class="row">
            <ul class="containers">{containers}</ul>
            {wait}
            {grace}
        </div>
        {lamps}
        {foundation}
    }
}

fn container(page: Page, card: &ContainerCard) -> View {
    let text = says(page, card);
    let label = [kind_word(card.kind), " ", &card.name, ", ", &state_words(&card.state)].concat();
    let title = [&card.image, "\n", &state_words(&card.state)].concat();
    if card.kind == ContainerKind::Init {
        let class = ["c step ", tone_class(card.tone)].concat();
        let number = if card.tone == Tone::Done || card.tone == Tone::Bad {
            icon(tone_icon(card.tone))
        } else {
            card.step.into_view()
        };
        let text = (card.tone == Tone::Busy || card.tone == Tone::Bad).then_some(text);
        return view! {
            <li class=class aria-label=label title=title>
                <span class="num">{number}</span>
                <b>{card.name.clone()}</b>
                {text}
            </li>
        };
    }
    let class = ["c ", tone_class(card.tone)].concat();
    let mark = match card.kind {
        ContainerKind::Sidecar | ContainerKind::Ephemeral => {
            Some(view! { <span class="tag">{kind_word(card.kind)}</span> })
        }
        ContainerKind::Init | ContainerKind::App => None,
    };
    let ports = card.ports.iter().map(|it| format!(":{it}")).gather().join(" ");
    let bar = card.pull.clone().map(|it| {
        let done = move || {
            let ends = it.ends.unwrap_or(it.started).max(it.started + 1);
            let share = page.now.get().saturating_sub(it.started) * 100 / (ends - it.started);
            format!("width:{}%", if it.ends.is_some() { share.min(100) } else { 100 })
        };
        view! { <span class="pull"><i style=done></i></span> }
    });
    let assumed = card.assumed.then(|| view! { <span class="tag" title=t("container.assumed")>"≈"</span> });
    view! {
        <li class=class aria-label=label title=title>
            <b>{card.name.clone()} {mark} {assumed} <span class="ports">{ports}</span></b>
            <span>{text}</span>
            {bar}
        </li>
    }
}

/// What Kubernetes calls it.
fn state_words(state: &ContainerState) -> String {
    match state {
        ContainerState::Unknown => "…".to_owned(),
        ContainerState::Waiting { reason, .. } => ["Waiting: ", reason].concat(),
        ContainerState::Running { .. } => "Running".to_owned(),
        ContainerState::Terminated { reason, exit_code, .. } => {
            ["Terminated: ", reason, " (", &exit_code.to_string(), ")"].concat()
        }
    }
}

fn says(page: Page, card: &ContainerCard) -> View {
    let nth = |times: u32| i18n::ordinal(times.into());
    let words = match &card.says {
        // The few that count follow the clock, the others are words.
        Says::RunningSince { at } => {
            let at = *at;
            let since = move || tf("says.running", &[&i18n::span(page.seconds.get().saturating_sub(at))]);
            return since.into_view();
        }
        Says::Stopping { kill } => {
            let kill = *kill;
            let left = move || tf("says.stopping", &[&i18n::span(kill.saturating_sub(page.seconds.get()))]);
            return left.into_view();
        }
        Says::Nothing => String::new(),
        Says::Reason { reason } => reason.clone(),
        Says::AfterInit { step, of } => tf("says.after_init", &[&step.to_string(), &of.to_string()]),
        Says::Pulling { image } => tf("says.pulling", &[image]),
        Says::Exited { exit_code, times } => tf("says.exited", &[&exit_code.to_string(), &nth(*times)]),
        Says::OomKilled { times } => tf("says.oom_killed", &[&nth(*times)]),
        Says::Completed => t("says.completed").to_owned(),
        Says::PreStop => t("says.pre_stop").to_owned(),
        Says::PostStart => t("says.post_start").to_owned(),
    };
    words.into_view()
}

fn backoff(page: Page, it: &Backoff) -> View {
    let (until, total) = (it.until, it.total.max(1));
    let title = t(if it.pull { "pod.pull_backoff" } else { "pod.backoff" });
    timer(page, "backoff", title, until, total)
}

fn grace(page: Page, it: &Grace) -> View {
    let total = it.deadline.saturating_sub(it.started).max(1);
    timer(page, "grace", t("pod.grace"), it.deadline, total)
}

fn timer(page: Page, class: &'static str, title: &'static str, until: u64, total: u64) -> View {
    // Drawn 120 times over its length: no more can be seen.
    let step = (total / 120).max(1);
    let left = Memo::new(move || until.saturating_sub(page.now.get()).div_ceil(step) * step);
    let shown = move || {
        let left = left.get();
        ring(left * 1000 / total, short_span(left))
    };
    let label = move || [title, " ", &i18n::span(until.saturating_sub(page.seconds.get()))].concat();
    view! { <span class=["timer ", class].concat() role="img" aria-label=label title=title>{shown}</span> }
}

fn short_span(micros: u64) -> String {
    let seconds = micros.div_ceil(1_000_000);
    if seconds < 100 { format!("{seconds}s") } else { format!("{}m", seconds.div_ceil(60)) }
}

fn lamp(page: Page, it: &Lamp) -> View {
    let class = match it.ok {
        Some(true) => "lamp",
        Some(false) => "lamp failed",
        None => "lamp none",
    };
    let name = probe_word(it.probe);
    let next = it.next;
    let (counts, failing) = (it.count > 0, it.failing);
    let (count, threshold) = (it.count.to_string(), it.threshold.to_string());
    let words = move || {
        let next = next.map(|at| i18n::span(at.saturating_sub(page.seconds.get())));
        match next {
            Some(next) if counts && failing => tf("probe.failing", &[name, &count, &threshold, &next]),
            Some(next) if counts => tf("probe.passing", &[name, &count, &threshold, &next]),
            _ => name.to_owned(),
        }
    };
    let title = [it.what.as_str(), "\n", &it.output].concat();
    let warn = if counts && failing && it.ok != Some(false) { " warn" } else { "" };
    view! { <li class=[class, warn].concat() title=title>{words}</li> }
}

fn foundation(it: &Foundation, volumes: &[VolumeCard]) -> View {
    let shared = it.shared.join(" ");
    let again =
        (it.attempt > 1).then(|| view! { <span class="wait-ink">{format!("×{}", it.attempt)}</span> });
    let drawers = volumes.iter().filter(|it| it.shared).map(|it| {
        let title = [volume_kind(it.kind), " ", &it.source].concat();
        view! { <span class="vol" title=title>{icon("drawer")}{it.name.clone()}</span> }
    });
    view! {
        <div class="base" title=t("pod.foundation")>
            {icon("pause")}
            <span>"pause"</span>
            {again}
            <span class="ip">{it.ip.clone()}</span>
            <span class="push"></span>
            {drawers.collect_view()}
            <span class="namespaces">{shared}</span>
        </div>
    }
}

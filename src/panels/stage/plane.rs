//! You → API server → etcd, the scheduler's queue, the controllers; below the nodes, services and workloads.

use std::sync::Arc;

use session::Gather as _;
use session::frame::{Command, Lane, ObjectRef, ServiceCard, Tone, WorkloadCard};

use crate::components::icon::icon;
use crate::dom::prelude::*;
use crate::i18n::{self, t, tf};
use crate::panels::state::{pill, tone_class};
use crate::session::{Dialog, Page};

pub fn plane(page: Page) -> View {
    let plane = page.pick(|it| (it.plane.revision, it.plane.last_request.clone()));
    let scheduler = page.pick_card(|it| Arc::clone(&it.scheduler));
    let decided = page.pick(|it| it.scheduler.decided.is_some());
    let request = move || plane.get().1.unwrap_or_else(|| t("plane.api.does").to_owned());
    let placing = move || {
        let pod = scheduler.with(|it| it.placing.clone())?;
        let name = [&pod.namespace, "/", &pod.name].concat();
        Some(view! { <span class="xs dim">{t("plane.placing")} " " <span class="mono">{name}</span></span> })
    };
    let lanes = move || {
        scheduler.get().lanes().map(|(name, queue, tone)| lane(page, name, queue, tone)).collect_view()
    };
    let open = move || {
        decided.get().then(|| {
            view! {
                <button class="link xs" on:click=move |_| page.open_decision(None)>
                    {t("plane.decision")}
                </button>
            }
        })
    };
    view! {
        <section class="plane" aria-label=t("plane.label")>
            <div class="hop" data-station="you"><b>{t("plane.you")}</b><span class="xs dim mono">"kubectl"</span></div>
            <div class="wire"></div>
            <div class="hop api" data-station="api"><b>{t("plane.api")}</b><span class="xs dim">{request}</span></div>
            <div class="wire"></div>
            <div class="hop" data-station="etcd">
                <b>"etcd"</b>
                <span class="xs dim mono">{move || tf("plane.revision", &[&plane.get().0.to_string()])}</span>
            </div>
            <div class="hop" data-station="controllers">
                <b>{t("plane.controllers")}</b>
                <span class="xs dim">{t("plane.controllers.do")}</span>
            </div>
            <div class="hop queue" data-station="scheduler">
                <div class="line"><b>{t("plane.scheduler")}</b>{placing}<span class="push"></span>{open}</div>
                <ul class="lanes" aria-label=t("plane.queue")>{lanes}</ul>
            </div>
        </section>
    }
}

fn lane(page: Page, name: &'static str, queue: &Lane, tone: Tone) -> View {
    let class = if queue.count == 0 { "lane".to_owned() } else { ["lane ", tone_class(tone)].concat() };
    let word = i18n::lookup(&["lane.", name].concat()).unwrap_or(name);
    let names: Vec<&str> = queue.pods.iter().map(|it| it.pod.name.as_str()).gather();
    let title = names.join(", ");
    let next = queue.next;
    let wait = move || next.map(|at| i18n::span(at.saturating_sub(page.seconds.get())));
    let open = move |_| page.open_dialog(Dialog::Queue);
    view! { <li><button class=class title=title aria-haspopup="dialog" on:click=open>{word}<b>{queue.count}</b>{wait}</button></li> }
}

/// Services and workloads: what sends to the Pods and what keeps them.
pub fn above_pods(page: Page) -> View {
    let services = page.pick_card(|it| it.services.clone());
    let workloads = page.pick_card(|it| it.workloads.clone());
    (move || {
        let (services, workloads) = (services.get(), workloads.get());
        (!services.is_empty() || !workloads.is_empty()).then(|| {
            view! {
                <section class="above" aria-label=t("above.label")>
                    {workloads.into_iter().map(|it| workload(page, &it)).collect_view()}
                    {services.into_iter().map(|it| service(page, &it)).collect_view()}
                </section>
            }
        })
    })
    .into_view()
}

fn chooser(page: Page, kind: &str, namespace: &str, name: &str) -> View {
    let object = ObjectRef::new(kind, namespace, name);
    let words = [kind, " ", name].concat();
    let text = [&kind.to_ascii_lowercase(), "/", name].concat();
    view! {
        <button class="link mono sm" aria-label=words on:click=move |_| page.select(Some(object.clone()))>
            {text}
        </button>
    }
}

fn workload(page: Page, card: &WorkloadCard) -> View {
    let object = ObjectRef::new(&card.kind, &card.namespace, &card.name);
    let wanted = card.wanted;
    let scales = matches!(card.kind.as_str(), "Deployment" | "ReplicaSet" | "StatefulSet");
    let scale = move |by: i32, glyph: &'static str, word: &'static str| {
        let object = object.clone();
        view! {
            <button
                class="step-button"
                aria-label=t(word)
                on:click=move |_| {
                    page.run(Command::Scale { object: object.clone(), replicas: (wanted + by).max(0) });
                }
            >
                {glyph}
            </button>
        }
    };
    let replicas = card.replicas.iter().filter(|it| it.wanted > 0 || !it.pods.is_empty()).map(|it| {
        let words = tf("above.replicas", &[&it.ready.to_string(), &it.wanted.to_string()]);
        view! {
            <li><span class="mono">{it.name.clone()}</span><span class="dim">{words}</span></li>
        }
    });
    let ready = format!("{}/{}", card.ready, card.wanted);
    view! {
        <div class="card" role="group" aria-label=[&card.kind, " ", &card.name].concat()>
            <div class="line">
                {chooser(page, &card.kind, &card.namespace, &card.name)}
                {pill(card.tone, ready)}
                <span class="push"></span>
                {scales.then(|| view! { {scale(-1, "−", "above.less")} {scale(1, "+", "above.more")} })}
            </div>
            <ul class="small-list">{replicas.collect_view()}</ul>
        </div>
    }
}

fn service(page: Page, card: &ServiceCard) -> View {
    let now = page.seconds.get_untracked();
    let endpoints = card.endpoints.iter().map(|it| {
        let tone = match (it.ready, it.terminating) {
            (true, false) => Tone::Ok,
            (_, true) => Tone::Ending,
            (false, false) => Tone::NotReady,
        };
        let why = it.why_not.as_ref().map(|it| i18n::sentence_text(it, now));
        let class = ["dot ", tone_class(tone)].concat();
        view! {
            <li>
                <span class=class></span>
                <span class="mono">{it.pod.name.clone()}</span>
                <span class="dim">{why.unwrap_or_else(|| it.address.clone())}</span>
            </li>
        }
    });
    let facts = [&card.cluster_ip, " · ", &card.ports].concat();
    let none = card.endpoints.is_empty().then(|| view! { <li class="dim">{t("above.nobody")}</li> });
    view! {
        <div class="card" role="group" aria-label=["Service ", &card.name].concat()>
            <div class="line">
                {icon("service")} {chooser(page, "Service", &card.namespace, &card.name)}
                <span class="xs dim mono">{facts}</span>
            </div>
            <div class="xs dim mono">{card.selector.clone()}</div>
            <ul class="small-list">{endpoints.collect_view()} {none}</ul>
        </div>
    }
}

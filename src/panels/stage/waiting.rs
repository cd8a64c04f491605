//! Pods that no node has: the scheduler's words, whose clauses light the nodes that they count.

use std::sync::Arc;

use session::Gather as _;
use session::frame::{Clause, ObjectRef, Pending, Tone};

use super::pod::pod_card;
use crate::dom::prelude::*;
use crate::i18n::{self, t};
use crate::panels::state::pill;
use crate::session::Page;

/// More would push the nodes off the page.
const SHOWN_MAX: usize = 3;

pub fn waiting(page: Page) -> View {
    let pending = page.pick_card(|it| it.pending.clone());
    let unbound = page.pick(|it| {
        let told = |uid: &str| it.pending.iter().any(|it| it.uid == uid);
        let none = it.pods.iter().filter(|it| it.node.is_none() && !told(&it.uid));
        none.map(|it| it.uid.clone()).take(SHOWN_MAX * 4).gather()
    });
    let verdicts = move || pending.get().iter().take(SHOWN_MAX).map(|it| verdict(page, it)).collect_view();
    let more = move || {
        let rest = pending.with(Vec::len).saturating_sub(SHOWN_MAX);
        (rest > 0).then(|| i18n::tf("pending.more", &[&rest.to_string()]))
    };
    view! {
        <div class="waiting">
            {verdicts} <span class="xs dim">{more}</span>
            <div class="unbound">
                <For each=move || unbound.get() key=Clone::clone children=move |uid| pod_card(page, uid) />
            </div>
        </div>
    }
}

fn verdict(page: Page, card: &Arc<Pending>) -> View {
    let object = card.pod.clone();
    let name = card.pod.name.clone();
    let words = if !card.gates.is_empty() {
        view! { <code>{[t("pending.gated"), " ", &card.gates.join(", ")].concat()}</code> }
    } else if card.clauses.is_empty() {
        let text = if card.message.is_empty() { t("pending.soon").to_owned() } else { card.message.clone() };
        view! { <code>{text}</code> }
    } else {
        let words = said(page, card);
        view! { <code>{words}</code> }
    };
    let fix = object.clone();
    let fixes = (!card.clauses.is_empty() || !card.gates.is_empty()).then(|| {
        view! {
            <button class="link sm" on:click=move |_| page.open_decision(Some(fix.clone()))>
                {t("pending.fix")}
            </button>
        }
    });
    let show = object.clone();
    let label = ["Pod ", &object.name, " Pending"].concat();
    view! {
        <div class="verdict" role="group" aria-label=label>
            <button class="who" on:click=move |_| choose(page, show.clone())>
                {pill(Tone::Wait, "Pending".to_owned())} <span class="mono sm">{name}</span>
            </button>
            {words}
            <span class="actions">
                {fixes}
                <button
                    class="link sm"
                    on:click=move |_| {
                        choose(page, object.clone());
                        page.open_decision(Some(object.clone()));
                    }
                >
                    {t("pending.table")}
                </button>
            </span>
        </div>
    }
}

fn choose(page: Page, pod: ObjectRef) {
    page.select(Some(pod));
}

/// The scheduler's words, whose clauses light the nodes that they count.
pub fn said(page: Page, card: &Pending) -> View {
    let list = |all: &[Clause]| {
        let last = all.len().saturating_sub(1);
        all.iter().enumerate().map(|(index, it)| clause(page, it, index == last)).collect_view()
    };
    let (clauses, of_tail) = (list(&card.clauses), list(&card.tail_clauses));
    view! { {card.head.clone()} " " {clauses} " " {card.tail.clone()} " " {of_tail} }
}

fn clause(page: Page, it: &Clause, last: bool) -> View {
    let nodes = it.nodes.clone();
    let light = move || page.lit.set(nodes.clone());
    let (again, tap) = (light.clone(), light.clone());
    let dark = move || page.lit.set(Vec::new());
    let label = [&it.text, ": ", &it.nodes.join(", ")].concat();
    view! {
        <button
            class="clause"
            title=label
            on:pointerenter=move |_| light()
            on:pointerleave=move |_| dark()
            on:focus=move |_| again()
            on:click=move |_| tap()
            on:blur=move |_| dark()
        >
            {it.text.clone()}
        </button>
        {if last { "." } else { ", " }}
    }
}

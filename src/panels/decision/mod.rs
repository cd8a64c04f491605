//! A scheduling decision from near: the table of nodes and plugins, who would have to go, what would change it; and the
//! queue.

mod fixes;
mod preemption;
mod queue;
mod table;

use std::sync::Arc;

use session::frame::Decision;

use crate::browser;
use crate::dom::prelude::*;
use crate::i18n::{clock_tenths, t, tf};
use crate::panels::stage::{theatre, waiting};
use crate::session::{Dialog, Page};

pub use queue::queue;

pub fn decision(page: Page) -> View {
    let decision = page.pick_card(|it| it.decision.clone());
    let inside = move || match decision.get() {
        Some(it) => {
            view! { {head(page, &it)} {table::table(page, &it)} {preemption::preemption(&it)} }
        }
        None => view! { <p>{t("decision.none")}</p> },
    };
    view! {
        <div class="why-here">{inside}</div>
        {fixes::fixes(page)}
        {settings(page)}
    }
}

fn head(page: Page, it: &Arc<Decision>) -> View {
    let pod = [&it.pod.namespace, "/", &it.pod.name].concat();
    let at = clock_tenths(it.at);
    let answer = match &it.chosen {
        Some(node) => tf("decision.chosen", &[node, &pod, &at]),
        None => tf("decision.nowhere", &[&pod, &at]),
    };
    // The clauses of a Pod that still waits light the nodes that they count.
    let pending = page.frame.with_untracked(|frame| {
        frame.pending.iter().find(|card| card.pod == it.pod && card.message == it.message).cloned()
    });
    let message = (!it.message.is_empty()).then(|| {
        let words = match &pending {
            Some(card) => waiting::said(page, card),
            None => it.message.clone().into_view(),
        };
        view! { <p class="said"><code>{words}</code></p> }
    });
    let how = match (&it.before_nodes, it.scored) {
        (Some(plugin), _) => tf("decision.before", &[plugin]),
        (None, _) if it.chosen.is_some() && !it.scored => t("decision.single").to_owned(),
        _ => tf("decision.how", &[&it.examined.to_string(), &it.total.to_string(), &it.feasible.to_string()]),
    };
    let tie = (1 < it.best.len()).then(|| {
        view! { <p class="sm tie">{tf("decision.tie", &[&it.best.len().to_string(), &it.best.join(", ")])}</p> }
    });
    view! { <p>{answer}</p> {message} <p class="sm dim">{how}</p> {tie} }
}

/// Once more on the stage, and whether that happens by itself.
fn settings(page: Page) -> View {
    if browser::matches("(prefers-reduced-motion: reduce)") {
        return View::Nothing;
    }
    let again = move |_| {
        let decision = page.frame.with_untracked(|it| it.decision.clone());
        page.open_dialog(Dialog::None);
        if let Some(decision) = decision {
            page.panel.set("stage");
            theatre::play(page, decision);
        }
    };
    let plays = move || page.plays.get();
    view! {
        <div class="line plays">
            <button class="act" on:click=again>{t("theatre.again")}</button>
            <label class="check sm">
                <input type="checkbox" prop:checked=plays on:change=move |_| theatre::set_plays(page, !page.plays.get_untracked()) />
                {t("theatre.setting")}
            </label>
        </div>
    }
}

/// The plugin's name without what all have in common.
pub fn short(plugin: &str) -> String {
    plugin.trim_start_matches("NodeResources").trim_start_matches("Node").to_owned()
}

//! The chain of causes, back to the person's own act.

use session::frame::{Actor, Inspector, WhyStep};

use crate::dom::prelude::*;
use crate::i18n::{self, t};
use crate::session::Page;

pub fn why(page: Page, card: &Inspector) -> View {
    if card.why.is_empty() {
        return view! { <p class="dim">{t("why.none")}</p> };
    }
    let last = card.why.len() - 1;
    let steps = card.why.iter().enumerate().map(|(index, it)| step(page, it, index == 0, index == last));
    view! { <h3>{t("why.title")}</h3> <ol class="why">{steps.collect_view()}</ol> }
}

fn actor(it: &Actor) -> String {
    match it {
        Actor::You => t("actor.you").to_owned(),
        Actor::ApiServer => t("plane.api").to_owned(),
        Actor::Scheduler => t("plane.scheduler").to_owned(),
        Actor::Controller(name) => name.clone(),
        Actor::Kubelet(node) => i18n::tf("actor.kubelet", &[node]),
        Actor::Cluster => t("actor.cluster").to_owned(),
    }
}

fn step(page: Page, it: &WhyStep, first: bool, last: bool) -> View {
    let class = match (first, last) {
        (true, _) => "root",
        (_, true) => "me",
        _ => "",
    };
    let at = it.at;
    let object = [&it.object.kind.to_ascii_lowercase(), "/", &it.object.name].concat();
    view! {
        <li class=class>
            <div>
                <b>{actor(&it.actor)}</b>
                " "
                <span class="dim">{it.verb.clone()}</span>
                " "
                <span class="mono sm">{object}</span>
            </div>
            <div class="sm">{i18n::sentence_view(&it.why, at)}</div>
            <button class="link xs mono" on:click=move |_| page.seek(at)>{i18n::clock_tenths(at)}</button>
        </li>
    }
}

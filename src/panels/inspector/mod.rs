//! The selected object from near.

mod inside;
mod now;
mod texts;
mod why;

use std::sync::Arc;

use session::Gather as _;
use session::frame::{Command, FaultTarget, Inspector, Tab};

use super::events;
use crate::components::icon::icon;
use crate::components::split::split;
use crate::components::tabs::{TabLabel, tabs};
use crate::dom::prelude::*;
use crate::i18n::t;
use crate::session::Page;

const TABS: [(&str, Tab); 6] = [
    ("now", Tab::Now),
    ("why", Tab::Why),
    ("inside", Tab::Inside),
    ("yaml", Tab::Yaml),
    ("events", Tab::Events),
    ("logs", Tab::Logs),
];

pub fn inspector(page: Page) -> View {
    let card = page.pick_card(|it| it.inspector.clone());
    let label = |id| match id {
        "now" => t("tab.now"),
        "why" => t("tab.why"),
        "inside" => t("tab.inside"),
        "yaml" => "YAML",
        "events" => t("tab.events"),
        _ => t("tab.logs"),
    };
    let list = TABS.iter().map(|(id, _)| TabLabel { id, text: label(id).into_view() }).gather();
    let picked = move || {
        let tab = page.view.with(|it| it.tab);
        TABS.iter().find(|it| it.1 == tab).map_or("now", |it| it.0)
    };
    let pick = move |id: &'static str| {
        if let Some((_, tab)) = TABS.iter().find(|it| it.0 == id) {
            page.open_tab(*tab);
        }
    };
    let body = move || match card.get() {
        Some(it) => view! { {head(page, &it)} {content(page, &it)} },
        None => view! { <p class="dim">{t("inspector.none")}</p> },
    };
    view! {
        <section class="right" aria-label=t("inspector.label")>
            {tabs(t("inspector.label"), "inspector-body", list, picked, pick)}
            {split("right", t("split.right"), true, true, (260, 324, 640))}
            <div class="pad scroll" id="inspector-body" role="tabpanel" tabindex="0">{body}</div>
        </section>
    }
}

fn content(page: Page, card: &Arc<Inspector>) -> View {
    match page.view.with(|it| it.tab) {
        Tab::Now => now::now(page, card),
        Tab::Why => why::why(page, card),
        Tab::Inside => inside::inside(page, card),
        Tab::Yaml => texts::yaml(card),
        Tab::Events => {
            let all = page.frame.with(|it| Arc::clone(&it.events));
            let about: Vec<_> = card.events.iter().filter_map(|it| all.get(*it as usize).cloned()).gather();
            events::about(&about)
        }
        Tab::Logs => texts::logs(page, card),
    }
}

fn head(page: Page, card: &Arc<Inspector>) -> View {
    let object = &card.object;
    let title = [&object.kind.to_ascii_lowercase(), "/", &object.name].concat();
    let gone = card.gone.then(|| view! { <span class="pill done">{t("inspector.gone")}</span> });
    let act = |word: &'static str, command: Command| {
        let run = move |_| {
            page.run(command.clone());
        };
        view! { <button class="act sm" on:click=run>{word}</button> }
    };
    let acts: Vec<View> = match object.kind.as_str() {
        _ if card.gone => Vec::new(),
        "Pod" => {
            let (namespace, name) = (object.namespace.clone(), object.name.clone());
            let target = FaultTarget::Sandbox { namespace: namespace.clone(), pod: name.clone() };
            let mut acts = vec![
                act(t("act.delete"), Command::DeletePod { namespace, name }),
                act(t("act.kill_sandbox"), Command::Fault { target }),
            ];
            if card.decided {
                let object = object.clone();
                let open = move |_| page.open_decision(Some(object.clone()));
                acts.push(view! { <button class="act sm" on:click=open>{t("act.decision")}</button> });
            }
            acts
        }
        "Node" => {
            let node = object.name.clone();
            let cordoned = page.frame.with_untracked(|it| it.node(&node).is_some_and(|it| it.cordoned));
            let word = t(if cordoned { "act.uncordon" } else { "act.cordon" });
            vec![
                act(word, Command::SetCordoned { node: node.clone(), cordoned: !cordoned }),
                act(t("act.drain"), Command::Drain { node }),
            ]
        }
        _ => Vec::new(),
    };
    view! {
        <div class="about">
            <div class="line">
                <h2 class="mono">{title}</h2>
                {gone}
                <span class="push"></span>
                <button class="quiet back" aria-label=t("close") on:click=move |_| page.panel.set("stage")>
                    {icon("close")}
                </button>
            </div>
            <div class="sm dim">{card.facts.join(" · ")}</div>
            <div class="acts">{acts}</div>
        </div>
    }
}

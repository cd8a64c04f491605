//! The bottom: time, events, terminal.

use session::frame::Command;

use super::{events, terminal, timeline};
use crate::components::split::split;
use crate::components::tabs::{TabLabel, tabs};
use crate::dom::prelude::*;
use crate::i18n::t;
use crate::session::Page;

pub fn dock(page: Page) -> View {
    let count = page.pick(|it| it.events.len());
    let pick = move |id: &'static str| {
        page.dock.set(id);
        page.panel.set(if id == "terminal" { "terminal" } else { "timeline" });
    };
    let list = vec![
        TabLabel { id: "timeline", text: t("dock.timeline").into_view() },
        TabLabel {
            id: "events",
            text: view! { {t("dock.events")} <span class="badge quiet-badge">{move || count.get()}</span> },
        },
        TabLabel { id: "terminal", text: t("dock.terminal").into_view() },
    ];
    view! {
        <section class="dock" aria-label=t("dock.label") data-open=move || page.dock.get()>
            <div class="dock-head">
                {tabs(t("dock.label"), "dock-body", list, move || page.dock.get(), pick)}
                <span class="push"></span>
                <span class="hint xs dim">{t("dock.hint")}</span>
                <button class="link sm" on:click=move |_| page.step(Command::Fork)>{t("dock.fork")}</button>
            </div>
            {split("dock", t("split.dock"), false, true, (96, 226, 520))}
            <div class="dock-body" id="dock-body">
                <div class="dock-main">
                    {move || if page.dock.get() == "events" { events::events(page) } else { timeline::timeline(page) }}
                </div>
                {terminal::terminal(page)}
            </div>
        </section>
    }
}

//! Events, as `kubectl get events` lists them, newest first.

use session::Gather as _;
use session::frame::EventCard;

use crate::components::icon::icon;
use crate::dom::prelude::*;
use crate::i18n::{clock, t};
use crate::session::Page;

/// The page shows the newest; kubectl has them all.
const SHOWN_MAX: usize = 120;

pub fn events(page: Page) -> View {
    let list = page.pick(|it| it.events.iter().rev().take(SHOWN_MAX).cloned().gather());
    let rows = move || list.get().iter().map(|it| row(page, it)).collect_view();
    view! {
        <div class="events scroll" tabindex="0" role="region" aria-label=t("dock.events")>
            <table>
                <thead>
                    <tr>
                        <th>{t("events.at")}</th>
                        <th>"TYPE"</th>
                        <th>"REASON"</th>
                        <th>"OBJECT"</th>
                        <th>"MESSAGE"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

fn row(page: Page, it: &EventCard) -> View {
    let object = it.object.clone();
    let name = [&it.object.kind.to_ascii_lowercase(), "/", &it.object.name].concat();
    let kind = if it.warning { "Warning" } else { "Normal" };
    let class = if it.warning { "warning" } else { "" };
    let count = (it.count > 1).then(|| view! { <span class="badge quiet-badge">"×" {it.count}</span> });
    view! {
        <tr class=class>
            <td class="mono">{clock(it.last)}</td>
            <td>{icon(if it.warning { "bad" } else { "branch" })} {kind}</td>
            <td class="mono">{it.reason.clone()} {count}</td>
            <td>
                <button class="link mono" on:click=move |_| page.select(Some(object.clone()))>{name}</button>
            </td>
            <td class="message">{it.message.clone()}</td>
        </tr>
    }
}

/// The same, about one object, for the inspector.
pub fn about(list: &[EventCard]) -> View {
    if list.is_empty() {
        return view! { <p class="dim">{t("events.none")}</p> };
    }
    let items = list.iter().rev().map(|it| {
        let class = if it.warning { "event warning" } else { "event" };
        let count = (it.count > 1).then(|| format!(" ×{}", it.count));
        view! {
            <li class=class>
                <div class="line">
                    <b class="mono sm">{it.reason.clone()}</b>
                    <span class="dim xs">{count}</span>
                    <span class="push"></span>
                    <span class="dim xs mono">{clock(it.last)}</span>
                </div>
                <div class="sm">{it.message.clone()}</div>
                <div class="xs dim">{it.source.clone()}</div>
            </li>
        }
    });
    view! { <ul class="event-list">{items.collect_view()}</ul> }
}

//! A row of tabs, with arrow keys as ARIA asks.

use session::Gather as _;
use wasm_bindgen::JsCast;

use crate::dom::prelude::*;

pub struct TabLabel {
    pub id: &'static str,
    pub text: View,
}

/// `picked` is the id of the open tab; `panel` the id of the element that it fills.
pub fn tabs(
    label: &'static str,
    panel: &'static str,
    list: Vec<TabLabel>,
    picked: impl Fn() -> &'static str + Copy + Send + Sync + 'static,
    pick: impl Fn(&'static str) + Copy + Send + Sync + 'static,
) -> View {
    let ids: Vec<&'static str> = list.iter().map(|it| it.id).gather();
    let on_key = move |event: ev::KeyboardEvent| {
        let at = ids.iter().position(|it| *it == picked()).unwrap_or_default();
        let to = match event.key().as_str() {
            "ArrowRight" => (at + 1) % ids.len(),
            "ArrowLeft" => (at + ids.len() - 1) % ids.len(),
            "Home" => 0,
            "End" => ids.len() - 1,
            _ => return,
        };
        event.prevent_default();
        event.stop_propagation();
        pick(ids[to]);
        let row = event.current_target().and_then(|it| it.dyn_into::<web_sys::Element>().ok());
        let tab = row.and_then(|it| it.query_selector(&format!("[role=tab]:nth-child({})", to + 1)).ok()?);
        if let Some(tab) = tab.and_then(|it| it.dyn_into::<web_sys::HtmlElement>().ok()) {
            let _ = tab.focus();
        }
    };
    let buttons = list
        .into_iter()
        .map(|TabLabel { id, text }| {
            let on = move || picked() == id;
            view! {
                <button
                    role="tab"
                    class:on=on
                    aria-selected=move || on().to_string()
                    aria-controls=panel
                    tabindex=move || if on() { "0" } else { "-1" }
                    on:click=move |_| pick(id)
                >
                    {text}
                </button>
            }
        })
        .collect_view();
    view! { <div class="tabs" role="tablist" aria-label=label on:keydown=on_key>{buttons}</div> }
}

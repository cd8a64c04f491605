//! YAML as served, and logs.

use leptos::prelude::*;
use session::frame::{Inspector, ServedLine};

use crate::i18n::t;
use crate::session::Page;

pub fn yaml(card: &Inspector) -> AnyView {
    let lines = card.yaml.iter().map(yaml_line).collect_view();
    view! {
        <p class="xs dim">{t("yaml.greyed")}</p>
        <pre class="yaml" tabindex="0">{lines}</pre>
    }
    .into_any()
}

/// Keys in one colour, values in another; what the API server filled in is grey.
fn yaml_line(it: &ServedLine) -> AnyView {
    let class = if it.defaulted { "defaulted" } else { "" };
    let (key, value) = match it.text.split_once(": ") {
        Some((key, value)) => ([key, ":"].concat(), [" ", value].concat()),
        None => (it.text.clone(), String::new()),
    };
    view! { <span class=class><span class="key">{key}</span>{value}"\n"</span> }.into_any()
}

pub fn logs(page: Page, card: &Inspector) -> AnyView {
    if card.logs.is_empty() {
        return view! { <p class="dim">{t("logs.none")}</p> }.into_any();
    }
    let parts = card.logs.iter().map(|it| {
        let name = [it.container.as_str(), if it.previous { " --previous" } else { "" }].concat();
        let text = if it.text.is_empty() { t("logs.empty").to_owned() } else { it.text.clone() };
        view! {
            <h3 class="mono plain">{name}</h3>
            <pre class="log" tabindex="0">{text}</pre>
        }
        .into_any()
    });
    let previous = move || page.view.with(|it| it.log_previous);
    view! {
        <label class="check sm">
            <input
                type="checkbox"
                prop:checked=previous
                on:change=move |_| {
                    page.view.update(|it| it.log_previous = !it.log_previous);
                    page.look_again();
                }
            />
            {t("logs.previous")}
        </label>
        {parts.collect_view()}
    }
    .into_any()
}

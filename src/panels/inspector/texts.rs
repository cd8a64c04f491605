//! YAML as served, and logs.

use session::Gather as _;
use session::frame::{Inspector, ServedLine};

use crate::dom::prelude::*;
use crate::i18n::t;
use crate::session::Page;

pub fn yaml(card: &Inspector) -> View {
    let lines = card.yaml.iter().map(yaml_line).collect_view();
    view! {
        <p class="xs dim">{t("yaml.greyed")}</p>
        <pre class="yaml" tabindex="0">{lines}</pre>
    }
}

/// Keys in one colour, values in another; what the API server filled in is grey.
fn yaml_line(it: &ServedLine) -> View {
    let class = if it.defaulted { "defaulted" } else { "" };
    let (key, value) = match it.text.split_once(": ") {
        Some((key, value)) => ([key, ":"].concat(), [" ", value].concat()),
        None => (it.text.clone(), String::new()),
    };
    view! { <span class=class><span class="key">{key}</span>{value}"\n"</span> }
}

pub fn logs(page: Page, card: &Inspector) -> View {
    let parts = card.logs.iter().map(|it| {
        let name = [it.container.as_str(), if it.previous { " --previous" } else { "" }].concat();
        let text = if it.text.is_empty() { t("logs.empty").to_owned() } else { it.text.clone() };
        view! {
            <h3 class="mono plain">{name}</h3>
            <pre class="log" tabindex="0">{text}</pre>
        }
    });
    let choice = containers(page, card);
    let previous = move || page.view.with(|it| it.log_previous);
    view! {
        {choice}
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
        {card.logs.is_empty().then(|| view! { <p class="dim">{t("logs.none")}</p> })}
    }
}

/// Which container's; nothing to choose with only one.
fn containers(page: Page, card: &Inspector) -> Option<View> {
    let names: Vec<String> = page.frame.with_untracked(|it| {
        let found = it.pod_named(&card.object.namespace, &card.object.name);
        found.map(|it| it.containers.iter().map(|it| it.name.clone()).gather()).unwrap_or_default()
    });
    let choose = |name: Option<String>| {
        let (wanted, words) = (name.clone(), name.clone().unwrap_or_else(|| t("logs.all").to_owned()));
        let on = move || page.view.with(|it| it.log_container == wanted);
        let pick = move |_| {
            page.view.update(|it| it.log_container.clone_from(&name));
            page.look_again();
        };
        view! { <button class="act sm mono" class:chosen=on.clone() aria-pressed=move || on().to_string() on:click=pick>{words}</button> }
    };
    (1 < names.len()).then(|| {
        let all: Vec<View> = std::iter::once(None).chain(names.into_iter().map(Some)).map(choose).gather();
        view! { <div class="acts" role="group" aria-label=t("logs.which")>{all}</div> }
    })
}

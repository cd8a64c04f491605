//! The lesson beside the manifest: text, goals, documents.

use session::frame::{Command, GoalCard, LessonCard};

use crate::components::icon::icon;
use crate::dom::prelude::*;
use crate::i18n::t;
use crate::session::{Dialog, Page};

pub fn lesson(page: Page) -> View {
    let card = page.pick_card(|it| it.lesson.clone());
    let inside = move || match card.get() {
        Some(it) => told(page, &it),
        None => view! {
            <p>{t("lesson.none")}</p>
            <button class="primary" on:click=move |_| page.open_dialog(Dialog::Scenarios)>{t("lesson.choose")}</button>
        },
    };
    view! { <div class="lesson scroll" tabindex="0" role="region" aria-label=t("left.lesson")>{inside}</div> }
}

fn told(page: Page, card: &LessonCard) -> View {
    let goals = card.goals.iter().map(|it| goal(page, it)).collect_view();
    let documents = card.documents.iter().map(|it| {
        let text = it.text.clone();
        let put = move |_| {
            page.replace_manifest(text.clone());
            page.left.set("manifest");
            page.panel.set("manifest");
        };
        view! { <button class="document" on:click=put>{icon("pencil")} <span class="mono">{it.name.clone()}</span></button> }
    });
    view! {
        <h2>{card.title.clone()}</h2>
        {text(&card.text)}
        <div class="documents">{documents.collect_view()}</div>
        {(!card.goals.is_empty()).then(|| view! { <h3>{t("lesson.goals")}</h3> <ol class="goals">{goals}</ol> })}
    }
}

fn goal(page: Page, it: &GoalCard) -> View {
    let class = if it.done { "goal reached" } else { "goal" };
    let sign = if it.done { icon("ok") } else { icon("branch") };
    let hint = (!it.hint.is_empty() && !it.done).then(|| {
        view! { <details><summary>{t("lesson.hint")}</summary>{inline(&it.hint)}</details> }
    });
    let command = (!it.command.is_empty() && !it.done).then(|| {
        let line = it.command.clone();
        let run = move |_| {
            page.run(Command::RunLine { line: line.clone() });
        };
        view! { <button class="run mono" on:click=run>{icon("prompt")} {it.command.clone()}</button> }
    });
    let state = t(if it.done { "lesson.done" } else { "lesson.open" });
    view! {
        <li class=class>
            <span class="goal-sign">{sign}<span class="unseen">{state}</span></span>
            <div>{inline(&it.text)} {hint} {command}</div>
        </li>
    }
}

/// Paragraphs, `- ` lists, fenced code.
pub fn text(source: &str) -> View {
    let mut views: Vec<View> = Vec::new();
    for (index, part) in source.split("```").enumerate() {
        if index % 2 == 1 {
            let body = part.split_once('\n').map_or(part, |it| it.1).trim_end().to_owned();
            views.push(view! { <pre class="block"><code>{body}</code></pre> });
            continue;
        }
        for paragraph in part.split("\n\n").map(str::trim).filter(|it| !it.is_empty()) {
            views.push(paragraph_view(paragraph));
        }
    }
    views.into_view()
}

fn paragraph_view(paragraph: &str) -> View {
    if let Some(title) = paragraph.strip_prefix("# ").or_else(|| paragraph.strip_prefix("## ")) {
        return view! { <h3>{title.to_owned()}</h3> };
    }
    if paragraph.starts_with("- ") {
        let items = paragraph.split("\n- ").map(|it| {
            let it = it.trim_start_matches("- ");
            view! { <li>{inline(it)}</li> }
        });
        return view! { <ul>{items.collect_view()}</ul> };
    }
    view! { <p>{inline(paragraph)}</p> }
}

/// `` `code` `` and `**strong**`.
pub fn inline(source: &str) -> View {
    let mut views: Vec<View> = Vec::new();
    for (index, part) in source.split('`').enumerate() {
        if index % 2 == 1 {
            views.push(view! { <code>{part.to_owned()}</code> });
            continue;
        }
        for (index, part) in part.split("**").enumerate() {
            let part = part.to_owned();
            views.push(if index % 2 == 1 {
                view! { <b>{part}</b> }
            } else {
                part.into_view()
            });
        }
    }
    views.into_view()
}

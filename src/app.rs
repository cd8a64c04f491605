//! The frame of the page: where panels stand, keys, what lies over it.

use session::frame::Command;

use crate::browser;
use crate::components::dialog::{Sheet, dialog};
use crate::components::icon::icon;
use crate::components::split::split;
use crate::dom::prelude::*;

use crate::components::tabs::{TabLabel, tabs};
use crate::i18n::{self, Language, t, tf};
use crate::panels::{chaos, decision, dock, editor, help, inspector, lesson, scenarios, share, stage, top};
use crate::session::{Dialog, Page, SPEEDS, Start};

/// The words of `language` are there.
pub fn app(language: Language, start: Start) -> View {
    let page = Page::open(language, start);
    Effect::new(move || browser::set_root("data-theme", if page.dark.get() { "dark" } else { "light" }));
    Effect::new(move || browser::set_root("data-panel", page.panel.get()));
    Effect::new(move || browser::set_root("data-present", if page.presenting.get() { "on" } else { "off" }));
    let address = browser::address();
    if browser::parameter(&address, "embed").is_some_and(|it| it != "0") {
        browser::set_root("data-embed", "on");
        Effect::new(move || page.follow());
    }
    window_event_listener(ev::keydown, move |event| keys(page, &event));
    // A change of language builds everything anew: that costs nothing until somebody does it.
    let words = move || {
        let language = page.language.get();
        i18n::use_language(language);
        browser::set_root("lang", language.code());
        browser::set_title(t("title"));
        whole(page)
    };
    words.into_view()
}

fn whole(page: Page) -> View {
    view! {
        <div class="page">
            {top::top(page)}
            <main class="parts">
                {left(page)} {stage::stage(page)} {inspector::inspector(page)} {dock::dock(page)}
            </main>
            {views(page)}
        </div>
        {toast(page)}
        {dialog(move || sheet(page), move || page.open_dialog(Dialog::None))}
        <div class="unseen" role="status" aria-live="polite">{move || page.spoken.get()}</div>
    }
}

fn left(page: Page) -> View {
    let manifest = page.pick(|it| it.manifest);
    let edited = move || editor::mark(manifest.get()).map(|it| view! { <span class="badge">{it}</span> });
    let list = vec![
        TabLabel { id: "lesson", text: t("left.lesson").into_view() },
        TabLabel { id: "manifest", text: view! { {t("left.manifest")} {edited} } },
    ];
    let pick = move |id: &'static str| {
        page.left.set(id);
        page.panel.set(id);
    };
    view! {
        <section class="left" aria-label=t("left.label") data-open=move || page.left.get()>
            {tabs(t("left.label"), "left-body", list, move || page.left.get(), pick)}
            {split("left", t("split.left"), true, false, (240, 312, 560))}
            <div class="left-body" id="left-body">{lesson::lesson(page)} {editor::editor(page)}</div>
        </section>
    }
}

/// The bar of views of a narrow page.
fn views(page: Page) -> View {
    const VIEWS: [(&str, &str, &str); 6] = [
        ("manifest", "pencil", "left.manifest"),
        ("stage", "grid", "view.stage"),
        ("inspector", "eye", "view.inspector"),
        ("timeline", "lanes", "dock.timeline"),
        ("terminal", "prompt", "dock.terminal"),
        ("lesson", "book", "left.lesson"),
    ];
    let buttons = VIEWS.iter().map(|(id, sign, word)| {
        let on = move || page.panel.get() == *id;
        let pick = move |_| {
            match *id {
                "manifest" | "lesson" => page.left.set(id),
                "timeline" | "terminal" => page.dock.set(id),
                _ => {}
            }
            page.panel.set(id);
        };
        view! {
            <button class:on=on aria-current=move || on().then_some("page") on:click=pick>
                {icon(sign)}
                {t(word)}
            </button>
        }
    });
    view! { <nav class="views" aria-label=t("view.label")>{buttons.collect_view()}</nav> }
}

/// What a gesture did, as the command line that does the same.
fn toast(page: Page) -> View {
    let inside = move || {
        page.toast.get().map(|it| {
            let printed = (!it.printed.is_empty()).then(|| {
                view! { <div><span class="xs dim">{t("toast.same")}</span> <code>"$ " {it.printed.clone()}</code></div> }
            });
            let output = (!it.output.is_empty()).then(|| view! { <pre>{it.output.clone()}</pre> });
            view! {
                <div class=if it.bad { "toast bad" } else { "toast" }>
                    <div>{printed} {output}</div>
                    <button class="quiet" aria-label=t("close") on:click=move |_| page.toast.set(None)>
                        {icon("close")}
                    </button>
                </div>
            }
        })
    };
    view! { <div class="toasts" role="status">{inside}</div> }
}

fn sheet(page: Page) -> Option<Sheet> {
    let (title, inside, wide) = match page.dialog.get() {
        Dialog::None => return None,
        Dialog::Scenarios => (t("scenarios.title").to_owned(), scenarios::scenarios(page), true),
        Dialog::Chaos => (t("chaos.title").to_owned(), chaos::chaos(page), false),
        Dialog::Help => (t("help.title").to_owned(), help::help(page), false),
        Dialog::Decision => (t("decision.title").to_owned(), decision::decision(page), true),
        Dialog::Share(address) => (t("share.title").to_owned(), share::share(page, &address), false),
        Dialog::EditNode(node) => (tf("node.edit", &[&node]), chaos::edit_node(page, &node), false),
        Dialog::Queue => (t("plane.queue").to_owned(), decision::queue(page), true),
    };
    Some(Sheet { title, inside, wide })
}

fn keys(page: Page, event: &ev::KeyboardEvent) {
    let key = event.key();
    if event.ctrl_key() || event.meta_key() {
        match key.as_str() {
            "Enter" => page.apply(),
            "s" => page.share(),
            _ => return,
        }
        return event.prevent_default();
    }
    let open = page.dialog.with_untracked(|it| *it != Dialog::None);
    if event.alt_key() || open || browser::is_typing(event) {
        return;
    }
    let pressed = browser::is_on_button(event);
    match key.as_str() {
        " " | "Enter" if pressed => return,
        " " => page.playing.update(|it| *it = !*it),
        "PageDown" => page.step(Command::NextInteresting),
        "ArrowRight" if event.shift_key() => page.step(Command::NextInteresting),
        "ArrowRight" | "." => page.step(Command::Step),
        "ArrowLeft" | "," | "PageUp" => page.step(Command::StepBack),
        "[" => page.pace(page.speed.get_untracked().saturating_sub(1)),
        "]" => page.pace((page.speed.get_untracked() + 1).min(SPEEDS.len() - 1)),
        "Home" => page.step(Command::ToStart),
        "End" => page.step(Command::ToEnd),
        "f" | "F" => page.step(Command::Fork),
        "/" => page.open_dialog(Dialog::Scenarios),
        "?" => page.open_dialog(Dialog::Help),
        "b" | "B" => browser::toggle_root("data-blank"),
        "Escape" => close(page),
        _ => return,
    }
    event.prevent_default();
}

fn close(page: Page) {
    stage::theatre::skip(page);
    browser::set_root("data-blank", "off");
    page.presenting.set(false);
    page.toast.set(None);
    page.panel.set("stage");
}

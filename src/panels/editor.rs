//! The manifest: editor, remarks with their fixes, Apply. A plain text field until the editor's script has come.

use std::time::Duration;

use session::Gather as _;
use session::frame::{Diagnostic, ManifestState, Severity};
use session::suggest::{self, Suggestion};

use crate::browser;
use crate::browser::editor::{Editor, Options, open};
use crate::components::icon::icon;
use crate::dom::prelude::*;
use crate::i18n::{self, t, tf};
use crate::session::Page;

const LOAD_DELAY: Duration = Duration::from_millis(200);
/// Remarks listed under the editor; all of them are underlined.
const LISTED_MAX: usize = 4;

pub fn editor(page: Page) -> View {
    let element = NodeRef::<html::Div>::new();
    let live = StoredValue::new_local(None::<Editor>);
    let show = move |list: &[Diagnostic]| {
        live.with_value(|it| it.iter().for_each(|it| it.set_diagnostics(list, words)));
    };
    let start = move || {
        // The language may have changed meanwhile: then this panel is gone, here and below.
        let Some(host) = element.get_untracked() else { return };
        open(
            host.into(),
            options(page),
            move || !live.is_disposed(),
            move |editor| {
                live.set_value(Some(editor));
                page.diagnostics.with_untracked(|it| show(it));
            },
        );
    };
    Effect::new(move || set_timeout(start, LOAD_DELAY));
    Effect::new(move || {
        page.replaced.track();
        let text = page.manifest.get_untracked();
        live.with_value(|it| it.iter().for_each(|it| it.set_value(&text)));
    });
    Effect::new(move || page.diagnostics.with(|it| show(it)));
    Effect::new(move || {
        let dark = page.dark.get();
        live.with_value(|it| it.iter().for_each(|it| it.set_dark(dark)));
    });
    on_cleanup(move || live.with_value(|it| it.iter().for_each(Editor::destroy)));
    // A file that is dropped anywhere here becomes the manifest.
    let drop_file = move |event: ev::DragEvent| {
        let Some(file) = event.data_transfer().and_then(|it| it.files()).and_then(|it| it.item(0)) else {
            return;
        };
        event.prevent_default();
        event.stop_propagation();
        browser::read_file(&file, move |text| page.replace_manifest(text));
    };
    let state = page.pick(|it| it.manifest);
    view! {
        <div class="editor" on:dragover=|event| event.prevent_default() on:drop=drop_file>
            <div class="editor-host" node_ref=element>
                <textarea
                    class="plain-editor"
                    spellcheck="false"
                    aria-label=t("editor.label")
                    prop:value=page.manifest.get_untracked()
                    on:input=move |event| page.edited(event_target_value(&event))
                ></textarea>
            </div>
            {remarks(page, live)}
            <div class="bar-row">
                <button class="primary" on:click=move |_| page.apply()>
                    {t("editor.apply")} <span class="kbd">"⌘⏎"</span>
                </button>
                <span class="xs dim push-text">{move || state_words(page, state.get())}</span>
            </div>
        </div>
    }
}

/// What the editor asks of the page.
fn options(page: Page) -> Options {
    Options {
        value: page.manifest.get_untracked(),
        label: t("editor.label").to_owned(),
        dark: page.dark.get_untracked(),
        on_change: Box::new(move |text| page.edited(text)),
        on_apply: Box::new(move || page.apply()),
        complete: Box::new(|text, line, column| {
            suggest::at(text, line, column)
                .into_iter()
                .map(|it| {
                    let detail = if it.default.is_empty() {
                        it.type_.clone()
                    } else {
                        tf("editor.else", &[it.default])
                    };
                    [it.label, detail, it.insert]
                })
                .gather()
        }),
        about: Box::new(|text, line, column| {
            let (path, it) = suggest::about(text, line, column)?;
            Some((path, about_words(&it)))
        }),
    }
}

/// Type, values, default, and a sentence where we have one.
fn about_words(it: &Suggestion) -> String {
    let mut lines = vec![it.type_.clone()];
    if !it.values.is_empty() {
        lines.push(tf("editor.one", &[&it.values.replace(' ', " · ")]));
    }
    if !it.default.is_empty() {
        lines.push(tf("editor.else", &[it.default]));
    }
    lines.extend(i18n::lookup(&["field.", &it.label].concat()).map(str::to_owned));
    lines.join("\n")
}

fn remarks(page: Page, live: StoredValue<Option<Editor>, LocalStorage>) -> View {
    let shown = move || {
        let list = page.diagnostics.get();
        let shown = list.iter().take(LISTED_MAX).map(|it| remark(page, live, it)).collect_view();
        let more = list.len().saturating_sub(LISTED_MAX);
        let more =
            (more > 0).then(|| view! { <li class="xs dim">{tf("editor.more", &[&more.to_string()])}</li> });
        (!list.is_empty()).then(|| {
            view! { <ul class="remarks" aria-label=t("editor.remarks")>{shown} {more}</ul> }
        })
    };
    shown.into_view()
}

/// How the cluster stands to what is written here, where that is worth a mark.
pub fn mark(state: ManifestState) -> Option<&'static str> {
    match state {
        ManifestState::NotApplied => Some(t("editor.not_applied")),
        ManifestState::Differs => Some(t("editor.edited")),
        ManifestState::Unread | ManifestState::Applied => None,
    }
}

fn state_words(page: Page, state: ManifestState) -> String {
    let errors = page.diagnostics.with(|it| it.iter().filter(|it| it.severity == Severity::Error).count());
    match (errors, state) {
        (0, ManifestState::Unread) => String::new(),
        (0, ManifestState::Applied) => t("editor.clean").to_owned(),
        (0, _) => mark(state).unwrap_or_default().to_owned(),
        (some, _) => tf("editor.errors", &[&some.to_string()]),
    }
}

/// Our sentence about a remark and the text of its button.
fn words(it: &Diagnostic) -> (String, String) {
    let values: Vec<&str> = it.hint_values.iter().map(String::as_str).gather();
    let hint = i18n::lookup(&["hint.", &it.hint].concat())
        .map_or_else(String::new, |text| i18n::fill_in(text, &values));
    let label = it.fix.as_ref().map_or_else(String::new, |it| {
        // What only moves has no text of its own.
        if it.label.is_empty() { t("editor.mend").to_owned() } else { tf("editor.fix", &[&it.label]) }
    });
    (hint, label)
}

fn remark(page: Page, live: StoredValue<Option<Editor>, LocalStorage>, it: &Diagnostic) -> View {
    let (class, sign) = match it.severity {
        Severity::Error => ("remark bad", "bad"),
        Severity::Warning => ("remark wait", "wait"),
        Severity::Info => ("remark done", "branch"),
    };
    let (hint, label) = words(it);
    let number = it.line;
    let fix = it.fix.clone().map(|fix| {
        view! {
            <button class="link sm" on:click=move |_| page.replace_manifest(fix.text.clone())>
                {label}
            </button>
        }
    });
    view! {
        <li class=class>
            <div class="line">
                {icon(sign)}
                <button
                    class="link xs"
                    on:click=move |_| live.with_value(|it| it.iter().for_each(|it| it.reveal_line(number)))
                >
                    {tf("editor.line", &[&number.to_string()])}
                </button>
                <span class="push"></span>
                {fix}
            </div>
            <code>{it.server.clone()}</code>
            <span class="sm">{hint}</span>
        </li>
    }
}

//! The scenario menu.

use session::Gather as _;
use session::frame::{Command, ScenarioCard, ScenarioGroup};

use crate::dom::prelude::*;
use crate::i18n::{self, Language, t};
use crate::session::{Dialog, Page};

const GROUPS: [(ScenarioGroup, &str); 6] = [
    (ScenarioGroup::Start, "group.start"),
    (ScenarioGroup::Articles, "group.articles"),
    (ScenarioGroup::Scheduling, "group.scheduling"),
    (ScenarioGroup::Lifecycle, "group.lifecycle"),
    (ScenarioGroup::Network, "group.network"),
    (ScenarioGroup::Failures, "group.failures"),
];

pub fn title(it: &ScenarioCard) -> &str {
    if i18n::language() == Language::Chinese { &it.title_zh } else { &it.title_en }
}

pub fn scenarios(page: Page) -> View {
    let list = StoredValue::new(crate::session::scenarios());
    let wanted = RwSignal::new(String::new());
    let groups = move || {
        let wanted = wanted.get().to_ascii_lowercase();
        let shown: Vec<ScenarioCard> = list.with_value(|it| {
            let fits = |it: &&ScenarioCard| {
                let text =
                    [&it.id, &it.title_en, &it.title_zh, &it.summary_en, &it.summary_zh].map(String::as_str);
                text.join("\n").to_ascii_lowercase().contains(&wanted)
            };
            it.iter().filter(fits).cloned().gather()
        });
        GROUPS.iter().map(|(group, word)| self::group(page, *group, word, &shown)).collect_view()
    };
    let restart = move |_| {
        page.step(Command::Restart);
        page.open_dialog(Dialog::None);
    };
    view! {
        <label class="field">
            <span class="unseen">{t("scenarios.filter")}</span>
            <input
                type="search"
                placeholder=t("scenarios.filter")
                on:input=move |event| wanted.set(event_target_value(&event))
            />
        </label>
        {groups}
        <div class="acts"><button class="act" on:click=restart>{t("scenarios.restart")}</button></div>
    }
}

fn group(page: Page, group: ScenarioGroup, word: &'static str, all: &[ScenarioCard]) -> View {
    let items: Vec<View> = all.iter().filter(|it| it.group == group).map(|it| entry(page, it)).gather();
    if items.is_empty() {
        return View::Nothing;
    }
    view! { <h3>{t(word)}</h3> <ul class="scenario-list">{items}</ul> }
}

fn entry(page: Page, it: &ScenarioCard) -> View {
    let id = it.id.clone();
    let open = id.clone();
    let current = page.frame.with_untracked(|it| it.about.scenario == id);
    let summary = if i18n::language() == Language::Chinese { &it.summary_zh } else { &it.summary_en };
    view! {
        <li>
            <button
                class="scenario"
                aria-current=current.then_some("true")
                on:click=move |_| page.open_scenario(open.clone())
            >
                <b>{title(it).to_owned()}</b>
                <span class="sm dim">{super::lesson::inline(summary)}</span>
            </button>
        </li>
    }
}

//! The bar: brand, scenario, transport, tools.

use session::frame::Command;

use super::scenarios;
use crate::components::icon::icon;
use crate::dom::prelude::*;
use crate::i18n::{self, t, tf};
use crate::session::{Dialog, Page, SPEED_REAL, SPEEDS};

pub fn top(page: Page) -> View {
    view! {
        <header class="top">
            <a class="skip" href="#stage">{t("skip")}</a>
            <div class="brand">{brand()}<h1>"Pod Playground"</h1></div>
            {scenario(page)}
            {transport(page)}
            {tools(page)}
        </header>
    }
}

pub fn brand() -> View {
    view! {
        <svg width="24" height="24" viewBox="0 0 24 24" aria-hidden="true" class="logo">
            <rect x="2.5" y="7" width="19" height="11" rx="5.500"></rect>
            <circle class="a" cx="8" cy="12.500" r="2.200"></circle>
            <circle class="b" cx="12.600" cy="12.500" r="2.200"></circle>
            <circle class="c" cx="17" cy="12.500" r="2.200"></circle>
        </svg>
    }
}

fn scenario(page: Page) -> View {
    let id = page.pick(|it| it.about.scenario.clone());
    let list = StoredValue::new(crate::session::scenarios());
    let name = move || {
        let id = id.get();
        let found =
            list.with_value(|it| it.iter().find(|it| it.id == id).map(|it| scenarios::title(it).to_owned()));
        found.unwrap_or_else(|| t("scenarios.open").to_owned())
    };
    view! {
        <button class="crumb" aria-haspopup="dialog" on:click=move |_| page.open_dialog(Dialog::Scenarios)>
            <span class="cut">{name}</span>
            {icon("down")}
        </button>
    }
}

fn transport(page: Page) -> View {
    let button = |sign: &'static str, word: &'static str, command: Command| {
        let run = move |_| page.step(command.clone());
        view! { <button aria-label=t(word) title=t(word) on:click=run>{icon(sign)}</button> }
    };
    let play_word = move || t(if page.playing.get() { "time.pause" } else { "time.play" });
    let sign = move || icon(if page.playing.get() { "pause" } else { "play" });
    let clock = move || {
        let slow = page.speed.get() < 2;
        let now = page.now.get();
        // In slow motion the milliseconds are what one wants to see.
        if slow { format!("{}.{:03}", i18n::clock(now), now / 1000 % 1000) } else { i18n::clock_tenths(now) }
    };
    view! {
        <div class="transport" role="group" aria-label=t("time.group")>
            {button("first", "time.start", Command::ToStart)}
            {button("back", "time.back", Command::StepBack)}
            <button
                class="play"
                aria-label=play_word
                title=play_word
                on:click=move |_| page.playing.update(|it| *it = !*it)
            >
                {sign}
            </button>
            {button("step", "time.step", Command::Step)}
            {button("next", "time.next", Command::NextInteresting)}
            <span class="clock" role="timer" aria-label=t("time.clock")>{clock}</span>
            {speed(page)}
        </div>
    }
}

fn speed(page: Page) -> View {
    let options = SPEEDS.iter().enumerate().map(|(index, hundredths)| {
        let selected = move || page.speed.get() == index;
        view! { <option value=index.to_string() selected=selected>{speed_words(index, *hundredths)}</option> }
    });
    // On a phone there is no room for what a choice means; the list of choices says it.
    let factor = move || SPEEDS.get(page.speed.get()).map(|it| [&times(*it), "×"].concat());
    view! {
        <span class="pace" class:behind=move || page.behind.get()>
            <span class="factor" aria-hidden="true">{factor}</span>
            <select
                class="speed"
                aria-label=t("time.speed")
                title=move || t(if page.behind.get() { "time.behind" } else { "time.speed" })
                prop:value=move || page.speed.get().to_string()
                on:change=move |event| page.pace(event_target_value(&event).parse().unwrap_or(SPEED_REAL))
            >
                {options.collect_view()}
            </select>
        </span>
    }
}

fn times(hundredths: u32) -> String {
    if hundredths < 100 { format!("1/{}", 100 / hundredths) } else { (hundredths / 100).to_string() }
}

fn speed_words(index: usize, hundredths: u32) -> String {
    let number = times(hundredths);
    match index.cmp(&SPEED_REAL) {
        std::cmp::Ordering::Less => tf("speed.slow", &[&number]),
        std::cmp::Ordering::Equal => t("speed.real").to_owned(),
        std::cmp::Ordering::Greater => {
            tf("speed.fast", &[&number, &i18n::span(u64::from(hundredths) * 10_000)])
        }
    }
}

fn tools(page: Page) -> View {
    let broken = page.pick(|it| it.about.faults.len());
    let count = move || {
        let count = broken.get();
        (count > 0).then(|| view! { <span class="badge bad-badge">{count}</span> })
    };
    let present = move |_| {
        let on = page.presenting.get_untracked();
        page.presenting.set(!on);
    };
    view! {
        <div class="tools">
            <button class="danger keep" aria-haspopup="dialog" on:click=move |_| page.open_dialog(Dialog::Chaos)>
                {icon("bolt")} <span class="word">{t("top.chaos")}</span> {count}
            </button>
            <button class="keep" on:click=move |_| page.share()>{icon("share")} <span class="word">{t("top.share")}</span></button>
            <button aria-pressed=move || page.presenting.get().to_string() on:click=present>
                {icon("present")} <span class="word">{t("top.present")}</span>
            </button>
            <button
                class="keep"
                lang=i18n::language().other().code()
                title=t("top.language")
                on:click=move |_| page.speak(i18n::language().other())
            >
                {t("top.both")}
            </button>
            <button
                class="keep"
                aria-label=t("top.theme")
                title=t("top.theme")
                on:click=move |_| page.paint(!page.dark.get_untracked())
            >
                {icon("theme")}
            </button>
            <button class="keep" aria-label=t("top.help") title=t("top.help") on:click=move |_| page.open_dialog(Dialog::Help)>
                {icon("help")}
            </button>
            <a class="embed-only" target="_blank" rel="noopener" href=move || page.whole_address.get()>
                {t("top.open")}
            </a>
        </div>
    }
}

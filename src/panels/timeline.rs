//! Time as lanes: a bar a state, ticks for probes, marks for events; dragged to travel.

use std::sync::Arc;

use session::Gather as _;
use session::frame::{Command, Mark, Micros, PodLane, Probe, Segment, Tick, Timeline};

use crate::browser;
use crate::components::icon::icon;
use crate::dom::prelude::*;
use crate::i18n::{self, clock_short, t, tf};
use crate::panels::state::tone_class;
use crate::session::Page;

const SECOND: Micros = 1_000_000;
/// The window ends at one of these, so that it does not move all the time.
const WINDOWS: [Micros; 14] =
    [30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400, 259_200, 2_592_000];
const LANES_MAX: usize = 60;
const TICKS: u64 = 5;

type Window = (Micros, Micros);

pub fn timeline(page: Page) -> View {
    let zoom = RwSignal::new(None::<Window>);
    let furthest = page.pick(|it| {
        let seconds = it.clock.end.max(it.clock.now) / SECOND;
        SECOND * WINDOWS.iter().copied().find(|it| seconds * 20 < it * 19).unwrap_or(seconds + 60)
    });
    let window = Memo::new(move || zoom.get().unwrap_or_else(|| (0, furthest.get())));
    let lines = page.pick_card(|it| Arc::clone(&it.timeline));
    let range = NodeRef::<html::Div>::new();
    let dragging = StoredValue::new(false);
    let at = move |client_x: i32| {
        let share = range.get_untracked().map_or(0.0, |it| browser::share_of_width(&it, client_x));
        let (from, to) = window.get_untracked();
        from + (share * (to - from) as f64) as Micros
    };
    let on_wheel = move |event: ev::WheelEvent| {
        // Over the names it scrolls the lanes.
        if range.get_untracked().is_some_and(|it| browser::is_left_of(&it, event.client_x())) {
            return;
        }
        event.prevent_default();
        let (from, to) = window.get_untracked();
        let middle = at(event.client_x());
        let factor = if event.delta_y() > 0.0 { 1.25 } else { 0.8 };
        let (left, right) = ((middle - from) as f64 * factor, (to.max(middle) - middle) as f64 * factor);
        let next = (middle.saturating_sub(left as Micros), middle + (right as Micros).max(SECOND));
        zoom.set((next.0 > 0 || next.1 < furthest.get_untracked()).then_some(next));
    };
    let instants = move || {
        let (from, to) = window.get();
        let share = |it: Micros| it.saturating_sub(from) * 100_000 / (to - from).max(1);
        let (now, end) = page.frame.with(|it| (share(it.clock.now), share(it.clock.end.max(it.clock.now))));
        format!("--now:{}.{:03}%;--end:{}.{:03}%", now / 1000, now % 1000, end / 1000, end % 1000)
    };
    view! {
        <div
            class="time"
            style=instants
            on:wheel=on_wheel
            on:dblclick=move |_| zoom.set(None)
            on:pointerdown=move |event| {
                if event.button() == 0 {
                    browser::capture_pointer(&event);
                    dragging.set_value(true);
                    page.seek(at(event.client_x()));
                }
            }
            on:pointermove=move |event| {
                if dragging.get_value() {
                    page.seek(at(event.client_x()));
                }
            }
            on:pointerup=move |_| dragging.set_value(false)
        >
            {ruler(page, lines, window, range)}
            <div class="lane-list">
                {branches(page, lines, window)} {move || lines.with(|it| lanes(it, window.get()))}
                <div class="head"></div>
            </div>
        </div>
    }
}

/// The scale, which is also a slider for the keyboard, and the event under the head.
fn ruler(page: Page, lines: Memo<Arc<Timeline>>, window: Memo<Window>, range: NodeRef<html::Div>) -> View {
    let slider = move |event: ev::KeyboardEvent| {
        let by = match event.key().as_str() {
            "ArrowLeft" => -1,
            "ArrowRight" => 1,
            "PageUp" => -10,
            "PageDown" => 10,
            _ => return,
        };
        event.prevent_default();
        event.stop_propagation();
        page.seek_by(by);
    };
    view! {
        <div class="ruler">
            <span class="xs dim">{move || head_words(page, lines)}</span>
            <div
                class="scale"
                node_ref=range
                role="slider"
                tabindex="0"
                aria-label=t("time.label")
                aria-valuemin="0"
                aria-valuemax=move || (page.frame.with(|it| it.clock.end) / SECOND).to_string()
                aria-valuenow=move || (page.seconds.get() / SECOND).to_string()
                aria-valuetext=move || i18n::clock(page.seconds.get())
                on:keydown=slider
            >
                {move || scale(window.get())}
            </div>
        </div>
    }
}

fn percent(at: Micros, (from, to): Window) -> String {
    let share = at.saturating_sub(from).min(to - from) * 100_000 / (to - from).max(1);
    format!("{}.{:03}%", share / 1000, share % 1000)
}

fn scale(window: Window) -> View {
    let (from, to) = window;
    (0..TICKS)
        .map(|it| {
            let at = from + (to - from) * it / TICKS;
            view! { <span style=["left:", &percent(at, window)].concat()>{clock_short(at)}</span> }
        })
        .collect_view()
        .into_view()
}

fn lanes(timeline: &Timeline, window: Window) -> View {
    if timeline.lanes.is_empty() {
        return view! { <p class="dim pad">{t("time.empty")}</p> };
    }
    let marks: Vec<&Mark> = timeline.marks.iter().filter(|it| it.yours && within(it.at, window)).gather();
    let yours = (!marks.is_empty()).then(|| {
        let marks = marks.into_iter().map(|it| mark(it, window)).collect_view();
        view! { <div class="time-lane"><span class="name">{t("plane.you")}</span><div class="track-line">{marks}</div></div> }
    });
    let lanes = timeline.lanes.iter().take(LANES_MAX).map(|it| lane(it, window)).collect_view();
    view! { {yours} {lanes} }
}

fn within(at: Micros, (from, to): Window) -> bool {
    (from..=to).contains(&at)
}

fn lane(lane: &PodLane, window: Window) -> View {
    let seen = |it: &&Segment| it.start <= window.1 && it.end.is_none_or(|end| window.0 <= end);
    let segments = lane.segments.iter().filter(seen).map(|it| segment(it, window)).collect_view();
    let ticks =
        lane.ticks.iter().filter(|it| within(it.at, window)).map(|it| tick(it, window)).collect_view();
    view! {
        <div class="time-lane">
            <span class="name">{lane.pod.name.clone()}</span>
            <div class="track-line">{segments} {ticks}</div>
        </div>
    }
}

fn segment(it: &Segment, window: Window) -> View {
    let class = ["bar ", tone_class(it.tone), if it.waits { " waits" } else { "" }].concat();
    let left = percent(it.start, window);
    // A state that lasts reaches to the end of what is known.
    let right = it.end.map_or_else(|| "var(--end)".to_owned(), |end| percent(end, window));
    let style = ["left:", &left, ";width:max(3px, calc(", &right, " - ", &left, "))"].concat();
    let until = it.end.map_or_else(String::new, |it| [" – ", &clock_short(it)].concat());
    let title = [&it.status, " · ", &clock_short(it.start), &until].concat();
    view! { <i class=class style=style title=title><span>{it.status.clone()}</span></i> }
}

fn tick(it: &Tick, window: Window) -> View {
    let probe = match it.probe {
        Probe::Liveness => "live",
        Probe::Readiness => "ready",
        Probe::Startup => "start",
    };
    let class = ["tick ", probe, if it.ok { "" } else { " failed" }].concat();
    view! { <u class=class style=["left:", &percent(it.at, window)].concat()></u> }
}

fn mark(it: &Mark, window: Window) -> View {
    let style = ["left:", &percent(it.at, window)].concat();
    view! { <b class="mark" style=style title=it.text.clone()></b> }
}

/// The event under the head: the last mark at or before it, if it is near.
fn head_words(page: Page, lines: Memo<Arc<Timeline>>) -> Option<View> {
    const NEAR: Micros = 5 * SECOND;
    let now = page.now.get();
    lines.with(|it| {
        let after = it.marks.partition_point(|it| it.at <= now);
        let mark = it.marks[..after].last().filter(|it| now - it.at < NEAR)?;
        let class = ["under ", tone_class(mark.tone)].concat();
        Some(view! { <span class=class title=mark.text.clone()>{mark.text.clone()}</span> })
    })
}

/// Futures that were left, to return to.
fn branches(page: Page, lines: Memo<Arc<Timeline>>, window: Memo<Window>) -> View {
    let list = Memo::new(move || lines.with(|it| it.branches.clone()));
    (move || {
        list.get()
            .into_iter()
            .map(|it| {
                let words = tf("time.branch", &[&i18n::clock(it.forked_at), &i18n::clock(it.end)]);
                let (from, to) = (it.forked_at, it.end);
                let place = move || {
                    let window = window.get();
                    ["left:", &percent(from, window), ";right:calc(100% - ", &percent(to, window), ")"]
                        .concat()
                };
                view! {
                    <button
                        class="time-lane branch"
                        title=words.clone()
                        aria-label=words
                        on:pointerdown=|event| event.stop_propagation()
                        on:click=move |_| page.step(Command::SwitchBranch { index: it.index })
                    >
                        <span class="name">{icon("fork")} " " {t("time.other")}</span>
                        <span class="track-line"><span class="future" style=place></span></span>
                    </button>
                }
            })
            .collect_view()
    })
    .into_view()
}

//! Messages that travel. Their pace is real time, so that a message of two virtual milliseconds can be seen at all.

use std::time::Duration;

use session::frame::{Hop, Station};

use crate::browser;
use crate::dom::prelude::*;
use crate::session::{Page, SPEEDS};

const TRAVEL_MS: u64 = 620;
const TRAVEL_MS_MAX: u64 = 4_000;
const FLIGHTS_MAX: usize = 24;

#[derive(Clone, PartialEq)]
struct Flight {
    id: u64,
    style: String,
    text: String,
    failed: bool,
}

pub fn flights(page: Page, stage: NodeRef<html::Div>) -> View {
    let flying = RwSignal::new(Vec::<Flight>::new());
    let newest = StoredValue::new(None::<u64>);
    let hops = page.pick(|it| it.plane.hops.clone());
    Effect::new(move || {
        let hops = hops.get();
        let Some(stage) = stage.get_untracked() else { return };
        let last = hops.iter().map(|it| it.id).max();
        // What was under way when the page opened, or after a journey through time, is not shown again.
        let Some(seen) = newest.get_value().filter(|it| Some(*it) <= last) else {
            return newest.set_value(Some(last.unwrap_or_default()));
        };
        newest.set_value(last.or(Some(seen)));
        for hop in hops.iter().filter(|it| it.id > seen) {
            if flying.with_untracked(Vec::len) < FLIGHTS_MAX {
                launch(page, hop, &stage, flying);
            }
        }
    });
    view! {
        <div class="flights" aria-hidden="true">
            <For
                each=move || flying.get()
                key=|it| it.id
                children=|it| {
                    let class = if it.failed { "flight failed" } else { "flight" };
                    view! { <div class=class style=it.style><span>{it.text}</span></div> }
                }
            />
        </div>
    }
}

fn launch(page: Page, hop: &Hop, stage: &web_sys::Element, flying: RwSignal<Vec<Flight>>) {
    let at = |it: &Station| browser::middle(&selector(it), stage);
    let (Some(from), Some(to)) = (at(&hop.from), at(&hop.to)) else { return };
    let speed = u64::from(SPEEDS[page.speed.get_untracked()]);
    let shown = hop.ends.saturating_sub(hop.started) / 10 / speed.max(1);
    let time = shown.clamp(TRAVEL_MS, TRAVEL_MS_MAX);
    let style = format!(
        "--x0:{:.0}px;--y0:{:.0}px;--x1:{:.0}px;--y1:{:.0}px;--time:{time}ms",
        from.0, from.1, to.0, to.1
    );
    let text = [&hop.verb, " ", &hop.subject.kind.to_ascii_lowercase(), "/", &hop.subject.name].concat();
    let id = hop.id;
    flying.update(|it| it.push(Flight { id, style, text, failed: hop.failed }));
    set_timeout(move || flying.update(|it| it.retain(|it| it.id != id)), Duration::from_millis(time + 40));
}

fn selector(station: &Station) -> String {
    let name = match station {
        Station::You => "you",
        Station::ApiServer => "api",
        Station::Etcd => "etcd",
        Station::Scheduler => "scheduler",
        Station::Controllers => "controllers",
        Station::Registry => "registry",
        Station::Kubelet(node) => return ["[data-station=\"kubelet-", node, "\"]"].concat(),
    };
    ["[data-station=", name, "]"].concat()
}

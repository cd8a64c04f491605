//! The map of many Pods: a tile each, by state; shape tells it without colour.

use std::fmt::Write;
use std::sync::Arc;

use session::Gather as _;
use session::frame::{Frame, ObjectRef, PodCard};

use crate::browser;
use crate::dom::prelude::*;
use crate::i18n::{t, tf};
use crate::panels::state::tone_class;
use crate::session::Page;

pub fn tiles(page: Page) -> View {
    let names = page.pick(|it| it.nodes.iter().map(|it| it.name.clone()).gather());
    let choose = move |event: ev::MouseEvent| {
        let Some(uid) = browser::data_of(&event, "data-uid") else { return };
        let found =
            page.frame.with_untracked(|it| it.pod(&uid).map(|it| ObjectRef::pod(&it.namespace, &it.name)));
        if found.is_some() {
            page.select(found);
            page.panel.set("inspector");
        }
    };
    view! {
        <div class="heat" on:click=choose>
            <For each=move || names.get() key=Clone::clone children=move |name| heat_node(page, name) />
        </div>
    }
}

fn heat_node(page: Page, name: String) -> View {
    let of = name.clone();
    let pods = page.pick_card(move |it| pods_on(it, &of));
    let of = name.clone();
    let room = page.pick(move |it| {
        let pods = it.node(&of).and_then(|it| it.amounts.iter().find(|it| it.resource == "pods").cloned());
        pods.map_or(0, |it| (it.allocatable / 1000) as usize)
    });
    let markup = move || pods.with(|it| draw(it, room.get()));
    let object = ObjectRef::new("Node", "", &name);
    let label = {
        let name = name.clone();
        move || ["node ", &name, ", ", &tf("node.pods", &[&pods.with(Vec::len).to_string()])].concat()
    };
    let filled = move || format!("{}/{}", pods.with(Vec::len), room.get());
    view! {
        <div class="heat-node" role="group" aria-label=label>
            <div class="line mono xs">
                <button class="title" on:click=move |_| page.select(Some(object.clone()))>{name}</button>
                <span class="push"></span>
                <span class="dim">{filled}</span>
            </div>
            <div class="dots" role="img" aria-label=t("stage.map") inner_html=markup></div>
        </div>
    }
}

fn pods_on(frame: &Frame, node: &str) -> Vec<Arc<PodCard>> {
    frame.pods.iter().filter(|it| it.node.as_deref() == Some(node)).cloned().gather()
}

/// Names are escaped: a hostile one could only come from a bug, but this is markup.
fn draw(pods: &[Arc<PodCard>], room: usize) -> String {
    let mut text = String::new();
    for it in pods {
        let title = escape(&[&it.name, " ", &it.status].concat());
        let _ = write!(
            text,
            "<i class={} data-uid=\"{}\" title=\"{title}\"></i>",
            tone_class(it.tone),
            escape(&it.uid)
        );
    }
    let free = room.min(110).saturating_sub(pods.len());
    text.push_str(&"<i class=free></i>".repeat(free));
    text
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

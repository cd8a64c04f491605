//! The stage: control plane, what waits, nodes with their Pods.

mod flights;
mod node;
mod plane;
mod pod;
pub mod theatre;
mod tiles;
pub mod waiting;

use session::Gather as _;

use crate::components::icon::icon;
use crate::dom::prelude::*;
use crate::i18n::{t, tf};
use crate::session::Page;

/// More Pods than that are drawn as tiles, unless asked otherwise.
const CARDS_MAX: usize = 60;

pub fn stage(page: Page) -> View {
    let element = NodeRef::<html::Div>::new();
    let many = page.pick(|it| it.pods.len() > CARDS_MAX);
    let tiles = Memo::new(move || page.tiles.get().unwrap_or_else(|| many.get()));
    let nodes = page.pick(|it| it.nodes.iter().map(|it| it.name.clone()).gather());
    let count = page.pick(|it| (it.nodes.len(), it.pods.len()));
    let cards = move || {
        view! {
            <div class="nodes">
                <For each=move || nodes.get() key=Clone::clone children=move |name| node::node_card(page, &name) />
            </div>
        }
    };
    let zoom = move || {
        let (nodes, pods) = count.get();
        let now = tiles.get();
        view! {
            <button class="quiet sm" aria-pressed=now.to_string() on:click=move |_| page.tiles.set(Some(!now))>
                {icon("grid")}
                {t(if now { "stage.cards" } else { "stage.tiles" })}
            </button>
            <span class="xs dim">{tf("stage.count", &[&nodes.to_string(), &pods.to_string()])}</span>
        }
    };
    view! {
        <section class="stage" id="stage" tabindex="-1" aria-label=t("stage.label")>
            <div class="stage-inside" node_ref=element>
                {plane::plane(page)}
                {waiting::waiting(page)}
                {theatre::bar(page)}
                {move || if tiles.get() { tiles::tiles(page) } else { cards() }}
                {plane::above_pods(page)}
                <div class="zoom">{zoom}</div>
                {flights::flights(page, element)}
            </div>
        </section>
    }
}

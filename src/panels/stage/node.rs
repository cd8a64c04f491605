//! A node: how full it is, what it says to the Pod that is being placed, and its Pods.

use std::sync::Arc;

use session::Gather as _;
use session::frame::{Amount, Command, Gate, LabelChip, NodeCard, NodeState, ObjectRef, TaintChip, Tone};

use super::pod::pod_card;
use super::theatre;
use crate::components::icon::icon;
use crate::dom::prelude::*;
use crate::i18n::{t, tf};
use crate::panels::chaos::TAINT_EXAMPLE;
use crate::panels::state::pill;
use crate::session::{Dialog, Page};

pub fn node_card(page: Page, name: &str) -> View {
    let name = name.to_owned();
    let card = page.node(name.clone());
    let uids = Memo::new(move || card.with(|it| it.as_ref().map(|it| it.pods.clone()).unwrap_or_default()));
    let class = {
        let name = name.clone();
        move || {
            let mut class = String::from("node");
            let usual = card.with(|it| theatre::usual_look(it.as_ref().and_then(|it| it.gate.as_ref())));
            class.push_str(theatre::look(page, &name).unwrap_or(usual));
            let chosen = page
                .view
                .with(|it| it.selected.as_ref().is_some_and(|it| it.kind == "Node" && it.name == name));
            class.push_str(if chosen { " selected" } else { "" });
            let lit = page.lit.with(|it| (!it.is_empty()).then(|| it.contains(&name)));
            class.push_str(match lit {
                Some(true) => " lit",
                Some(false) => " unlit",
                None => "",
            });
            class
        }
    };
    let label = {
        let name = name.clone();
        move || card.with(|it| it.as_ref().map(|it| ["node ", &name, ", ", &state_words(it)].concat()))
    };
    let inside = move || card.get().map(|it| head(page, &it));
    let station = ["kubelet-", &name].concat();
    view! {
        <div class=class role="group" aria-label=label data-station=station>
            {inside}
            {chips(page, name, card)}
            <div class="pods">
                <For each=move || uids.get() key=Clone::clone children=move |uid| pod_card(page, uid) />
            </div>
        </div>
    }
}

fn state_words(card: &NodeCard) -> String {
    let state = match card.state {
        NodeState::Ready => "Ready",
        NodeState::NotReady => "NotReady",
        NodeState::Unknown => "NotReady (Unknown)",
    };
    let cordoned = if card.cordoned { ", SchedulingDisabled, " } else { ", " };
    [state, cordoned, &tf("node.pods", &[&card.pods.len().to_string()])].concat()
}

fn head(page: Page, card: &Arc<NodeCard>) -> View {
    let state = match (card.state, card.cordoned) {
        (NodeState::Ready, false) => pill(Tone::Ok, "Ready".to_owned()),
        (NodeState::Ready, true) => cordoned(),
        (NodeState::NotReady, _) => pill(Tone::Bad, "NotReady".to_owned()),
        (NodeState::Unknown, _) => pill(Tone::Bad, t("node.silent").to_owned()),
    };
    let name = card.name.clone();
    let (edit, object) = (card.name.clone(), ObjectRef::new("Node", "", &card.name));
    let pods = tf("node.pods", &[&card.pods.len().to_string()]);
    let pressures = card.pressures.iter().map(|it| pill(Tone::Bad, it.clone())).collect_view();
    let amounts = card.amounts.iter().filter(|it| it.resource != "pods").map(amount).collect_view();
    let edit_label = tf("node.edit", &[&card.name]);
    view! {
        <div class="line">
            <button class="title" on:click=move |_| page.select(Some(object.clone()))>{name}</button>
            {state} {pressures}
            <span class="push"></span>
            <span class="xs dim">{pods}</span>
            <button class="quiet" aria-label=edit_label on:click=move |_| page.open_dialog(Dialog::EditNode(edit.clone()))>
                {icon("pencil")}
            </button>
        </div>
        {theatre::line(page, card)}
        <div class="meters">{amounts}</div>
    }
}

fn cordoned() -> View {
    view! { <span class="pill wait">{icon("no")}{t("node.cordoned")}</span> }
}

pub fn gate(gate: &Gate) -> View {
    let by_plugin: Vec<String> =
        gate.by_plugin.iter().map(|(name, score)| format!("{name} {score}")).gather();
    let (class, sign, text) = match (gate.chosen, gate.fits) {
        (true, _) => ("gate acc", "ok", t("node.chosen").to_owned()),
        (_, true) => ("gate ok", "ok", t("node.fits").to_owned()),
        _ => ("gate done", "bad", gate.reason.clone()),
    };
    let score = gate.score.map(|it| view! { <span class="score mono">{it}</span> });
    view! {
        <div class=class title=by_plugin.join("\n")>
            {icon(sign)} <span>{text}</span> <span class="light">{gate.detail.clone()}</span> {score}
        </div>
    }
}

fn amount(it: &Amount) -> View {
    let share = |part: i64| (part.max(0) * 100 / it.allocatable.max(1)).min(100);
    let (requested, used) = (share(it.requested), share(it.used));
    let name = match it.resource.as_str() {
        "memory" => "mem".to_owned(),
        other => other.to_owned(),
    };
    let label = tf("node.amount", &[&it.resource, &requested.to_string(), &used.to_string()]);
    view! {
        <span>{name}</span>
        <div class="meter" role="img" aria-label=label.clone() title=label>
            <i style=format!("width:{requested}%")></i>
            <u style=format!("width:{used}%")></u>
        </div>
        <span class="mono">{it.text.clone()}</span>
    }
}

/// Taints and labels, each removed by its cross, changed by a click on it, and one more added by the plus.
///
/// Apart from the head, which changes with every use of a resource: what is being typed stays.
fn chips(page: Page, node: String, card: Memo<Option<Arc<NodeCard>>>) -> View {
    // None: nothing is edited. Else the text to begin with.
    let editing = RwSignal::new(None::<String>);
    let shown = Memo::new(move || {
        card.with(|it| it.as_ref().map(|it| (it.taints.clone(), it.labels.clone())).unwrap_or_default())
    });
    let of = node.clone();
    let taints = move || {
        let chip = |it: &TaintChip| {
            let command = Command::RemoveTaint { node: of.clone(), taint: it.text() };
            chip(page, editing, it.text(), "chip taint", tf("node.untaint", &[&it.text()]), command)
        };
        shown.with(|it| it.0.iter().map(chip).collect_view())
    };
    let of = node.clone();
    let labels = move || {
        let chip = |it: &LabelChip| {
            let text = if it.value.is_empty() { it.key.clone() } else { [&it.key, "=", &it.value].concat() };
            let object = ObjectRef::new("Node", "", &of);
            let command = Command::EditLabel { object, key: it.key.clone(), value: None };
            let label = tf("node.unlabel", &[&text]);
            chip(page, editing, text, "chip", label, command)
        };
        shown.with(|it| it.1.iter().filter(|it| !it.well_known).map(chip).collect_view())
    };
    let add = tf("edit.add", &[&node]);
    let last = move || {
        if let Some(text) = editing.get() {
            return field(page, editing, node.clone(), text);
        }
        let label = add.clone();
        view! { <button class="quiet plus" aria-label=label.clone() title=label on:click=move |_| editing.set(Some(String::new()))>"+"</button> }
    };
    view! { <ul class="chips" aria-label=t("node.chips")>{taints} {labels} <li>{last}</li></ul> }
}

fn chip(
    page: Page,
    editing: RwSignal<Option<String>>,
    text: String,
    class: &'static str,
    remove: String,
    command: Command,
) -> View {
    let (change, begin) = (tf("edit.change", &[&text]), text.clone());
    view! {
        <li class=class>
            <button class="text" aria-label=change on:click=move |_| editing.set(Some(begin.clone()))>{text}</button>
            <button
                aria-label=remove
                on:click=move |_| {
                    page.run(command.clone());
                }
            >
                "×"
            </button>
        </li>
    }
}

/// Enter sets what is typed, Escape leaves it.
fn field(page: Page, editing: RwSignal<Option<String>>, node: String, begin: String) -> View {
    let input = NodeRef::<html::Input>::new();
    Effect::new(move || {
        if let Some(it) = input.get() {
            // It has only just been put there by somebody's click.
            let _ = it.focus();
        }
    });
    let label = tf("edit.add", &[&node]);
    let wrong = RwSignal::new(false);
    let done = move || {
        let text = input.get_untracked().map(|it| it.value()).unwrap_or_default();
        match Command::of_chip(&node, &text) {
            Some(command) => {
                editing.set(None);
                page.run(command);
            }
            None => wrong.set(true),
        }
    };
    view! {
        <form
            class="chip-form"
            on:submit=move |event| {
                event.prevent_default();
                done();
            }
        >
            <input
                node_ref=input
                class="mono"
                value=begin
                aria-label=label
                aria-invalid=move || wrong.get().to_string()
                title=t("edit.how")
                placeholder=TAINT_EXAMPLE
                on:keydown=move |event| {
                    if event.key() == "Escape" {
                        editing.set(None);
                    }
                }
            />
            <button class="act sm" type="submit">{t("edit.set")}</button>
            {move || wrong.get().then(|| view! { <span class="xs" role="status">{t("edit.wrong")}</span> })}
        </form>
    }
}

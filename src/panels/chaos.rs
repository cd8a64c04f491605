//! What can be broken, and mended again. And a node's labels and taints.

use leptos::prelude::*;
use session::frame::{Command, FaultTarget, ObjectRef};

use crate::components::icon::icon;
use crate::i18n::{t, tf};
use crate::session::Page;

/// As kubectl writes a taint.
const TAINT_EXAMPLE: &str = "env=dev:NoSchedule";

/// What its head says, and the fault of a node.
type Column = (&'static str, fn(String) -> FaultTarget);

pub fn chaos(page: Page) -> AnyView {
    let nodes = page.frame.with_untracked(|it| it.nodes.iter().map(|it| it.name.clone()).collect::<Vec<_>>());
    let columns: [Column; 4] = [
        ("chaos.node", |node| FaultTarget::Node { node }),
        ("chaos.kubelet", |node| FaultTarget::Kubelet { node }),
        ("chaos.runtime", |node| FaultTarget::Runtime { node }),
        ("chaos.network", |node| FaultTarget::Network { node }),
    ];
    let heads = columns.iter().map(|(word, _)| view! { <th scope="col">{t(word)}</th> }).collect_view();
    let rows = nodes.into_iter().map(|node| {
        let cells = columns.iter().map(|(word, target)| {
            let label = [t(word), " ", &node].concat();
            view! { <td>{switch(page, target(node.clone()), label)}</td> }.into_any()
        });
        let cells = cells.collect_view();
        view! { <tr><th scope="row" class="mono">{node}</th>{cells}</tr> }.into_any()
    });
    let selected = page.view.with_untracked(|it| it.selected.clone()).filter(|it| it.kind == "Pod");
    view! {
        <p class="dim">{t("chaos.about")}</p>
        <div class="scroll-x">
            <table class="chaos">
                <thead><tr><th>{t("chaos.machine")}</th>{heads}</tr></thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
        <h3>{t("chaos.registry")}</h3>
        <div class="acts">{switch(page, FaultTarget::Registry, t("chaos.registry.down").to_owned())}
            <span class="sm">{t("chaos.registry.down")}</span></div>
        {selected.map(|it| of_pod(page, &it))}
    }
    .into_any()
}

/// On is broken; a click mends.
fn switch(page: Page, target: FaultTarget, label: String) -> AnyView {
    let of = target.clone();
    let on = page.pick(move |it| it.about.faults.contains(&of));
    let words = move || t(if on.get() { "chaos.mend" } else { "chaos.break" });
    view! {
        <button
            class="act"
            class:broken=move || on.get()
            aria-pressed=move || on.get().to_string()
            aria-label=label
            on:click=move |_| page.fault(target.clone())
        >
            {icon("bolt")}
            {words}
        </button>
    }
    .into_any()
}

fn of_pod(page: Page, pod: &ObjectRef) -> AnyView {
    let containers = page.frame.with_untracked(|it| {
        let card = it.pod_named(&pod.namespace, &pod.name);
        card.map(|it| it.containers.iter().map(|it| it.name.clone()).collect::<Vec<_>>()).unwrap_or_default()
    });
    let kills = containers.into_iter().map(|container| {
        let words = tf("chaos.kill", &[&container]);
        let (namespace, pod) = (pod.namespace.clone(), pod.name.clone());
        let run = move |_| {
            let (namespace, pod, container) = (namespace.clone(), pod.clone(), container.clone());
            page.run(Command::KillContainer { namespace, pod, container });
        };
        view! { <button class="act" on:click=run>{icon("bolt")} {words}</button> }.into_any()
    });
    let (namespace, name) = (pod.namespace.clone(), pod.name.clone());
    let target = FaultTarget::Sandbox { namespace, pod: name };
    view! {
        <h3 class="plain">{["pod/", &pod.name].concat()}</h3>
        <div class="acts">
            {kills.collect_view()}
            <button class="act" on:click=move |_| page.fault(target.clone())>{icon("bolt")} {t("act.kill_sandbox")}</button>
        </div>
    }
    .into_any()
}

/// Labels and taints of a node, by hand.
pub fn edit_node(page: Page, node: &str) -> AnyView {
    let text = RwSignal::new(String::new());
    let wrong = RwSignal::new(false);
    let (of_label, of_taint) = (node.to_owned(), node.to_owned());
    let label = move |_| {
        let line = text.get_untracked();
        let Some((key, value)) = line.split_once('=') else { return wrong.set(true) };
        let object = ObjectRef::new("Node", "", &of_label);
        page.run(Command::EditLabel {
            object,
            key: key.trim().to_owned(),
            value: Some(value.trim().to_owned()),
        });
        text.set(String::new());
    };
    let taint = move |_| {
        let taint = text.get_untracked().trim().to_owned();
        if !taint.contains(':') {
            return wrong.set(true);
        }
        page.run(Command::AddTaint { node: of_taint.clone(), taint });
        text.set(String::new());
    };
    let act = |word: &'static str, command: Command| {
        let run = move |_| {
            page.run(command.clone());
        };
        view! { <button class="act" on:click=run>{t(word)}</button> }.into_any()
    };
    let name = || node.to_owned();
    view! {
        <label class="field">
            <span>{t("edit.text")}</span>
            <input
                class="mono"
                placeholder=TAINT_EXAMPLE
                prop:value=move || text.get()
                on:input=move |event| {
                    wrong.set(false);
                    text.set(event_target_value(&event));
                }
            />
        </label>
        <p class="sm" role="status">{move || if wrong.get() { t("edit.wrong") } else { t("edit.how") }}</p>
        <div class="acts">
            <button class="act" on:click=label>{t("edit.label")}</button>
            <button class="act" on:click=taint>{t("edit.taint")}</button>
            {act("act.cordon", Command::SetCordoned { node: name(), cordoned: true })}
            {act("act.uncordon", Command::SetCordoned { node: name(), cordoned: false })}
            {act("act.drain", Command::Drain { node: name() })}
        </div>
    }
    .into_any()
}

//! What can be broken, and mended again. And a node's labels and taints.

use session::Gather as _;
use session::frame::{Command, FaultTarget, ObjectRef, Trouble};

use crate::components::icon::icon;
use crate::dom::prelude::*;
use crate::i18n::{t, tf};
use crate::session::Page;

/// As kubectl writes a taint.
pub const TAINT_EXAMPLE: &str = "env=dev:NoSchedule";

/// Pods that are offered.
const PODS_MAX: usize = 100;

/// What its head says, and the fault of a node.
type Column = (&'static str, fn(String) -> FaultTarget);

pub fn chaos(page: Page) -> View {
    let nodes = page.frame.with_untracked(|it| it.nodes.iter().map(|it| it.name.clone()).gather());
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
            view! { <td>{switch(page, target(node.clone()), label)}</td> }
        });
        let cells = cells.collect_view();
        view! { <tr><th scope="row" class="mono">{node}</th>{cells}</tr> }
    });
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
        <h3>{t("chaos.pod")}</h3>
        {pods(page)}
        {move || page.view.with(|it| it.selected.clone()).filter(|it| it.kind == "Pod").map(|it| of_pod(page, &it))}
    }
}

/// Whose containers shall be broken.
fn pods(page: Page) -> View {
    let all: Vec<ObjectRef> = page.frame.with_untracked(|it| {
        it.pods.iter().take(PODS_MAX).map(|it| ObjectRef::pod(&it.namespace, &it.name)).gather()
    });
    if all.is_empty() {
        return view! { <p class="dim sm">{t("chaos.no_pod")}</p> };
    }
    let chosen = page.view.with_untracked(|it| it.selected.clone());
    let none = !chosen.as_ref().is_some_and(|it| all.contains(it));
    let options = all.iter().enumerate().map(|(index, it)| {
        let name = [&it.namespace, "/", &it.name].concat();
        let selected = chosen.as_ref() == Some(it);
        view! { <option value=index.to_string() selected=selected>{name}</option> }
    });
    let options = options.collect_view();
    let choose = move |event| {
        let found = event_target_value(&event).parse::<usize>().ok().and_then(|it| all.get(it).cloned());
        page.select(found);
    };
    view! {
        <select class="mono" aria-label=t("chaos.pod") on:change=choose>
            {none.then(|| view! { <option value="" selected=true>{t("chaos.choose")}</option> })}
            {options}
        </select>
    }
}

/// On is broken; a click mends.
fn switch(page: Page, target: FaultTarget, label: String) -> View {
    let of = target.clone();
    let on = page.pick(move |it| it.about.faults.contains(&of));
    let words = move || t(if on.get() { "chaos.mend" } else { "chaos.break" });
    let name = move || [words(), " ", &label].concat();
    view! {
        <button
            class="act"
            class:broken=move || on.get()
            aria-pressed=move || on.get().to_string()
            aria-label=name
            on:click=move |_| page.fault(target.clone())
        >
            {icon("bolt")}
            {words}
        </button>
    }
}

fn of_pod(page: Page, pod: &ObjectRef) -> View {
    let containers = page.frame.with_untracked(|it| {
        let card = it.pod_named(&pod.namespace, &pod.name);
        card.map(|it| it.containers.iter().map(|it| it.name.clone()).gather()).unwrap_or_default()
    });
    let act = |words: &'static str, label: String, command: Command| {
        let run = move |_| {
            page.run(command.clone());
        };
        // What is written on the button is part of its name.
        let named = label.to_ascii_lowercase().contains(&t(words).to_ascii_lowercase());
        let label = if named { label } else { [t(words), " ", &label].concat() };
        view! { <td><button class="act" aria-label=label on:click=run>{icon("bolt")} {t(words)}</button></td> }
    };
    let rows = containers.into_iter().map(|container| {
        let (namespace, pod) = (pod.namespace.clone(), pod.name.clone());
        let kill = Command::KillContainer {
            namespace: namespace.clone(),
            pod: pod.clone(),
            container: container.clone(),
        };
        let trouble = |words: &'static str, trouble: Trouble| {
            let (namespace, pod, container) = (namespace.clone(), pod.clone(), container.clone());
            let label = [t(words), ": ", &container].concat();
            act(words, label, Command::Trouble { namespace, pod, container, trouble })
        };
        view! {
            <tr>
                <th scope="row" class="mono">{container.clone()}</th>
                {act("act.kill", tf("chaos.kill", &[&container]), kill)}
                {trouble("chaos.leak", Trouble::LeakMemory)}
                {trouble("chaos.fill", Trouble::FillDisk)}
                {trouble("chaos.slow", Trouble::SlowStart)}
            </tr>
        }
    });
    let rows = rows.collect_view();
    let (namespace, name) = (pod.namespace.clone(), pod.name.clone());
    let target = FaultTarget::Sandbox { namespace, pod: name };
    view! {
        <div class="scroll-x"><table class="chaos"><tbody>{rows}</tbody></table></div>
        <p class="dim sm">{t("chaos.how")}</p>
        <div class="acts">
            <button class="act" on:click=move |_| page.fault(target.clone())>{icon("bolt")} {t("act.kill_sandbox")}</button>
        </div>
    }
}

/// Labels and taints of a node, by hand.
pub fn edit_node(page: Page, node: &str) -> View {
    let text = RwSignal::new(String::new());
    let wrong = RwSignal::new(false);
    let of = node.to_owned();
    let set = move |_| match Command::of_chip(&of, &text.get_untracked()) {
        Some(command) => {
            page.run(command);
            text.set(String::new());
        }
        None => wrong.set(true),
    };
    let act = |word: &'static str, command: Command| {
        let run = move |_| {
            page.run(command.clone());
        };
        view! { <button class="act" on:click=run>{t(word)}</button> }
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
            <button class="act" on:click=set>{t("edit.set")}</button>
            {act("act.cordon", Command::SetCordoned { node: name(), cordoned: true })}
            {act("act.uncordon", Command::SetCordoned { node: name(), cordoned: false })}
            {act("act.drain", Command::Drain { node: name() })}
        </div>
    }
}

//! Inside a Pod: what its containers share and what is theirs.

use std::sync::Arc;

use session::Gather as _;
use session::frame::{
    Command, ContainerKind, Drawer, FaultTarget, Inside, Inspector, Namespace, NamespaceKind, ObjectRef,
    Port, ProcessLine, Room, Sample, Tone, Usage,
};

use crate::components::icon::icon;
use crate::dom::prelude::*;
use crate::i18n::{bytes, t, tf};
use crate::panels::state::{kind_word, pill, volume_kind};
use crate::session::Page;

/// Files of a volume that are listed.
const FILES_MAX: usize = 12;

pub fn inside(page: Page, card: &Arc<Inspector>) -> View {
    let Some(it) = card.inside.clone() else {
        return view! { <p class="dim">{t("inside.none")}</p> };
    };
    let chips = |shared: bool| {
        let list = it.namespaces.iter().filter(|it| it.shared == shared);
        list.map(|it| namespace(it, shared)).collect_view()
    };
    let rooms = it.rooms.iter().map(|room| self::room(page, &card.object, &it.node, room)).collect_view();
    let drawers = it.drawers.iter().map(drawer).collect_view();
    view! {
        <div class="pod-box">
            <div class="ns-row">
                <span class="xs dim">{t("inside.shared")}</span>
                <div class="chips">{chips(true)}</div>
                <span class="xs dim">{t("inside.apart")}</span>
                <div class="chips">{chips(false)}</div>
            </div>
            {bus(&it)}
            <div class="rooms">{rooms}</div>
            {(!it.drawers.is_empty()).then(|| view! { <div class="drawers">{drawers}</div> })}
        </div>
    }
}

fn namespace(it: &Namespace, shared: bool) -> View {
    let name = match it.kind {
        NamespaceKind::Net => "net",
        NamespaceKind::Ipc => "ipc",
        NamespaceKind::Uts => "uts",
        NamespaceKind::Pid => "pid",
        NamespaceKind::Mnt => "mnt",
        NamespaceKind::User => "user",
        NamespaceKind::Cgroup => "cgroup",
    };
    let host = it.host.then(|| t("inside.host"));
    let class = if shared { "pill acc" } else { "pill done" };
    view! { <span class=class>{name} " " {it.shows.clone()} " " {host}</span> }
}

fn bus(it: &Inside) -> View {
    let ports = it.ports.iter().map(port).collect_view();
    view! {
        <div class="bus">
            <span>"lo 127.0.0.1"</span>
            <span>"eth0 " {it.ip.clone()}</span>
            {ports}
        </div>
    }
}

fn port(it: &Port) -> View {
    let words = t(if it.open { "inside.listens" } else { "inside.declared" });
    let number = format!(":{} {}", it.port, it.container);
    let host = it
        .host_port
        .map(|host| view! { <span class="pill wait">{format!("hostPort {host} → {}", it.port)}</span> });
    view! { <span class:dim=!it.open>{words} " " {number}</span> {host} }
}

fn room(page: Page, pod: &ObjectRef, node: &str, it: &Room) -> View {
    let number = (it.kind == ContainerKind::Init).then(|| view! { <span class="num">{it.step}</span> });
    let tag = matches!(it.kind, ContainerKind::Sidecar | ContainerKind::Ephemeral)
        .then(|| pill(Tone::Busy, kind_word(it.kind).to_owned()));
    let processes = it.processes.iter().map(|line| process(page, node, line, it.pause)).collect_view();
    let (namespace, name) = (pod.namespace.clone(), pod.name.clone());
    let command = if it.pause {
        Command::Fault { target: FaultTarget::Sandbox { namespace, pod: name } }
    } else {
        Command::KillContainer { namespace, pod: name, container: it.name.clone() }
    };
    let alive = it.processes.iter().any(|it| !it.ended);
    let label = tf("inside.kill", &[&it.name]);
    let kill = (alive || it.pause).then(|| {
        let run = move |_| {
            page.run(command.clone());
        };
        view! { <button class="link danger sm" aria-label=label on:click=run>{icon("bolt")} {t("act.kill")}</button> }
    });
    let note = it.pause.then(|| view! { <p class="xs dim">{t("inside.pause")}</p> });
    let ports = it.ports.iter().map(|it| view! { <span class="port">":" {*it}</span> }).collect_view();
    view! {
        <section class=if it.pause { "room pause" } else { "room" } aria-label=it.name.clone()>
            <h3>{number} {it.name.clone()} {tag} <span class="push"></span> {pill(it.tone, it.state.clone())}</h3>
            {note}
            <pre class="tree" tabindex="0">{processes}</pre>
            <div class="chips">{ports}</div>
            {(!it.pause).then(|| curve(page, it.name.clone()))}
            {kill}
        </section>
    }
}

/// A line of the tree; each process can be killed by itself.
fn process(page: Page, node: &str, line: &ProcessLine, pause: bool) -> View {
    let branch = if line.depth > 0 { "└ " } else { "" };
    let text =
        ["  ".repeat(line.depth.saturating_sub(1) as usize).as_str(), branch, &line.pid.to_string(), " "]
            .concat();
    let class = if line.ended { "ended" } else { "" };
    let command = Command::KillProcess { node: node.to_owned(), pid: line.node_pid };
    let label = tf("inside.kill_process", &[&line.pid.to_string(), &line.command]);
    let kill = (!line.ended && !pause).then(|| {
        let run = move |_| {
            page.run(command.clone());
        };
        view! { " " <button class="link danger" aria-label=label.clone() title=label on:click=run>"×"</button> }
    });
    view! { <span class=class>{text}<b>{line.command.clone()}</b>{kill}"\n"</span> }
}

/// Follows the clock by itself, so that the rest of the room stays as it is.
fn curve(page: Page, container: String) -> View {
    let usage = page.pick(move |it| it.memory.iter().find(|it| it.container == container).cloned());
    (move || usage.get().map(|it| memory(&it))).into_view()
}

/// Memory over the last samples, against request and limit.
fn memory(it: &Usage) -> View {
    let seen = it.curve.iter().map(|it| it.bytes);
    let top = it.limit.into_iter().chain(it.request).chain([it.used]).chain(seen).max().unwrap_or(1).max(1);
    let y = |value: u64| 50 - (value.saturating_mul(40) / top);
    let start = it.curve.first().map_or(0, |it| it.at);
    let length = it.curve.last().map_or(1, |it| it.at.saturating_sub(start)).max(1);
    let point = |it: &Sample| {
        let x = it.at.saturating_sub(start) * 220 / length;
        [x.to_string(), y(it.bytes).to_string()].join(",")
    };
    let points: Vec<String> = it.curve.iter().map(point).gather();
    let line = |value: u64, class: &'static str, words: String| {
        let at = y(value);
        view! {
            <path class=class d=format!("M0 {at}H220")></path>
            <text class=class x="2" y=(at - 2).to_string()>{words}</text>
        }
    };
    let limit = it.limit.map(|value| line(value, "limit", tf("inside.limit", &[&bytes(value)])));
    let request = it.request.map(|value| line(value, "request", tf("inside.request", &[&bytes(value)])));
    view! {
        <svg class="curve" viewBox="0 0 220 54" role="img" aria-label=tf("inside.memory", &[&bytes(it.used)])>
            {request} {limit} <polyline points=points.join(" ")></polyline>
        </svg>
        <div class="xs dim">{tf("inside.memory", &[&bytes(it.used)])}</div>
    }
}

fn drawer(it: &Drawer) -> View {
    let mounts = it.mounts.iter().map(|it| {
        let (class, word) = if it.read_only { ("ro", "inside.reads") } else { ("rw", "inside.writes") };
        let words = tf(word, &[&it.container]);
        view! { <li><span class=class>{words}</span> " " <span class="mono">{it.path.clone()}</span></li> }
    });
    let files = it.files.iter().take(FILES_MAX).map(|it| {
        view! { <li class="mono"><span>{it.path.clone()}</span><span class="dim">{bytes(it.bytes)}</span></li> }
    });
    view! {
        <section class="drawer" aria-label=it.name.clone()>
            <div class="line">
                {icon("drawer")} <b class="mono sm">{it.name.clone()}</b>
                <span class="xs dim mono">{volume_kind(it.kind)} " " {it.source.clone()}</span>
            </div>
            <ul class="mounts">{mounts.collect_view()}</ul>
            <ul class="files">{files.collect_view()}</ul>
        </section>
    }
}

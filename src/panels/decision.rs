//! A scheduling decision as a table: filters in their order, the first that says no ends a row; then weighted scores.

use std::sync::Arc;

use leptos::prelude::*;
use session::frame::{Command, Decision, DecisionRow, Remedy, RemedyKind, Verdict};

use crate::components::icon::icon;
use crate::i18n::{clock_tenths, t, tf};
use crate::session::{Dialog, Page};

/// Rows on the page; more than that nobody reads.
const ROWS_MAX: usize = 100;

pub fn decision(page: Page) -> AnyView {
    let Some(it) = page.frame.with(|it| it.decision.clone()) else {
        return view! { <p>{t("decision.none")}</p> }.into_any();
    };
    let pod = [&it.pod.namespace, "/", &it.pod.name].concat();
    let at = clock_tenths(it.at);
    let answer = match &it.chosen {
        Some(node) => tf("decision.chosen", &[node, &pod, &at]),
        None => tf("decision.nowhere", &[&pod, &at]),
    };
    let tie = it.tie.then(|| view! { <p class="sm dim">{t("decision.tie")}</p> });
    let heads = it.columns.iter().map(|it| {
        let weight = (it.scores && it.weight != 1).then(|| format!(" ×{}", it.weight));
        view! { <th scope="col" title=it.plugin.clone()>{short(&it.plugin)} {weight}</th> }.into_any()
    });
    let best = it.rows.iter().filter_map(|it| it.total).max().unwrap_or_default().max(1);
    let rows = it.rows.iter().take(ROWS_MAX).map(|row| self::row(&it, row, best)).collect_view();
    let victims: Vec<&str> = it.victims.iter().map(|it| it.name.as_str()).collect();
    let victims =
        (!victims.is_empty()).then(|| view! { <p>{tf("decision.victims", &[&victims.join(", ")])}</p> });
    let message = (!it.message.is_empty()).then(|| view! { <p><code>{it.message.clone()}</code></p> });
    view! {
        <p>{answer}</p>
        {message}
        <p class="sm dim">{tf("decision.how", &[&it.examined.to_string(), &it.total.to_string()])}</p>
        {tie}
        {victims}
        <div class="scroll-x" tabindex="0" role="region" aria-label=t("decision.title")>
            <table class="decision">
                <thead>
                    <tr><th scope="col">{t("decision.node")}</th>{heads.collect_view()}<th scope="col">{t("decision.total")}</th></tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// The plugin's name without what all have in common.
fn short(plugin: &str) -> String {
    plugin.trim_start_matches("NodeResources").trim_start_matches("Node").to_owned()
}

fn row(decision: &Arc<Decision>, row: &DecisionRow, best: i64) -> AnyView {
    let columns = decision.columns.len();
    let mut cells: Vec<AnyView> = Vec::new();
    match &row.verdict {
        Verdict::NotExamined => {
            cells.push(
                view! { <td class="x" colspan=columns.to_string()>{t("decision.unseen")}</td> }.into_any(),
            );
        }
        Verdict::Rejected { plugin, reasons } => {
            let at = decision.columns.iter().position(|it| it.plugin == *plugin).unwrap_or_default();
            cells.extend((0..at).map(|index| passed(decision.columns[index].filters)));
            let words = [short(plugin), ": ".to_owned(), reasons.join("; ")].concat();
            let span = (columns - at).to_string();
            cells.push(view! { <td class="x" colspan=span>{icon("bad")} " " {words}</td> }.into_any());
        }
        Verdict::Fits => cells.extend(decision.columns.iter().enumerate().map(|(index, column)| {
            match row.scores.get(index).copied().flatten() {
                Some(score) => view! { <td class="mono">{score}</td> }.into_any(),
                None => passed(column.filters),
            }
        })),
    }
    let chosen = decision.chosen.as_deref() == Some(row.node.as_str());
    let total = row.total.map(|total| {
        let bars = row.scores.iter().flatten().enumerate().filter(|it| *it.1 > 0).map(|(index, score)| {
            let style = format!("width:{}%", score * 100 / best);
            view! { <i class=format!("s{}", index % 6) style=style>{*score}</i> }.into_any()
        });
        view! { <div class="score-bar">{bars.collect_view()}</div> <b class="mono">{total}</b> }.into_any()
    });
    view! {
        <tr class:best=chosen>
            <th scope="row" class="mono">{row.node.clone()}</th>
            {cells}
            <td class="total">{total}</td>
        </tr>
    }
    .into_any()
}

fn passed(filters: bool) -> AnyView {
    if filters {
        view! { <td class="y">{icon("ok")}<span class="unseen">{t("node.fits")}</span></td> }.into_any()
    } else {
        view! { <td></td> }.into_any()
    }
}

/// The smallest changes that would place a Pod.
pub fn remedies(page: Page, uid: &str) -> AnyView {
    let found = page.frame.with_untracked(|it| it.pending.iter().find(|it| it.uid == uid).cloned());
    let Some(pending) = found else { return view! { <p>{t("remedy.none")}</p> }.into_any() };
    let list = pending.remedies.iter().map(|it| remedy(page, it)).collect_view();
    view! { <p><code>{pending.message.clone()}</code></p> <div class="fixes">{list}</div> }.into_any()
}

fn remedy(page: Page, it: &Remedy) -> AnyView {
    let title = t(match it.kind {
        RemedyKind::LowerRequest => "remedy.lower",
        RemedyKind::Tolerate => "remedy.tolerate",
        RemedyKind::RemoveTaint => "remedy.untaint",
        RemedyKind::LabelNode => "remedy.label",
        RemedyKind::Uncordon => "remedy.uncordon",
        RemedyKind::FreePort => "remedy.port",
        RemedyKind::AddNode => "remedy.node",
    });
    let run = it.command.clone().map(|line| {
        let run = move |_| {
            page.run(Command::RunLine { line: line.clone() });
            page.open_dialog(Dialog::None);
        };
        view! { <button class="link sm" on:click=run>{t("remedy.run")}</button> }
    });
    let then = (!it.nodes.is_empty()).then(|| tf("remedy.then", &[&it.nodes.join(", ")]));
    view! {
        <div class="fix"><b>{title}</b><pre><code>{it.preview.clone()}</code></pre><span class="sm dim">{then}</span>{run}</div>
    }
    .into_any()
}

//! Nodes × plugins: filters in their order, the first that says no ends a row; then scores, raw → normalised → weighted.

use std::sync::Arc;

use session::frame::{Decision, DecisionColumn, DecisionRow, Score, Verdict};

use super::short;
use crate::components::icon::icon;
use crate::dom::prelude::*;
use crate::i18n::{t, tf};
use crate::panels::stage::theatre::explained;
use crate::session::Page;

/// Rows on the page; more than that nobody reads.
const ROWS_MAX: usize = 100;

pub fn table(page: Page, it: &Arc<Decision>) -> View {
    if it.rows.is_empty() {
        return View::Nothing;
    }
    let heads = it.columns.iter().map(head);
    let best = it.rows.iter().filter_map(|it| it.total).max().unwrap_or_default().max(1);
    let rows = it.rows.iter().take(ROWS_MAX).map(|row| self::row(page, it, row, best)).collect_view();
    let total = it.scored.then(|| view! { <th scope="col">{t("decision.total")}</th> });
    let legend = it.scored.then(|| view! { <p class="xs dim">{t("decision.legend")}</p> });
    view! {
        <div class="scroll-x" tabindex="0" role="region" aria-label=t("decision.title")>
            <table class="decision">
                <thead><tr><th scope="col">{t("decision.node")}</th>{heads.collect_view()}{total}</tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {legend}
    }
}

fn head(it: &DecisionColumn) -> View {
    let weight = (it.scores && it.weight != 1).then(|| format!(" ×{}", it.weight));
    let mut words = vec![it.plugin.clone()];
    words.extend(it.filters.then(|| explained("filter", &it.plugin)).filter(|it| !it.is_empty()));
    words.extend(it.scores.then(|| explained("score", &it.plugin)).filter(|it| !it.is_empty()));
    view! { <th scope="col" title=words.join("\n")>{short(&it.plugin)} {weight}</th> }
}

fn row(page: Page, decision: &Arc<Decision>, row: &DecisionRow, best: i64) -> View {
    let columns = decision.columns.len();
    let mut cells: Vec<View> = Vec::new();
    match &row.verdict {
        Verdict::NotExamined => {
            cells.push(view! { <td class="x" colspan=columns.to_string()>{t("decision.unseen")}</td> });
        }
        Verdict::Rejected { plugin, reasons, detail } => {
            let at = decision.columns.iter().position(|it| it.plugin == *plugin).unwrap_or_default();
            cells.extend(decision.columns[..at].iter().map(|it| passed(it.filters)));
            let words = [short(plugin), ": ".to_owned(), reasons.join("; ")].concat();
            let span = (columns - at).to_string();
            let detail =
                (!detail.is_empty()).then(|| view! { <span class="light">" " {detail.clone()}</span> });
            cells.push(view! { <td class="x" colspan=span>{icon("bad")} " " {words} {detail}</td> });
        }
        Verdict::Fits => {
            let mut scores = row.scores.iter();
            cells.extend(decision.columns.iter().map(|column| {
                match column.scores.then(|| scores.next().copied().flatten()).flatten() {
                    Some(it) => score(column, it),
                    None => passed(column.filters),
                }
            }));
        }
    }
    let chosen = decision.chosen.as_deref() == Some(row.node.as_str());
    let total =
        decision.scored.then(|| view! { <td class="total">{row.total.map(|it| bar(row, it, best))}</td> });
    let node = row.node.clone();
    let lit = move || page.lit.with(|it| it.contains(&node));
    view! {
        <tr class:best=chosen class:lit=lit>
            <th scope="row" class="mono">{row.node.clone()}</th>
            {cells}
            {total}
        </tr>
    }
}

fn score(column: &DecisionColumn, it: Score) -> View {
    let Score { raw, normalised, weighted } = it;
    let label = tf(
        "decision.score",
        &[&raw.to_string(), &normalised.to_string(), &column.weight.to_string(), &weighted.to_string()],
    );
    let steps = format!("{raw} → {normalised}");
    let title = label.clone();
    view! {
        <td class="mono" title=title>
            <b aria-hidden="true">{weighted}</b> <small aria-hidden="true">{steps}</small> <span class="unseen">{label}</span>
        </td>
    }
}

fn bar(row: &DecisionRow, total: i64, best: i64) -> View {
    let scores = row.scores.iter().flatten().enumerate().filter(|it| 0 < it.1.weighted);
    let parts = scores.map(|(index, it)| {
        let style = format!("width:{}%", it.weighted * 100 / best);
        view! { <i class=format!("s{}", index % 6) style=style>{it.weighted}</i> }
    });
    view! { <div class="score-bar" aria-hidden="true">{parts.collect_view()}</div> <b class="mono">{total}</b> }
}

fn passed(filters: bool) -> View {
    if filters {
        view! { <td class="y">{icon("ok")}<span class="unseen">{t("node.fits")}</span></td> }
    } else {
        view! { <td></td> }
    }
}

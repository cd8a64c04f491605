//! Preemption: on which nodes it would help that others leave, who they are, and why one node was taken.

use session::frame::{Decision, PreemptionRow, Victim};

use crate::dom::prelude::*;
use crate::i18n::{self, t, tf};

pub fn preemption(decision: &Decision) -> View {
    let Some(it) = &decision.preemption else { return View::Nothing };
    if let Some(why) = &it.not_eligible {
        let why = why.clone();
        return view! { <h3>{t("preempt.title")}</h3> <p class="sm">{t("preempt.not")} " " <code>{why}</code></p> };
    }
    if it.rows.is_empty() {
        return View::Nothing;
    }
    let answer = match &it.nominated {
        Some(node) => {
            let by = i18n::lookup(&["preempt.by.", it.decided_by].concat()).unwrap_or_default();
            [&tf("preempt.nominated", &[node]), " ", by].concat()
        }
        None => t("preempt.nobody").to_owned(),
    };
    let rows = it.rows.iter().map(|row| self::row(row, it.nominated.as_deref())).collect_view();
    view! {
        <h3>{t("preempt.title")}</h3>
        <p class="sm">{answer}</p>
        <div class="scroll-x" tabindex="0" role="region" aria-label=t("preempt.title")>
            <table class="decision preempt">
                <thead>
                    <tr>
                        <th scope="col">{t("decision.node")}</th>
                        <th scope="col">{t("preempt.victims")}</th>
                        <th scope="col">{t("preempt.budgets")}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

fn row(row: &PreemptionRow, nominated: Option<&str>) -> View {
    let victims = if row.victims.is_empty() {
        view! { <span class="dim">{row.fails.clone()}</span> }
    } else {
        let victims = row.victims.iter().map(victim).collect_view();
        view! { <ul class="victims">{victims}</ul> }
    };
    let violations = (!row.victims.is_empty()).then_some(row.violations);
    view! {
        <tr class:best=nominated == Some(row.node.as_str())>
            <th scope="row" class="mono">{row.node.clone()}</th>
            <td class="who">{victims}</td>
            <td class="mono">{violations}</td>
        </tr>
    }
}

fn victim(it: &Victim) -> View {
    let priority = it.priority.map(|it| tf("preempt.priority", &[&it.to_string()]));
    let budgets = (!it.budgets.is_empty()).then(|| tf("preempt.budget", &[&it.budgets.join(", ")]));
    let name = [&it.pod.namespace, "/", &it.pod.name].concat();
    view! { <li><span class="mono">{name}</span> " " <span class="dim">{priority} " " {budgets}</span></li> }
}

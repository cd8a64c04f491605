//! The smallest changes that would place a Pod: each says where it lands, and does what its command line does.

use session::Gather as _;
use session::frame::{Command, Remedy, RemedyEdit, RemedyKind, RemedySide};

use crate::dom::prelude::*;
use crate::i18n::{self, t, tf};
use crate::session::{Dialog, Page};

pub fn fixes(page: Page) -> View {
    let found = page.pick_card(|it| it.fixes.clone());
    (move || {
        let found = found.get()?;
        if found.remedies.is_empty() {
            return Some(view! { <h3>{t("remedy.title")}</h3> <p class="sm">{t("remedy.nothing")}</p> });
        }
        let list = found.remedies.iter().map(|it| remedy(page, it)).collect_view();
        let runs = found.runs.to_string();
        let how = if found.complete { tf("remedy.how", &[&runs]) } else { tf("remedy.cut", &[&runs]) };
        Some(view! {
            <h3 id="fixes">{t("remedy.title")}</h3>
            <div class="fixes">{list}</div>
            <p class="xs dim">{how}</p>
        })
    })
    .into_view()
}

fn remedy(page: Page, it: &Remedy) -> View {
    let side = t(match it.side {
        RemedySide::Pod => "remedy.side.pod",
        RemedySide::Cluster => "remedy.side.cluster",
        RemedySide::Both => "remedy.side.both",
    });
    let edits = it.edits.iter().map(edit).collect_view();
    let lands = match &it.lands[..] {
        [one] => tf("remedy.lands", &[one]),
        several => tf("remedy.draws", &[&several.join(", ")]),
    };
    let note = it.note.and_then(|it| i18n::lookup(&["remedy.note.", it].concat()));
    let line = it.command.clone();
    let run = move |_| {
        page.run(Command::RunLine { line: line.clone() });
        page.open_dialog(Dialog::None);
        page.playing.set(true);
    };
    let nodes = it.lands.clone();
    let light = move || page.lit.set(nodes.clone());
    let again = light.clone();
    let dark = move || page.lit.set(Vec::new());
    let titles: Vec<&str> = it.edits.iter().map(|it| title(it.kind)).gather();
    let label = [t("remedy.run"), ": ", &titles.join(", ")].concat();
    view! {
        <div class="fix" role="group" aria-label=titles.join(", ") on:pointerenter=move |_| light() on:pointerleave=move |_| dark()>
            <span class="xs dim">{side}</span>
            {edits}
            <span class="sm lands">{lands}</span>
            <span class="xs dim">{note}</span>
            <details><summary class="sm">{t("remedy.command")}</summary><pre><code>"$ " {it.command.clone()}</code></pre></details>
            <button class="act" aria-label=label on:click=run on:focus=move |_| again() on:blur=move |_| dark()>
                {t("remedy.run")}
            </button>
        </div>
    }
}

fn edit(it: &RemedyEdit) -> View {
    let subject =
        (!it.subject.is_empty()).then(|| view! { <span class="mono sm dim">" " {it.subject.clone()}</span> });
    view! { <div class="edit"><b>{title(it.kind)}</b>{subject}<pre><code>{it.preview.clone()}</code></pre></div> }
}

fn title(kind: RemedyKind) -> &'static str {
    t(match kind {
        RemedyKind::OpenGate => "remedy.gate",
        RemedyKind::LowerRequest => "remedy.lower",
        RemedyKind::Tolerate => "remedy.tolerate",
        RemedyKind::DropSelector => "remedy.selector",
        RemedyKind::DropAffinity => "remedy.affinity",
        RemedyKind::RelaxSpread => "remedy.spread",
        RemedyKind::FreePort => "remedy.port",
        RemedyKind::Uncordon => "remedy.uncordon",
        RemedyKind::RemoveTaint => "remedy.untaint",
        RemedyKind::LabelNode => "remedy.label",
        RemedyKind::DeletePod => "remedy.delete",
        RemedyKind::AddNode => "remedy.node",
    })
}

//! Keys, each of which is also a button; and what this is and is not.

use crate::dom::prelude::*;
use crate::i18n::{t, tf};
use crate::session::Page;

const KEYS: [(&str, &str); 13] = [
    ("Space", "key.play"),
    ("→ .", "key.step"),
    ("← ,", "key.back"),
    ("Shift →", "key.next"),
    ("[ ]", "key.speed"),
    ("Home End", "key.ends"),
    ("F", "key.fork"),
    ("/", "key.filter"),
    ("Ctrl ⏎ · ⌘ ⏎", "key.apply"),
    ("Ctrl S · ⌘ S", "key.share"),
    ("Esc, Tab", "key.leave"),
    ("PageDown PageUp B", "key.clicker"),
    ("?", "key.help"),
];

pub fn help(page: Page) -> View {
    let version = page.frame.with_untracked(|it| it.about.kubernetes.clone());
    let keys = KEYS.iter().map(|(keys, word)| {
        view! { <dt><kbd>{*keys}</kbd></dt> <dd>{crate::i18n::lookup(word).unwrap_or(word)}</dd> }
    });
    view! {
        <p>{tf("help.what", &[&version])}</p>
        <p>{t("help.not")}</p>
        <p>{t("help.private")}</p>
        <h3>{t("help.keys")}</h3>
        <dl class="keys">{keys.collect_view()}</dl>
        <h3>{t("help.shapes")}</h3>
        {legend()}
    }
}

fn legend() -> View {
    use session::frame::Tone;
    let rows = [
        (Tone::Wait, "legend.wait"),
        (Tone::Busy, "legend.busy"),
        (Tone::Ok, "legend.ok"),
        (Tone::NotReady, "legend.half"),
        (Tone::Bad, "legend.bad"),
        (Tone::Done, "legend.done"),
        (Tone::Ending, "legend.ending"),
    ];
    let items = rows.map(|(tone, word)| super::state::pill(tone, t(word).to_owned()));
    view! { <div class="chips">{items.into_iter().collect_view()}</div> }
}

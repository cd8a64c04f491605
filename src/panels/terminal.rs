//! The workstation's terminal. Until its script has come, what it printed stands there as plain text.

use std::time::Duration;

use session::frame::Command;

use crate::browser::terminal::{Options, Terminal, open};
use crate::dom::prelude::*;
use crate::i18n::t;
use crate::session::Page;

/// The first paint comes before the bundle.
const LOAD_DELAY: Duration = Duration::from_millis(400);

pub fn terminal(page: Page) -> View {
    let element = NodeRef::<html::Div>::new();
    let live = StoredValue::new_local(None::<Terminal>);
    let start = move || {
        // The language may have changed meanwhile: then this panel is gone, here and below.
        let Some(host) = element.get_untracked() else { return };
        let options = Options {
            label: t("terminal.label").to_owned(),
            on_input: Box::new(move |text| page.terminal_input(text)),
            on_resize: Box::new(move |columns, rows| {
                page.run(Command::TerminalResize { columns, rows });
            }),
        };
        open(
            host.into(),
            options,
            move || !live.is_disposed(),
            move |terminal| {
                let writer = terminal.clone();
                let before = page.attach_terminal(Some(Box::new(move |text| writer.write(text))));
                terminal.write(&before);
                live.set_value(Some(terminal));
            },
        );
    };
    Effect::new(move || set_timeout(start, LOAD_DELAY));
    Effect::new(move || {
        if page.panel.get() == "terminal" {
            live.with_value(|it| it.iter().for_each(Terminal::focus));
        }
    });
    on_cleanup(move || {
        page.attach_terminal(None);
        live.with_value(|it| it.iter().for_each(Terminal::destroy));
    });
    let plain = page.attach_terminal(None);
    view! {
        <div class="terminal-panel" role="region" aria-label=t("terminal.label")>
            <div class="terminal-host" node_ref=element><pre>{plain}</pre></div>
        </div>
    }
}

//! One modal sheet at a time. The browser's own element keeps the focus inside and closes on Escape.

use super::icon::icon;
use crate::dom::prelude::*;
use crate::i18n::t;

/// A title and what stands under it.
pub struct Sheet {
    pub title: String,
    pub inside: View,
    pub wide: bool,
}

/// Shown while `content` answers a sheet.
pub fn dialog(
    content: impl Fn() -> Option<Sheet> + Send + Sync + 'static,
    close: impl Fn() + Copy + Send + Sync + 'static,
) -> View {
    let element = NodeRef::<html::Dialog>::new();
    let show = move |on: bool| {
        let Some(it) = element.get_untracked() else { return };
        if on && !it.open() {
            let _ = it.show_modal();
        } else if !on && it.open() {
            it.close();
        }
    };
    let body = move || {
        let found = content();
        let on = found.is_some();
        request_animation_frame(move || show(on));
        found.map(|Sheet { title, inside, wide }| {
            view! {
                <div class="sheet" class:wide=wide>
                    <header>
                        <h2 id="sheet-title">{title}</h2>
                        <button class="quiet" aria-label=t("close") on:click=move |_| close()>
                            {icon("close")}
                        </button>
                    </header>
                    <div class="sheet-body">{inside}</div>
                </div>
            }
        })
    };
    view! {
        <dialog node_ref=element aria-labelledby="sheet-title" on:close=move |_| close()>
            {body}
        </dialog>
    }
}

//! The session as an address; as a file; and back.

use wasm_bindgen::JsCast;

use crate::browser;
use crate::dom::prelude::*;
use crate::i18n::{t, tf};
use crate::session::Page;

pub fn share(page: Page, address: &str) -> View {
    let (shown, saved) = (address.to_owned(), address.split_once('#').map_or("", |it| it.1).to_owned());
    let import = move |event: ev::Event| {
        let input = event.target().and_then(|it| it.dyn_into::<web_sys::HtmlInputElement>().ok());
        let Some(file) = input.and_then(|it| it.files()).and_then(|it| it.item(0)) else { return };
        browser::read_file(&file, move |text| page.open_link(text.trim().to_owned()));
    };
    view! {
        <p>{t("share.copied")}</p>
        <label class="field">
            <span>{t("share.address")}</span>
            <textarea readonly rows="4" class="mono" prop:value=shown.clone()></textarea>
        </label>
        <p class="sm dim">{tf("share.length", &[&address.len().to_string()])}</p>
        <div class="acts">
            <button class="act" on:click=move |_| browser::copy(&shown.as_str().into())>{t("share.copy")}</button>
            <button class="act" on:click=move |_| browser::download("pod-playground.txt", &saved)>
                {t("share.export")}
            </button>
            <label class="act file">{t("share.import")}<input type="file" class="unseen" on:change=import /></label>
        </div>
    }
}

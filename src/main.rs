//! Pod Playground: the page. Mounts the app and tells kindly when something broke; nothing else.
//! It exists in a browser only; for other targets it is empty, so that native suites never compile Leptos.

#[cfg(target_arch = "wasm32")]
mod app;
#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(target_arch = "wasm32")]
mod components;
#[cfg(target_arch = "wasm32")]
mod dom;
#[cfg(target_arch = "wasm32")]
mod i18n;
#[cfg(target_arch = "wasm32")]
mod panels;
#[cfg(target_arch = "wasm32")]
mod session;

#[cfg(target_arch = "wasm32")]
fn main() {
    std::panic::set_hook(Box::new(|info| {
        console_error_panic_hook::hook(info);
        browser::show_sheet("crash");
    }));
    wasm_bindgen_futures::spawn_local(async {
        let language = i18n::Language::from_code(&browser::language());
        if i18n::fetch(language).await {
            let start = session::Start::find().await;
            browser::remove_shell();
            if let Some(body) = dom::document().body() {
                dom::show(&body, move || app::app(language, start));
            }
        } else {
            browser::show_sheet("speechless");
        }
    });
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {}

//! The only callers of the browser: storage, address, clipboard, frame timer, and the editor's and terminal's scripts.

pub mod editor;
pub mod terminal;

use js_sys::{Array, Function, Promise, Reflect};
use session::{LinkError, UNPACKED_MAX};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::dom::prelude::*;

/// Milliseconds on the page's own clock; only the pace depends on it.
pub fn milliseconds() -> f64 {
    window().performance().map_or(0.0, |it| it.now())
}

/// Calls `each` once for every animation frame, for ever, with the milliseconds since the last one.
pub fn every_frame(each: impl FnMut(f64) + 'static) {
    fn next(last: f64, mut each: Box<dyn FnMut(f64)>) {
        request_animation_frame(move || {
            let now = milliseconds();
            each(now - last);
            next(now, each);
        });
    }
    next(milliseconds(), Box::new(each));
}

pub fn stored(key: &str) -> Option<String> {
    window().local_storage().ok()??.get_item(&["pod-playground.", key].concat()).ok()?
}

/// A full or forbidden storage loses the comfort, never the session in the tab.
pub fn store(key: &str, value: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.set_item(&["pod-playground.", key].concat(), value);
    }
}

/// What stands after `#`, without it.
pub fn address() -> String {
    let hash = window().location().hash().unwrap_or_default();
    let query = window().location().search().unwrap_or_default();
    let join = if hash.len() > 1 && query.len() > 1 { "&" } else { "" };
    [query.trim_start_matches('?'), join, hash.trim_start_matches('#')].concat()
}

/// The value of `key` in an address such as `v=1&lang=zh-CN`.
pub fn parameter(address: &str, key: &str) -> Option<String> {
    address.split('&').find_map(|it| it.strip_prefix(key)?.strip_prefix('=').map(str::to_owned))
}

/// The whole address of this page with `link` after the `#`.
pub fn address_with(link: &str) -> String {
    let location = window().location();
    let base = [location.origin().unwrap_or_default(), location.pathname().unwrap_or_default()].concat();
    [&base, "#", link].concat()
}

pub fn show_address(address: &str) {
    if let Ok(history) = window().history() {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(address));
    }
}

/// A text, or the promise of one.
pub fn copy(text: &JsValue) {
    // Without a secure context there is no clipboard; the address bar still has it.
    if !window().navigator().clipboard().is_undefined() {
        page_script("playgroundCopy", std::slice::from_ref(text));
    }
}

/// Promises `head` with `to_pack` behind it, packed, after what was promised before.
pub fn pack(head: &str, to_pack: Option<&str>) -> JsValue {
    page_script("playgroundPack", &[head.into(), to_pack.into()])
}

/// Unpacks the packed part of a link.
pub async fn unpack(packed: &str) -> Result<String, LinkError> {
    let most = UNPACKED_MAX as u32;
    let unpacked = arrival(page_script("playgroundUnpack", &[packed.into(), most.into()])).await;
    match unpacked.ok_or(LinkError::Damaged("z"))? {
        it if it.is_null() => Err(LinkError::TooLarge),
        it => it.as_string().ok_or(LinkError::Packing),
    }
}

/// The language that index.html chose before the first paint.
pub fn language() -> String {
    document().document_element().and_then(|it| it.get_attribute("lang")).unwrap_or_default()
}

/// The file of a language's words. index.html asked for the first one already when it began to load the program.
pub async fn words(language: &str) -> Option<String> {
    arrival(page_script("playgroundWords", &[language.into()])).await?.as_string()
}

/// Calls one of the functions that index.html has for us.
fn page_script(name: &str, arguments: &[JsValue]) -> JsValue {
    call(&js_sys::global(), name, arguments)
}

/// What a promise comes to; none if it is broken.
pub async fn arrival(promise: JsValue) -> Option<JsValue> {
    JsFuture::from(promise.dyn_into::<Promise>().ok()?).await.ok()
}

pub fn matches(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|it| it.matches())
}

pub fn set_root(name: &str, value: &str) {
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute(name, value);
    }
}

pub fn set_title(title: &str) {
    document().set_title(title);
}

/// The first paint, which came with the document.
pub fn remove_shell() {
    if let Some(shell) = document().get_element_by_id("shell") {
        shell.remove();
    }
}

/// Shows one of the sheets of index.html, which lie over a page that cannot go on.
pub fn show_sheet(id: &str) {
    if let Some(box_) = document().get_element_by_id(id) {
        let _ = box_.remove_attribute("hidden");
    }
}

/// Where an element's middle is, in the coordinates of `within`.
pub fn middle(of: &str, within: &web_sys::Element) -> Option<(f64, f64)> {
    let element = within.query_selector(of).ok()??;
    let (it, base) = (element.get_bounding_client_rect(), within.get_bounding_client_rect());
    (it.width() > 0.0)
        .then(|| (it.left() - base.left() + it.width() / 2.0, it.top() - base.top() + it.height() / 2.0))
}

/// What share of its width a pointer stands at, from 0 to 1.
pub fn share_of_width(element: &web_sys::Element, client_x: i32) -> f64 {
    let it = element.get_bounding_client_rect();
    ((f64::from(client_x) - it.left()) / it.width().max(1.0)).clamp(0.0, 1.0)
}

pub fn is_left_of(element: &web_sys::Element, client_x: i32) -> bool {
    f64::from(client_x) < element.get_bounding_client_rect().left()
}

/// The `data-…` value of the nearest element at or above an event's target.
pub fn data_of(event: &web_sys::Event, attribute: &str) -> Option<String> {
    let target: web_sys::Element = event.target()?.dyn_into().ok()?;
    target.closest(&["[", attribute, "]"].concat()).ok()??.get_attribute(attribute)
}

/// Whether keys belong to a field, an editor or the terminal rather than to the page.
pub fn is_typing(event: &web_sys::Event) -> bool {
    let Some(target) = event.target().and_then(|it| it.dyn_into::<web_sys::Element>().ok()) else {
        return false;
    };
    let fields = "input, textarea, select, [contenteditable=true], .xterm";
    target.closest(fields).ok().flatten().is_some()
}

/// Whether Space or Enter would press the focused element.
pub fn is_on_button(event: &web_sys::Event) -> bool {
    let target = event.target().and_then(|it| it.dyn_into::<web_sys::Element>().ok());
    target.is_some_and(|it| {
        it.closest("button, a, [role=tab], [role=slider], summary").ok().flatten().is_some()
    })
}

pub fn download(name: &str, text: &str) {
    let parts = Array::of1(&JsValue::from_str(text));
    let Ok(blob) = web_sys::Blob::new_with_str_sequence(&parts) else { return };
    let Ok(url) = web_sys::Url::create_object_url_with_blob(&blob) else { return };
    if let Ok(Ok(link)) = document().create_element("a").map(JsCast::dyn_into::<web_sys::HtmlAnchorElement>) {
        link.set_href(&url);
        link.set_download(name);
        link.click();
    }
    let _ = web_sys::Url::revoke_object_url(&url);
}

/// Loads one of our own scripts once and then calls `ready`, if that is still `wanted`.
fn load(
    script: &str,
    global: &'static str,
    wanted: impl Fn() -> bool + 'static,
    ready: impl FnOnce(JsValue) + 'static,
) {
    let done = move |it| {
        if wanted() {
            ready(it);
        }
    };
    let found = move || Reflect::get(&js_sys::global(), &global.into()).ok().filter(|it| !it.is_undefined());
    if let Some(it) = found() {
        return done(it);
    }
    let Ok(element) = document().create_element("script") else { return };
    let _ = element.set_attribute("src", script);
    let loaded = Closure::once_into_js(move || {
        if let Some(it) = found() {
            done(it);
        }
    });
    let _ = element.add_event_listener_with_callback("load", loaded.unchecked_ref());
    if let Some(head) = document().head() {
        let _ = head.append_child(&element);
    }
}

fn style_sheet(file: &str) {
    if let (Ok(link), Some(head)) = (document().create_element("link"), document().head()) {
        let _ = link.set_attribute("rel", "stylesheet");
        let _ = link.set_attribute("href", file);
        let _ = head.append_child(&link);
    }
}

/// A JavaScript object of the given pairs.
fn object(pairs: &[(&str, JsValue)]) -> JsValue {
    let it = js_sys::Object::new();
    for (key, value) in pairs {
        let _ = Reflect::set(&it, &(*key).into(), value);
    }
    it.into()
}

/// Calls a method; a script of ours that lacks it is a bug there, not a reason to stop the page.
fn call(on: &JsValue, method: &str, arguments: &[JsValue]) -> JsValue {
    let Ok(function) = Reflect::get(on, &method.into()).and_then(JsCast::dyn_into::<Function>) else {
        return JsValue::UNDEFINED;
    };
    let list: Array = arguments.iter().collect();
    function.apply(on, &list).unwrap_or(JsValue::UNDEFINED)
}

fn callback(each: impl FnMut(JsValue, JsValue) + 'static) -> JsValue {
    let it: Closure<dyn FnMut(JsValue, JsValue)> = Closure::new(each);
    it.into_js_value()
}

/// Sets `--name` of the page, in pixels.
pub fn set_variable(name: &str, pixels: i32) {
    let root = document().document_element().and_then(|it| it.dyn_into::<web_sys::HtmlElement>().ok());
    if let Some(root) = root {
        let _ = root.style().set_property(&["--", name].concat(), &[&pixels.to_string(), "px"].concat());
    }
}

/// A drag goes on outside the element.
pub fn capture_pointer(event: &web_sys::PointerEvent) {
    if let Some(it) = event.current_target().and_then(|it| it.dyn_into::<web_sys::Element>().ok()) {
        let _ = it.set_pointer_capture(event.pointer_id());
    }
}

/// Reads a file that the person chose.
pub fn read_file(file: &web_sys::File, done: impl FnOnce(String) + 'static) {
    let text = file.text().into();
    spawn_local(async move {
        if let Some(text) = arrival(text).await.and_then(|it| it.as_string()) {
            done(text);
        }
    });
}

pub fn toggle_root(name: &str) {
    let on = document().document_element().and_then(|it| it.get_attribute(name)).is_some_and(|it| it == "on");
    set_root(name, if on { "off" } else { "on" });
}

//! The bridge to xterm.js.

use wasm_bindgen::JsValue;

use super::{call, callback, load, object, style_sheet};

#[derive(Clone)]
pub struct Terminal(JsValue);

pub struct Options {
    pub label: String,
    pub on_input: Box<dyn FnMut(String)>,
    pub on_resize: Box<dyn FnMut(u16, u16)>,
}

/// Loads the bundle, builds the terminal in `element` if it is still wanted, then hands it over.
pub fn open(
    element: web_sys::Element,
    options: Options,
    wanted: impl Fn() -> bool + 'static,
    ready: impl FnOnce(Terminal) + 'static,
) {
    load("./terminal.js", "PlaygroundTerminal", wanted, move |global| {
        style_sheet("./xterm.css");
        let Options { label, mut on_input, mut on_resize } = options;
        element.set_inner_html("");
        let number = |it: JsValue| it.as_f64().map_or(0, |it| it as u16);
        let options = object(&[
            ("label", label.into()),
            ("dark", true.into()),
            ("screenReader", true.into()),
            ("onInput", callback(move |text, _| on_input(text.as_string().unwrap_or_default()))),
            ("onResize", callback(move |columns, rows| on_resize(number(columns), number(rows)))),
        ]);
        ready(Terminal(call(&global, "create", &[element.into(), options])));
    });
}

impl Terminal {
    pub fn write(&self, text: &str) {
        call(&self.0, "write", &[text.into()]);
    }

    pub fn focus(&self) {
        call(&self.0, "focus", &[]);
    }

    pub fn destroy(&self) {
        call(&self.0, "destroy", &[]);
    }
}

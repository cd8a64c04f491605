//! The bridge to CodeMirror.

use js_sys::Array;
use session::frame::{Diagnostic, Severity};
use wasm_bindgen::JsValue;

use super::{call, callback, load, object};

/// A live editor inside an element.
#[derive(Clone)]
pub struct Editor(JsValue);

pub struct Options {
    pub value: String,
    pub label: String,
    pub dark: bool,
    pub on_change: Box<dyn FnMut(String)>,
    pub on_apply: Box<dyn FnMut()>,
}

/// Loads the bundle after the first paint, builds the editor in `element`, then hands it over.
pub fn open(element: web_sys::Element, options: Options, ready: impl FnOnce(Editor) + 'static) {
    load("./editor.js", "PlaygroundEditor", move |global| {
        let Options { value, label, dark, mut on_change, mut on_apply } = options;
        element.set_inner_html("");
        let options = object(&[
            ("value", value.into()),
            ("label", label.into()),
            ("dark", dark.into()),
            ("onChange", callback(move |text, _| on_change(text.as_string().unwrap_or_default()))),
            ("onApply", callback(move |_, _| on_apply())),
        ]);
        ready(Editor(call(&global, "create", &[element.into(), options])));
    });
}

impl Editor {
    pub fn set_value(&self, text: &str) {
        call(&self.0, "setValue", &[text.into()]);
    }

    pub fn set_dark(&self, dark: bool) {
        call(&self.0, "setDark", &[dark.into()]);
    }

    pub fn reveal_line(&self, line: u32) {
        call(&self.0, "revealLine", &[line.into()]);
        call(&self.0, "focus", &[]);
    }

    pub fn destroy(&self) {
        call(&self.0, "destroy", &[]);
    }

    /// `words` gives our own sentence about each and the text of its button.
    pub fn set_diagnostics(&self, list: &[Diagnostic], words: impl Fn(&Diagnostic) -> (String, String)) {
        let list: Array = list
            .iter()
            .map(|it| {
                let (hint, label) = words(it);
                let severity = match it.severity {
                    Severity::Error => "error",
                    Severity::Warning => "warning",
                    Severity::Info => "info",
                };
                let fix = it.fix.as_ref().map_or(JsValue::NULL, |fix| {
                    object(&[("label", label.into()), ("text", fix.text.as_str().into())])
                });
                object(&[
                    ("fromLine", it.line.into()),
                    ("fromColumn", it.column.into()),
                    ("toLine", it.end_line.into()),
                    ("toColumn", it.end_column.into()),
                    ("severity", severity.into()),
                    ("message", it.server.as_str().into()),
                    ("hint", hint.into()),
                    ("fix", fix),
                ])
            })
            .collect();
        call(&self.0, "setDiagnostics", &[list.into()]);
    }
}

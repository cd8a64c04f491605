//! The bridge to CodeMirror.

use js_sys::Array;
use session::frame::{Diagnostic, Severity};
use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;

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
    /// What may stand at a line and column of a text: label, detail, what is put in.
    pub complete: Place<Vec<[String; 3]>>,
    /// What stands there: its path, and words about it.
    pub about: Place<Option<(String, String)>>,
}

/// A question about a place of a text.
pub type Place<T> = Box<dyn Fn(&str, u32, u32) -> T>;

fn ask<T: 'static>(question: Place<T>, answer: impl Fn(T) -> JsValue + 'static) -> JsValue {
    let number = |it: JsValue| it.as_f64().map_or(0, |it| it as u32);
    let each = move |text: JsValue, line: JsValue, column: JsValue| {
        answer(question(&text.as_string().unwrap_or_default(), number(line), number(column)))
    };
    let it: Closure<dyn Fn(JsValue, JsValue, JsValue) -> JsValue> = Closure::new(each);
    it.into_js_value()
}

/// Loads the bundle after the first paint, builds the editor in `element` if it is still wanted, then hands it over.
pub fn open(
    element: web_sys::Element,
    options: Options,
    wanted: impl Fn() -> bool + 'static,
    ready: impl FnOnce(Editor) + 'static,
) {
    load("./editor.js", "PlaygroundEditor", wanted, move |global| {
        let Options { value, label, dark, mut on_change, mut on_apply, complete, about } = options;
        let listed = |list: Vec<[String; 3]>| -> JsValue {
            let one = |[label, detail, apply]: [String; 3]| {
                object(&[("label", label.into()), ("detail", detail.into()), ("apply", apply.into())])
            };
            list.into_iter().map(one).collect::<Array>().into()
        };
        let told = |it: Option<(String, String)>| {
            it.map_or(JsValue::NULL, |(title, text)| {
                object(&[("title", title.into()), ("text", text.into())])
            })
        };
        element.set_inner_html("");
        let options = object(&[
            ("value", value.into()),
            ("label", label.into()),
            ("dark", dark.into()),
            ("onChange", callback(move |text, _| on_change(text.as_string().unwrap_or_default()))),
            ("onApply", callback(move |_, _| on_apply())),
            ("complete", ask(complete, listed)),
            ("about", ask(about, told)),
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

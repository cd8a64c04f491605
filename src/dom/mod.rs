//! Views as values of one type. `view!` makes them, `mounted` shows them and keeps them true.
//!
//! Signals, effects, owners and references are Leptos'; its own views are types, and with them code, for each element: a
//! sixth of what this page would weigh. So a view is data here: an outline that is known while compiling, and holes.

mod mounted;
mod signals;

use std::borrow::Cow;
use std::marker::PhantomData;
use std::rc::Rc;

pub use leptos_dom::helpers::{
    document, event_target_value, request_animation_frame, set_interval, set_timeout, window,
    window_event_listener,
};
pub use markup::view;
pub use mounted::show;
pub use reactive_graph::owner::{LocalStorage, StoredValue, on_cleanup};
pub use reactive_graph::traits::{GetValue, IsDisposed, SetValue, UpdateValue, WithValue};
use session::Gather as _;
pub use signals::{Card, Effect, Memo, NodeRef, RwSignal};
pub use tachys::html::event::{self as ev, EventDescriptor};
use wasm_bindgen::JsCast;
use web_sys::{Element, Event};

/// All that a panel needs.
pub mod prelude {
    pub use super::*;
}

/// What can stand on the page.
#[derive(Default)]
pub enum View {
    #[default]
    Nothing,
    Text(Cow<'static, str>),
    Made(&'static str, Vec<Hole>),
    List(Vec<View>),
    /// Computed anew when a signal changes that it reads.
    Live(Box<dyn Compute<View>>),
    /// The same for a list whose rows are kept by their keys.
    Rows(Box<dyn Compute<Vec<Row>>>),
}

/// What Rust computes for an outline.
pub enum Hole {
    Child(View),
    Value(Value),
    On(Handler),
    Ref(NodeRef<Element>),
}

/// Of an attribute, a property or a class.
pub enum Value {
    /// The attribute is not there.
    Off,
    On,
    Text(Cow<'static, str>),
    Live(Box<dyn Compute<Value>>),
}

/// What is computed when it is asked for. A `dyn Fn` would do the same with three functions for each closure.
pub trait Compute<T> {
    fn now(&self) -> T;
}

/// What happens at an event.
pub trait Act {
    fn at(&self, event: Event);
}

/// What a `NodeRef` can stand for.
pub mod html {
    pub use web_sys::{HtmlDialogElement as Dialog, HtmlDivElement as Div, HtmlInputElement as Input};
}

pub type Handler = Rc<dyn Act>;

pub struct Row {
    key: String,
    view: Box<dyn FnOnce() -> View>,
}

/// For `view!`: `outline` and the number and kinds of `holes` fit each other.
pub fn made(outline: &'static str, holes: Vec<Hole>) -> View {
    View::Made(outline, holes)
}

/// For `view!`.
pub fn on<E: EventDescriptor>(_: E, handler: impl Fn(E::EventType) + 'static) -> Hole
where
    E::EventType: JsCast + 'static,
{
    struct Typed<F, E>(F, PhantomData<E>);
    impl<E: JsCast, F: Fn(E)> Act for Typed<F, E> {
        fn at(&self, event: Event) {
            (self.0)(event.unchecked_into());
        }
    }
    Hole::On(Rc::new(Typed(handler, PhantomData)))
}

/// For `view!`.
pub fn into_ref<T>(of: NodeRef<T>) -> Hole {
    Hole::Ref(of.untyped())
}

/// A row for each item; a row whose key was there before stays what it is.
pub fn rows<T: 'static, K: ToString, V: IntoView>(
    each: impl Fn() -> Vec<T> + 'static,
    key: impl Fn(&T) -> K + 'static,
    view: impl Fn(T) -> V + 'static,
) -> View {
    let view = Rc::new(view);
    let row = move |item: T| {
        let view = Rc::clone(&view);
        Row { key: key(&item).to_string(), view: Box::new(move || view(item).into_view()) }
    };
    View::Rows(Box::new(Computed(move || each().into_iter().map(&row).gather())))
}

pub trait IntoView {
    fn into_view(self) -> View;
}

impl IntoView for View {
    fn into_view(self) -> View {
        self
    }
}

macro_rules! texts {
    ($($text:ty)*) => {$(
        impl IntoView for $text {
            fn into_view(self) -> View {
                View::Text(self.into())
            }
        }

        impl IntoValue for $text {
            fn into_value(self) -> Value {
                Value::Text(self.into())
            }
        }
    )*};
}

texts!(&'static str String);

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl IntoView for $number {
            fn into_view(self) -> View {
                self.to_string().into_view()
            }
        }
    )*};
}

numbers!(u16 u32 i64 usize);

impl<T: IntoView> IntoView for Option<T> {
    fn into_view(self) -> View {
        self.map_or(View::Nothing, IntoView::into_view)
    }
}

impl IntoView for Vec<View> {
    fn into_view(self) -> View {
        View::List(self)
    }
}

/// A closure as what it computes.
struct Computed<F>(F);

impl<T: IntoView, F: Fn() -> T> Compute<View> for Computed<F> {
    fn now(&self) -> View {
        (self.0)().into_view()
    }
}

impl<T: IntoValue, F: Fn() -> T> Compute<Value> for Computed<F> {
    fn now(&self) -> Value {
        (self.0)().into_value()
    }
}

impl<F: Fn() -> Vec<Row>> Compute<Vec<Row>> for Computed<F> {
    fn now(&self) -> Vec<Row> {
        (self.0)()
    }
}

impl<T: IntoView, F: Fn() -> T + 'static> IntoView for F {
    fn into_view(self) -> View {
        View::Live(Box::new(Computed(self)))
    }
}

pub trait CollectView {
    fn collect_view(self) -> View;
}

impl<V: IntoView, I: IntoIterator<Item = V>> CollectView for I {
    fn collect_view(self) -> View {
        View::List(self.into_iter().map(IntoView::into_view).gather())
    }
}

pub trait IntoValue {
    fn into_value(self) -> Value;
}

impl IntoValue for bool {
    fn into_value(self) -> Value {
        if self { Value::On } else { Value::Off }
    }
}

impl<T: IntoValue> IntoValue for Option<T> {
    fn into_value(self) -> Value {
        self.map_or(Value::Off, IntoValue::into_value)
    }
}

impl<T: IntoValue, F: Fn() -> T + 'static> IntoValue for F {
    fn into_value(self) -> Value {
        Value::Live(Box::new(Computed(self)))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Off, Value::Off) | (Value::On, Value::On) => true,
            (Value::Text(one), Value::Text(other)) => one == other,
            _ => false,
        }
    }
}

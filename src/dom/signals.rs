//! Leptos' signals, memos and effects behind the same names, but each compiled once instead of for every type that the
//! page keeps in one: a value stands in a box that remembers its type.

use std::any::Any;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use reactive_graph::traits::{Get, GetUntracked, Read, ReadUntracked, Track, Write};
use reactive_graph::{computed, effect, signal};
use tachys::html::element::Div;
use tachys::html::node_ref::NodeRefContainer;
use tachys::reactive_graph::node_ref;
use wasm_bindgen::JsCast;
use web_sys::Element;

use super::Compute;

pub type Held = Box<dyn Any + Send + Sync>;

/// A value in its box, and how two of its type are compared.
pub struct Kept {
    value: Held,
    same: fn(&Held, &Held) -> bool,
}

impl Kept {
    fn new<T: PartialEq + Send + Sync + 'static>(value: T) -> Kept {
        let same = |one: &Held, other: &Held| one.downcast_ref::<T>() == other.downcast_ref();
        Kept { value: Box::new(value), same }
    }

    fn of_card<T: Card + Send + Sync + 'static>(value: T) -> Kept {
        let same = |one: &Held, other: &Held| {
            let (one, other) = (one.downcast_ref::<T>(), other.downcast_ref());
            one.zip(other).is_some_and(|(one, other)| one.is_same(other))
        };
        Kept { value: Box::new(value), same }
    }
}

/// What is the same `Arc` as long as nothing in it changes, as a frame's cards are: nobody has to look inside.
pub trait Card {
    fn is_same(&self, other: &Self) -> bool;
}

impl<T> Card for Arc<T> {
    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(self, other)
    }
}

impl<C: Card> Card for Option<C> {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Some(one), Some(other)) => one.is_same(other),
            _ => self.is_none() && other.is_none(),
        }
    }
}

impl<C: Card> Card for Vec<C> {
    fn is_same(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().zip(other).all(|(one, other)| one.is_same(other))
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Kept) -> bool {
        (self.same)(&self.value, &other.value)
    }
}

/// What has a box.
pub trait AsHeld: Sized {
    fn held(&self) -> &Held;
}

impl AsHeld for Held {
    fn held(&self) -> &Held {
        self
    }
}

impl AsHeld for Kept {
    fn held(&self) -> &Held {
        &self.value
    }
}

/// What is in a box is of the type that its handle names.
fn open<T: 'static>(it: &impl AsHeld) -> &T {
    it.held().downcast_ref().expect("a handle knows its type")
}

/// One of Leptos' handles, and the type of what it stands for.
pub struct Handle<S, T>(S, PhantomData<fn() -> T>);

impl<S: Copy, T> Clone for Handle<S, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Copy, T> Copy for Handle<S, T> {}

impl<S, T: 'static> Handle<S, T>
where
    S: Read<Value: Deref<Target: AsHeld>> + ReadUntracked<Value: Deref<Target: AsHeld>>,
{
    pub fn with<U>(self, read: impl FnOnce(&T) -> U) -> U {
        read(open(&*self.0.read()))
    }

    pub fn with_untracked<U>(self, read: impl FnOnce(&T) -> U) -> U {
        read(open(&*self.0.read_untracked()))
    }

    pub fn get(self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    pub fn get_untracked(self) -> T
    where
        T: Clone,
    {
        self.with_untracked(T::clone)
    }
}

/// A value that can be set; who reads it hears of that.
pub type RwSignal<T> = Handle<signal::RwSignal<Held>, T>;

impl<T: Send + Sync + 'static> RwSignal<T> {
    pub fn new(value: T) -> RwSignal<T> {
        Handle(signal::RwSignal::new(Box::new(value)), PhantomData)
    }

    pub fn track(self) {
        self.0.track();
    }

    pub fn set(self, value: T) {
        self.update(|it| *it = value);
    }

    pub fn update<U>(self, change: impl FnOnce(&mut T) -> U) {
        if let Some(it) = self.0.write().downcast_mut() {
            change(it);
        }
    }
}

/// A value that follows from others; who reads it hears of it when it becomes another.
pub type Memo<T> = Handle<computed::Memo<Kept>, T>;

impl<T: Send + Sync + 'static> Memo<T> {
    pub fn new(compute: impl Fn() -> T + Send + Sync + 'static) -> Memo<T>
    where
        T: PartialEq,
    {
        Handle(memo(Box::new(Computed(move || Kept::new(compute())))), PhantomData)
    }

    pub fn of_card(compute: impl Fn() -> T + Send + Sync + 'static) -> Memo<T>
    where
        T: Card,
    {
        Handle(memo(Box::new(Computed(move || Kept::of_card(compute())))), PhantomData)
    }
}

struct Computed<F>(F);

impl<F: Fn() -> Kept> Compute<Kept> for Computed<F> {
    fn now(&self) -> Kept {
        (self.0)()
    }
}

fn memo(compute: Box<dyn Compute<Kept> + Send + Sync>) -> computed::Memo<Kept> {
    computed::Memo::new(move |_| compute.now())
}

/// Something that is done now and again when a signal changes that it reads.
pub struct Effect;

impl Effect {
    #[expect(clippy::new_ret_no_self, reason = "as in Leptos, where what it gives is of no use here")]
    pub fn new(act: impl FnMut() + 'static) {
        start(Box::new(act));
    }
}

fn start(mut act: Box<dyn FnMut()>) {
    effect::Effect::new(move |_| act());
}

/// The element that stands at `node_ref`, from its making until its view is gone.
pub struct NodeRef<T>(node_ref::NodeRef<Div>, PhantomData<fn() -> T>);

impl<T> Clone for NodeRef<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for NodeRef<T> {}

impl<T: JsCast> NodeRef<T> {
    pub fn new() -> NodeRef<T> {
        NodeRef(node_ref::NodeRef::new(), PhantomData)
    }

    pub fn get(self) -> Option<T> {
        Get::get(&self.0).map(JsCast::unchecked_into)
    }

    pub fn get_untracked(self) -> Option<T> {
        GetUntracked::try_get_untracked(&self.0).flatten().map(JsCast::unchecked_into)
    }
}

impl<T> NodeRef<T> {
    pub(super) fn untyped(self) -> NodeRef<Element> {
        NodeRef(self.0, PhantomData)
    }

    pub(super) fn load(self, element: &Element) {
        NodeRefContainer::load(self.0, element);
    }
}

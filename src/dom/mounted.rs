//! Views in the document. Each is at least one node there, so that another can take its place.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use any_spawner::Executor;
use js_sys::Reflect;
use reactive_graph::effect::RenderEffect;
use reactive_graph::graph::untrack;
use reactive_graph::owner::Owner;
use session::Gather as _;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, Event, Node};

use super::{Compute, Handler, Hole, Row, Value, View, document};

const SVG: &str = "http://www.w3.org/2000/svg";

/// A view that is shown.
enum Mounted {
    /// A comment holds the place.
    Nothing(Node),
    Text(Node, Cow<'static, str>),
    Made {
        outline: &'static str,
        roots: Vec<Root>,
        slots: Vec<Slot>,
    },
    /// The node ends the list.
    List(Vec<Mounted>, Node),
    Live(Rc<RefCell<Mounted>>, RenderEffect<()>),
    Rows(Rc<Rows>, #[expect(dead_code, reason = "it acts as long as it is kept")] RenderEffect<()>),
}

/// What stands outermost in an outline.
enum Root {
    Node(Node),
    Slot(usize),
}

/// A hole that is filled.
enum Slot {
    Child(Mounted),
    Place(Rc<Place>, Kept),
}

/// Where a value is shown, or an event heard.
struct Place {
    element: Element,
    /// As in the outline: `title`, `class:on`, `prop:value`, `on:click`.
    name: &'static str,
    shown: RefCell<Value>,
    handler: RefCell<Option<Handler>>,
}

/// What keeps a place true.
enum Kept {
    Nothing,
    Effect(#[expect(dead_code, reason = "it acts as long as it is kept")] RenderEffect<()>),
    Listener(Closure<dyn FnMut(Event)>),
}

struct Rows {
    shown: RefCell<Vec<MountedRow>>,
    end: Node,
    /// Rows outlive the run of the effect that made them.
    owner: Owner,
}

struct MountedRow {
    key: String,
    mounted: Mounted,
    /// Dropped last: what the row shows is of its making.
    #[expect(dead_code, reason = "it cleans up when it is dropped")]
    owner: Owner,
}

/// Puts what `view` makes at the end of `parent`, for as long as the page lives.
pub fn show(parent: &Element, view: impl FnOnce() -> View) {
    // What runs effects. Refused only where there is one already.
    let _ = Executor::init_wasm_bindgen();
    let owner = Owner::new();
    // Nothing of it is seen before all of it is made.
    let fragment = document().create_document_fragment();
    let mounted = owner.with(|| mount(view(), &fragment, None));
    insert(parent, &fragment, None);
    // Dropped they would clean up.
    std::mem::forget((owner, mounted));
}

/// Fails only where a script of another's making moved our nodes: then there is nothing to show it in.
fn insert(parent: &Node, child: &Node, before: Option<&Node>) {
    let _ = parent.insert_before(child, before);
}

fn mount(view: View, parent: &Node, before: Option<&Node>) -> Mounted {
    let comment = || {
        let node: Node = document().create_comment("").into();
        insert(parent, &node, before);
        node
    };
    match view {
        View::Nothing => Mounted::Nothing(comment()),
        View::Text(text) => {
            let node = document().create_text_node(&text).into();
            insert(parent, &node, before);
            Mounted::Text(node, text)
        }
        View::Made(outline, holes) => made(outline, holes, parent, before),
        View::List(list) => {
            let list = list.into_iter().map(|it| mount(it, parent, before)).gather();
            Mounted::List(list, comment())
        }
        View::Live(of) => {
            let shown = Rc::new(RefCell::new(Mounted::Nothing(comment())));
            let effect = live(of, Rc::clone(&shown));
            Mounted::Live(shown, effect)
        }
        View::Rows(of) => {
            let owner = Owner::current().unwrap_or_default();
            let rows = Rc::new(Rows { shown: RefCell::default(), end: comment(), owner });
            let target = Rc::clone(&rows);
            let effect = RenderEffect::new(move |_| target.show(of.now()));
            Mounted::Rows(rows, effect)
        }
    }
}

/// Shows what `of` computes in the place of what is there, from now on.
fn live(of: Box<dyn Compute<View>>, shown: Rc<RefCell<Mounted>>) -> RenderEffect<()> {
    RenderEffect::new(move |_| {
        let view = of.now();
        patch(&mut shown.borrow_mut(), view);
    })
}

/// Makes `old` show `new`. Where both are of one outline the nodes stay, and with them the focus and what was scrolled.
fn patch(old: &mut Mounted, new: View) {
    match (&mut *old, new) {
        (Mounted::Text(node, shown), View::Text(text)) => {
            if *shown != text {
                node.set_node_value(Some(&text));
                *shown = text;
            }
        }
        (Mounted::Made { outline, slots, .. }, View::Made(same, holes)) if *outline == same => {
            for (slot, hole) in slots.iter_mut().zip(holes) {
                slot.fill(hole);
            }
        }
        (Mounted::List(shown, end), View::List(list)) => {
            while list.len() < shown.len() {
                shown.pop().iter().for_each(Mounted::remove);
            }
            let mut list = list.into_iter();
            for (old, new) in shown.iter_mut().zip(list.by_ref()) {
                patch(old, new);
            }
            if let Some(parent) = end.parent_node() {
                shown.extend(list.map(|it| mount(it, &parent, Some(end))));
            }
        }
        (Mounted::Live(shown, effect), View::Live(of)) => *effect = live(of, Rc::clone(shown)),
        (_, new) => {
            let (first, _) = old.ends();
            if let Some(parent) = first.parent_node() {
                let new = mount(new, &parent, Some(&first));
                old.remove();
                *old = new;
            }
        }
    }
}

impl Mounted {
    /// The outermost nodes' first and last.
    fn ends(&self) -> (Node, Node) {
        let mut ends: Option<(Node, Node)> = None;
        self.each_node(&mut |it| {
            let first = ends.take().map_or_else(|| it.clone(), |ends| ends.0);
            ends = Some((first, it.clone()));
        });
        ends.expect("a view is at least one node")
    }

    /// The outermost nodes, from the first to the last.
    fn each_node(&self, visit: &mut dyn FnMut(&Node)) {
        match self {
            Mounted::Nothing(node) | Mounted::Text(node, _) => visit(node),
            Mounted::Made { roots, slots, .. } => {
                for root in roots {
                    match root {
                        Root::Node(node) => visit(node),
                        Root::Slot(at) => {
                            if let Slot::Child(it) = &slots[*at] {
                                it.each_node(visit);
                            }
                        }
                    }
                }
            }
            Mounted::List(list, end) => {
                for it in list {
                    it.each_node(visit);
                }
                visit(end);
            }
            Mounted::Live(shown, _) => shown.borrow().each_node(visit),
            Mounted::Rows(rows, _) => {
                rows.shown.borrow().iter().for_each(|it| it.mounted.each_node(visit));
                visit(&rows.end);
            }
        }
    }

    fn remove(&self) {
        self.each_node(&mut |it| {
            if let Some(parent) = it.parent_node() {
                let _ = parent.remove_child(it);
            }
        });
    }

    fn put_before(&self, next: &Node) {
        if let Some(parent) = next.parent_node() {
            self.each_node(&mut |it| insert(&parent, it, Some(next)));
        }
    }
}

impl Rows {
    fn show(&self, wanted: Vec<Row>) {
        let Some(parent) = self.end.parent_node() else { return };
        let mut old: Vec<Option<MountedRow>> = self.shown.take().into_iter().map(Some).gather();
        let mut shown = Vec::with_capacity(wanted.len());
        for (at, Row { key, view }) in wanted.into_iter().enumerate() {
            let is = |it: &Option<MountedRow>| it.as_ref().is_some_and(|it| it.key == key);
            let at = if old.get(at).is_some_and(is) { Some(at) } else { old.iter().position(is) };
            shown.push(at.and_then(|it| old[it].take()).unwrap_or_else(|| {
                let owner = self.owner.with(Owner::new);
                let mounted = owner.with(|| untrack(|| mount(view(), &parent, Some(&self.end))));
                MountedRow { key, mounted, owner }
            }));
        }
        old.iter().flatten().for_each(|it| it.mounted.remove());
        drop(old);
        let mut next = self.end.clone();
        for row in shown.iter().rev() {
            let (first, last) = row.mounted.ends();
            if last.next_sibling().as_ref() != Some(&next) {
                row.mounted.put_before(&next);
            }
            next = first;
        }
        self.shown.replace(shown);
    }
}

impl Slot {
    fn fill(&mut self, hole: Hole) {
        match (self, hole) {
            (Slot::Child(old), Hole::Child(new)) => patch(old, new),
            (Slot::Place(place, kept), Hole::Value(Value::Live(of))) => {
                let place = Rc::clone(place);
                *kept = Kept::Effect(RenderEffect::new(move |_| place.show(of.now())));
            }
            (Slot::Place(place, kept), Hole::Value(value)) => {
                *kept = Kept::Nothing;
                place.show(value);
            }
            (Slot::Place(place, kept), Hole::On(handler)) => {
                if place.handler.replace(Some(handler)).is_none() {
                    *kept = place.listen();
                }
            }
            (Slot::Place(place, _), Hole::Ref(of)) => of.load(&place.element),
            (Slot::Child(_), _) | (Slot::Place(..), Hole::Child(_)) => {
                unreachable!("one outline has one list of kinds")
            }
        }
    }
}

/// A closure that is gone must not be called.
impl Drop for Slot {
    fn drop(&mut self) {
        if let Slot::Place(place, Kept::Listener(closure)) = self {
            let target = closure.as_ref().unchecked_ref();
            let _ = place.element.remove_event_listener_with_callback(place.event(), target);
        }
    }
}

impl Place {
    fn event(&self) -> &'static str {
        self.name.trim_start_matches("on:")
    }

    fn listen(self: &Rc<Place>) -> Kept {
        let place = Rc::clone(self);
        let closure = Closure::new(move |event| {
            // Not held while it runs: it may lead to a view that brings another.
            let handler = place.handler.borrow().clone();
            if let Some(it) = handler {
                it.at(event);
            }
        });
        let _ = self.element.add_event_listener_with_callback(self.event(), closure.as_ref().unchecked_ref());
        Kept::Listener(closure)
    }

    fn show(&self, value: Value) {
        if *self.shown.borrow() == value {
            return;
        }
        let element = &self.element;
        let text = match &value {
            Value::Text(it) => Some(&**it),
            Value::On => Some(""),
            Value::Off | Value::Live(_) => None,
        };
        if let Some(class) = self.name.strip_prefix("class:") {
            let _ = element.class_list().toggle_with_force(class, text.is_some());
        } else if let Some(property) = self.name.strip_prefix("prop:") {
            let value = match &value {
                Value::Text(it) => JsValue::from_str(it),
                other => JsValue::from_bool(matches!(other, Value::On)),
            };
            let _ = Reflect::set(element, &JsValue::from_str(property), &value);
        } else if self.name == "inner_html" {
            element.set_inner_html(text.unwrap_or_default());
        } else if let Some(text) = text {
            let _ = element.set_attribute(self.name, text);
        } else {
            let _ = element.remove_attribute(self.name);
        }
        self.shown.replace(value);
    }
}

/// Reads an outline and makes its nodes. Its grammar stands in `crates/markup`.
struct Maker {
    rest: &'static str,
    holes: std::vec::IntoIter<Hole>,
    slots: Vec<Slot>,
    /// What waits until all elements have their children: a select takes no value that it has no option for.
    later: Vec<(usize, Hole)>,
}

fn made(outline: &'static str, holes: Vec<Hole>, parent: &Node, before: Option<&Node>) -> Mounted {
    let slots = Vec::with_capacity(holes.len());
    let mut maker = Maker { rest: outline, holes: holes.into_iter(), slots, later: Vec::new() };
    let mut roots = Vec::new();
    maker.children(parent, before, false, &mut |it| roots.push(it));
    let Maker { later, mut slots, .. } = maker;
    for (at, hole) in later {
        slots[at].fill(hole);
    }
    Mounted::Made { outline, roots, slots }
}

impl Maker {
    fn take(&mut self, until: &[char]) -> &'static str {
        let (part, rest) = self.rest.split_at(self.rest.find(until).unwrap_or(self.rest.len()));
        self.rest = rest;
        part
    }

    fn skip(&mut self, mark: &str) -> bool {
        let rest = self.rest.strip_prefix(mark);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Until the end of the element that they stand in.
    fn children(&mut self, parent: &Node, before: Option<&Node>, svg: bool, found: &mut dyn FnMut(Root)) {
        while !self.rest.is_empty() && !self.skip("</>") {
            if self.skip("<?>") {
                let Some(Hole::Child(view)) = self.holes.next() else { return };
                found(Root::Slot(self.slots.len()));
                let mounted = mount(view, parent, before);
                self.slots.push(Slot::Child(mounted));
            } else if self.skip("<") {
                let Some(element) = self.element(svg) else { return };
                insert(parent, &element, before);
                found(Root::Node(element.into()));
            } else {
                let text: Node = document().create_text_node(self.take(&['<'])).into();
                insert(parent, &text, before);
                found(Root::Node(text));
            }
        }
    }

    /// Nothing for a name that no document takes: the macro lets none through.
    fn element(&mut self, svg: bool) -> Option<Element> {
        let tag = self.take(&[' ', '>']);
        let svg = svg || tag == "svg";
        let document = document();
        let element =
            if svg { document.create_element_ns(Some(SVG), tag) } else { document.create_element(tag) };
        let element = element.ok()?;
        while self.skip(" ") {
            let name = self.take(&['=', '?']);
            if self.skip("?") {
                self.later.push((self.slots.len(), self.holes.next()?));
                let place = Place {
                    element: element.clone(),
                    name,
                    shown: RefCell::new(Value::Off),
                    handler: RefCell::default(),
                };
                self.slots.push(Slot::Place(Rc::new(place), Kept::Nothing));
            } else {
                self.skip("=\"");
                let _ = element.set_attribute(name, self.take(&['"']));
                self.skip("\"");
            }
        }
        self.skip(">");
        self.children(&element, None, svg, &mut |_| {});
        Some(element)
    }
}

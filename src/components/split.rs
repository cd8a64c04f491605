//! The line between two panels: dragged, or moved by arrow keys; its place is remembered.

use crate::browser;
use crate::dom::prelude::*;

/// Sets the CSS variable `--name` of the page, in pixels, between `least` and `most`.
pub fn split(
    name: &'static str,
    label: &'static str,
    vertical: bool,
    from_end: bool,
    bounds: (i32, i32, i32),
) -> View {
    let (least, usual, most) = bounds;
    let key = ["split.", name].concat();
    let stored = browser::stored(&key).and_then(|it| it.parse().ok()).unwrap_or(usual);
    let size = RwSignal::new(stored.clamp(least, most));
    Effect::new(move || {
        browser::set_variable(name, size.get());
        browser::store(&["split.", name].concat(), &size.get().to_string());
    });
    let dragged = StoredValue::new(None::<(i32, i32)>);
    let along = move |event: &ev::PointerEvent| {
        if vertical { event.client_x() } else { event.client_y() }
    };
    let by = move |pixels: i32| {
        let pixels = if from_end { -pixels } else { pixels };
        size.update(|it| *it = (*it + pixels).clamp(least, most));
    };
    view! {
        <div
            class="split"
            class:upright=vertical
            role="separator"
            tabindex="0"
            aria-label=label
            aria-orientation=if vertical { "vertical" } else { "horizontal" }
            aria-valuemin=least.to_string()
            aria-valuemax=most.to_string()
            aria-valuenow=move || size.get().to_string()
            on:pointerdown=move |event| {
                browser::capture_pointer(&event);
                dragged.set_value(Some((along(&event), size.get_untracked())));
            }
            on:pointermove=move |event| {
                if let Some((from, was)) = dragged.get_value() {
                    let moved = along(&event) - from;
                    size.set((was + if from_end { -moved } else { moved }).clamp(least, most));
                }
            }
            on:pointerup=move |_| dragged.set_value(None)
            on:keydown=move |event| {
                let step = match event.key().as_str() {
                    "ArrowLeft" | "ArrowUp" => -16,
                    "ArrowRight" | "ArrowDown" => 16,
                    _ => return,
                };
                event.prevent_default();
                event.stop_propagation();
                by(step);
            }
        ></div>
    }
}

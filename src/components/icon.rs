//! Small drawings, so that shapes do not depend on fonts.

use crate::dom::prelude::*;

/// Paths on a field of 16 × 16; stroked, unless the name ends in `!`.
fn path(name: &str) -> &'static str {
    match name {
        "start" => "M4 3v10M13 3.5v9L6.5 8z!",
        "back" => "M11.5 3.5v9L4.5 8z!",
        "play" | "step" => "M4.5 3v10l8-5z!",
        "pause" => "M4 3h3v10H4zM9 3h3v10H9z!",
        "next" => "M3 3.5v9L9.5 8zM11 3h2v10h-2z!",
        "first" => "M3 3h2v10H3zM13 3.5v9L6.5 8z!",
        "ok" => "M3.5 8.5l3 3 6-7",
        "bad" | "close" => "M4 4l8 8M12 4l-8 8",
        "wait" => "M4.5 2.5h7M4.5 13.5h7M5 2.5c0 4 6 4.500 6 8.500v2.500M11 2.500c0 4-6 4.500-6 8.500v2.500",
        "half" => {
            "M8,2.500a5.500,5.500,0,1,0,0,11zM8,2a6,6,0,0,1,0,12a6,6,0,0,1,0-12zM8,3.200a4.800,4.800,0,0,1,0,9.600z!"
        }
        "ending" => "M2.500 8h3l1.500-3.500 2.500 7L11 8h2.500",
        "busy" => "M8 2.500a5.500 5.500 0 1 1-5.500 5.500M8 5v3.200l2.200 1.300",
        "bolt" => "M9 1.500L3.500 9H8l-1 5.500L12.500 7H8z!",
        "share" => "M8 10V2.500M5 5l3-3 3 3M3.500 8v5.500h9V8",
        "theme" => "M8 2a6 6 0 1 0 0 12zM8 2a6 6 0 0 1 0 12z",
        "help" => "M5.800 6a2.200 2.200 0 1 1 3.200 2c-.7.4-1 .8-1 1.600M8 12.200v.3",
        "down" => "M4 6l4 4 4-4",
        "pencil" => "M3 13l.6-2.800L10.500 3.300l2.200 2.200-6.900 6.900zM9 4.800L11.200 7",
        "grid" => "M2.500 2.500h11v11h-11zM2.500 8h11M8 2.500v11",
        "lanes" => "M2.500 4h11M2.500 8h7M2.500 12h9",
        "prompt" => "M3 4.500L6.500 8 3 11.500M8 12h5",
        "book" => {
            "M8,4C6.500,3,4.500,2.700,2.500,3v9.500c2-.3,4,0,5.500,1,1.500-1,3.500-1.300,5.500-1V3c-2-.3-4,0-5.500,1zM8,4v9"
        }
        "eye" => {
            "M1.500,8C3,5.200,5.300,3.800,8,3.800S13,5.200,14.500,8c-1.500,2.800-3.800,4.200-6.500,4.200S3,10.800,1.500,8zM8,6.200a1.800,1.800,0,1,1,0,3.600a1.800,1.800,0,0,1,0-3.600z"
        }
        "drawer" => "M2.500 3.500h11v9h-11zM2.500 8h11M6.500 5.800h3M6.500 10.200h3",
        "pin" => "M3.500 3.500h9v9h-9z!",
        "fork" => "M4.500 3v10M4.500 9c0-3 7-2 7-6M3 3.500l1.500-1.500L6 3.500M10 4l1.500-1.500L13 4",
        "branch" => "M8 8m-2 0a2 2 0 1 0 4 0a2 2 0 1 0-4 0",
        "no" => "M8 2.500a5.500 5.500 0 1 1 0 11a5.500 5.500 0 0 1 0-11zM4.200 4.200l7.600 7.600",
        "present" => "M2 3h12v8H2zM8 11v3M5.500 14h5",
        "service" => "M3 8h4M9 4h4M9 8h4M9 12h4M7 8l2-4M7 8l2 4M7 8h2",
        "plus" => "M8 3v10M3 8h10",
        _ => "M3 8h10",
    }
}

/// Says nothing to a screen reader: words stand beside it.
pub fn icon(name: &str) -> View {
    let path = path(name);
    let solid = path.ends_with('!');
    let class = if solid { "icon solid" } else { "icon" };
    view! { <svg class=class viewBox="0 0 16 16" aria-hidden="true"><path d=path.trim_end_matches('!') /></svg> }
}

/// A ring that empties: `left` of `total`, in thousandths.
pub fn ring(thousandths: u64, text: String) -> View {
    let filled = 1068 * thousandths.min(1000) / 1000;
    let dash = format!("{}.{} 107", filled / 10, filled % 10);
    view! {
        <svg class="ring" viewBox="0 0 42 42" aria-hidden="true">
            <circle cx="21" cy="21" r="17"></circle>
            <circle class="remains" cx="21" cy="21" r="17" stroke-dasharray=dash transform="rotate(-90 21 21)"></circle>
            <text x="21" y="25" text-anchor="middle">{text}</text>
        </svg>
    }
}

//! A story as a sequence drawing: lanes from left to right, time from top to bottom.
//!
//! Inline SVG without script. Colours come from the page's style sheet, so that one drawing serves
//! light, dark and paper; each is made twice, for wide and for narrow screens, because a text in
//! SVG does not wrap.

use maud::{Markup, html};

use super::story::{Event, Lane, Role, Story};
use crate::kind::{KindFacts, Tone, facts};

/// Sizes, in units of the drawing, which are CSS pixels at its natural size.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    /// Class of the `svg` element: the page shows one of the two.
    class: &'static str,
    /// The most the drawing may take; few lanes take less.
    width: f32,
    /// From lane to lane, where there is room for it.
    gap: f32,
    /// From the left edge to the first lane.
    left: f32,
    /// From the last lane to the right edge.
    right: f32,
    /// Height of the heads of the lanes.
    head: f32,
    /// Height of an event.
    row: f32,
    /// From the top of an event down to its arrow.
    arrow: f32,
    /// Texts on lines of their own at the left edge, instead of along the arrow.
    stacked: bool,
}

impl Geometry {
    /// For screens from tablet size, and for paper.
    pub const WIDE: Geometry = Geometry {
        class: "wide",
        width: 1040.0,
        gap: 220.0,
        left: 132.0,
        right: 66.0,
        head: 70.0,
        row: 58.0,
        arrow: 34.0,
        stacked: false,
    };

    /// For phones.
    pub const NARROW: Geometry = Geometry {
        class: "narrow",
        width: 360.0,
        gap: 300.0,
        left: 30.0,
        right: 30.0,
        head: 44.0,
        row: 66.0,
        arrow: 50.0,
        stacked: true,
    };

    /// From lane to lane, when there are so many.
    fn gap(&self, lanes: usize) -> f32 {
        let gaps = lanes.saturating_sub(1).max(1) as f32;
        self.gap.min((self.width - self.left - self.right) / gaps)
    }

    /// Where the lifeline of a lane is.
    fn x(&self, lane: usize, lanes: usize) -> f32 {
        self.left + lane as f32 * self.gap(lanes)
    }
}

/// Draws a story.
pub fn draw(story: &Story, geometry: &Geometry) -> Markup {
    let lanes = story.lanes.len();
    // Phones always get the full width: texts stand at the left edge, not between the lanes.
    let width = if geometry.stacked {
        geometry.width
    } else {
        geometry.x(lanes.saturating_sub(1), lanes) + geometry.right
    };
    let height = geometry.head + geometry.row * story.events.len() as f32 + 16.0;
    let label = format!(
        "Sequence drawing: {}. The table below tells the same.",
        story.title
    );
    html! {
        svg class=(geometry.class) viewBox=(format!("0 0 {width} {height}"))
            style=(format!("max-width: {width}px")) role="img" aria-label=(label) {
            @for (index, lane) in story.lanes.iter().enumerate() {
                (lifeline(lane, geometry.x(index, lanes), height, geometry))
            }
            @for (index, event) in story.events.iter().enumerate() {
                (row(event, index, lanes, width, geometry))
            }
        }
    }
}

fn lifeline(lane: &Lane, x: f32, height: f32, geometry: &Geometry) -> Markup {
    let class = match lane.role {
        Role::User => "lane user",
        Role::Provider => "lane provider",
        Role::Ordinary => "lane ordinary",
    };
    // On a phone there is room for first names only.
    let name = if geometry.stacked {
        first_word(&lane.name)
    } else {
        &lane.name
    };
    let half = if geometry.stacked { 28.0 } else { 62.0 };
    let box_height = geometry.head - 20.0;
    html! {
        g class=(class) {
            line class="life" x1=(x) y1=(geometry.head - 14.0) x2=(x) y2=(height - 6.0) {}
            rect x=(x - half) y="4" width=(half * 2.0) height=(box_height) rx="4" {}
            @if geometry.stacked {
                text class="name" x=(x) y=(4.0 + box_height / 2.0 + 4.0) { (name) }
            } @else {
                text class="name" x=(x) y="25" { (name) }
                text class="detail" x=(x) y="42" { (lane.detail) }
            }
        }
    }
}

/// One event; all of it is a link to its file.
fn row(event: &Event, index: usize, lanes: usize, width: f32, geometry: &Geometry) -> Markup {
    let facts = facts(&event.kind);
    let (from, to) = (geometry.x(event.from, lanes), geometry.x(event.to, lanes));
    let top = geometry.head + geometry.row * index as f32;
    let y = top + geometry.arrow;
    let time = event.at.time_in_italy();
    html! {
        a href=(event.file) class={ "event " (tone_class(facts.tone)) } {
            title { (time) " · " (event.sentence) " · " (event.file) }
            // Something to hit between the thin lines.
            rect class="hit" x="0" y=(top + 4.0) width=(width)
                height=(geometry.row - 8.0) rx="4" {}
            @if geometry.stacked {
                text class="english" x="6" y=(top + 24.0) {
                    tspan class="time" { (time) } "  " (sentence_case(facts.english))
                }
            } @else {
                text class="time" x="4" y=(y + 4.0) { (time) }
                (along_arrow(from, to, y, &facts))
            }
            (arrow(from, to, y))
            (seal(event, from, y))
        }
    }
}

/// English above the arrow, the word on the wire below, both close to where it starts: arrows that
/// pass over several lanes would else carry their text far from what they leave.
fn along_arrow(from: f32, to: f32, y: f32, facts: &KindFacts) -> Markup {
    let rightwards = to > from;
    let (x, anchor) = if rightwards {
        (from + 18.0, "start")
    } else {
        (from - 18.0, "end")
    };
    html! {
        text class="english" x=(x) y=(y - 7.0) text-anchor=(anchor) {
            (sentence_case(facts.english))
        }
        text class="wire" x=(x) y=(y + 16.0) text-anchor=(anchor) lang="it" { (facts.wire) }
    }
}

fn arrow(from: f32, to: f32, y: f32) -> Markup {
    // Back from the tip, so that the line does not show through it.
    let back = if to > from { -9.0 } else { 9.0 };
    let tip = format!("M{to} {y} l{back} -4.5 v9 z");
    html! {
        line class="shaft" x1=(from) y1=(y) x2=(to + back / 2.0) y2=(y) {}
        path class="tip" d=(tip) {}
    }
}

/// The number of the file, on a seal if a provider signed it.
fn seal(event: &Event, x: f32, y: f32) -> Markup {
    html! {
        circle class="seal" cx=(x) cy=(y) r="11" {}
        text class="number" x=(x) y=(y + 4.0) { (format!("{:02}", event.number)) }
    }
}

/// The class that gives an event its colour.
pub fn tone_class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Envelope => "envelope",
        Tone::Receipt => "receipt",
        Tone::Notice => "notice",
        Tone::Service => "service",
    }
}

/// `acceptance receipt` as a heading writes it.
pub fn sentence_case(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or(text)
}

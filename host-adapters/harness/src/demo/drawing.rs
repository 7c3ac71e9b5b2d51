//! A story as a sequence drawing: lanes from left to right, time from top to bottom.
//!
//! Inline SVG without script. Colours come from a style sheet of its own, so that one drawing
//! serves light, dark and paper; each is made twice, for wide and for narrow screens, because a
//! text in SVG does not wrap. Where hours pass, the axis is broken.

use maud::{Markup, PreEscaped, html};

use super::story::{Event, Fate, Lane, Role, Story};
use crate::kind::{Tone, facts};

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
        left: 34.0,
        right: 34.0,
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

/// The drawing's own style sheet, for a page that has several.
pub const STYLE: &str = include_str!("drawing.css");

/// Draws a story. `id` must be unique in the page.
pub fn draw(story: &Story, id: &str, geometry: &Geometry) -> Markup {
    let plan = Plan::new(story, geometry);
    let (title, desc) = (format!("{id}-title"), format!("{id}-desc"));
    html! {
        svg class=(geometry.class) viewBox=(format!("0 0 {} {}", plan.width, plan.height))
            style=(format!("max-width: {}px", plan.width)) role="group"
            aria-labelledby=(title) aria-describedby=(desc) {
            title id=(title) { "Sequence drawing: " (story.title) }
            desc id=(desc) { (description(story)) " The table below tells the same." }
            (content(story, &plan, geometry, true))
        }
    }
}

/// A story as a picture of its own, an SVG file: it brings its style, and links nowhere, because it
/// is shown where its links would lead nowhere.
pub fn picture(story: &Story) -> String {
    let geometry = &Geometry::WIDE;
    let plan = Plan::new(story, geometry);
    let (width, height) = (plan.width, plan.height);
    html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(width) height=(height)
            viewBox=(format!("0 0 {width} {height}")) role="img"
            aria-labelledby="title desc" lang="en" {
            title id="title" { (story.title) }
            desc id="desc" { (description(story)) }
            style { (PreEscaped(STYLE)) }
            rect class="ground" width=(width) height=(height) rx="6" {}
            (content(story, &plan, geometry, false))
        }
    }
    .into_string()
        + "\n"
}

/// The drawing in words.
fn description(story: &Story) -> String {
    let names: Vec<&str> = story.lanes.iter().map(|lane| lane.name.as_str()).collect();
    let events: Vec<String> = story
        .events
        .iter()
        .map(|event| format!("{} {}.", event.at.time_in_italy(), event.sentence))
        .collect();
    format!("Between {}. {}", names.join(", "), events.join(" "))
}

/// Where everything is.
struct Plan<'a> {
    width: f32,
    height: f32,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    event: &'a Event,
    top: f32,
    height: f32,
    /// The break in the axis before it: its text, where it begins and how high it is.
    pause: Option<(String, f32, f32)>,
}

impl<'a> Plan<'a> {
    fn new(story: &'a Story, geometry: &Geometry) -> Plan<'a> {
        let lanes = story.lanes.len();
        // Phones always get the full width: texts stand at the left edge, not between the lanes.
        let width = if geometry.stacked {
            geometry.width
        } else {
            geometry.x(lanes.saturating_sub(1), lanes) + geometry.right
        };
        let mut top = geometry.head;
        let mut rows = Vec::new();
        for (pause, event) in story.with_pauses() {
            let pause = pause.map(|text| {
                let height = if event.meanwhile.is_some() {
                    58.0
                } else {
                    44.0
                };
                let begins = top + 4.0;
                top += height + 8.0;
                (text, begins, height)
            });
            // A note has a line of its own where texts are stacked.
            let extra = if geometry.stacked && event.note.is_some() {
                NOTE_LINE
            } else {
                0.0
            };
            let height = geometry.row + extra;
            rows.push(Row {
                event,
                top,
                height,
                pause,
            });
            top += height;
        }
        Plan {
            width,
            height: top + 16.0,
            rows,
        }
    }
}

fn content(story: &Story, plan: &Plan<'_>, geometry: &Geometry, linked: bool) -> Markup {
    let lanes = story.lanes.len();
    html! {
        @for (index, lane) in story.lanes.iter().enumerate() {
            (lifeline(lane, geometry.x(index, lanes), geometry.gap(lanes), plan.height, geometry))
        }
        @for row in &plan.rows {
            @if let Some((text, top, height)) = &row.pause {
                (pause(text, row.event.meanwhile.as_deref(), *top, *height, plan.width))
            }
            (event(row, lanes, plan.width, geometry, linked))
        }
    }
}

fn lifeline(lane: &Lane, x: f32, gap: f32, height: f32, geometry: &Geometry) -> Markup {
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
    let half = if geometry.stacked { 31.0 } else { 62.0_f32 };
    // Heads of neighbours keep apart.
    let half = half.min(gap / 2.0 - 2.0);
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

/// Hours pass: the axis is torn, and says how many.
fn pause(text: &str, meanwhile: Option<&str>, top: f32, height: f32, width: f32) -> Markup {
    // Teeth of 8 units, from beyond the left edge to beyond the right one.
    let teeth = (width / 16.0) as usize + 2;
    let edge = |y: f32| format!("M-8 {y}{}", "l8 -5l8 5".repeat(teeth));
    let middle = width / 2.0;
    html! {
        g class="pause" {
            rect class="cut" x="0" y=(top) width=(width) height=(height) {}
            path class="tear" d=(edge(top + 2.0)) {}
            path class="tear" d=(edge(top + height)) {}
            text class="long" x=(middle) y=(top + 24.0) { (sentence_case(text)) }
            @if let Some(words) = meanwhile {
                text class="meanwhile" x=(middle) y=(top + 42.0) { (words) }
            }
        }
    }
}

/// One event; all of it is a link to its file, where there are links.
fn event(row: &Row<'_>, lanes: usize, width: f32, geometry: &Geometry, linked: bool) -> Markup {
    let event = row.event;
    let class = format!(
        "event {} {}",
        tone_class(facts(&event.kind).tone),
        fate_class(event.fate)
    );
    let drawn = drawn(row, lanes, width, geometry);
    html! {
        @if linked {
            a href=(event.file) class=(class) {
                title { (event.at.time_in_italy()) " · " (event.sentence) " · " (event.file) }
                (drawn)
            }
        } @else {
            g class=(class) { (drawn) }
        }
    }
}

fn drawn(row: &Row<'_>, lanes: usize, width: f32, geometry: &Geometry) -> Markup {
    let event = row.event;
    let (from, to) = (geometry.x(event.from, lanes), geometry.x(event.to, lanes));
    let y = row.top + row.height - (geometry.row - geometry.arrow);
    let time = event.at.time_in_italy();
    html! {
        // Something to hit between the thin lines.
        rect class="hit" x="0" y=(row.top + 4.0) width=(width) height=(row.height - 8.0) rx="4" {}
        @if geometry.stacked {
            text class="english" x="6" y=(row.top + 24.0) {
                tspan class="time" { (time) } "  " (event_name(event))
                @if let Some(code) = &event.code { tspan class="time" { "  " (code) } }
            }
            @if let Some(note) = &event.note {
                text class="note" x="6" y=(row.top + 24.0 + NOTE_LINE) { (note) }
            }
        } @else {
            text class="time" x="4" y=(y + 4.0) { (time) }
            (along_arrow(event, from, to, y))
        }
        (arrow(event.fate, from, to, y))
        (seal(event, from, y))
    }
}

/// English above the arrow, the word on the wire or what is particular below, both close to where it
/// starts: arrows that pass over several lanes would else carry their text far from what they
/// leave.
fn along_arrow(event: &Event, from: f32, to: f32, y: f32) -> Markup {
    let rightwards = to > from;
    let (x, anchor) = if rightwards {
        (from + 18.0, "start")
    } else {
        (from - 18.0, "end")
    };
    html! {
        text class="english" x=(x) y=(y - 7.0) text-anchor=(anchor) { (event_name(event)) }
        @if let Some(note) = &event.note {
            text class="note" x=(x) y=(y + 16.0) text-anchor=(anchor) { (note) }
        } @else {
            text class="wire" x=(x) y=(y + 16.0) text-anchor=(anchor) lang="it" {
                (facts(&event.kind).wire)
                @if let Some(code) = &event.code { " · " (code) }
            }
        }
    }
}

fn arrow(fate: Fate, from: f32, to: f32, y: f32) -> Markup {
    // Back from the tip, so that the line does not show through it.
    let back = if to > from { -9.0 } else { 9.0 };
    let tip = format!("M{to} {y} l{back} -4.5 v9 z");
    // What is lost gets no further than somewhere on the way.
    let end = match fate {
        Fate::Arrives => to + back / 2.0,
        Fate::Refused => to + back,
        Fate::Lost => from + (to - from) * 0.72,
    };
    let cross = format!("M{} {} l10 10 m0 -10 l-10 10", end - 5.0, y - 5.0);
    html! {
        line class="shaft" x1=(from) y1=(y) x2=(end) y2=(y) {}
        @if fate == Fate::Arrives {
            path class="tip" d=(tip) {}
        } @else {
            path class="cross" d=(cross) {}
        }
    }
}

/// The number of the file, on a seal if a provider's signature on it holds.
fn seal(event: &Event, x: f32, y: f32) -> Markup {
    let class = if is_sealed(event) {
        "seal"
    } else {
        "seal open"
    };
    let number = if is_sealed(event) {
        "number"
    } else {
        "number open"
    };
    html! {
        circle class=(class) cx=(x) cy=(y) r="11" {}
        text class=(number) x=(x) y=(y + 4.0) { (format!("{:02}", event.number)) }
    }
}

/// Only what verifies is called `.eml` in the folder.
fn is_sealed(event: &Event) -> bool {
    event.file.ends_with(".eml") && facts(&event.kind).tone != Tone::Plain
}

/// What to call an event in a heading.
pub fn event_name(event: &Event) -> String {
    sentence_case(event.name.as_deref().unwrap_or(facts(&event.kind).english))
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

fn fate_class(fate: Fate) -> &'static str {
    match fate {
        Fate::Arrives => "arrives",
        Fate::Refused => "refused",
        Fate::Lost => "lost",
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

/// Height of the line that a note takes where texts are stacked.
const NOTE_LINE: f32 = 16.0;

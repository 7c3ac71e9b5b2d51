//! The demonstration as one self-contained page: no script, nothing fetched from anywhere.
//!
//! It must be readable on a phone, on paper, in the dark, and from an e-mail attachment twenty years
//! from now. Everything variable passes through `maud`, which escapes it: subjects and names come
//! out of mail.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::drawing::{self, Geometry, draw, event_name, sentence_case, tone_class};
use super::story::{Chronicle, Event, Fate, Proof, Story};
use crate::kind::{Tone, facts};

/// The whole page.
pub fn page(chronicle: &Chronicle) -> String {
    let title = "Certified mail, step by step";
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content=(concat!("ceralacca ", env!("CARGO_PKG_VERSION")));
                title { (title) " · Ceralacca" }
                // Nothing may be loaded even by accident.
                meta http-equiv="Content-Security-Policy"
                    content="default-src 'none'; style-src 'unsafe-inline'";
                style { (PreEscaped(drawing::STYLE)) (PreEscaped(STYLE)) }
            }
            body {
                header {
                    (mark())
                    h1 { (title) }
                    (introduction(chronicle))
                    (contents(chronicle))
                }
                main {
                    @for (index, story) in chronicle.stories.iter().enumerate() {
                        (story_section(index + 1, story))
                    }
                    (kinds_section(chronicle))
                    (check_section(chronicle))
                }
                footer {
                    p {
                        "Made by " code { "ceralacca demo" } ". Times are Italian legal time. People, \
                         domains, keys and certificates are invented; the messages are real, and \
                         signed with those keys."
                    }
                }
            }
        }
    }
    .into_string()
}

/// What the page is about, and how to read it.
fn introduction(chronicle: &Chronicle) -> Markup {
    let names: Vec<&str> = chronicle
        .providers
        .iter()
        .map(|party| party.name.as_str())
        .collect();
    html! {
        p.lead {
            "What happens to a message of Italian certified mail ("
            i lang="it" { "posta elettronica certificata" } ", PEC) between "
            (names.join(" and ")) ", " (period(chronicle))
            ": every envelope, receipt and notice, in the order of time, each with the file itself."
        }
        p {
            "A number on a red seal is a message signed by a provider. Click an arrow, or a file in \
             a table, to open the message; any mail program reads it. Time is simulated: where hours \
             pass, the drawing is torn."
        }
    }
}

/// From the day on which it began to the one on which it ended.
fn period(chronicle: &Chronicle) -> String {
    let events = chronicle.stories.iter().flat_map(|story| &story.events);
    let began = chronicle.began;
    match events.map(|event| event.at).max_by_key(|at| at.0) {
        Some(end) if end.date_in_italy() != began.date_in_italy() => {
            format!("from {} to {}", began.day_in_italy(), end.date_in_italy())
        }
        _ => format!("on {}", began.date_in_italy()),
    }
}

/// The stories with their endings, by chapter: for those who only want to know how it goes.
fn contents(chronicle: &Chronicle) -> Markup {
    let numbered: Vec<(usize, &Story)> = (1..).zip(&chronicle.stories).collect();
    html! {
        nav #contents aria-label="Stories" {
            @for chapter in numbered.chunk_by(|(_, one), (_, next)| one.chapter == next.chapter) {
                p.chapter { (chapter.first().map_or("", |(_, story)| story.chapter.as_str())) }
                ol {
                    @for (number, story) in chapter {
                        li {
                            a href={ "#story-" (number) } {
                                span.index { (number) }
                                span.title { (story.title) }
                                span.outcome { (story.outcome) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A story: drawing first, since it says most, then what it means, then the exact data.
fn story_section(number: usize, story: &Story) -> Markup {
    let id = format!("story-{number}");
    // In the colour of how it ended.
    let ending = story.events.last().map(|event| facts(&event.kind).tone);
    html! {
        section id=(id) {
            p.eyebrow { a href="#contents" { "Story " (number) } " · " (story.chapter) }
            h2 { (story.title) }
            p.proves { (prose(&story.proves)) }
            p { (prose(&story.opening)) }
            figure {
                // The style sheet shows one of the two.
                (draw(story, &format!("{id}-wide"), &Geometry::WIDE))
                (draw(story, &format!("{id}-narrow"), &Geometry::NARROW))
            }
            p class={ "moral " (ending.map_or("", tone_class)) } { (prose(&story.moral)) }
            @if let Some(proof) = &story.proof { (proof_block(proof)) }
            table {
                thead {
                    tr { th { "Time" } th { "Message" } th { "From → to" } th { "Subject" } th { "File" } }
                }
                tbody {
                    @for (pause, event) in story.with_pauses() {
                        @if let Some(pause) = pause {
                            tr.pause { td colspan="5" { (sentence_case(&pause)) } }
                        }
                        (event_row(event, story))
                    }
                }
            }
        }
    }
}

/// What to type, and what it must print.
fn proof_block(proof: &Proof) -> Markup {
    html! {
        p { (proof.text) }
        pre { code { (proof.command) "\n" span.answer { (proof.output) } } }
    }
}

/// A text of the story: `code` between grave accents.
fn prose(text: &str) -> Markup {
    html! {
        @for (index, piece) in text.split('`').enumerate() {
            @if index % 2 == 1 { code lang="it" { (piece) } } @else { (piece) }
        }
    }
}

/// A line of the table. On a phone it is shown as a block, so some cells carry their own label.
fn event_row(event: &Event, story: &Story) -> Markup {
    let facts = facts(&event.kind);
    let name = |lane: usize| story.lanes.get(lane).map_or("", |lane| lane.name.as_str());
    let fate = match event.fate {
        Fate::Arrives => "",
        Fate::Refused => " refused",
        Fate::Lost => " lost",
    };
    html! {
        tr class={ (tone_class(facts.tone)) (fate) } {
            td.time { (event.at.time_in_italy()) }
            td {
                span.what { (event_name(event)) } " "
                @if let Some(code) = &event.code { (code) " " }
                @if event.name.is_none() { i lang="it" { (facts.italian) } " " }
                @if let Some(note) = &event.note { span.note { (note) } }
            }
            td.way { (name(event.from)) " → " (name(event.to)) }
            td data-label="Subject:" { span.subject lang="it" { (event.subject) } }
            td { a href=(event.file) { (event.file) } }
        }
    }
}

/// Explains each kind of message that occurs, in the order of its first occurrence.
fn kinds_section(chronicle: &Chronicle) -> Markup {
    let mut kinds = Vec::new();
    for event in chronicle.stories.iter().flat_map(|story| &story.events) {
        let facts = facts(&event.kind);
        if !kinds.contains(&facts) {
            kinds.push(facts);
        }
    }
    html! {
        section id="kinds" {
            p.eyebrow { "Reading aid" }
            h2 { "The kinds of message" }
            dl {
                @for kind in kinds {
                    div class=(tone_class(kind.tone)) {
                        dt { (sentence_case(kind.english)) i lang="it" { (kind.italian) } }
                        dd { (kind.meaning) " " span.clause { (kind.clause) } }
                    }
                }
            }
        }
    }
}

/// How to check everything without trusting this program.
fn check_section(chronicle: &Chronicle) -> Markup {
    let events = || chronicle.stories.iter().flat_map(|story| &story.events);
    let example = events().find(|event| facts(&event.kind).tone == Tone::Envelope);
    let file = example.map_or("MESSAGE.eml", |event| event.file.as_str());
    html! {
        section id="check" {
            p.eyebrow { "Do not take our word" }
            h2 { "Check it yourself" }
            p {
                "Any S/MIME program verifies the signatures against " a href="roots.pem" { "roots.pem" }
                ". Who may sign for which domains stands in the provider directory, "
                a href="directory.ldif" { "directory.ldif" } "."
            }
            pre {
                code {
                    "openssl cms -verify -in " (file) " -CAfile roots.pem -purpose smimesign -out /dev/null\n"
                    "ceralacca verify " (file) " --directory directory.ldif --roots roots.pem"
                }
            }
            dl {
                @for party in &chronicle.providers {
                    div {
                        dt { (party.name) i { (party.domain) } }
                        dd {
                            "Signs as " code { (party.service_address) } " with the certificate "
                            code { (party.certificate_hash) } " (SHA-1, as the directory has it)."
                        }
                    }
                }
            }
        }
    }
}

/// A drop of sealing wax with a C in it.
fn mark() -> Markup {
    html! {
        svg.mark viewBox="0 0 56 56" aria-hidden="true" {
            path fill="var(--wax)" d="M28 2c6 0 9 3 14 5s9 6 10 12-1 9 0 14-2 11-7 14-10 3-15 6-11 0-16-3-9-7-10-13 2-10 1-15S9 11 14 8s8-6 14-6z" {}
            circle cx="28" cy="28" r="17" fill="none" stroke="var(--on-wax)" stroke-opacity=".45" stroke-width="1.5" {}
            path fill="none" stroke="var(--on-wax)" stroke-width="3.2" stroke-linecap="round" d="M34.5 21.5a9 9 0 1 0 0 13" {}
        }
    }
}

const STYLE: &str = include_str!("page.css");

//! The report of drills as a browser shows it: real Chromium, several widths, light and dark. The tests
//! measure the very page that users get, from a page around it.

use std::fs;
use std::process::Command;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde::Deserialize;
use test_attribute::test;
use xtask::drill::history::Answer;
use xtask::drill::{Drill, Event};
use xtask::ui::drill::html;

use crate::drill_support::{
    Served, at_work, data_diverged, leader_killed, majority_lost, members, milliseconds,
    new_leader, quorum_lost, run, write_lost,
};
use crate::scratch::Scratch;
use crate::support::require_tool;

/// Desktops, tablets, a phone, and the smallest supported screen.
const WIDTHS: [u32; 7] = [1280, 1100, 800, 600, 400, 390, 320];

/// The measurements of a page at one width.
#[derive(Debug, Deserialize)]
struct Measured {
    scheme: String,
    background: String,
    /// How many pixels wider it is than its window.
    wider: i64,
    beyond: Vec<String>,
    /// How many tables are wider than their place.
    scrolling: usize,
    /// The visible columns of the overview.
    columns: Vec<String>,
    /// Texts in which a member's name is broken between two lines.
    split: Vec<String>,
    faint: Vec<(f64, String)>,
    drawings: Vec<DrawingMeasured>,
    doubled: i64,
    fetched: u32,
    active: u32,
    ran: bool,
    said: String,
}

#[derive(Debug, Deserialize)]
struct DrawingMeasured {
    /// As a fraction of the page's width.
    width: f64,
    height: f64,
    name: Option<String>,
    text: Option<String>,
    /// The heights of each member's bars.
    bars: Vec<f64>,
    refused: usize,
    unknown: usize,
    labels: Vec<String>,
    lines: Vec<f64>,
    /// The fraction of the time that the longest gap takes.
    dry: f64,
    rests: usize,
    flaws: Vec<String>,
}

/// Opens pages in Chromium, each at each of the widths. Chromium takes longer to start than to show a page.
fn open<const PAGES: usize>(pages: [String; PAGES], flags: &[&str]) -> [Vec<Measured>; PAGES] {
    require_tool("chromium", "chromium");
    let scratch = Scratch::new();
    let root = scratch.root();
    let mut frames = String::new();
    for (number, page) in pages.into_iter().enumerate() {
        fs::write(root.join(format!("page-{number}.html")), page).unwrap();
        for width in WIDTHS {
            frames += &format!(
                "<iframe src=\"page-{number}.html\" style=\"width:{width}px;height:900px;border:0\"></iframe>"
            );
        }
    }
    let around = format!(
        "<!DOCTYPE html><body>{frames}<script>{}</script>",
        include_str!("browser/measure.js")
    );
    let around_page = root.join("around.html");
    fs::write(&around_page, around).unwrap();
    let output = Command::new("timeout")
        .args(["--kill-after=10", "300", "chromium"])
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            // Whatever it looks for, it finds no server.
            "--host-resolver-rules=MAP * ~NOTFOUND",
            // The outer page can access this one, although both are files.
            "--allow-file-access-from-files",
            "--window-size=1200,1000",
            "--dump-dom",
        ])
        .args(flags)
        .arg(format!("--user-data-dir={}", root.join("browser")))
        .arg(format!("file://{around_page}"))
        .output()
        .unwrap();
    let dom = String::from_utf8(output.stdout).unwrap();
    let measured = dom
        .split_once("<pre id=\"measured\">")
        .and_then(|(_, rest)| rest.split_once("</pre>"));
    let Some((measured, _)) = measured else {
        panic!(
            "nothing was measured: {dom}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    let mut measured = measured.to_owned();
    for (escaped, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&nbsp;", "\u{a0}"),
        ("&amp;", "&"),
    ] {
        measured = measured.replace(escaped, character);
    }
    let mut measured = serde_json::from_str::<Vec<Measured>>(&measured)
        .unwrap()
        .into_iter();
    let pages = [(); PAGES].map(|()| measured.by_ref().take(WIDTHS.len()).collect());
    assert_eq!(measured.len(), 0);
    pages
}

/// Checks what must hold for every page.
#[track_caller]
fn is_sound(measured: &[Measured], drills: usize) {
    assert_eq!(measured.len(), WIDTHS.len());
    for (page, width) in measured.iter().zip(WIDTHS) {
        assert_eq!(page.wider, 0, "{width}: {:?}", page.beyond);
        assert_eq!(page.beyond, [] as [String; 0], "{width}");
        assert_eq!(page.split, [] as [String; 0], "{width}");
        assert_eq!(page.faint, [] as [(f64, String); 0], "{width}");
        assert_eq!(page.drawings.len(), drills, "{width}");
        assert_eq!(
            (page.doubled, page.fetched, page.active),
            (0, 0, 0),
            "{width}"
        );
        assert!(!page.ran, "{width}");
        for drawing in &page.drawings {
            assert_eq!(drawing.flaws, [] as [String; 0], "{width}");
            assert!(drawing.width > 0.85, "{width}: {drawing:?}");
            assert!(drawing.height > 100.0, "{width}: {drawing:?}");
            assert_eq!(drawing.lines.len(), drawing.labels.len());
            assert!(
                drawing.lines.iter().all(|line| *line > 100.0),
                "{drawing:?}"
            );
        }
    }
}

#[test]
fn pages_can_be_read_at_every_width_in_a_browser() {
    let usual = html::render(
        &run(),
        &[
            leader_killed(),
            quorum_lost(),
            write_lost(),
            data_diverged(),
            majority_lost(),
        ],
    );
    let hostile = html::render(&run(), &[hostile_drill()]);
    let odd = odd_drills();
    let [usual, hostile, odd_ones] = open([usual, hostile, html::render(&run(), &odd)], &[]);
    shows_what_happened(&usual);
    shows_hostile_text_as_text(&hostile);
    // The labels are always readable.
    is_sound(&odd_ones, odd.len());
}

#[track_caller]
fn shows_what_happened(measured: &[Measured]) {
    is_sound(measured, 5);
    for (page, width) in measured.iter().zip(WIDTHS) {
        assert_eq!(page.scheme, "light");
        let columns = match width {
            1100.. => 11,
            500.. => 6,
            _ => 3,
        };
        assert_eq!(page.columns.len(), columns, "{width}: {:?}", page.columns);
        for column in ["fault", "verdict", "lost"] {
            assert!(page.columns.iter().any(|shown| shown == column), "{width}");
        }
        if width >= 1100 {
            assert_eq!(page.scrolling, 0, "{width}");
        }
        let [killed, lost, _, rested, restored] = page.drawings.as_slice() else {
            unreachable!();
        };
        assert_eq!(killed.bars.len(), 3);
        assert_eq!(rested.bars.len(), 5);
        let labels = restored.labels.iter();
        assert!(labels.clone().any(|label| label.starts_with("backed up")));
        assert!(labels.clone().any(|label| label.starts_with("restored")));
        // The highest bar takes the full height for bars, and none takes more.
        let highest = killed.bars.iter().copied().fold(0.0, f64::max);
        assert!((highest - 44.0).abs() < 0.5, "{killed:?}");
        assert_eq!((killed.refused, killed.unknown), (1, 1));
        assert_eq!((lost.refused, lost.unknown), (2, 2));
        assert_eq!((killed.rests, rested.rests), (0, 1));
        // 1.41 of 15 seconds.
        assert!((killed.dry - 0.094).abs() < 0.005, "{killed:?}");
        let labels = killed.labels.iter().map(|label| label.split(' ').next());
        let labels: Vec<&str> = labels.flatten().collect();
        assert_eq!(
            labels,
            [
                "injected", "found", "core-01", "healing", "healed", "healthy"
            ]
        );
        assert_eq!(killed.name.as_deref(), Some("Timeline of kill-leader"));
        let text = killed.text.as_deref().unwrap();
        assert!(text.contains("core-01 leads at 6.312 s"), "{text}");
    }
}

/// A drill in which every text tries to be executed.
fn hostile_drill() -> Drill {
    let evil = "</style></svg></title><script>parent.ran=window.ran=true</script>\
        <img src=x onerror=\"window.ran=true\">`\"'&amp;\u{202e}";
    let mut drill = write_lost();
    drill.done = evil.to_owned();
    drill.afterwards = evil.to_owned();
    drill.expected = vec![evil.to_owned()];
    drill.reported = vec![evil.repeat(20)];
    for one in &mut drill.history.operations {
        one.key.push_str(evil);
        match &mut one.answer {
            Answer::Refused(why) | Answer::Unknown(why) => evil.clone_into(why),
            Answer::Value(Some(value)) => value.push_str(evil),
            _ => {}
        }
    }
    drill
}

#[track_caller]
fn shows_hostile_text_as_text(measured: &[Measured]) {
    is_sound(measured, 1);
    for page in measured {
        assert!(
            page.said.contains("</style></svg></title><script>"),
            "{}",
            page.said
        );
        assert!(page.said.contains("onerror=\"window.ran=true\">"));
        assert!(page.said.contains("\\u{202e}"));
    }
}

fn odd_drills() -> Vec<Drill> {
    let mut runner = TestRunner::deterministic();
    (0..12)
        .map(|_| {
            let tree = odd_drill().new_tree(&mut runner).unwrap();
            proptest::strategy::ValueTree::current(&tree)
        })
        .collect()
}

#[test]
fn pages_can_be_read_in_the_dark_in_a_browser() {
    let dark = "--blink-settings=preferredColorScheme=0";
    let drills = [leader_killed(), write_lost()];
    let [measured] = open([html::render(&run(), &drills)], &[dark]);
    is_sound(&measured, 2);
    for page in &measured {
        assert_eq!(page.scheme, "dark");
        assert_eq!(page.background, "rgb(19, 21, 24)");
    }
}

/// Drills with events at any time, and members with the longest possible names.
fn odd_drill() -> impl Strategy<Value = Drill> {
    let moments = prop::collection::vec(0_u64..10_000, 8);
    (moments, 1_usize..8, any::<bool>(), 1_u64..12_000).prop_map(
        |(mut times, count, is_long, until)| {
            times.sort_unstable();
            let mut members = members(count);
            if is_long {
                members[0] = "m".repeat(63).parse().unwrap();
            }
            let leads = new_leader(members[0].as_str(), 7);
            let events = [
                Event::Injecting,
                Event::Injected,
                Event::Found,
                leads.clone(),
                Event::Healing,
                leads,
                Event::Healed,
                Event::Healthy,
            ];
            let history = at_work(&members, until, |_, at| match at % 5_000 {
                0..3_000 => Served::Soon,
                _ => Served::Refuses,
            });
            let moments = times
                .iter()
                .zip(events)
                .map(|(at, event)| xtask::drill::Moment {
                    at: milliseconds(*at),
                    event,
                });
            Drill {
                moments: moments.collect(),
                history,
                members,
                ..leader_killed()
            }
        },
    )
}

//! The text that `status --watch` prints for what it sees.

use std::process::Command;
use std::time::Duration;

use expect_test::{Expect, expect};
use serde_json::Value;
use test_attribute::test;
use xtask::advice;
use xtask::elections::Elections;
use xtask::moment;
use xtask::observation::certificates::NOT_ACCEPTED;
use xtask::observation::{Look, MemberSnapshot, Snapshot};
use xtask::ui::WIDTH;
use xtask::ui::status::json;
use xtask::ui::status::log::Log;
use xtask::ui::status::{table, view};

use crate::elections::{
    Seen::{self, Follows, NoLeader, Silent, Stopped},
    snapshot,
};

/// 2026-07-30T09:05:00Z.
const MORNING: u64 = 1_785_402_300;

/// A sequence of snapshots: seconds after the morning, and the members that are seen then.
type Story<'a> = &'a [(u64, &'a [Seen])];

fn told(story: Story<'_>, mut each: impl FnMut(Duration, &Snapshot, &Elections)) {
    let mut elections = Elections::default();
    for (seconds, members) in story {
        let at = Duration::from_secs(MORNING + seconds);
        let snapshot = snapshot(members);
        elections.take_note(at, &snapshot);
        each(at, &snapshot, &elections);
    }
}

/// The final view, without its colors.
fn seen_last(story: Story<'_>, expected: Expect) {
    let mut last = Vec::new();
    told(story, |at, snapshot, elections| {
        last = view::lines(at, snapshot, elections, WIDTH);
    });
    let text = last.join("\n") + "\n";
    expected.assert_eq(&anstream::adapter::strip_str(&text).to_string());
}

fn logged(story: Story<'_>, expected: Expect) {
    let mut log = Log::default();
    let mut text = String::new();
    told(story, |at, snapshot, elections| {
        text += &log.lines(at, snapshot, elections);
    });
    expected.assert_eq(&text);
}

const FIRST_LEADS: &[Seen] = &[Follows(2, 1), Follows(2, 1), Follows(2, 1)];
const THIRD_LEADS: &[Seen] = &[Stopped, Follows(3, 3), Follows(3, 3)];
const DOWN: &[Seen] = &[Stopped, Stopped, Stopped];

#[test]
fn view_shows_the_leader_and_since_when() {
    seen_last(
        &[(0, FIRST_LEADS)],
        expect![[r#"
            default at 09:05:00 UTC: 3 of 3 members answer
            core-01 leads, elected before watching began (term 2)

            MEMBER   ROLE      RUNS AS          TERM  LAG  INDEX  DATABASE
            core-01  leader    process 100      2     0    18     20 KiB
            core-02  follower  process 200      2     0    18     20 KiB
            core-03  follower  process 300      2     0    18     20 KiB
        "#]],
    );
    seen_last(
        &[(0, FIRST_LEADS), (1, THIRD_LEADS), (13, THIRD_LEADS)],
        expect![[r#"
            default at 09:05:13 UTC: 2 of 3 members answer
            core-03 leads, elected 12 s ago (term 3)

            MEMBER   ROLE      RUNS AS          TERM  LAG  INDEX  DATABASE
            core-01  -         stopped          -     -    -      -
            core-02  follower  process 200      3     0    18     20 KiB
            core-03  leader    process 300      3     0    18     20 KiB
        "#]],
    );
    seen_last(
        &[
            (0, FIRST_LEADS),
            (1, &[Silent, NoLeader(2), NoLeader(3)]),
            (8, &[Silent, NoLeader(4), NoLeader(4)]),
        ],
        expect![[r#"
            default at 09:05:08 UTC: 2 of 3 members answer
            no leader for 7 s; core-01 led last (term 2)

            MEMBER   ROLE             RUNS AS          TERM  LAG  INDEX  DATABASE
            core-01  does not answer  process 100      -     -    -      -
            core-02  no leader        process 200      4     0    18     20 KiB
            core-03  no leader        process 300      4     0    18     20 KiB
        "#]],
    );
    seen_last(
        &[(0, DOWN), (90, DOWN)],
        expect![[r#"
            default at 09:06:30 UTC: 0 of 3 members answer
            no member runs for 1 min

            MEMBER   ROLE  RUNS AS          TERM  LAG  INDEX  DATABASE
            core-01  -     stopped          -     -    -      -
            core-02  -     stopped          -     -    -      -
            core-03  -     stopped          -     -    -      -

            hint: start it: `cargo xtask up default`
        "#]],
    );
}

/// The line about the leader in the final view.
fn leader_last(story: Story<'_>) -> String {
    let mut last = String::new();
    told(story, |at, snapshot, elections| {
        last = anstream::adapter::strip_str(&view::lines(at, snapshot, elections, WIDTH)[1])
            .to_string();
    });
    last
}

#[test]
fn election_shows_the_time_that_is_known() {
    let silent: &[Seen] = &[Silent, Silent, Silent];
    assert_eq!(
        leader_last(&[(0, FIRST_LEADS), (1, THIRD_LEADS)]),
        "core-03 leads, elected just now (term 3)"
    );
    // No member answered for ten minutes, during which it happened.
    let mut story = vec![(0, FIRST_LEADS), (1, silent), (600, THIRD_LEADS)];
    assert_eq!(
        leader_last(&story),
        "core-03 leads, elected within the last 10 min (term 3)"
    );
    story.push((612, THIRD_LEADS));
    assert_eq!(
        leader_last(&story),
        "core-03 leads, elected 12 s to 10 min ago (term 3)"
    );
    story.push((9000, THIRD_LEADS));
    assert_eq!(
        leader_last(&story),
        "core-03 leads, elected 2 h 20 min to 2 h 30 min ago (term 3)"
    );
    story.push((903_000, THIRD_LEADS));
    assert_eq!(
        leader_last(&story),
        "core-03 leads, elected 10 d 10 h ago (term 3)"
    );
    assert_eq!(
        leader_last(&[(0, silent), (1, FIRST_LEADS), (5, FIRST_LEADS)]),
        "core-01 leads, elected before it could be seen (term 2)"
    );
    assert_eq!(
        leader_last(&[(0, silent), (5, silent)]),
        "no answer from any member for 5 s"
    );
}

#[test]
fn log_shows_changes_and_that_nothing_changes() {
    let story: Vec<(u64, &[Seen])> = (0..75)
        .map(|second| (second, FIRST_LEADS))
        .chain([
            (75, &[Stopped, Follows(2, 1), Follows(2, 1)][..]),
            (76, &[Stopped, NoLeader(3), Follows(3, 3)]),
            (77, THIRD_LEADS),
            (78, &[Stopped, Silent, NoLeader(3)]),
            (79, DOWN),
            (80, &[Stopped, Stopped]),
        ])
        .collect();
    logged(
        &story,
        expect![[r#"
            2026-07-30T09:05:00Z  core-01  leader in term 2, 0 behind, log entry 18, database 20 KiB, process 100
            2026-07-30T09:05:00Z  core-02  follower in term 2, 0 behind, log entry 18, database 20 KiB, process 200
            2026-07-30T09:05:00Z  core-03  follower in term 2, 0 behind, log entry 18, database 20 KiB, process 300
            2026-07-30T09:05:00Z  default  core-01 leads, elected before watching began (term 2)
            2026-07-30T09:06:00Z  default  unchanged: 3 of 3 answer; core-01 leads, elected before watching began (term 2); log entry 18, at most 0 behind, database at most 20 KiB
            2026-07-30T09:06:15Z  core-01  stopped
            2026-07-30T09:06:15Z  default  no leader; core-01 led last (term 2)
            2026-07-30T09:06:16Z  core-02  no leader in term 3, 0 behind, log entry 18, database 20 KiB, process 200
            2026-07-30T09:06:16Z  core-03  leader in term 3, 0 behind, log entry 18, database 20 KiB, process 300
            2026-07-30T09:06:16Z  default  core-03 leads, elected just now (term 3)
            2026-07-30T09:06:17Z  core-02  follower in term 3, 0 behind, log entry 18, database 20 KiB, process 200
            2026-07-30T09:06:18Z  core-02  does not answer (process 200): no answer within 2 s
            2026-07-30T09:06:18Z  core-03  no leader in term 3, 0 behind, log entry 18, database 20 KiB, process 300
            2026-07-30T09:06:18Z  default  no leader; core-03 led last (term 3)
            2026-07-30T09:06:19Z  core-02  stopped
            2026-07-30T09:06:19Z  core-03  stopped
            2026-07-30T09:06:19Z  default  no member runs; core-03 led last (term 3)
            2026-07-30T09:06:20Z  core-03  is no longer a member
        "#]],
    );
}

#[test]
fn log_tells_silent_members_from_stopped_ones() {
    logged(
        &[
            (0, &[Silent, Silent, Silent]),
            // They end one after another.
            (1, &[Stopped, Silent, Stopped]),
            (2, DOWN),
        ],
        expect![[r#"
            2026-07-30T09:05:00Z  core-01  does not answer (process 100): no answer within 2 s
            2026-07-30T09:05:00Z  core-02  does not answer (process 200): no answer within 2 s
            2026-07-30T09:05:00Z  core-03  does not answer (process 300): no answer within 2 s
            2026-07-30T09:05:00Z  default  no answer from any member
            2026-07-30T09:05:01Z  core-01  stopped
            2026-07-30T09:05:01Z  core-03  stopped
            2026-07-30T09:05:02Z  core-02  stopped
            2026-07-30T09:05:02Z  default  no member runs
        "#]],
    );
}

#[test]
fn log_shows_when_a_member_lags_and_catches_up() {
    let mut log = Log::default();
    let elections = Elections::default();
    let mut lines = |seconds, lag: u64| {
        let mut snapshot = snapshot(FIRST_LEADS);
        if let Look::Seen(status) = &mut snapshot.members[1].status {
            status.raft_index = Some(10_000);
            status.raft_applied_index = Some(10_000 - lag);
        }
        if let Look::Seen(status) = &mut snapshot.members[2].status {
            status.raft_applied_index = Some(10_000);
        }
        if let Look::Seen(status) = &mut snapshot.members[0].status {
            status.raft_applied_index = Some(10_000);
        }
        log.lines(Duration::from_secs(seconds), &snapshot, &elections)
    };
    assert_eq!(lines(1, 0).lines().count(), 4);
    assert_eq!(lines(2, 900), "");
    assert!(lines(3, 1200).contains("core-02  follower in term 2, 1200 behind"));
    assert_eq!(lines(4, 1300), "");
    assert!(lines(5, 0).contains("core-02  follower in term 2, 0 behind"));
}

#[test]
fn timestamps_follow_the_calendar() {
    // By `date -u -d @…`.
    let moments = [
        (0, "1970-01-01T00:00:00Z"),
        (68_169_599, "1972-02-28T23:59:59Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (951_868_800, "2000-03-01T00:00:00Z"),
        (1_735_689_599, "2024-12-31T23:59:59Z"),
        (MORNING, "2026-07-30T09:05:00Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
    ];
    for (seconds, text) in moments {
        assert_eq!(moment::utc(Duration::from_secs(seconds)), text);
    }
}

#[test]
fn durations_have_sensible_precision() {
    let times = [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (7500, "2 h 5 min"),
        (273_600, "3 d 4 h"),
    ];
    for (seconds, text) in times {
        assert_eq!(moment::long(Duration::from_secs(seconds)), text);
    }
}

#[test]
fn member_at_two_addresses_is_shown_at_its_own() {
    let mut twice = snapshot(THIRD_LEADS);
    twice.members[0].status = twice.members[2].status.clone();
    let once = twice.each_member_once();
    assert_eq!(once.answering(), 2);
    assert_eq!(once.leader().unwrap().name.as_str(), "core-03");
    let Look::Failed(why) = &once.members[0].status else {
        panic!("{:?}", once.members[0]);
    };
    assert_eq!(why, "the member at http://127.0.0.3:2379 answers there");
}

/// Consumers rely on these names; renaming one is a new format.
#[test]
fn json_names_of_status_are_documented_in_the_help() {
    let text = json::render(&snapshot(&[Stopped, Stopped, Stopped]));
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        document["hints"],
        serde_json::json!([{
            "text": "start it",
            "commands": ["cargo xtask up default"],
            "effect": "heals",
        }])
    );
    let help = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["status", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for object in [&document, &document["members"][0], &document["hints"][0]] {
        for name in object.as_object().unwrap().keys() {
            let mut words = help.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            assert!(words.any(|word| word == name), "{name} is not in the help");
        }
    }
}

#[test]
fn stopped_cluster_without_data_is_not_told_to_start() {
    let mut snapshot = snapshot(&[Stopped, Stopped, Stopped]);
    let mut advice = String::new();
    for lost in 1..=3 {
        let names = snapshot.members.iter().map(|member| member.name.clone());
        snapshot.lost = names.take(lost).collect();
        for hint in advice::of_snapshot(&snapshot) {
            advice += &format!("{lost} lost: {}: {hint}\n", hint.effect);
        }
    }
    expect![[r#"
        1 lost: makes-safer: start the members that can run with their data: `cargo xtask up default`
        2 lost: informs: too few members can run with the data that they have; keep it, and see what each member lacks: `cargo xtask verify default`
        3 lost: heals: the data of all members is lost; start over: `cargo xtask destroy default`, then `cargo xtask up default`
    "#]].assert_eq(&advice);
}

#[test]
fn distrusted_member_is_explained() {
    let mut snapshot = snapshot(FIRST_LEADS);
    let why = format!("{NOT_ACCEPTED}: certificate has expired");
    snapshot.members[1].status = Look::Failed(why);
    let advice = advice::of_snapshot(&snapshot);
    let advice: Vec<String> = advice.iter().map(ToString::to_string).collect();
    expect!["core-02 gives no answer, because its certificate is not accepted: certificate has expired; see what is wrong with which certificate: `cargo xtask verify default`"].assert_eq(&advice.join("\n"));
}

#[test]
fn tables_fit_and_never_cut_a_process_id() {
    let mut snapshot = snapshot(FIRST_LEADS);
    snapshot.members[0].name = "a-member-with-a-long-name".parse().unwrap();
    snapshot.members[1].status = Look::Failed("no answer in time".to_owned());
    let elections = Elections::default();
    let at = Duration::from_secs(MORNING);
    let runs_as = |member: &MemberSnapshot| member.condition.as_ref().unwrap().runs_as().unwrap();
    for width in 40..140 {
        let view = view::lines(at, &snapshot, &elections, width).join("\n");
        let view = anstream::adapter::strip_str(&view).to_string();
        let table = table::render(&snapshot, width);
        for text in [&view, &table] {
            // A hint wraps between words, and a command may be one long word.
            let wide = text.lines().find(|line| line.chars().count() > width);
            assert_eq!(wide, None, "{width}:\n{text}");
            for member in &snapshot.members {
                assert!(text.contains(&runs_as(member)), "{width}:\n{text}");
            }
        }
    }
    expect![[r#"
        MEMBER                     RUNS AS          ROLE
        a-member-with-a-long-name  process 100      leader
        core-02                    process 200      does not answer
        core-03                    process 300      follower
    "#]]
    .assert_eq(&table::render(&snapshot, WIDTH));
}

//! The output of real etcds of each version, read and judged. `tests/recorded/README.md` describes the
//! recordings.

use std::fs;

use expect_test::expect;
use test_attribute::test;
use xtask::check::{self, Health};
use xtask::judgement::Verdict;
use xtask::observation::log::{self, LastWords};
use xtask::observation::{LastRevision, Look, Observation, Status, etcdctl, v2};
use xtask::plan::Plan;
use xtask::plan::identity::EtcdId;
use xtask::reason::Reason;

use crate::support::project;
use crate::verify_support::{healthy, recorded_cluster, status, unasked, without};

const WITH_V3: [&str; 3] = ["3.4.23", "3.5.30", "3.6.14"];
const WITH_V2: [&str; 3] = ["2.0.0", "2.0.13", "2.3.8"];

const NOTHING_WRITTEN: &str = "00-nothing-written";
const HEALTHY: &str = "10-healthy";
const ONE_DOWN: &str = "20-core-03-down";
const NO_QUORUM: &str = "30-core-02-03-down";

/// One recorded call.
pub(crate) struct Recording {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Recording {
    pub(crate) fn of(version: &str, state: &str, call: &str) -> Self {
        let path = project().join(format!("tests/recorded/{version}/{state}-{call}.txt"));
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let (_, rest) = text.split_once("--- stdout\n").unwrap();
        let (stdout, rest) = rest.split_once("\n--- stderr\n").unwrap();
        let (stderr, _) = rest.rsplit_once("\n--- rc=").unwrap();
        Self {
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
        }
    }

    /// The output as it is if only this one of the recorded endpoints is queried.
    fn for_endpoint(&self, endpoint: &str) -> Option<String> {
        let all: Vec<serde_json::Value> = serde_json::from_str(&self.stdout).unwrap();
        let one = all.into_iter().find(|one| one["Endpoint"] == endpoint)?;
        Some(serde_json::to_string(&[one]).unwrap())
    }

    /// The body of a recorded HTTP answer.
    fn body(&self) -> &str {
        let (_, body) = self.stdout.split_once("\n\n").unwrap();
        body
    }

    /// A header of a recorded HTTP answer.
    fn header(&self, name: &str) -> Option<&str> {
        let head = self.stdout.split("\n\n").next().unwrap();
        head.lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(header, _)| *header == name)
            .map(|(_, value)| value)
    }
}

/// The observation of a recorded cluster with the v3 API: everything that was recorded for each member;
/// recordings of only the first member count for each.
fn seen(plan: &Plan, version: &str, state: &str) -> Observation {
    let statuses = Recording::of(version, state, "ctl3-endpoint-status-json");
    let hashes = Recording::of(version, state, "ctl3-endpoint-hashkv-json");
    let members = Recording::of(version, state, "ctl3-member-list-json");
    let alarms = Recording::of(version, state, "ctl3-alarm-list-json");
    let put = Recording::of(version, state, "ctl3-put-json");
    let mut observation = healthy(plan);
    observation.before = Some(LastRevision {
        revision: 2,
        fell_to: None,
        restored: None,
    });
    for index in 0..plan.members.len() {
        let endpoint = observation.members[index].endpoint.clone();
        let Some(output) = statuses.for_endpoint(&endpoint) else {
            observation = without(observation, index);
            continue;
        };
        let member = &mut observation.members[index];
        member.status = Look::Seen(etcdctl::status(&output).unwrap());
        member.hash =
            Look::Seen(etcdctl::hash(&hashes.for_endpoint(&endpoint).unwrap(), 2).unwrap());
        member.members = look(&members, etcdctl::members);
        member.alarms = look(&alarms, etcdctl::alarms);
        member.write = look(&put, etcdctl::put);
        if member.write.seen().is_none() {
            member.reads = unasked("had nothing to read");
        }
    }
    observation
}

fn look<T>(recording: &Recording, read: fn(&str) -> Result<T, Reason>) -> Look<T> {
    match read(&recording.stdout) {
        Ok(seen) => Look::Seen(seen),
        Err(_) => Look::Failed(etcdctl::reason(&recording.stderr).unwrap()),
    }
}

/// The status of a recorded member with the v2 API.
fn status_of_first(version: &str, state: &str) -> Result<Status, Reason> {
    let keys = Recording::of(version, state, "http-v2_keys-m1");
    v2::status(&v2::Answers {
        version: Recording::of(version, state, "http-version-m1").body(),
        stats: Recording::of(version, state, "http-v2_stats_self-m1").body(),
        cluster_id: keys.header("X-Etcd-Cluster-Id").unwrap(),
        raft_index: keys.header("X-Raft-Index"),
        raft_term: keys.header("X-Raft-Term"),
        etcd_index: keys.header("X-Etcd-Index"),
    })
}

fn verdict(report: &check::ClusterReport, name: &str) -> Verdict {
    let checked = report.checks.iter().find(|checked| checked.name == name);
    checked.unwrap().judgement.verdict
}

#[test]
fn recorded_healthy_clusters_pass_with_predicted_identity() {
    for version in WITH_V3 {
        let plan = recorded_cluster(version);
        assert_eq!(plan.cluster_id, EtcdId(0x9d5_79ad_db6e_9da3));
        let report = check::judge(&plan, &seen(&plan, version, HEALTHY));
        assert_eq!(report.health(), Health::Healthy, "{version}: {report:#?}");
        for checked in &report.checks {
            // 3.6.14 is the pinned version; the others stand in for it.
            let expected = match checked.name {
                "version" if version != "3.6.14" => Verdict::Warn,
                _ => Verdict::Pass,
            };
            assert_eq!(
                checked.judgement.verdict, expected,
                "{version}: {checked:?}"
            );
        }
    }
}

#[test]
fn recorded_clusters_with_one_member_down_keep_a_quorum() {
    for version in WITH_V3 {
        let plan = recorded_cluster(version);
        let report = check::judge(&plan, &seen(&plan, version, ONE_DOWN));
        assert_eq!(report.health(), Health::Unhealthy);
        assert_eq!(verdict(&report, "reachable"), Verdict::Fail);
        assert_eq!(verdict(&report, "quorum"), Verdict::Warn, "{version}");
        assert_eq!(verdict(&report, "identity"), Verdict::Skipped, "{version}");
        assert!(report.quorum_state.has_quorum());
        assert_eq!(report.quorum_state.may_fail(), 0);
    }
}

#[test]
fn recorded_clusters_without_a_quorum_are_reported() {
    for version in WITH_V3 {
        let plan = recorded_cluster(version);
        let seen = seen(&plan, version, NO_QUORUM);
        let first = seen.members[0].status.seen().unwrap();
        assert_eq!(first.leader, None, "{version}");
        assert_eq!(first.errors, ["etcdserver: no leader"], "{version}");
        let report = check::judge(&plan, &seen);
        assert_eq!(verdict(&report, "quorum"), Verdict::Fail, "{version}");
        assert_eq!(verdict(&report, "leader"), Verdict::Fail, "{version}");
        assert!(!report.quorum_state.has_quorum());
    }
}

#[test]
fn recorded_failures_omit_the_logger_and_grpc() {
    let mut reasons = String::new();
    for version in WITH_V3 {
        for call in [
            "ctl3-endpoint-status-json",
            "ctl3-endpoint-hashkv-json",
            "ctl3-member-list-json",
            "ctl3-put-json",
        ] {
            let stderr = Recording::of(version, NO_QUORUM, call).stderr;
            let reason = etcdctl::reason(&stderr);
            reasons += &format!("{version} {call}: {reason:?}\n");
        }
    }
    expect![[r#"
        3.4.23 ctl3-endpoint-status-json: Some("dial tcp 172.17.8.103:2379: connect: connection refused")
        3.4.23 ctl3-endpoint-hashkv-json: Some("dial tcp 172.17.8.103:2379: connect: connection refused")
        3.4.23 ctl3-member-list-json: None
        3.4.23 ctl3-put-json: Some("no answer in time")
        3.5.30 ctl3-endpoint-status-json: Some("dial tcp 172.17.8.103:2379: connect: connection refused")
        3.5.30 ctl3-endpoint-hashkv-json: Some("dial tcp 172.17.8.103:2379: connect: connection refused")
        3.5.30 ctl3-member-list-json: Some("no answer in time")
        3.5.30 ctl3-put-json: Some("no answer in time")
        3.6.14 ctl3-endpoint-status-json: Some("dial tcp 172.17.8.103:2379: connect: connection refused")
        3.6.14 ctl3-endpoint-hashkv-json: Some("dial tcp 172.17.8.103:2379: connect: connection refused")
        3.6.14 ctl3-member-list-json: Some("no answer in time")
        3.6.14 ctl3-put-json: Some("no answer in time")
    "#]].assert_eq(&reasons);
}

#[test]
fn recorded_warnings_are_not_reasons() {
    let stderr = Recording::of("3.6.14", HEALTHY, "ctl3-put-json").stderr;
    assert!(
        stderr.contains("unrecognized environment variable"),
        "{stderr}"
    );
    assert_eq!(etcdctl::reason(&stderr), None);
}

#[test]
fn recorded_status_has_a_quota_only_since_3_6() {
    for version in WITH_V3 {
        let recorded = Recording::of(version, HEALTHY, "ctl3-endpoint-status-json");
        let output = recorded.for_endpoint("http://172.17.8.101:2379").unwrap();
        let status = etcdctl::status(&output).unwrap();
        assert_eq!(status.version, version);
        assert_eq!(status.member_id, EtcdId(0x6ae2_7f9f_a298_4b1d));
        assert_eq!(status.db_size, Some(20480));
        let expected = (version == "3.6.14").then_some(2 << 30);
        assert_eq!(status.db_size_quota, expected);
        assert_eq!(status.raft_index, status.raft_applied_index);
        assert_eq!(status.downgrade, None);
        // As 3.6.14 and 3.7.1 print it.
        let enabled = r#""downgradeInfo":{"enabled":true,"targetVersion":"3.5.0"}"#;
        let output = output.replace(r#""downgradeInfo":{}"#, enabled);
        let status = etcdctl::status(&output).unwrap();
        let expected = (version == "3.6.14").then(|| "3.5.0".parse().unwrap());
        assert_eq!(status.downgrade, expected);
    }
}

#[test]
fn recorded_status_of_2_x_has_three_forms() {
    for version in WITH_V2 {
        let status = status_of_first(version, HEALTHY).unwrap();
        assert_eq!(status.version, version);
        assert_eq!(status.cluster_id, EtcdId(0x9d5_79ad_db6e_9da3));
        assert_eq!(status.member_id, EtcdId(0x6ae2_7f9f_a298_4b1d));
        assert_eq!(status.leader, Some(EtcdId(0xff32_f4b3_9b9c_47bd)));
        assert_eq!(status.raft_term, Some(2));
        assert!(status.raft_index >= Some(14), "{status:?}");
        assert_eq!(status.db_size, None);
    }
}

/// Before its first key is written, 2.0.0 has no root folder, and reports neither term nor log entry.
#[test]
fn recorded_empty_2_0_0_reports_no_term() {
    let keys = Recording::of("2.0.0", NOTHING_WRITTEN, "http-v2_keys-m1");
    assert!(keys.stdout.starts_with("HTTP/1.1 404 "));
    assert!(v2::found_no_key(404, keys.body()));
    let status = status_of_first("2.0.0", NOTHING_WRITTEN).unwrap();
    assert_eq!(status.cluster_id, EtcdId(0x9d5_79ad_db6e_9da3));
    assert_eq!(status.member_id, EtcdId(0x6ae2_7f9f_a298_4b1d));
    assert_eq!(status.leader, Some(EtcdId(0xff32_f4b3_9b9c_47bd)));
    assert_eq!((status.raft_term, status.raft_index), (None, None));
}

#[test]
fn other_answers_than_key_not_found_are_failures() {
    let no_key = r#"{"errorCode":100,"message":"Key not found","index":6}"#;
    assert!(v2::found_no_key(404, no_key));
    assert!(!v2::found_no_key(500, no_key));
    for body in [
        "",
        "404 page not found",
        r#"{"message":"Not found"}"#,
        r#"{"errorCode":300,"message":"Raft Internal Error","index":6}"#,
    ] {
        assert!(!v2::found_no_key(404, body), "{body}");
    }
}

#[test]
fn recorded_member_lists_of_2_x_match_the_plan() {
    for version in WITH_V2 {
        let plan = recorded_cluster(version);
        let body = Recording::of(version, HEALTHY, "http-v2_members-m1");
        let list = v2::members(body.body()).unwrap();
        let mut observation = healthy(&plan);
        for member in &mut observation.members {
            member.members = Look::Seen(list.clone());
        }
        let report = check::judge(&plan, &observation);
        assert_eq!(verdict(&report, "members"), Verdict::Pass, "{report:?}");
    }
}

/// etcd 2.0.0 and 2.3.8 keep naming a leader after the quorum is lost. The loss shows because the leader does
/// not answer, and no write succeeds.
#[test]
fn recorded_stale_leaders_of_2_x_are_no_quorum() {
    for version in ["2.0.0", "2.3.8"] {
        let plan = recorded_cluster(version);
        let mut observation = without(without(healthy(&plan), 1), 2);
        *status(&mut observation.members[0]) = status_of_first(version, NO_QUORUM).unwrap();
        assert!(
            status(&mut observation.members[0]).leader.is_some(),
            "{version}"
        );
        observation.members[0].write = Look::Failed("no answer in time".to_owned());
        observation.members[0].reads = unasked("had nothing to read");
        let report = check::judge(&plan, &observation);
        assert_eq!(verdict(&report, "quorum"), Verdict::Fail, "{version}");
        assert_eq!(report.health(), Health::Unhealthy);
        assert!(!report.quorum_state.has_quorum());
    }
}

#[test]
fn malformed_output_is_refused_and_shown() {
    let status = |output| etcdctl::status(output).unwrap_err();
    let refused = [
        status(""),
        status("[]"),
        status("hello\nworld"),
        status(r#"[{"Endpoint":"a","Status":{"header":{"cluster_id":1,"member_id":2}}}]"#),
        status(r#"[{"Status":{"header":{"cluster_id":-1,"member_id":2},"version":"3.6.14"}}]"#),
        etcdctl::members("{}").unwrap_err(),
        etcdctl::alarms("null").unwrap_err(),
        etcdctl::put("{}").unwrap_err(),
        etcdctl::pairs("key\nvalue\nkey").unwrap_err(),
        v2::version("<html>").unwrap_err(),
        v2::version("{}").unwrap_err(),
        v2::members("[]").unwrap_err(),
        v2::reason(502, "<html>Bad Gateway</html>"),
        v2::reason(
            500,
            r#"{"errorCode":300,"message":"Raft Internal Error","cause":"etcdserver: request timed out","index":9}"#,
        ),
    ];
    expect![[r#"
        printed nothing
        answered for 0 endpoints, not 1
        printed output that this program cannot read (expected value at line 1 column 1): `hello`
        printed output that this program cannot read (missing field `version` at line 1 column 67): `[{"Endpoint":"a","Status":{"header":{"cluster_id":1,"member_`
        printed output that this program cannot read (invalid value: integer `-1`, expected u64 at line 1 column 37): `[{"Status":{"header":{"cluster_id":-1,"member_id":2},"versio`
        printed output that this program cannot read (missing field `members` at line 1 column 2): `{}`
        printed output that this program cannot read (invalid type: null, expected struct AlarmList at line 1 column 4): `null`
        printed output that this program cannot read (missing field `header` at line 1 column 2): `{}`
        printed output that this program cannot read (a key without a value): `key`
        the answer for `/version` is not from an etcd 2.x: `<html>`
        the answer for `/version` is not from an etcd 2.x: `{}`
        the answer for `/v2/members` is not from an etcd 2.x: `[]`
        HTTP status 502: `<html>Bad Gateway</html>`
        Raft Internal Error: etcdserver: request timed out"#]].assert_eq(&refused.map(String::from).join("\n"));
}

#[test]
fn unknown_fields_are_ignored() {
    let output = r#"[{"Endpoint":"a","New":1,"Status":{"header":{"cluster_id":18446744073709551615,"member_id":9223372036854775808,"x":[]},"version":"3.9.0","y":{}}}]"#;
    let status = etcdctl::status(output).unwrap();
    assert_eq!(status.cluster_id, EtcdId(u64::MAX));
    assert_eq!(status.member_id, EtcdId(1 << 63));
    assert_eq!(etcdctl::alarms("{}"), Ok(Vec::new()));
}

/// The reason that a recorded log gives, and its cause.
fn end_of(log: &str) -> String {
    let path = project().join(format!("tests/recorded/logs/{log}.txt"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    in_words(&text)
}

fn in_words(log: &str) -> String {
    match log::last_words(log) {
        None => "nothing\n".to_owned(),
        Some(LastWords { quoted, cause }) => format!("{cause:?}: {quoted}\n"),
    }
}

#[test]
fn exit_reason_is_read_from_the_log() {
    let logs = [
        "3.4.23-removed",
        "3.4.23-removed-while-it-ran",
        "3.4.23-plain-removed",
        "3.4.23-plain-removed-while-it-ran",
        "3.5.16-removed",
        "3.4.23-database-cut-off",
        "3.4.23-database-zeroed",
        "3.5.16-database-garbled",
        "3.5.16-database-zeroed",
        "3.4.23-log-garbled",
        "3.5.16-log-garbled",
        "3.4.23-disk-full",
        "3.4.23-plain-disk-full",
        "3.5.16-disk-full",
        "3.4.23-flag-refused",
        "3.4.23-flag-unknown",
        "3.5.16-port-taken",
        "3.5.16-certificate-garbled",
        "3.5.16-certificate-gone",
        "3.5.16-key-of-another-certificate",
        "3.5.16-killed",
        "3.5.16-killed-after-rejections",
    ];
    let said = logs.map(|log| format!("{log}: {}", end_of(log)));
    expect![[r#"
        3.4.23-removed: Some(Removed): server error: the member has been permanently removed from the cluster
        3.4.23-removed-while-it-ran: Some(Removed): server error: the member has been permanently removed from the cluster
        3.4.23-plain-removed: Some(Removed): the member has been permanently removed from the cluster
        3.4.23-plain-removed-while-it-ran: Some(Removed): the member has been permanently removed from the cluster
        3.5.16-removed: Some(Removed): server error: the member has been permanently removed from the cluster
        3.4.23-database-cut-off: Some(Database): failed to open database: file size too small
        3.4.23-database-zeroed: Some(Database): freepages: failed to get all reachable pages (page 0: invalid type: unknown<00>)
        3.5.16-database-garbled: Some(Database): failed to open database: invalid database
        3.5.16-database-zeroed: Some(Database): assertion failed: Page expected to be: 4, but self identifies as 0
        3.4.23-log-garbled: Some(WriteAheadLog): walpb: crc mismatch
        3.5.16-log-garbled: Some(WriteAheadLog): walpb: crc mismatch
        3.4.23-disk-full: Some(DiskFull): failed to commit tx: write data/member/snap/db: no space left on device
        3.4.23-plain-disk-full: Some(DiskFull): cannot commit tx (write data/member/snap/db: no space left on device)
        3.5.16-disk-full: Some(DiskFull): failed to commit tx: write data/member/snap/db: no space left on device
        3.4.23-flag-refused: Some(Flag): failed to verify flags: --election-timeout[1000ms] should be at least as 5 times as --heartbeat-interval[5000ms]
        3.4.23-flag-unknown: Some(Flag): flag provided but not defined: -no-such-flag
        3.5.16-port-taken: None: listen tcp 127.9.0.1:2379: bind: address already in use
        3.5.16-certificate-garbled: Some(Certificate): tls: failed to find any PEM data in certificate input
        3.5.16-certificate-gone: Some(Certificate): open .state/t/pki/members/core-01-127.99.78.101/member.crt: no such file or directory
        3.5.16-key-of-another-certificate: Some(Certificate): tls: private key does not match public key
        3.5.16-killed: nothing
        3.5.16-killed-after-rejections: nothing
    "#]]
    .assert_eq(&said.concat());
}

/// The system refused access to data that was intact.
#[test]
fn forbidden_data_is_not_called_damaged() {
    for refused in [
        "failed to open database: cannot allocate memory",
        "failed to open database: open data/member/snap/db: read-only file system",
        "open data/member/wal/0000000000000000-0000000000000000.wal: permission denied",
        "failed to read WAL, cannot be repaired: file too large",
        "failed to open WAL: ofdTryLockFile failed to set file lock: operation not permitted",
    ] {
        let line =
            format!(r#"{{"level":"fatal","caller":"etcdmain/etcd.go:1","msg":"{refused}"}}"#);
        assert_eq!(in_words(&line), format!("None: {refused}\n"));
    }
}

/// Lines that were seen of versions that are not recorded here, without their context.
#[test]
fn exit_reason_is_read_in_every_log_format() {
    let of_2_3 = "\
2026-11-29 21:16:21.823946 I | etcdmain: etcd Version: 2.3.8
2026-11-29 21:16:22.013205 E | rafthttp: failed to dial bac89eb9194bb440 on stream Message (the member has been permanently removed from the cluster)
2026-11-29 21:16:22.013305 E | etcdserver: the member has been permanently removed from the cluster
2026-11-29 21:16:22.013405 I | etcdserver: the data-dir used by this member must be removed.
2026-11-29 21:16:22.014105 E | etcdserver: publish error: etcdserver: server stopped
2026-11-29 21:16:22.015105 E | rafthttp: failed to find member bac89eb9194bb440 in cluster a20c7a2172c2a3a0
";
    let of_2_0 = "\
2026/11/29 21:16:21 etcdmain: etcd: already initialized as member before, starting as etcd member...
2026/11/29 21:16:22 etcdserver: the member has been permanently removed from the cluster
2026/11/29 21:16:22 etcdserver: the data-dir used by this member must be removed.
2026/11/29 21:16:22 rafthttp: the connection with bac89eb9194bb440 became inactive
";
    let bootstrapped = "\
2026/11/29 21:16:21 etcdserver: name = core-03
2026/11/29 21:16:21 etcdmain: member 6247160a10d58de4 has already been bootstrapped
";
    let killed_2_0 = "\
2026/11/29 21:16:21 etcdserver: name = core-03
2026/11/29 21:16:23 raft: 6247160a10d58de4 became follower at term 2
2026/11/29 21:16:23 etcdserver: published {Name:core-03} to cluster a20c7a2172c2a3a0
";
    let of_3_6 = r#"
{"level":"warn","caller":"etcdserver/server.go:1152","msg":"server error","error":"the member has been permanently removed from the cluster"}
{"level":"warn","caller":"etcdserver/server.go:1153","msg":"data-dir used by this member must be removed"}
{"level":"error","caller":"embed/etcd.go:912","msg":"setting up serving from embedded etcd failed.","error":"server is stopping"}
{"level":"fatal","caller":"etcdmain/etcd.go:183","msg":"listener failed","error":"server is stopping"}
"#;
    let missing_entries = r#"
{"level":"info","caller":"etcdmain/etcd.go:110","msg":"failed to detect default host","error":"could not find default route"}
{"level":"panic","caller":"raft/log.go:203","msg":"tocommit(478) is out of range [lastIndex(4)]. Was the raft log corrupted, truncated, or lost?"}
panic: tocommit(478) is out of range [lastIndex(4)]. Was the raft log corrupted, truncated, or lost?

goroutine 146 [running]:
go.uber.org/zap/zapcore.(*CheckedEntry).Write(0xc0002de480, {0x0, 0x0, 0x0})
"#;
    // Long before it was killed.
    let old_error = r#"{"level":"error","msg":"a thing that it survived"}"#.to_owned()
        + &"\n{\"level\":\"info\",\"msg\":\"all is well\"}".repeat(50);
    let cut = r#"{"level":"info","msg":"all is well"}
{"level":"fatal","msg":"failed to commit tx","error":"write data/member/snap/db: no space left on device","stackt"#;
    let logs = [
        ("2.3", of_2_3),
        ("2.0", of_2_0),
        ("2.0, bootstrapped", bootstrapped),
        ("2.0, killed", killed_2_0),
        ("3.6", of_3_6),
        ("missing entries", missing_entries),
        ("old error", &old_error),
        ("cut short", cut),
        ("no program", "/bin/sh: 1: exec: /opt/etcd: not found\n"),
        ("empty", ""),
    ];
    let said = logs.map(|(name, log)| format!("{name}: {}", in_words(log)));
    expect![[r#"
        2.3: Some(Removed): the member has been permanently removed from the cluster
        2.0: Some(Removed): the member has been permanently removed from the cluster
        2.0, bootstrapped: None: member 6247160a10d58de4 has already been bootstrapped
        2.0, killed: nothing
        3.6: Some(Removed): server error: the member has been permanently removed from the cluster
        missing entries: Some(WriteAheadLog): tocommit(478) is out of range [lastIndex(4)]. Was the raft log corrupted, truncated, or lost?
        old error: nothing
        cut short: Some(DiskFull): no space left on device
        no program: None: /bin/sh: 1: exec: /opt/etcd: not found
        empty: nothing
    "#]]
    .assert_eq(&said.concat());
}

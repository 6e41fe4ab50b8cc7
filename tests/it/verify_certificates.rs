//! The check `certificates`: what openssl says about certificates, and each verdict about them.

use std::fs;
use std::time::Duration;

use expect_test::expect;
use serde_json::{Value, json};
use test_attribute::test;
use xtask::check::{self, TLS_CHECKS};
use xtask::judgement::Verdict;
use xtask::moment;
use xtask::observation::certificates::{
    self, Admission, Certificate, Certificates, Objection, Port, Ports, read,
};
use xtask::observation::{Look, Observation};
use xtask::pki::{self, Flaw, Pki};
use xtask::plan::Plan;
use xtask::ui::verify::json;
use xtask::workspace::Workspace;

use crate::etcd_binaries::tools;
use crate::local_support::{is_healthy, up};
use crate::recorded::Recording;
use crate::scratch::{Ran, Scratch};
use crate::support::require_tool;
use crate::verify_support::{
    checks_say, failed, healthy, plan, says, says_for_each, three, unasked, without,
};

fn with_tls() -> Plan {
    let definition = "members = 3\n[network]\nsubnet = \"10.77.250.0/24\"\n[etcd]\nversion = \"3.6.14\"\ntls = true\n";
    plan("default", definition).on_loopback()
}

/// A healthy cluster but for this change of its certificates.
fn but(change: impl FnOnce(&mut Certificates)) -> Observation {
    let mut observation = healthy(&with_tls());
    let Some(Look::Seen(seen)) = &mut observation.certificates else {
        panic!("no certificates");
    };
    change(seen);
    observation
}

/// The same, where only the certificate is different that this member serves at both ports.
fn but_of(index: usize, change: impl Fn(&mut Certificate)) -> Observation {
    but(|seen| {
        let Ports { client, peer } = &mut seen.members[index];
        for port in [client, peer] {
            change(certificate(port));
        }
    })
}

fn certificate(port: &mut Port) -> &mut Certificate {
    port.certificate.as_mut().unwrap()
}

fn at(text: &str) -> Duration {
    moment::since_1970(text).unwrap()
}

const EXPIRED: &str = "2026-11-30T23:59:59Z";

/// A certificate that a member served, in one of the recordings.
fn served(which: &str) -> Certificate {
    let recording = Recording::of("tls", "served", which);
    Certificate {
        objections: certificates::objections(&recording.stderr),
        ..read(&recording.stdout).unwrap()
    }
}

#[test]
fn recorded_certificates_are_read() {
    let valid = served("valid");
    assert_eq!(
        valid.names,
        ["core-01", "localhost", "127.99.78.101", "127.0.0.1"]
    );
    assert_eq!(valid.usages, [certificates::SERVERS, certificates::CLIENTS]);
    assert!(valid.until > valid.from + Duration::from_secs(300 * 24 * 3600));
    assert_eq!(valid.objections, []);

    let authority = read(&Recording::of("tls", "file", "authority").stdout).unwrap();
    assert_eq!(moment::utc(authority.from), "2026-11-30T18:17:19Z");
    assert_eq!(moment::utc(authority.until), "2036-11-28T18:17:19Z");
    assert_eq!((authority.names.len(), authority.usages.len()), (0, 0));
    let client = read(&Recording::of("tls", "file", "client").stdout).unwrap();
    assert_eq!(client.usages, [certificates::CLIENTS]);
    assert_eq!(client.names.len(), 0);
}

#[test]
fn recorded_objections_are_read() {
    let objections = |which: &str| served(which).objections;
    let objection = |number, text: &str| Objection {
        number,
        depth: 0,
        text: text.to_owned(),
    };
    assert_eq!(
        objections("expired"),
        [objection(10, "certificate has expired")]
    );
    assert_eq!(
        objections("not-yet-valid"),
        [objection(9, "certificate is not yet valid")]
    );
    assert_eq!(
        objections("for-another-address"),
        [objection(64, "IP address mismatch")]
    );
    let unknown = objection(20, "unable to get local issuer certificate");
    assert_eq!(objections("of-another-authority")[0], unknown);

    let of_file = |which| certificates::objections(&Recording::of("tls", "verify", which).stderr);
    assert_eq!(of_file("valid"), []);
    assert_eq!(
        of_file("expired"),
        [objection(10, "certificate has expired")]
    );
    assert_eq!(of_file("of-another-authority"), [unknown]);
}

#[test]
fn objections_to_an_authority_have_another_depth() {
    let errors = "depth=1 O = t\nverify error:num=10:certificate has expired\n\
                  depth=0 O = t\nverify return:1\n";
    assert_eq!(certificates::objections(errors)[0].depth, 1);
    let of_file = "error 10 at 1 depth lookup: certificate has expired\n";
    assert_eq!(certificates::objections(of_file)[0].depth, 1);
}

#[test]
fn output_without_a_date_is_no_certificate() {
    for (output, why) in [
        ("", "openssl shows no notBefore: ``"),
        (
            "notBefore=yesterday\n",
            "openssl shows no notBefore: `notBefore=yesterday`",
        ),
        (
            "notBefore=Dec  1 18:17:19 2027 GMT\nnotAfter=Foo  1 18:17:19 2027 GMT\n",
            "openssl shows no notAfter: `notBefore=Dec  1 18:17:19 2027 GMT\nnotAfter=Foo  1 18:17:19`",
        ),
    ] {
        assert_eq!(read(output).unwrap_err().as_str(), why);
    }
}

#[test]
fn clusters_without_tls_have_no_such_check() {
    let plan = three();
    let report = check::judge(&plan, &healthy(&plan));
    let names: Vec<_> = report.checks.iter().map(|checked| checked.name).collect();
    for check in TLS_CHECKS {
        assert!(!names.contains(&check.name), "{names:?}");
    }
}

#[test]
fn healthy_cluster_with_tls_passes_every_check() {
    let plan = with_tls();
    let report = check::judge(&plan, &healthy(&plan));
    for checked in &report.checks {
        assert_eq!(checked.judgement.verdict, Verdict::Pass, "{checked:?}");
    }
    let first = report.checks.first().unwrap();
    assert_eq!(first.name, "certificates");
    assert_eq!(
        first.judgement.seen,
        "trusted at 6 of 6 ports; the first expires on 2027-12-01"
    );
}

#[test]
fn wrong_certificates_of_a_member_are_named() {
    let long = |days: u64| at("2026-12-01T12:00:00Z") + Duration::from_secs(days * 24 * 3600);
    let unsigned = |seen: &mut Certificate| {
        for (number, text) in [(20, "unable to get local issuer certificate"), (21, "x")] {
            seen.objections.push(Objection {
                number,
                depth: 0,
                text: text.to_owned(),
            });
        }
    };
    says_for_each(
        &with_tls(),
        "certificates",
        &[
            ("expired", but_of(1, |seen| seen.until = at(EXPIRED))),
            ("expires", but_of(1, |seen| seen.until = long(29))),
            ("is enough", but_of(1, |seen| seen.until = long(30))),
            ("not yet valid", but_of(1, |seen| seen.from = long(1))),
            ("of another authority", but_of(1, unsigned)),
            (
                "for another address",
                but_of(1, |seen| seen.names[2] = "127.77.250.99".to_owned()),
            ),
            ("without names", but_of(1, |seen| seen.names.clear())),
            (
                "for servers only",
                but_of(1, |seen| seen.usages.truncate(1)),
            ),
        ],
        expect![[r#"
            expired
              Fail: trusted at 4 of 6 ports
              - core-02 serves a certificate that expired on 2026-11-30
                heals: renew the certificates; members take them without a restart: `cargo xtask certs --renew default`
            expires
              Warn: trusted at 6 of 6 ports; the first expires on 2026-12-30
              - core-02 serves a certificate that expires on 2026-12-30
                heals: renew the certificates; members take them without a restart: `cargo xtask certs --renew default`
            is enough
              Pass: trusted at 6 of 6 ports; the first expires on 2026-12-31
            not yet valid
              Fail: trusted at 4 of 6 ports; the first expires on 2027-12-01
              - core-02 serves a certificate that is not valid before 2026-12-02T12:00:00Z
                heals: renew the certificates; members take them without a restart: `cargo xtask certs --renew default`
            of another authority
              Fail: trusted at 4 of 6 ports; the first expires on 2027-12-01
              - core-02 serves a certificate that is not signed by the cluster's certificate authority (unable to get local issuer certificate)
                heals: renew the certificates; members take them without a restart: `cargo xtask certs --renew default`
            for another address
              Fail: trusted at 4 of 6 ports; the first expires on 2027-12-01
              - core-02 serves a certificate that is not for 127.77.250.102 but for core-02, localhost, 127.77.250.99 and 127.0.0.1
                heals: renew the certificates; members take them without a restart: `cargo xtask certs --renew default`
            without names
              Fail: trusted at 4 of 6 ports; the first expires on 2027-12-01
              - core-02 serves a certificate that is not for 127.77.250.102, core-02 and 127.0.0.1, nor for any other name
                heals: renew the certificates; members take them without a restart: `cargo xtask certs --renew default`
            for servers only
              Fail: trusted at 4 of 6 ports; the first expires on 2027-12-01
              - core-02 serves a certificate that is not for use by clients
                heals: renew the certificates; members take them without a restart: `cargo xtask certs --renew default`
        "#]],
    );
}

#[test]
fn ports_are_named_where_they_differ() {
    let peer = but(|seen| certificate(&mut seen.members[1].peer).until = at(EXPIRED));
    let strangers = but(|seen| seen.members[0].client.without = Some(Admission::Admitted));
    let trusts_another = but(|seen| {
        seen.members[2].peer.with_ours = Some(Admission::Refused("unknown ca".to_owned()));
    });
    let plain = but(|seen| seen.members[2].peer.certificate = Err(certificates::NO_TLS.to_owned()));
    let silent = but(|seen| seen.members[2].peer.without = None);
    let closed =
        but(|seen| seen.members[2].client.certificate = Err("it closed the connection".to_owned()));
    says_for_each(
        &with_tls(),
        "certificates",
        &[
            ("peer port", peer),
            ("admits strangers", strangers),
            ("trusts another authority", trusts_another),
            ("has no TLS", plain),
            ("does not say", silent),
            ("closed the connection", closed),
        ],
        expect![[r#"
            peer port
              Fail: trusted at 5 of 6 ports
              - core-02 serves a certificate that expired on 2026-11-30 at its peer port
                heals: renew the certificates; members take them without a restart: `cargo xtask certs --renew default`
            admits strangers
              Fail: trusted at 5 of 6 ports; the first expires on 2027-12-01
              - core-01 admits clients without a certificate at its client port
                heals: etcd reads whom it admits only when it starts; start the members again: `cargo xtask down`, then `cargo xtask up`
            trusts another authority
              Fail: trusted at 5 of 6 ports; the first expires on 2027-12-01
              - core-03 refuses this host's certificate (unknown ca) at its peer port
                heals: etcd reads whom it admits only when it starts; start the members again: `cargo xtask down`, then `cargo xtask up`
            has no TLS
              Fail: trusted at 5 of 6 ports; the first expires on 2027-12-01
              - core-03 does not speak TLS at its peer port
            does not say
              Skipped: trusted at 6 of 6 ports; the first expires on 2027-12-01; not checked: core-03 did not say whom it admits at its peer port
            closed the connection
              Skipped: trusted at 5 of 6 ports; the first expires on 2027-12-01; not checked: core-03 has shown no certificate at its client port (it closed the connection)
        "#]],
    );
}

#[test]
fn same_finding_of_all_members_is_one() {
    let all = but(|seen| {
        for Ports { client, peer } in &mut seen.members {
            certificate(client).until = at(EXPIRED);
            certificate(peer).until = at(EXPIRED);
        }
    });
    says(
        &with_tls(),
        &all,
        "certificates",
        expect![[r#"
        Fail: trusted at 0 of 6 ports
        - core-01, core-02 and core-03 serve a certificate that expired on 2026-11-30
          heals: renew the certificates; members take them without a restart: `cargo xtask certs --renew default`
    "#]],
    );
}

#[test]
fn wrong_certificates_of_this_host_are_named() {
    let refused = || Some(Admission::Refused("certificate expired".to_owned()));
    let client = but(|seen| {
        seen.client.certificate.as_mut().unwrap().until = at(EXPIRED);
        for Ports { client, peer } in &mut seen.members {
            (client.with_ours, peer.with_ours) = (refused(), refused());
        }
    });
    let authority = but(|seen| seen.authority.certificate.as_mut().unwrap().until = at(EXPIRED));
    let ends = but(|seen| {
        seen.authority.certificate.as_mut().unwrap().until = at("2026-12-24T00:00:00Z");
    });
    let unreadable =
        but(|seen| seen.authority.certificate = Err("it is no certificate".to_owned()));
    let gone = but(|seen| seen.client.certificate = Err("No such file or directory".to_owned()));
    says_for_each(
        &with_tls(),
        "certificates",
        &[
            ("client", client),
            ("authority", authority),
            ("gone", gone),
            ("authority expires", ends),
            ("authority is unreadable", unreadable),
        ],
        expect![[r#"
            client
              Fail: trusted at 6 of 6 ports
              - this host's own certificate expired on 2026-11-30
                heals: renew the certificates; members take them without a restart: `cargo xtask certs --renew default`
            authority
              Fail: trusted at 6 of 6 ports
              - the certificate authority's certificate expired on 2026-11-30
                heals: replace the authority while no member runs: `cargo xtask down`, then `cargo xtask certs --replace-authority`, then `cargo xtask up`
            gone
              Fail: trusted at 6 of 6 ports; the first expires on 2027-12-01
              - this host's own certificate cannot be read: `/pki/client/client.crt`: No such file or directory
                heals: renew the certificates; members take them without a restart: `cargo xtask certs --renew default`
            authority expires
              Warn: trusted at 6 of 6 ports; the first expires on 2026-12-24
              - the certificate authority's certificate expires on 2026-12-24
                heals: replace the authority; members are restarted one at a time: `cargo xtask certs --replace-authority`, then `cargo xtask apply`
            authority is unreadable
              Fail: trusted at 6 of 6 ports; the first expires on 2027-12-01
              - the certificate authority's certificate cannot be read: `/pki/ca/ca.crt`: it is no certificate
                informs: restore this file: no task can replace it
        "#]],
    );
}

#[test]
fn authority_that_is_being_replaced_needs_apply() {
    let mut seen = but(|seen| {
        seen.authority.certificate.as_mut().unwrap().until = at("2026-12-24T00:00:00Z");
    });
    seen.recorded.replaces_authority = true;
    says(
        &with_tls(),
        &seen,
        "certificates",
        expect![[r#"
        Warn: trusted at 6 of 6 ports; the first expires on 2026-12-24
        - the certificate authority's certificate expires on 2026-12-24
          heals: complete the change of the authority: `cargo xtask apply`
        - two certificate authorities are trusted, until the new one has replaced the old one
    "#]],
    );
}

#[test]
fn silent_member_is_not_checked() {
    let plan = with_tls();
    let mut seen = without(healthy(&plan), 2);
    let Some(Look::Seen(certificates)) = &mut seen.certificates else {
        panic!("no certificates");
    };
    let Ports { client, peer } = &mut certificates.members[2];
    for port in [client, peer] {
        port.certificate = Err("nothing listens there".to_owned());
        port.with_ours = None;
        port.without = None;
    }
    checks_say(
        &plan,
        &seen,
        &["certificates", "reachable"],
        expect![[r#"
            certificates
              Skipped: trusted at 4 of 6 ports; the first expires on 2027-12-01; not checked: core-03 does not answer
            reachable
              Fail: 2 of 3 answer
              - core-03 does not answer at https://127.77.250.103:2379: connection refused: nothing listens there
                heals: read in its log why it stopped, then start it again: `cargo xtask logs core-03`, then `cargo xtask up`
        "#]],
    );
}

#[test]
fn missing_openssl_leaves_certificates_unchecked() {
    let plan = with_tls();
    let mut seen = healthy(&plan);
    seen.certificates = Some(failed("`openssl` was not found on this host"));
    says(
        &plan,
        &seen,
        "certificates",
        expect![[r#"
        Skipped: not checked: openssl does not work
        - certificates could not be inspected: `openssl` was not found on this host
          heals: install it on Debian or Ubuntu: `sudo apt-get install openssl`
    "#]],
    );
    seen.certificates = Some(unasked("members are queried from inside a machine"));
    says(
        &plan,
        &seen,
        "certificates",
        expect![[r#"
            Skipped: not checked: members are queried from inside a machine
        "#]],
    );
    seen.certificates = None;
    says(
        &plan,
        &seen,
        "certificates",
        expect![[r#"
        Skipped: not checked: no certificate was inspected
    "#]],
    );
}

/// Nobody can query the member then, and nothing else is the reason.
#[test]
fn untrusted_member_is_explained_by_its_certificate() {
    let plan = with_tls();
    let mut one = without(but_of(1, |seen| seen.until = at(EXPIRED)), 1);
    one.members[1].status = failed("its certificate is not accepted: certificate has expired");
    one.conditions = ["", "", ""].map(|_| running()).to_vec();
    checks_say(
        &plan,
        &one,
        &["certificates", "reachable", "quorum"],
        expect![[r#"
            certificates
              Fail: trusted at 4 of 6 ports
              - core-02 serves a certificate that expired on 2026-11-30
                heals: renew the certificates; members take them without a restart: `cargo xtask certs --renew default`
            reachable
              Fail: 2 of 3 answer
              - core-02 does not answer at https://127.77.250.102:2379: its certificate expired on 2026-11-30
            quorum
              Warn: 2 of 3 voters can agree, 2 are needed: no more may fail
        "#]],
    );
    let mut all = but(|seen| {
        for Ports { client, peer } in &mut seen.members {
            certificate(client).until = at(EXPIRED);
            certificate(peer).until = at(EXPIRED);
        }
    });
    for index in 0..3 {
        all = without(all, index);
        all.members[index].status =
            failed("its certificate is not accepted: certificate has expired");
    }
    all.conditions = ["", "", ""].map(|_| running()).to_vec();
    checks_say(
        &plan,
        &all,
        &["certificates", "reachable", "quorum", "leader"],
        expect![[r#"
            certificates
              Fail: trusted at 0 of 6 ports
              - core-01, core-02 and core-03 serve a certificate that expired on 2026-11-30
                heals: renew the certificates; members take them without a restart: `cargo xtask certs --renew default`
            reachable
              Fail: 0 of 3 answer
              - core-01 does not answer at https://127.77.250.101:2379: its certificate expired on 2026-11-30
              - core-02 does not answer at https://127.77.250.102:2379: its certificate expired on 2026-11-30
              - core-03 does not answer at https://127.77.250.103:2379: its certificate expired on 2026-11-30
            quorum
              Skipped: 0 of 3 voters can agree, 2 are needed; not checked: 3 members could not be queried, because of certificates
            leader
              Skipped: not checked: core-01, core-02 and core-03 do not answer
        "#]],
    );
}

fn running() -> xtask::observation::Condition {
    xtask::observation::Condition::Running("process 7".to_owned())
}

#[test]
fn json_has_the_end_of_each_certificate() {
    let json = |plan: &Plan, seen: &Observation| -> Value {
        let report = check::judge(plan, seen);
        serde_json::from_str(&json::render(plan, seen, &report, 0)).unwrap()
    };
    let plan = with_tls();
    let seen = but(|seen| {
        seen.members[1].client.certificate = Err("no answer in time".to_owned());
    });
    let told = json(&plan, &seen);
    assert_eq!(
        told["certificates"],
        json!({"authority_expires": "2036-11-28T12:00:00Z", "client_expires": "2027-12-01T12:00:00Z"})
    );
    let members = told["members"].as_array().unwrap().iter();
    let ends: Vec<&Value> = members.map(|one| &one["certificate_expires"]).collect();
    let end = json!("2027-12-01T12:00:00Z");
    assert_eq!(ends, [&end, &Value::Null, &end]);

    let plain = json(&three(), &healthy(&three()));
    assert!(plain.get("certificates").is_none(), "{plain}");
}

/// Members that do not trust each other elect no leader, and serve no clients before they have one.
#[test]
fn members_that_wait_for_a_leader_are_explained() {
    let plan = with_tls();
    let mut seen = but(|seen| {
        for Ports { client, peer } in &mut seen.members {
            client.certificate = Err("no answer in time".to_owned());
            (client.with_ours, client.without) = (None, None);
            certificate(peer).until = at(EXPIRED);
        }
    });
    for index in 0..3 {
        seen = without(seen, index);
        seen.members[index].status = failed("connected, then no answer in time");
    }
    seen.conditions = ["", "", ""].map(|_| running()).to_vec();
    checks_say(
        &plan,
        &seen,
        &["certificates", "reachable", "quorum"],
        expect![[r#"
            certificates
              Fail: trusted at 0 of 6 ports; not checked: core-01, core-02 and core-03 do not answer at their client port
              - core-01, core-02 and core-03 serve a certificate that expired on 2026-11-30 at their peer port
                heals: renew the certificates; members take them without a restart: `cargo xtask certs --renew default`
            reachable
              Fail: 0 of 3 answer
              - core-01 does not answer at https://127.77.250.101:2379: connected, then no answer in time
              - core-02 does not answer at https://127.77.250.102:2379: connected, then no answer in time
              - core-03 does not answer at https://127.77.250.103:2379: connected, then no answer in time
            quorum
              Fail: 0 of 3 voters can agree, 2 are needed
              - no quorum: nothing can be written, and reads may be stale, until 2 members agree
        "#]],
    );
}

#[test]
fn failures_of_a_start_leave_warnings_out() {
    let seen = but(|seen| {
        certificate(&mut seen.members[0].client).until = at("2026-12-24T00:00:00Z");
        certificate(&mut seen.members[1].peer).until = at(EXPIRED);
    });
    let seen = seen.certificates.as_ref().unwrap().seen().unwrap();
    let failures = check::certificate_failures(&with_tls(), seen);
    let texts: Vec<&str> = failures.iter().map(|one| one.text.as_str()).collect();
    assert_eq!(
        texts,
        ["serves a certificate that expired on 2026-11-30 at its peer port"]
    );
}

/// Follows a real member with a wrong certificate.
#[test]
fn real_member_with_a_wrong_certificate_is_explained() {
    require_tool("openssl", "openssl");
    let version = tools().version;
    let definition = format!(
        "members = 1\n[network]\nsubnet = \"10.79.94.0/24\"\n\
         [etcd]\nversion = \"{version}\"\nruntime = \"container\"\ntls = true\n"
    );
    let scratch = Scratch::with("tls", &definition);
    up(&scratch, "tls").expect(0);
    let home = Workspace::at(scratch.root()).home(&"tls".parse().unwrap());
    let plan = plan("tls", &definition).on_loopback();
    let member = &plan.members[0];
    let healthy = is_healthy(&scratch, "tls");
    assert!(
        healthy
            .stdout
            .contains("certificates  trusted at 2 of 2 ports; "),
        "{}",
        healthy.stdout
    );

    pki::spoil(&home, &plan, member, Flaw::Expired).unwrap();
    let says = |ran: &Ran, words: &[&str]| {
        let said = format!("{}{}", ran.stdout, ran.stderr);
        for words in words {
            assert!(said.contains(words), "{words}: {said}");
        }
    };
    let expired = "core-01 serves a certificate that expired on ";
    let renew = "`cargo xtask certs --renew tls`";
    let verified = scratch.run(&["verify", "tls"]).expect(1);
    says(
        &verified,
        &[expired, renew, ": its certificate expired on "],
    );
    let status = scratch.run(&["status", "tls"]).expect(0);
    says(
        &status,
        &["its certificate is not accepted: certificate has expired"],
    );

    scratch.run(&["down", "tls"]).expect(0);
    let started = up(&scratch, "tls").expect(6);
    says(
        &started,
        &[
            "error: `core-01` serves a certificate that expired on ",
            &format!("{renew}, then `cargo xtask up tls`\n"),
        ],
    );
    pki::mend(&home, member).unwrap();
    up(&scratch, "tls").expect(0);

    let mut verify = scratch.command(&["verify", "tls"]);
    let unseen = Ran::from(verify.env("PATH", "/nowhere").output().unwrap()).expect(4);
    let why = "certificates could not be inspected: `openssl` was not found on this host";
    says(&unseen, &[why, "`sudo apt-get install openssl`"]);

    scratch.run(&["down", "tls"]).expect(0);
    let files = Pki::of(&home).member(member);
    let right = fs::read(&files.certificate).unwrap();
    fs::write(&files.certificate, "no certificate").unwrap();
    let ended = up(&scratch, "tls").expect(6);
    let why = "note: etcd cannot use the member's certificate, or the key of that\n";
    says(
        &ended,
        &[why, &format!("{renew}, then `cargo xtask up tls`\n")],
    );
    let verified = scratch.run(&["verify", "tls"]).expect(1);
    says(
        &verified,
        &[&format!("{renew}, then `cargo xtask up tls`\n")],
    );
    fs::write(&files.certificate, right).unwrap();
    up(&scratch, "tls").expect(0);
}

/// What a drill has replaced may have been renewed meanwhile.
#[test]
fn drilled_certificate_that_was_renewed_stays() {
    require_tool("openssl", "openssl");
    let scratch = Scratch::new();
    let home = Workspace::at(scratch.root()).home(&"default".parse().unwrap());
    let plan = with_tls();
    let member = &plan.members[0];
    pki::prepare(&home, &plan).unwrap();
    let file = Pki::of(&home).member(member).certificate;
    let read = || fs::read_to_string(&file).unwrap();
    let beside = || {
        let folder = camino::Utf8Path::new(&file).parent().unwrap();
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let first = read();
    for flaw in [
        Flaw::Expired,
        Flaw::OfAnotherAuthority,
        Flaw::ForAnother(plan.unused_address()),
    ] {
        pki::spoil(&home, &plan, member, flaw).unwrap();
        let wrong = read();
        assert_ne!(wrong, first, "{flaw:?}");
        // Nobody remembers it, or it is healed twice.
        pki::spoil(&home, &plan, member, Flaw::Expired).unwrap();
        pki::mend(&home, member).unwrap();
        pki::mend(&home, member).unwrap();
        assert_eq!(read(), first, "{flaw:?}");
        assert_eq!(beside(), ["member.crt", "member.key"], "{flaw:?}");
    }
    pki::spoil(&home, &plan, member, Flaw::Expired).unwrap();
    pki::renew(&home, &plan).unwrap();
    let renewed = read();
    pki::mend(&home, member).unwrap();
    assert_eq!(read(), renewed);
    assert_ne!(renewed, first);
    assert_eq!(beside(), ["member.crt", "member.key"]);
}

//! Parsing of the gateway's answers, with stand-ins for versions that are not available here. They
//! only repeat the form of each version's answers.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use test_attribute::test;
use xtask::etcd::gateway::{Gateway, Unanswered};

use crate::network;
use crate::verify_stand_ins::tools;
use crate::verify_support::plan;

/// A stand-in member's answer to one request, as it is parsed.
fn understood(network: u8, version: &str, body: &'static str) -> Result<(), Unanswered> {
    answered(network, version, "503 Service Unavailable", body)
}

fn answered(
    network: u8,
    version: &str,
    status: &'static str,
    body: &'static str,
) -> Result<(), Unanswered> {
    let definition = format!("members = 1\n[network]\nsubnet = \"10.94.{network}.0/24\"\n");
    let plan = plan("gateway", &definition)
        .on_loopback()
        .run_by(version.parse().unwrap());
    let member = &plan.members[0];
    network::own();
    let listener = TcpListener::bind((member.address, 2379)).unwrap();
    let answering = thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        // The request arrives in pieces and ends with its body.
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            let mut piece = [0; 1024];
            let length = client.read(&mut piece).unwrap();
            request.extend_from_slice(&piece[..length]);
        }
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n");
        client.write_all((head + body).as_bytes()).unwrap();
    });
    let tools = tools("/nonexistent".into(), "3.6.14");
    let answer = Gateway::of(&plan, &tools, member, 20).put("key", "value", "0");
    answering.join().unwrap();
    answer.map(drop)
}

#[test]
fn refusals_of_every_version_are_understood() {
    let refused = Err(Unanswered::Refused("etcdserver: no leader".to_owned()));
    // etcd issue 21100: 3.6 removed `error`, and 3.3 has no `message` yet.
    for (network, version, body) in [
        (
            1,
            "3.3.27",
            r#"{"error":"etcdserver: no leader","code":14}"#,
        ),
        (
            2,
            "3.5.30",
            r#"{"error":"etcdserver: no leader","code":14,"message":"etcdserver: no leader"}"#,
        ),
        (
            3,
            "3.6.14",
            r#"{"code":14,"message":"etcdserver: no leader","details":[]}"#,
        ),
    ] {
        assert_eq!(understood(network, version, body), refused, "{version}");
    }
    let other = r#"{"code":14,"message":"etcdserver: request timed out"}"#;
    let unknown = Unanswered::Unknown("etcdserver: request timed out".to_owned());
    assert_eq!(understood(4, "3.6.14", other), Err(unknown));
    let unknown = Unanswered::Unknown("HTTP status 503".to_owned());
    assert_eq!(understood(5, "3.6.14", "gone"), Err(unknown));
}

/// etcd itself knows no such path.
#[test]
fn gateway_that_is_off_is_told_from_one_that_refuses() {
    let off = answered(6, "3.6.14", "404 Not Found", "404 page not found\n").unwrap_err();
    assert!(off.is_without_gateway(), "{off:?}");
    let refusal = r#"{"code":5,"message":"etcdserver: requested lease not found"}"#;
    let refused = answered(7, "3.6.14", "404 Not Found", refusal).unwrap_err();
    assert!(!refused.is_without_gateway(), "{refused:?}");
}

//! The predicted identity is the one that real clusters had.

use expect_test::expect;
use test_attribute::test;

use crate::scratch::Scratch;

const COREOS_2015: &str = include_str!("../../cluster/coreos-2015.toml");

/// The IDs are those that real etcd 2.0.0 to 3.6.14 reported for this cluster.
#[test]
fn cluster_of_2015_has_its_known_identity() {
    let scratch = Scratch::with("coreos-2015", COREOS_2015);
    expect![[r#"
                 hexadecimal       decimal               from
        cluster  9d579addb6e9da3   708606303998483875    token etcd-cluster
        core-01  6ae27f9fa2984b1d  7701858636361386781   http://172.17.8.101:2380
        core-02  25d6ce33763c5524  2726593344841733412   http://172.17.8.102:2380
        core-03  ff32f4b39b9c47bd  18389029280754190269  http://172.17.8.103:2380
    "#]]
    .assert_eq(&scratch.run(&["identity", "coreos-2015"]).expect(0).stdout);
}

#[test]
fn generation_and_driver_change_the_identity() {
    let scratch = Scratch::with("first", "members = 3\n");
    scratch.define(
        "second",
        "members = 3\n[etcd]\ntoken = \"first\"\ngeneration = 2\n",
    );
    let id = |arguments: &[&str]| {
        let json = scratch
            .run(&[&["identity", "--format", "json"], arguments].concat())
            .expect(0)
            .stdout;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        (
            json["token"].as_str().unwrap().to_owned(),
            json["cluster_id"].as_str().unwrap().to_owned(),
        )
    };
    let first = id(&["first"]);
    let second = id(&["second"]);
    let local = id(&["first", "--driver", "local"]);
    assert_eq!(
        [&*first.0, &*second.0, &*local.0],
        ["first-1", "first-2", "first-1"]
    );
    assert_ne!(first.1, second.1);
    assert_ne!(first.1, local.1);
}

#[test]
fn identity_follows_from_the_peer_port() {
    let scratch = Scratch::with("ports", "[etcd]\nclient_port = 4001\npeer_port = 7001\n");
    expect![[r#"
                 hexadecimal       decimal               from
        cluster  6386ffbf2ef3bf39  7171700653225656121   token ports-1
        core-01  6f6280f9f19a9ff6  8026119296916299766   http://192.168.56.101:7001
        core-02  cd066690ecf77945  14773608400272456005  http://192.168.56.102:7001
        core-03  1f72116eeb3ac4bc  2265892730611352764   http://192.168.56.103:7001
    "#]]
    .assert_eq(&scratch.run(&["identity", "ports"]).expect(0).stdout);
}

//! A member serves a wrong certificate. Its connections stay, but nobody makes a new one.

use super::{
    Cost, Fault, Injected, Injector, PROCESSES, Resources, about, cannot_lose_one, missing,
};
use crate::pki::Flaw;
use crate::plan::Plan;
use crate::report::Outcome;

pub(super) static EXPIRED: Fault = Fault {
    name: "certificate-expired",
    title: "a member's certificate has expired",
    drivers: PROCESSES,
    cost: Cost::Nothing,
    obstacle,
    inject: |injector| inject(injector, Flaw::Expired, "expired yesterday"),
};

pub(super) static UNTRUSTED: Fault = Fault {
    name: "certificate-untrusted",
    title: "another CA signed a member's certificate",
    drivers: PROCESSES,
    cost: Cost::Nothing,
    obstacle,
    inject: |injector| {
        let what = "another certificate authority has signed";
        inject(injector, Flaw::OfAnotherAuthority, what)
    },
};

pub(super) static MISNAMED: Fault = Fault {
    name: "certificate-misnamed",
    title: "a certificate is for another address",
    drivers: PROCESSES,
    cost: Cost::Nothing,
    obstacle,
    inject: |injector| {
        let address = injector.plan().unused_address();
        let what = format!("is for {address}");
        inject(injector, Flaw::ForAnother(address), &what)
    },
};

fn obstacle(plan: &Plan, resources: &Resources) -> Option<String> {
    let why = "needs members with certificates (`tls = true`)";
    plan.scheme()
        .is_http()
        .then(|| why.to_owned())
        .or_else(|| cannot_lose_one(plan, resources))
}

fn inject(injector: &mut Injector<'_>, flaw: Flaw, what: &str) -> Outcome<Injected> {
    let member = injector.follower()?;
    injector.spoil_certificate(member, flaw)?;
    let mut expected = missing(injector.plan(), &[member]);
    expected.push(about("certificates", &member.name));
    let done = format!("{} was given a certificate that {what}", member.name);
    Ok(Injected::new(done, expected))
}

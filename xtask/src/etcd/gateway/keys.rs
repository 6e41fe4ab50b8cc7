//! Keys and values in the gateway's JSON: base64, beside numbers as text.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use super::Unanswered;

/// The part of each answer's header that says which keys it is about.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct KeysHeader {
    revision: String,
}

impl KeysHeader {
    pub(super) fn revision(&self) -> Option<u64> {
        self.revision.parse().ok()
    }
}

#[derive(Deserialize)]
pub(super) struct Put {
    #[serde(default)]
    pub(super) header: KeysHeader,
}

#[derive(Deserialize)]
pub(super) struct Range {
    #[serde(default)]
    pub(super) header: KeysHeader,
    #[serde(default, rename = "kvs")]
    pub(super) pairs: Vec<Pair>,
    #[serde(default)]
    pub(super) more: bool,
}

#[derive(Deserialize)]
pub(super) struct Pair {
    key: String,
    #[serde(default)]
    value: String,
}

impl Pair {
    pub(super) fn key(&self) -> Result<String, Unanswered> {
        decoded(&self.key)
    }

    pub(super) fn value(&self) -> Result<String, Unanswered> {
        decoded(&self.value)
    }
}

pub(super) fn encoded(text: impl AsRef<[u8]>) -> String {
    BASE64_STANDARD.encode(text)
}

fn decoded(text: &str) -> Result<String, Unanswered> {
    let unreadable = |why: String| Unanswered::Unknown(format!("the answer is not text: {why}"));
    let bytes = BASE64_STANDARD.decode(text);
    let bytes = bytes.map_err(|error| unreadable(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| unreadable(error.to_string()))
}

/// The first key after all keys with this prefix, which ends in an ASCII character.
pub(super) fn after(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    end
}

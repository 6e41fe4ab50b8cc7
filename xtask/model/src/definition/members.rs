//! Reads `members`: a number, or a list of names and addresses.

use std::net::Ipv4Addr;

use toml::Spanned;
use toml::de::DeValue;

use super::keys::Shape;
use super::member_address::read_address;
use super::member_mistakes::Mistakes;
use super::reader::{Found, in_order};
use super::rules::{MOST_MEMBERS, too_many_members};
use super::setting::Setting;
use super::suggest::nearest;
use super::{Definition, MemberEntry, Members};
use crate::values::{NamePrefix, Refused};

static NAME: Shape = Shape::Text { example: "core-01" };
static ADDRESS: Shape = Shape::Text {
    example: "192.168.56.101",
};

/// Reads the key after `network`, so that hints name addresses of the cluster's own subnet.
pub(super) fn read(definition: &mut Definition, found: &mut Found<'_, '_, '_>) {
    let members = match found.value.get_ref() {
        DeValue::Array(entries) if entries.len() > MOST_MEMBERS => {
            let (source, span) = (found.reader.source, found.span());
            let diagnostic = too_many_members(entries.len()).at(source, span, "");
            found.reader.diagnostics.push(diagnostic);
            None
        }
        DeValue::Array(entries) => {
            let mut mistakes = Mistakes::new(*definition.network.subnet.get());
            let entries: Vec<MemberEntry> = entries
                .iter()
                .map(|entry| read_entry(found, entry, &mut mistakes))
                .collect();
            let addresses = entries.iter().filter_map(|entry| entry.address.known());
            let taken: Vec<Ipv4Addr> = addresses.copied().collect();
            let diagnostics = mistakes.diagnostics(found.reader.source, &taken);
            found.reader.diagnostics.extend(diagnostics);
            Some(Members::List(entries))
        }
        DeValue::Table(_) => {
            found.refuse(&Refused::new(
                "`members` is a table, not a number or a list",
                "write `[[members]]`, with two brackets, above each member's `name` and `address`",
            ));
            None
        }
        _ => count(found).map(Members::Count),
    };
    definition.members.set(found.span(), members);
}

fn count(found: &mut Found<'_, '_, '_>) -> Option<u8> {
    let number = found.whole_number()?;
    let count = u8::try_from(number).ok();
    if count.is_none() {
        let hint = "use 3, 5 or 7 members";
        found.refuse(&Refused::new(
            format!("a cluster cannot have {number} members"),
            hint,
        ));
    }
    count
}

fn read_entry<'v>(
    found: &mut Found<'_, '_, 'v>,
    entry: &'v Spanned<DeValue<'v>>,
    mistakes: &mut Mistakes,
) -> MemberEntry {
    let span = found.reader.clip(entry.span());
    let mut name = Setting::unreadable(NamePrefix::core().numbered(1), span.clone());
    let mut address = Setting::unreadable(Ipv4Addr::UNSPECIFIED, span.clone());
    let DeValue::Table(table) = entry.get_ref() else {
        mistakes.not_tables.push(span);
        return MemberEntry { name, address };
    };
    let (mut has_name, mut has_address) = (false, false);
    let mut entries = in_order(table);
    // Another address is a second one wherever it is.
    entries.sort_by_key(|(key, _)| key.get_ref() != "address");
    for (key, value) in entries {
        match key.get_ref().as_ref() {
            "name" => {
                has_name = true;
                let mut part = found.part("name", value, &NAME);
                name.set(part.span(), part.text());
            }
            "address" => {
                has_address = true;
                let mut part = found.part("address", value, &ADDRESS);
                let (span, written) = (
                    part.span(),
                    part.parsed(|text| read_address(text, mistakes.example())),
                );
                let plain = written.and_then(|written| mistakes.in_address(written, &span));
                address.set(span, plain);
            }
            other => {
                let span = found.reader.clip(key.span());
                let meant = meant_key(other);
                match meant {
                    Some("address") if has_address => mistakes.second_address(other, span),
                    _ => mistakes.unknown_key(other, span, meant),
                }
                // What was misspelled is not missing too.
                has_name |= meant == Some("name");
                has_address |= meant == Some("address");
            }
        }
    }
    if !has_name {
        mistakes.no_name.push(span.clone());
    }
    if !has_address {
        mistakes.no_address.push(span);
    }
    MemberEntry { name, address }
}

/// The key that an unknown one was probably meant to be.
fn meant_key(key: &str) -> Option<&'static str> {
    let words = key.split(['_', '-']);
    let is_of_address = |word: &str| matches!(word, "ip" | "ips" | "ipv4" | "addr" | "address");
    match nearest(key, ["name", "address"]) {
        None if words.into_iter().any(is_of_address) => Some("address"),
        meant => meant,
    }
}

//! Reads `members`: a number, or a list of names and addresses.

use std::net::Ipv4Addr;

use toml::Spanned;
use toml::de::DeValue;

use super::keys::Shape;
use super::reader::{Found, in_order};
use super::rules::{MOST_MEMBERS, too_many_members};
use super::setting::Setting;
use super::{Definition, MemberEntry, Members};
use crate::values::{NamePrefix, Refused};

static NAME: Shape = Shape::Text { example: "core-01" };
static ADDRESS: Shape = Shape::Text {
    example: "192.168.56.101",
};

pub(super) fn read(definition: &mut Definition, found: &mut Found<'_, '_, '_>) {
    let members = match found.value.get_ref() {
        DeValue::Array(entries) if entries.len() > MOST_MEMBERS => {
            let (source, span) = (found.reader.source, found.span());
            let diagnostic = too_many_members(entries.len()).at(source, span, "");
            found.reader.diagnostics.push(diagnostic);
            None
        }
        DeValue::Array(entries) => Some(Members::List(
            entries
                .iter()
                .map(|entry| read_entry(found, entry))
                .collect(),
        )),
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

fn read_entry<'v>(found: &mut Found<'_, '_, 'v>, entry: &'v Spanned<DeValue<'v>>) -> MemberEntry {
    let span = found.reader.clip(entry.span());
    let mut name = Setting::unreadable(NamePrefix::core().numbered(1), span.clone());
    let mut address = Setting::unreadable(Ipv4Addr::UNSPECIFIED, span.clone());
    let DeValue::Table(table) = entry.get_ref() else {
        found.reader.error(
            "a member is not a table".to_owned(),
            span,
            "expected a `name` and an `address`",
            "write `{ name = \"core-01\", address = \"192.168.56.101\" }`, or `[[members]]` with both",
        );
        return MemberEntry { name, address };
    };
    let (mut has_name, mut has_address) = (false, false);
    for (key, value) in in_order(table) {
        match key.get_ref().as_ref() {
            "name" => {
                has_name = true;
                let mut part = found.part("name", value, &NAME);
                name.set(part.span(), part.text());
            }
            "address" => {
                has_address = true;
                let mut part = found.part("address", value, &ADDRESS);
                address.set(part.span(), part.parsed(ipv4));
            }
            other => found
                .reader
                .unknown_key("members", other, key.span(), &["name", "address"]),
        }
    }
    for (there, key, example) in [
        (has_name, "name", NAME.example()),
        (has_address, "address", ADDRESS.example()),
    ] {
        if !there {
            found.reader.error(
                format!("a member has no `{key}`"),
                span.clone(),
                "",
                &format!("add `{key} = \"{example}\"`"),
            );
        }
    }
    MemberEntry { name, address }
}

fn ipv4(text: &str) -> Result<Ipv4Addr, Refused> {
    text.parse().map_err(|_| {
        Refused::new(
            format!(
                "`{}` is not an IPv4 address",
                super::reader::shortened(text)
            ),
            "write four numbers from 0 to 255, as in `192.168.56.101`",
        )
    })
}

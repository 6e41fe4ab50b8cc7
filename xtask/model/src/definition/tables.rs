//! Reads the tables whose keys the author chooses: ports, folders, checksums and flags.

use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeString, DeValue};

use super::keys::{CHECKSUM, FOLDER, PORT, SCALAR};
use super::reader::{Found, in_order, shortened};
use super::setting::Setting;
use super::{ExtraFlag, ForwardedPort, SharedFolder};
use crate::values::{Architecture, FlagValue, GuestFolder, Refused, Sha256};

pub(super) fn forwarded_ports(found: &mut Found<'_, '_, '_>) -> Option<Vec<ForwardedPort>> {
    let mut ports = Vec::new();
    for (key, value) in in_order(found.table()?) {
        let span = found.reader.clip(key.span());
        let number = key
            .get_ref()
            .parse::<u16>()
            .ok()
            // Only the plain form: `080` and `+80` would be the same port again.
            .filter(|number| *number > 0 && number.to_string() == key.get_ref().as_ref());
        let mut guest = Setting::default(1);
        if number.is_none() {
            found.reader.error(
                format!("`{}` is not a port", shortened(key.get_ref())),
                span.clone(),
                "expected a number from 1 to 65535",
                "write the machine's port first, as in `2379 = 12379`",
            );
        }
        guest.set(span, number);
        let mut part = found.part(key.get_ref(), value, &PORT);
        let mut host = Setting::default(1);
        host.set(part.span(), part.number());
        ports.push(ForwardedPort { guest, host });
    }
    ports.sort_by_key(|port| *port.guest.get());
    Some(ports)
}

pub(super) fn shared_folders(found: &mut Found<'_, '_, '_>) -> Option<Vec<SharedFolder>> {
    let mut folders = Vec::new();
    for (key, value) in in_order(found.table()?) {
        let span = found.reader.clip(key.span());
        let host = parse_key(found, key);
        let guest: Option<GuestFolder> = found.part(key.get_ref(), value, &FOLDER).text();
        let value_span = found.reader.clip(value.span());
        // A folder that could not be read has been reported, so the definition is not used.
        if let (Some(host), Some(guest)) = (host, guest) {
            folders.push(SharedFolder {
                host: Setting::written(host, span),
                guest: Setting::written(guest, value_span),
            });
        }
    }
    folders.sort_by(|a, b| a.host.get().cmp(b.host.get()));
    Some(folders)
}

pub(super) fn checksums(found: &mut Found<'_, '_, '_>) -> Option<Vec<(Architecture, Sha256)>> {
    let mut checksums = Vec::new();
    for (key, value) in in_order(found.table()?) {
        let known = Architecture::ALL
            .iter()
            .find(|architecture| architecture.as_str() == key.get_ref().as_ref());
        match known {
            Some(&architecture) => {
                let checksum = found.part(key.get_ref(), value, &CHECKSUM).text();
                checksums.extend(checksum.map(|checksum| (architecture, checksum)));
            }
            None => {
                let names: Vec<&str> = Architecture::ALL.iter().map(|a| a.as_str()).collect();
                let path = found.path.clone();
                found
                    .reader
                    .unknown_key(&path, key.get_ref(), key.span(), &names);
            }
        }
    }
    checksums.sort_by_key(|(architecture, _)| *architecture);
    Some(checksums)
}

pub(super) fn flags(found: &mut Found<'_, '_, '_>) -> Option<Vec<ExtraFlag>> {
    let mut flags = Vec::new();
    for (key, value) in in_order(found.table()?) {
        let span = found.reader.clip(key.span());
        let name = parse_key(found, key);
        let mut part = found.part(key.get_ref(), value, &SCALAR);
        let text = match value.get_ref() {
            DeValue::Boolean(_) => part.boolean().map(FlagValue::from),
            DeValue::Integer(_) => part
                .whole_number()
                .and_then(|number| i64::try_from(number).ok())
                .map(FlagValue::from),
            _ => part.text(),
        };
        let value_span = part.span();
        if let Some(name) = name {
            let mut value = Setting::default(FlagValue::from(true));
            value.set(value_span, text);
            flags.push(ExtraFlag {
                name: Setting::written(name, span),
                value,
            });
        }
    }
    Some(flags)
}

/// A key that is a value itself.
fn parse_key<T: FromStr<Err = Refused>>(
    found: &mut Found<'_, '_, '_>,
    key: &Spanned<DeString<'_>>,
) -> Option<T> {
    let parsed = key.get_ref().parse();
    parsed
        .map_err(|refused: Refused| {
            let span = found.reader.clip(key.span());
            found.reader.error(refused.why, span, "", &refused.hint);
        })
        .ok()
}

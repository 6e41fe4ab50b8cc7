//! Amounts with a unit: `2GiB`, `1h`.

use std::time::Duration;

use super::Refused;

/// Reads an amount of bytes: a number, or a number with `KiB`, `MiB`, `GiB` or `TiB`.
///
/// # Errors
/// For any other text, and for amounts that do not fit.
pub fn bytes(text: &str) -> Result<u64, Refused> {
    let hint = "write a number and its unit, as in `2GiB`, or plain bytes";
    let refused = || {
        Refused::new(
            format!("`{}` is not an amount of bytes", text.escape_debug()),
            hint,
        )
    };
    let (number, unit) = number_and_unit(text).ok_or_else(refused)?;
    let factor: u64 = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        "K" | "KB" | "kB" | "M" | "MB" | "G" | "GB" | "T" | "TB" => {
            return Err(Refused::new(
                format!("`{unit}` is ambiguous"),
                "write `KiB`, `MiB`, `GiB` or `TiB`: powers of 1024",
            ));
        }
        _ => return Err(refused()),
    };
    number
        .checked_mul(factor)
        .filter(|&bytes| i64::try_from(bytes).is_ok())
        .ok_or_else(|| Refused::new(format!("`{text}` is more than etcd can count"), hint))
}

/// An amount of bytes for people: `20 KiB`, `1.5 GiB`.
pub fn size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    for (unit, name) in units {
        if bytes >= unit {
            let tenths = u128::from(bytes) * 10 / u128::from(unit);
            return match (tenths / 10, tenths % 10) {
                (whole, 0) => format!("{whole} {name}"),
                (whole, tenth) => format!("{whole}.{tenth} {name}"),
            };
        }
    }
    format!("{bytes} B")
}

/// Reads a duration in minutes: `1h`, `30m` or `1h30m`.
///
/// # Errors
/// For any other text, and for durations of zero or more than 10,000 hours.
pub fn minutes(text: &str) -> Result<u32, Refused> {
    let hint = "write hours or minutes, as in `\"1h\"` or `\"30m\"`";
    let refused = || {
        Refused::new(
            format!("`{}` is not a valid duration", text.escape_debug()),
            hint,
        )
    };
    let (hours, rest) = match text.split_once('h') {
        Some((hours, rest)) => (hours, rest),
        None => ("0", text),
    };
    let (hours, unit) = number_and_unit(hours).ok_or_else(refused)?;
    if !unit.is_empty() {
        return Err(refused());
    }
    let minutes = match rest {
        "" if text.is_empty() => return Err(refused()),
        "" => 0,
        rest => match number_and_unit(rest) {
            Some((minutes, "m")) => minutes,
            _ => return Err(refused()),
        },
    };
    hours
        .checked_mul(60)
        .and_then(|of_hours| of_hours.checked_add(minutes))
        .filter(|all| (1..=600_000).contains(all))
        .and_then(|all| u32::try_from(all).ok())
        .ok_or_else(|| {
            Refused::new(
                format!("`{text}` is not between 1 minute and 10,000 hours"),
                hint,
            )
        })
}

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit))
}

/// Reads how long to wait: `500ms`, `60s`, `2m` or `1h`.
///
/// # Errors
/// For any other text, and for waits of zero or more than a day.
pub fn patience(text: &str) -> Result<Duration, Refused> {
    let hint = "write a number and its unit, as in `60s` or `2m`";
    let refused = || {
        Refused::new(
            format!("`{}` is not a valid duration", text.escape_debug()),
            hint,
        )
    };
    let (number, unit) = number_and_unit(text).ok_or_else(refused)?;
    let unit = match unit {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(3600),
        _ => return Err(refused()),
    };
    let day = Duration::from_secs(24 * 3600);
    let patience = u32::try_from(number)
        .ok()
        .and_then(|number| unit.checked_mul(number));
    patience
        .filter(|patience| !patience.is_zero() && *patience <= day)
        .ok_or_else(refused)
}

/// Reads a rate in requests per second.
///
/// # Errors
/// For anything but a whole number from 10 to 10,000: fewer show nothing, and more are not sent in time.
pub fn rate(text: &str) -> Result<u32, Refused> {
    let rate = text.parse().ok();
    rate.filter(|rate| (10..=10_000).contains(rate))
        .ok_or_else(|| {
            Refused::new(
                format!("`{}` is not a rate", text.escape_debug()),
                "write a whole number from 10 to 10,000",
            )
        })
}

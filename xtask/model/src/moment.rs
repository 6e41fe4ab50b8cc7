//! Formats points in time and durations for people.

use std::time::Duration;

/// A point in time, given since 1970, in UTC: `2026-07-30T09:05:00Z`.
pub fn utc(since_1970: Duration) -> String {
    let seconds = since_1970.as_secs();
    let (year, month, day) = date(seconds / DAY);
    format!("{year:04}-{month:02}-{day:02}T{}Z", time_of_day(since_1970))
}

/// The time since 1970 of a point in time that [`utc`] wrote; `None` if it did not write it.
pub fn since_1970(text: &str) -> Option<Duration> {
    let numbers: Vec<u64> = text
        .split(['-', 'T', ':', 'Z'])
        .map_while(|number| number.parse().ok())
        .collect();
    let [year, month, day, hours, minutes, seconds] = numbers[..] else {
        return None;
    };
    let months = usize::try_from(month).ok()?.checked_sub(1)?;
    if !(1970..10_000).contains(&year) {
        return None;
    }
    let days = (1970..year).map(year_length).sum::<u64>()
        + month_lengths(year).iter().take(months).sum::<u64>()
        + day.min(31).checked_sub(1)?;
    let time = Duration::from_secs(
        days * DAY + hours.min(24) * 3600 + minutes.min(60) * 60 + seconds.min(60),
    );
    (utc(time) == text).then_some(time)
}

/// The time of day in UTC: `09:05:00`.
pub fn time_of_day(since_1970: Duration) -> String {
    let seconds = since_1970.as_secs() % DAY;
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// A duration, no more precise than useful: `12 s`, `5 min`, `2 h 5 min`, `3 d 4 h`.
pub fn long(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / DAY);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, ..) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

const DAY: u64 = 24 * 3600;

/// The year, month and day of a day number, counted from 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    let mut day = days;
    while day >= year_length(year) {
        day -= year_length(year);
        year += 1;
    }
    let mut month = 1;
    for length in month_lengths(year) {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    (year, month, day + 1)
}

/// The number of days of each month of a year.
const fn month_lengths(year: u64) -> [u64; 12] {
    let february = year_length(year) - 337;
    [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
}

/// The number of days of a year in the Gregorian calendar.
const fn year_length(year: u64) -> u64 {
    let leaps = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    if leaps { 366 } else { 365 }
}

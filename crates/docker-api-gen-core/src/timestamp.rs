//! A point in time as the daemon writes it.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// A point in time, as in `2026-02-03T04:05:06.789012345Z`.
///
/// The text is kept as it came and is what goes back. Reading one never fails: what is not a time has the text it has,
/// and no [`unix_seconds`](Timestamp::unix_seconds).
///
/// ```
/// use docker_api_gen_core::Timestamp;
///
/// let time = Timestamp::from("2026-02-03T04:05:06.5+01:00");
/// assert_eq!(time.unix_seconds(), Some(1_770_087_906));
/// assert_eq!(time.subsec_nanos(), 500_000_000);
/// assert!(Timestamp::from("0001-01-01T00:00:00Z").is_unset());
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Timestamp(String);

impl Timestamp {
    /// The text as it came.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is no time here: no text, or the first moment of the year 1, which the daemon sends for "never".
    pub fn is_unset(&self) -> bool {
        self.0.is_empty() || self.0.starts_with("0001-01-01T00:00:00")
    }

    /// Whole seconds since 1970 in UTC, negative before; `None` if it is not a time.
    pub fn unix_seconds(&self) -> Option<i64> {
        parse(&self.0).map(|(seconds, _)| seconds)
    }

    /// The nanoseconds on top of [`unix_seconds`](Timestamp::unix_seconds); what is finer is left out.
    pub fn subsec_nanos(&self) -> u32 {
        parse(&self.0).map_or(0, |(_, nanos)| nanos)
    }

    /// The time as the standard library has it; `None` if it is unset or not a time.
    pub fn to_system_time(&self) -> Option<SystemTime> {
        if self.is_unset() {
            return None;
        }
        let (seconds, nanos) = parse(&self.0)?;
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let moment = if seconds < 0 {
            UNIX_EPOCH.checked_sub(whole)
        } else {
            UNIX_EPOCH.checked_add(whole)
        };
        moment?.checked_add(Duration::from_nanos(nanos.into()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<&str> for Timestamp {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Timestamp {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<SystemTime> for Timestamp {
    /// In UTC, with nanoseconds where there are any.
    fn from(time: SystemTime) -> Self {
        let (seconds, nanos) = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => (
                i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
                after.subsec_nanos(),
            ),
            Err(before) => {
                let before = before.duration();
                let whole = i64::try_from(before.as_secs()).unwrap_or(i64::MAX);
                match before.subsec_nanos() {
                    0 => (-whole, 0),
                    nanos => (-whole - 1, 1_000_000_000 - nanos),
                }
            }
        };
        let (year, month, day) = date(seconds.div_euclid(86400));
        let second = seconds.rem_euclid(86400);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
        if nanos > 0 {
            text.push_str(format!(".{nanos:09}").trim_end_matches('0'));
        }
        text.push('Z');
        Self(text)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time")
            }

            fn visit_str<E>(self, text: &str) -> Result<Timestamp, E> {
                Ok(text.into())
            }

            fn visit_string<E>(self, text: String) -> Result<Timestamp, E> {
                Ok(text.into())
            }

            // Seconds since 1970, as some places of the API have times.
            fn visit_i64<E>(self, seconds: i64) -> Result<Timestamp, E> {
                Ok(seconds.to_string().into())
            }

            fn visit_u64<E>(self, seconds: u64) -> Result<Timestamp, E> {
                Ok(seconds.to_string().into())
            }

            fn visit_f64<E>(self, seconds: f64) -> Result<Timestamp, E> {
                Ok(seconds.to_string().into())
            }

            fn visit_unit<E>(self) -> Result<Timestamp, E> {
                Ok(Timestamp::default())
            }

            fn visit_bool<E>(self, value: bool) -> Result<Timestamp, E> {
                Ok(value.to_string().into())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Timestamp, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Timestamp::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Timestamp, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Timestamp::default())
            }
        }

        deserializer.deserialize_any(Any)
    }
}

/// Seconds since 1970 and nanoseconds, from RFC 3339 or from a number of seconds.
fn parse(text: &str) -> Option<(i64, u32)> {
    if let Some(number) = number(text) {
        return Some(number);
    }
    let (date, time) = (text.get(..10)?, text.get(11..)?);
    if !matches!(text.as_bytes()[10], b'T' | b't' | b' ') {
        return None;
    }
    let (year, month, day) = three(date, '-')?;
    let (clock, rest) = (time.get(..8)?, time.get(8..)?);
    let (hour, minute, second) = three(clock, ':')?;
    // 60 is a leap second.
    if hour > 23
        || minute > 59
        || second > 60
        || !(1..=12).contains(&month)
        || day < 1
        || day > days_in(year, month)
    {
        return None;
    }
    let (nanos, zone) = match rest.strip_prefix('.') {
        None => (0, rest),
        Some(fraction) => {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            let (fraction, zone) = fraction.split_at(digits);
            (nanos(fraction)?, zone)
        }
    };
    let seconds =
        days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset(zone)?;
    Some((seconds, nanos))
}

/// `1770087906` or `1770087906.5`, as `--since` takes them too.
fn number(text: &str) -> Option<(i64, u32)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let seconds: i64 = whole.parse().ok()?;
    match nanos(fraction)? {
        0 => Some((seconds, 0)),
        nanos if whole.starts_with('-') => Some((seconds - 1, 1_000_000_000 - nanos)),
        nanos => Some((seconds, nanos)),
    }
}

/// The digits behind a point as nanoseconds.
fn nanos(fraction: &str) -> Option<u32> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nine = &fraction[..fraction.len().min(9)];
    let value: u32 = nine.parse().ok()?;
    Some(value * 10_u32.pow(9 - nine.len() as u32))
}

/// Seconds that the place is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    let sign = match zone.as_bytes().first()? {
        b'Z' | b'z' if zone.len() == 1 => return Some(0),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hour, minute) = zone.get(1..)?.split_once(':')?;
    let (hour, minute) = (two_digits(hour)?, two_digits(minute)?);
    if hour > 23 || minute > 59 {
        None
    } else {
        Some(sign * (hour * 3600 + minute * 60))
    }
}

fn three(text: &str, mark: char) -> Option<(i64, i64, i64)> {
    let mut parts = text.split(mark);
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    let is_number = !first.is_empty() && first.bytes().all(|byte| byte.is_ascii_digit());
    match parts.next() {
        None if is_number => Some((first.parse().ok()?, two_digits(second)?, two_digits(third)?)),
        _ => None,
    }
}

fn two_digits(text: &str) -> Option<i64> {
    match text.as_bytes() {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            Some(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
        }
        _ => None,
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date. Years begin in March here, which puts the odd day at their end.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let era = year.div_euclid(400);
    let year = year.rem_euclid(400);
    era * 146_097 + year * 365 + year / 4 - year / 100 + day_of_year - 719_468
}

/// The other way round.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day = days.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let march = (5 * day + 2) / 153;
    let month = if march < 10 { march + 3 } else { march - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, month, day - (153 * march + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<(i64, u32)> {
        let time = Timestamp::from(text);
        time.unix_seconds()
            .map(|seconds| (seconds, time.subsec_nanos()))
    }

    #[test]
    fn reads_what_daemons_write() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some((0, 0)));
        assert_eq!(
            seconds("2026-02-03T04:05:06.789012345Z"),
            Some((1_770_091_506, 789_012_345))
        );
        assert_eq!(
            seconds("2026-02-03T04:05:06.789012345678Z"),
            Some((1_770_091_506, 789_012_345))
        );
        assert_eq!(
            seconds("2026-02-03T04:05:06.7+05:30"),
            Some((1_770_091_506 - 19_800, 700_000_000))
        );
        assert_eq!(seconds("1969-12-31T23:59:59-00:00"), Some((-1, 0)));
        assert_eq!(seconds("2024-02-29T00:00:00Z"), Some((1_709_164_800, 0)));
        assert_eq!(seconds("0001-01-01T00:00:00Z"), Some((-62_135_596_800, 0)));
        assert_eq!(seconds("1770091506"), Some((1_770_091_506, 0)));
        assert_eq!(seconds("-1.25"), Some((-2, 750_000_000)));
    }

    #[test]
    fn anything_else_is_no_time() {
        for text in [
            "",
            "never",
            "2026-02-03",
            "2026-02-30T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-02-03T24:00:00Z",
            "2026-02-03T04:05:06",
            "2026-02-03T04:05:06.Z",
            "2026-02-03T04:05:06Zx",
            "2026-02-03T04:05:06+1:00",
            "+026-02-03T04:05:06Z",
            "2026-02-03é04:05:06Z",
            "99999999999999999999",
        ] {
            assert_eq!(seconds(text), None, "{text}");
            assert_eq!(Timestamp::from(text).to_system_time(), None, "{text}");
        }
    }

    #[test]
    fn unset_has_two_spellings() {
        for text in ["", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"] {
            assert!(Timestamp::from(text).is_unset(), "{text}");
            assert_eq!(Timestamp::from(text).to_system_time(), None);
        }
        assert!(!Timestamp::from("1970-01-01T00:00:00Z").is_unset());
    }

    #[test]
    fn goes_to_system_time_and_back() {
        for text in [
            "1970-01-01T00:00:00Z",
            "1969-12-31T23:59:59.5Z",
            "2026-02-03T04:05:06.789012345Z",
            "2000-02-29T23:59:59Z",
            "1900-03-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
        ] {
            let time = Timestamp::from(text).to_system_time().unwrap();
            assert_eq!(Timestamp::from(time).as_str(), text);
        }
        for day in -1_000_000..1_000_000 {
            let (year, month, of_month) = date(day);
            assert_eq!(days(year, month, of_month), day);
        }
    }

    #[test]
    fn reading_one_never_fails_and_keeps_the_text() {
        for (json, text) in [
            (r#""2026-02-03T04:05:06Z""#, "2026-02-03T04:05:06Z"),
            (r#""soon\n""#, "soon\n"),
            ("null", ""),
            ("1770091506", "1770091506"),
            ("-1.5", "-1.5"),
            ("[1,{}]", ""),
            (r#"{"a":1}"#, ""),
            ("true", "true"),
        ] {
            let time: Timestamp = serde_json::from_str(json).unwrap();
            assert_eq!(time.as_str(), text, "{json}");
        }
        let text = r#""2026-02-03T04:05:06.10Z""#;
        assert_eq!(
            serde_json::to_string(&serde_json::from_str::<Timestamp>(text).unwrap()).unwrap(),
            text
        );
    }
}

//! `parsetime`: text to a time, by the formats of `strptime` in the C locale and in UTC.
//!
//! As the GNU C library has it. What a format does not ask for stays 0, the day of the month too: "2023" by `%Y` is the last
//! day of 2022. Time zones are read and not applied. The text may go on where the format ends.

use super::calendar::{Time, civil_from_days, days_from_civil, is_leap, week_day};
use super::time_format::{DAYS, MONTHS, composite};
use crate::search::number::is_blank;

/// Seconds since 1970; `None` when the text does not follow the format.
pub fn parse(text: &[u8], format: &[u8]) -> Option<i64> {
    let mut reader = Reader { rest: text, found: Found::default() };
    reader.follow(format)?;
    Some(reader.found.seconds())
}

/// What has been read, in the units of C's `struct tm`.
#[derive(Default)]
struct Found {
    /// Years since 1900.
    year: i64,
    /// From 0.
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    week_day: i64,
    /// From 0.
    year_day: i64,
    is_pm: bool,
    has_hour_12: bool,
    century: Option<i64>,
    /// The year was given by its last two digits.
    has_short_year: bool,
    has_month: bool,
    has_day: bool,
    has_week_day: bool,
    has_year_day: bool,
    /// Something was read that determines the date.
    has_date: bool,
    /// Week of the year, counted from the first Sunday (0) or Monday (1).
    week: Option<(i64, i64)>,
}

impl Found {
    fn seconds(mut self) -> i64 {
        if self.has_hour_12 && self.is_pm {
            self.hour += 12;
        }
        if let Some(century) = self.century {
            let short = if self.has_short_year { self.year % 100 } else { 0 };
            self.year = short + (century - 19) * 100;
        }
        if self.has_date && !self.has_week_day && self.has_year_day {
            self.date_from_year_day();
        }
        if let Some((week, first)) = self.week.filter(|_| self.has_week_day) {
            let new_year = i64::from(week_day(days_from_civil(self.year + 1900, 1, 1)));
            if !self.has_year_day {
                let days = (7 - (new_year - first)) % 7 + (week - 1) * 7 + (self.week_day - first + 7) % 7;
                self.year_day = days;
            }
            self.date_from_year_day();
        }
        // Months are always in range here; days may be 0 or past the end of the month.
        let days = days_from_civil(self.year + 1900, self.month as u8 + 1, 1) + self.day - 1;
        days * 86_400 + self.hour * 3_600 + self.minute * 60 + self.second
    }

    /// Sets the month and the day that were not read.
    fn date_from_year_day(&mut self) {
        let year = self.year + 1900;
        let last = if is_leap(year) { 365 } else { 364 };
        let (_, month, day) = civil_from_days(days_from_civil(year, 1, 1) + self.year_day.clamp(0, last));
        if !self.has_month {
            self.month = i64::from(month) - 1;
        }
        if !self.has_day {
            self.day = day.into();
        }
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    found: Found,
}

impl Reader<'_> {
    fn blanks(&mut self) {
        let count = self.rest.iter().take_while(|&&byte| is_blank(byte)).count();
        self.rest = &self.rest[count..];
    }

    /// Formats nest once: the ones that stand for others name none.
    fn follow(&mut self, format: &[u8]) -> Option<()> {
        let mut format = format;
        while let [byte, after @ ..] = format {
            format = after;
            if is_blank(*byte) {
                self.blanks();
            } else if *byte == b'%' {
                let flags = after.iter().take_while(|byte| b"-_0^#".contains(byte)).count();
                let width = after[flags..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                let (letter, len) = letter(&after[flags + width..])?;
                format = &after[flags + width + len..];
                match composite(letter) {
                    Some(format) => self.follow(format)?,
                    None => self.conversion(letter)?,
                }
            } else {
                self.byte(*byte)?;
            }
        }
        Some(())
    }

    fn byte(&mut self, byte: u8) -> Option<()> {
        self.rest = self.rest.strip_prefix(&[byte])?;
        Some(())
    }

    /// A number in a range; reading stops before the digit that would leave it.
    fn number(&mut self, from: i64, to: i64, most: usize) -> Option<i64> {
        let count = self.rest.iter().take_while(|&&byte| byte == b' ').count();
        self.rest = &self.rest[count..];
        let (mut value, mut read) = (0, 0);
        while let [digit @ b'0'..=b'9', rest @ ..] = self.rest
            && read < most
            && (read == 0 || value * 10 <= to)
        {
            value = value * 10 + i64::from(digit - b'0');
            read += 1;
            self.rest = rest;
        }
        (read > 0 && (from..=to).contains(&value)).then_some(value)
    }

    /// The position of a name, long or short, in any case.
    fn name(&mut self, names: &[&str]) -> Option<i64> {
        for (at, name) in names.iter().enumerate() {
            for len in [name.len(), 3] {
                if self.rest.get(..len).is_some_and(|text| text.eq_ignore_ascii_case(&name.as_bytes()[..len])) {
                    self.rest = &self.rest[len..];
                    return i64::try_from(at).ok();
                }
            }
        }
        None
    }

    fn conversion(&mut self, letter: u8) -> Option<()> {
        match letter {
            b'%' => self.byte(b'%')?,
            b'n' | b't' => self.blanks(),
            b'a' | b'A' => self.week_day(0, DAYS.len())?,
            b'u' => self.week_day(1, 7)?,
            b'w' => self.week_day(0, 6)?,
            b'H' | b'k' => {
                self.found.hour = self.number(0, 23, 2)?;
                self.found.has_hour_12 = false;
            }
            b'I' | b'l' => {
                self.found.hour = self.number(1, 12, 2)? % 12;
                self.found.has_hour_12 = true;
            }
            b'M' => self.found.minute = self.number(0, 59, 2)?,
            b'S' => self.found.second = self.number(0, 61, 2)?,
            b'p' | b'P' => {
                let half = self.rest.get(..2)?.to_ascii_uppercase();
                self.found.is_pm = half == b"PM";
                (self.found.is_pm || half == b"AM").then_some(())?;
                self.rest = &self.rest[2..];
            }
            b's' => self.seconds()?,
            b'z' => self.zone()?,
            b'Z' => {}
            _ => return self.date(letter),
        }
        Some(())
    }

    fn date(&mut self, letter: u8) -> Option<()> {
        match letter {
            b'b' | b'B' | b'h' => {
                self.found.month = self.name(&MONTHS)?;
                self.found.has_month = true;
            }
            b'm' => {
                self.found.month = self.number(1, 12, 2)? - 1;
                self.found.has_month = true;
            }
            b'd' | b'e' => {
                self.found.day = self.number(1, 31, 2)?;
                self.found.has_day = true;
            }
            b'C' => self.found.century = Some(self.number(0, 99, 2)?),
            b'y' => {
                let year = self.number(0, 99, 2)?;
                self.found.year = if year >= 69 { year } else { year + 100 };
                self.found.has_short_year = true;
            }
            b'Y' => {
                self.found.year = self.number(0, 9999, 4)? - 1900;
                self.found.has_short_year = false;
                self.found.century = None;
            }
            _ => return self.week_or_day(letter),
        }
        self.found.has_date = true;
        Some(())
    }

    /// Conversions that do not determine a date on their own.
    fn week_or_day(&mut self, letter: u8) -> Option<()> {
        match letter {
            b'j' => {
                self.found.year_day = self.number(1, 366, 3)? - 1;
                self.found.has_year_day = true;
            }
            b'U' => self.found.week = Some((self.number(0, 53, 2)?, 0)),
            b'W' => self.found.week = Some((self.number(0, 53, 2)?, 1)),
            // The ISO week and its year are read and not used.
            b'V' => drop(self.number(0, 53, 2)?),
            b'g' => drop(self.number(0, 99, 2)?),
            b'G' => {
                let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                (count > 0).then_some(())?;
                self.rest = &self.rest[count..];
            }
            _ => return None,
        }
        Some(())
    }

    fn week_day(&mut self, from: i64, to: usize) -> Option<()> {
        let day = if to == DAYS.len() && from == 0 { self.name(&DAYS)? } else { self.number(from, to as i64, 1)? % 7 };
        self.found.week_day = day;
        self.found.has_week_day = true;
        Some(())
    }

    /// Seconds since 1970: everything at once.
    fn seconds(&mut self) -> Option<()> {
        let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let seconds = std::str::from_utf8(&self.rest[..count]).ok()?.parse().ok()?;
        self.rest = &self.rest[count..];
        let time = Time::at(seconds)?;
        self.found.year = time.year - 1900;
        self.found.month = i64::from(time.month) - 1;
        self.found.day = time.day.into();
        self.found.hour = time.hour.into();
        self.found.minute = time.minute.into();
        self.found.second = time.second.into();
        Some(())
    }

    /// `Z`, `+hh`, `+hhmm` or `+hh:mm`.
    fn zone(&mut self) -> Option<()> {
        self.blanks();
        if self.byte(b'Z').is_some() {
            return Some(());
        }
        let [b'+' | b'-', rest @ ..] = self.rest else { return None };
        let digits = |text: &[u8]| text.iter().take(2).take_while(|byte| byte.is_ascii_digit()).count() == 2;
        digits(rest).then_some(())?;
        self.rest = &rest[2..];
        let minutes = self.rest.strip_prefix(b":").unwrap_or(self.rest);
        if digits(minutes) {
            (minutes[0] < b'6').then_some(())?;
            self.rest = &minutes[2..];
        }
        Some(())
    }
}

/// The letter of a conversion without its `E` or `O`, and its length with it.
fn letter(text: &[u8]) -> Option<(u8, usize)> {
    match text {
        [b'E', letter, ..] => b"cCxXY".contains(letter).then_some((*letter, 2)),
        [b'O', letter, ..] => b"deHImMSUVWwy".contains(letter).then_some((*letter, 2)),
        [letter, ..] => Some((*letter, 1)),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_their_times() {
        for (text, format, expected) in [
            ("2023-11-14T22:13:20Z", "%FT%TZ", Some(1_700_000_000)),
            ("14 nov 2023", "%d %B %Y", Some(1_699_920_000)),
            ("2023", "%Y", Some(1_672_444_800)),
            ("", "", Some(-2_209_075_200)),
            ("2023-02-31", "%F", Some(1_677_801_600)),
            ("2023-13-01", "%F", None),
            ("10:20 PM", "%I:%M %p", Some(-2_208_994_800)),
            ("PM 01", "%p %I", Some(-2_209_028_400)),
            ("1700000000x", "%s", Some(1_700_000_000)),
            ("2023 100", "%Y %j", Some(1_681_084_800)),
            ("366", "%j", Some(-2_209_075_200)),
            ("2023 5 100", "%Y %m %j", Some(1_683_676_800)),
            ("2023 10 1", "%Y %U %w", Some(1_678_060_800)),
            ("2023 10 1", "%Y %W %u", Some(1_678_060_800)),
            ("69", "%y", Some(-31_622_400)),
            ("68", "%y", Some(3_092_515_200)),
            ("20 23", "%C %y", Some(1_672_444_800)),
            ("2023-11-14 10:00 +0200", "%Y-%m-%d %H:%M %z", Some(1_699_956_000)),
            ("Tue Nov 14 22:13:20 2023", "%c", Some(1_700_000_000)),
            ("12345", "%Y", Some(-23_225_961_600)),
            ("24", "%H", None),
            ("61", "%S", Some(-2_209_075_139)),
            ("10", "%Ed", None),
            ("2023-11-14", "%4Y-%-m-%d", Some(1_699_920_000)),
        ] {
            assert_eq!(parse(text.as_bytes(), format.as_bytes()), expected, "{text} by {format}");
        }
    }
}

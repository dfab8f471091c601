//! `timefmt`: a time as text, by the formats of `strftime` in the C locale and in UTC.
//!
//! As the GNU C library has it: `%`, flags `_ - 0 ^ #`, a width, `E` or `O`, a letter. What is no conversion stays as it is
//! written. A text longer than [`LONGEST`] bytes, or an empty one, is no text.

use super::calendar::{Time, days_from_civil, is_leap};

/// The format where none is given.
pub const ISO: &[u8] = b"%FT%TZ";

/// Longest text that comes out.
pub const LONGEST: usize = 1023;

/// Names of the days; the short ones are their first three bytes.
pub const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Names of the months; the short ones are their first three bytes.
pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The format that a conversion stands for.
pub fn composite(letter: u8) -> Option<&'static [u8]> {
    Some(match letter {
        b'c' => b"%a %b %e %H:%M:%S %Y",
        b'D' | b'x' => b"%m/%d/%y",
        b'F' => b"%Y-%m-%d",
        b'r' => b"%I:%M:%S %p",
        b'R' => b"%H:%M",
        b'T' | b'X' => b"%H:%M:%S",
        _ => return None,
    })
}

/// Appends the text of a time; seconds since 1970. False where it is empty or too long, or the C library has no such year: then
/// what was appended is nothing.
pub fn write(out: &mut Vec<u8>, seconds: i64, format: &[u8]) -> bool {
    let start = out.len();
    Time::at(seconds).and_then(|time| follow(out, seconds, &time, format)).is_some() && out.len() > start
}

/// What stands between `%` and the letter.
#[derive(Default, Clone, Copy)]
struct Style {
    pad: Option<u8>,
    upper: bool,
    swap: bool,
    width: usize,
}

fn follow(out: &mut Vec<u8>, seconds: i64, time: &Time, format: &[u8]) -> Option<()> {
    let (start, mut rest) = (out.len(), format);
    while let [byte, after @ ..] = rest {
        let conversion = if *byte == b'%' { Conversion::read(after) } else { None };
        match conversion {
            Some((conversion, len)) => {
                conversion.write(out, seconds, time)?;
                rest = &after[len..];
            }
            None => {
                out.push(*byte);
                rest = after;
            }
        }
        if out.len() - start > LONGEST {
            return None;
        }
    }
    Some(())
}

struct Conversion {
    style: Style,
    letter: u8,
}

impl Conversion {
    /// Reads what follows a `%`, with its length; `None` when that is no conversion.
    fn read(text: &[u8]) -> Option<(Self, usize)> {
        let (mut style, mut at) = (Style::default(), 0);
        loop {
            match text.get(at)? {
                flag @ (b'_' | b'-' | b'0') => style.pad = Some(*flag),
                b'^' => style.upper = true,
                b'#' => style.swap = true,
                _ => break,
            }
            at += 1;
        }
        while let Some(digit) = text.get(at).filter(|byte| byte.is_ascii_digit()) {
            style.width = (style.width * 10 + usize::from(digit - b'0')).min(LONGEST + 1);
            at += 1;
        }
        let allowed: &[u8] = match text.get(at)? {
            b'E' => b"cCxXyY%",
            b'O' => b"deHIklmMSuUVwWyBbh%",
            _ => b"aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZ%",
        };
        at += usize::from(matches!(text[at], b'E' | b'O'));
        let letter = *text.get(at).filter(|letter| allowed.contains(letter))?;
        Some((Self { style, letter }, at + 1))
    }

    fn write(&self, out: &mut Vec<u8>, seconds: i64, time: &Time) -> Option<()> {
        let start = out.len();
        if let Some(format) = composite(self.letter) {
            follow(out, seconds, time, format)?;
            self.style.finish(out, start);
            return Some(());
        }
        if let Some((digits, pad, number)) = number_of(self.letter, time) {
            self.style.number(out, digits, pad, number);
            return Some(());
        }
        let mut style = self.style;
        match self.letter {
            b'a' | b'A' | b'b' | b'B' | b'h' => {
                style.upper |= style.swap;
                let (names, at): (&[&str], u8) = match self.letter {
                    b'a' | b'A' => (&DAYS, time.week_day),
                    _ => (&MONTHS, time.month - 1),
                };
                let name = names.get(usize::from(at)).map_or(&[][..], |name| name.as_bytes());
                let most = if self.letter.is_ascii_uppercase() { name.len() } else { name.len().min(3) };
                out.extend_from_slice(&name[..most]);
            }
            b'p' | b'P' => {
                out.extend_from_slice(if time.hour < 12 { b"AM" } else { b"PM" });
                if style.swap || self.letter == b'P' {
                    out[start..].make_ascii_lowercase();
                }
            }
            b'Z' => out.extend_from_slice(if style.swap { b"gmt" } else { b"GMT" }),
            b's' => out.extend_from_slice(itoa::Buffer::new().format(seconds).as_bytes()),
            b'z' => {
                out.push(b'+');
                self.style.number(out, 4, b'0', 0);
                return Some(());
            }
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            _ => out.push(b'%'),
        }
        style.finish(out, start);
        Some(())
    }
}

/// The numeric conversions: how many digits at least, what fills them up, and the number.
fn number_of(letter: u8, time: &Time) -> Option<(usize, u8, i64)> {
    let hour_12 = i64::from((time.hour + 11) % 12 + 1);
    let (year_day, week_day) = (i64::from(time.year_day), i64::from(time.week_day));
    Some(match letter {
        b'C' => (2, b'0', time.year.div_euclid(100)),
        b'd' => (2, b'0', time.day.into()),
        b'e' => (2, b'_', time.day.into()),
        b'g' => (2, b'0', iso_week(time).0.rem_euclid(100)),
        b'G' => (1, b'0', iso_week(time).0),
        b'H' => (2, b'0', time.hour.into()),
        b'I' => (2, b'0', hour_12),
        b'j' => (3, b'0', year_day + 1),
        b'k' => (2, b'_', time.hour.into()),
        b'l' => (2, b'_', hour_12),
        b'm' => (2, b'0', time.month.into()),
        b'M' => (2, b'0', time.minute.into()),
        b'S' => (2, b'0', time.second.into()),
        b'u' => (1, b'0', (week_day + 6) % 7 + 1),
        b'U' => (2, b'0', (year_day - week_day + 7) / 7),
        b'V' => (2, b'0', iso_week(time).1),
        b'w' => (1, b'0', week_day),
        b'W' => (2, b'0', (year_day - (week_day + 6) % 7 + 7) / 7),
        b'y' => (2, b'0', time.year.rem_euclid(100)),
        b'Y' => (1, b'0', time.year),
        _ => return None,
    })
}

/// Year and week of ISO 8601: the week belongs to the year that its Thursday is in.
fn iso_week(time: &Time) -> (i64, i64) {
    let thursday = i64::from(time.year_day) + 4 - ((i64::from(time.week_day) + 6) % 7 + 1);
    let days_in = |year: i64| if is_leap(year) { 366 } else { 365 };
    let (year, day) = if thursday < 0 {
        (time.year - 1, thursday + days_in(time.year - 1))
    } else if thursday >= days_in(time.year) {
        (time.year + 1, thursday - days_in(time.year))
    } else {
        (time.year, thursday)
    };
    debug_assert!(days_from_civil(year, 1, 1) <= days_from_civil(time.year, 1, 1) + 366);
    (year, day / 7 + 1)
}

impl Style {
    /// Fills up the text that begins at a place, and has it in capitals where that is asked for.
    fn finish(self, out: &mut Vec<u8>, start: usize) {
        if self.upper {
            out[start..].make_ascii_uppercase();
        }
        let missing = self.width.saturating_sub(out.len() - start);
        if missing > 0 {
            let fill = if self.pad == Some(b'0') { b'0' } else { b' ' };
            out.extend(std::iter::repeat_n(fill, missing));
            out[start..].rotate_right(missing);
        }
    }

    fn number(self, out: &mut Vec<u8>, digits: usize, pad: u8, number: i64) {
        let mut buffer = itoa::Buffer::new();
        let text = buffer.format(number.unsigned_abs());
        let sign = usize::from(number < 0);
        let pad = self.pad.unwrap_or(pad);
        let least = if pad == b'-' { 0 } else { digits.max(self.width.saturating_sub(sign)) };
        let fill = least.saturating_sub(text.len());
        if pad == b'_' {
            out.extend(std::iter::repeat_n(b' ', fill));
        }
        out.extend(std::iter::repeat_n(b'-', sign));
        if pad != b'_' {
            out.extend(std::iter::repeat_n(b'0', fill));
        }
        out.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {

    fn text(seconds: i64, format: &str) -> String {
        let mut text = b"before".to_vec();
        let there = super::write(&mut text, seconds, format.as_bytes());
        if there { String::from_utf8(text.split_off(6)).unwrap() } else { "-".into() }
    }

    #[test]
    fn every_conversion() {
        let day = 1_700_000_000;
        for (format, expected) in [
            ("%a %A %b %B %c %C %d %D %e", "Tue Tuesday Nov November Tue Nov 14 22:13:20 2023 20 14 11/14/23 14"),
            ("%F %g %G %h %H", "2023-11-14 23 2023 Nov 22"),
            ("%I %j %k %l %m %M %p %P %r %R", "10 318 22 10 11 13 PM pm 10:13:20 PM 22:13"),
            ("%s %S %T%n%t", "1700000000 20 22:13:20\n\t"),
            ("%u %U %V %w %W %x %X %y %Y %z %Z %%", "2 46 46 2 46 11/14/23 22:13:20 23 2023 +0000 GMT %"),
            ("%E %Ey %Oy %Q %+ %1 %Ed %", "%E 23 23 %Q %+ %1 %Ed %"),
            ("%-d %_d %05d %^a %#a %10Y %_10a|%010a", "14 14 00014 TUE TUE 0000002023        Tue|0000000Tue"),
            ("%10T|%^c", "  22:13:20|TUE NOV 14 22:13:20 2023"),
        ] {
            assert_eq!(text(day, format), expected, "{format}");
        }
    }

    #[test]
    fn years_before_christ_and_too_long_texts() {
        assert_eq!(text(-1_000_000_000_000, "%Y %y %C %G %g"), "-29719 81 -298 -29719 81");
        assert_eq!(text(-62_167_219_201, "%FT%TZ"), "-1-12-31T23:59:59Z");
        assert_eq!(text(0, ""), "-");
        assert_eq!(text(0, "%1023Y").len(), 1023);
        assert_eq!(text(0, "%1024Y"), "-");
        assert_eq!(text(0, "%99999999999999999999Y"), "-");
    }

    #[test]
    fn iso_weeks_around_new_year() {
        assert_eq!(text(1_104_537_600, "%G-%V"), "2004-53"); // 2005-01-01
        assert_eq!(text(1_230_768_000, "%G-%V"), "2009-01"); // 2009-01-01
        assert_eq!(text(1_262_304_000, "%G-%V"), "2009-53"); // 2010-01-01
    }
}

//! Dates of the proleptic Gregorian calendar, in UTC, without leap seconds.
//!
//! Day numbers count from 1970-01-01. The arithmetic is Howard Hinnant's "chrono-compatible low-level date algorithms":
//! years start in March, so that the leap day is the last one.

/// A moment, taken apart. Its year fits an `i32`, the bound of the C library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// Year; 0 is 1 BC.
    pub year: i64,
    /// 1 to 12.
    pub month: u8,
    /// Day of the month, 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// Day of the week, 0 is Sunday.
    pub week_day: u8,
    /// Day of the year, from 0.
    pub year_day: u16,
}

impl Time {
    /// The moment so many seconds after 1970 began; `None` beyond the years of an `i32`.
    pub fn at(seconds: i64) -> Option<Self> {
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        i32::try_from(year - 1900).ok()?;
        Some(Self {
            year,
            month,
            day,
            hour: (rest / 3_600) as u8,
            minute: (rest / 60 % 60) as u8,
            second: (rest % 60) as u8,
            week_day: week_day(days),
            year_day: (days - days_from_civil(year, 1, 1)) as u16,
        })
    }
}

/// Day of the week of a day number, 0 is Sunday.
pub fn week_day(days: i64) -> u8 {
    (days + 4).rem_euclid(7) as u8
}

/// Whether a year has 366 days.
pub fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Day number of a date; months 1 to 12, days 1 to 31.
pub fn days_from_civil(year: i64, month: u8, day: u8) -> i64 {
    let (month, day) = (i64::from(month), i64::from(day));
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month (1 to 12) and day (1 to 31) of a day number.
pub fn civil_from_days(days: i64) -> (i64, u8, u8) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month as u8, day as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_days() {
        assert_eq!(civil_from_days(0), (1970, 1, 1));
        assert_eq!(days_from_civil(2000, 2, 29), 11_016);
        assert_eq!(days_from_civil(0, 1, 1), -719_528);
        let time = Time::at(1_700_000_000).unwrap();
        assert_eq!((time.year, time.month, time.day, time.week_day, time.year_day), (2023, 11, 14, 2, 317));
        assert_eq!(Time::at(100_000_000_000_000_000), None);
    }

    proptest! {
        #[test]
        fn days_come_back(days in -800_000_000_000i64..800_000_000_000) {
            let (year, month, day) = civil_from_days(days);
            prop_assert_eq!(days_from_civil(year, month, day), days);
            let (next_year, next_month, next_day) = civil_from_days(days + 1);
            prop_assert!((year, month, day) < (next_year, next_month, next_day));
        }
    }
}

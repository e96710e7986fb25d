//! The calendar: days since 1970-01-01 to year, month and day, and back.

/// The names of the months, January first.
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

/// The names of the days, Sunday first.
pub const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Year, month (1 to 12) and day (from 1) of a day since 1970-01-01. Days are grouped in eras of 400 years that start in March.
pub(super) fn from_days(days: i64) -> (i64, u8, u8) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, small(month), small(day))
}

/// The year from which days are counted on the way, far enough back that no year of Go's is before it, and what 1970-01-01 is from there.
const FIRST_YEAR: u64 = 292_277_022_400;
const EPOCH_DAY: u64 = FIRST_YEAR / 400 * 146_097 + 719_468;

/// The day since 1970-01-01 of the first of a month. The month may lie outside 1 to 12, as in Go, and years that are out of reach wrap around as there.
pub(super) fn to_days(year: i64, month: i64) -> i64 {
    let month = month.wrapping_sub(1);
    let year = year.wrapping_add(month.div_euclid(12));
    let month = month.rem_euclid(12) + 1;
    // Years begin in March, so that the odd day is the last of the year.
    let year = if month <= 2 { year.wrapping_sub(1) } else { year }.cast_unsigned().wrapping_add(FIRST_YEAR);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5;
    let centuries = 146_097_u64.wrapping_mul(year / 100) / 4;
    let years = 1_461 * (year % 100) / 4;
    let days = centuries.wrapping_add(years).wrapping_add_signed(day_of_year);
    days.wrapping_sub(EPOCH_DAY).cast_signed()
}

/// How many days a month (1 to 12) has.
pub fn days_in_month(year: i64, month: i64) -> i64 {
    to_days(year, month + 1) - to_days(year, month)
}

fn small(number: i64) -> u8 {
    u8::try_from(number).unwrap_or(0)
}

//! [`Time`] in the forms in which Go hands it to other programs: the strict text of `MarshalText` and the bytes of `MarshalBinary`.

use super::layout::{self, Layout};
use super::moment::Time;

impl Time {
    /// As Go's `MarshalText` and `MarshalJSON` (without the quotes): RFC 3339 with as many digits of the second as there are.
    ///
    /// # Errors
    /// If the year or the offset does not fit into RFC 3339.
    pub fn to_rfc3339(&self) -> Result<String, String> {
        let (year, ..) = self.civil();
        if !(0..=9999).contains(&year) {
            return Err(format!("the year {year} does not fit into RFC 3339"));
        }
        let (_, offset) = self.zone_at();
        if offset.abs() / 3_600 > 23 {
            return Err(format!("an offset of {} hours does not fit into RFC 3339", offset / 3_600));
        }
        Ok(layout::format(self, Layout::RFC3339_NANO))
    }

    /// As Go's `MarshalBinary` and `GobEncode`: a version, seconds since the zero time, nanoseconds, and minutes east of UTC (-1 for UTC itself). Version 2 has
    /// the seconds of an odd offset behind it.
    ///
    /// # Errors
    /// If the offset is one that the form has no room for.
    pub fn to_binary(&self) -> Result<Vec<u8>, String> {
        let (minutes, rest) = if self.zone().is_utc() {
            (-1, 0)
        } else {
            let (_, offset) = self.zone_at();
            let minutes = i16::try_from(offset / 60)
                .ok()
                .filter(|minutes| *minutes != -1)
                .ok_or_else(|| format!("an offset of {offset} seconds cannot be written"))?;
            (minutes, i8::try_from(offset % 60).unwrap_or_default())
        };
        let mut bytes = vec![if rest == 0 { 1 } else { 2 }];
        bytes.extend(self.sub_seconds_from_zero().to_be_bytes());
        bytes.extend(self.nanosecond().to_be_bytes());
        bytes.extend(minutes.to_be_bytes());
        if rest != 0 {
            bytes.extend(rest.to_be_bytes());
        }
        Ok(bytes)
    }

    /// When the offset and abbreviation that the zone has at this moment began to be in force, as the first result of Go's `ZoneBounds`: the zero time where
    /// they always were.
    #[must_use]
    pub fn zone_start(&self) -> Self {
        match self.zone().start_at(self.unix_seconds()) {
            Some(seconds) => Self::unix(seconds, 0, self.zone().clone()),
            None => Self::zero(),
        }
    }
}

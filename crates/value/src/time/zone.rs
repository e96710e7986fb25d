//! [`Zone`]: Go's `time.Location`.

use std::sync::Arc;

use jiff::tz::{Offset, TimeZone};

/// Where on earth a moment is looked at: UTC, a fixed offset, or a zone with rules.
#[derive(Clone, Debug, Default)]
pub struct Zone(Option<Arc<Rules>>);

#[derive(Debug)]
enum Rules {
    /// A zone without a name and one that has only an abbreviation: what a parsed `+02:00` or `CEST` gives.
    Fixed { abbreviation: String, offset: i32 },
    /// A zone of the database, under the name that Go's `Location.String` gives (`Local` for the zone of the process).
    Named { name: String, zone: TimeZone },
}

/// 2040-01-01, after which no zone gets a name or an offset that it did not have before.
const LAST_CHANGE: i64 = 2_208_988_800;

impl Rules {
    fn is_local(&self) -> bool {
        matches!(self, Self::Named { name, .. } if name == "Local")
    }
}

impl Zone {
    /// UTC.
    pub const fn utc() -> Self {
        Self(None)
    }

    /// A fixed offset in seconds east of UTC. With an empty abbreviation it prints as `+0200`.
    pub fn fixed(abbreviation: impl Into<String>, offset: i32) -> Self {
        Self(Some(Arc::new(Rules::Fixed { abbreviation: abbreviation.into(), offset })))
    }

    /// A zone of the database by name, as Go's `time.LoadLocation`: the empty name and `UTC` are UTC. `None` if there is no such zone. `Local` has to be answered
    /// by the caller.
    pub fn load(name: &str) -> Option<Self> {
        if matches!(name, "" | "UTC") {
            return Some(Self::utc());
        }
        if name.contains("..") || name.starts_with(['/', '\\']) {
            return None;
        }
        let zone = TimeZone::get(name).ok()?;
        // The database answers in any case of letters; Go does not.
        if zone.iana_name().is_some_and(|known| known != name) {
            return None;
        }
        Some(Self(Some(Arc::new(Rules::Named { name: name.to_owned(), zone }))))
    }

    /// The zone of the process under Go's name for it, `Local`.
    #[must_use]
    pub fn as_local(&self) -> Self {
        match self.0.as_deref() {
            None => Self(Some(Arc::new(Rules::Named { name: "Local".to_owned(), zone: TimeZone::UTC }))),
            Some(Rules::Named { zone, .. }) => {
                Self(Some(Arc::new(Rules::Named { name: "Local".to_owned(), zone: zone.clone() })))
            }
            Some(Rules::Fixed { .. }) => self.clone(),
        }
    }

    /// Whether this is UTC itself (not: a zone that happens to be at the same offset).
    pub const fn is_utc(&self) -> bool {
        self.0.is_none()
    }

    /// Whether this is the same zone as `other` in Go's eyes: UTC, that of the process, or one that was made once and handed on.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(left), Some(right)) => Arc::ptr_eq(left, right) || left.is_local() && right.is_local(),
            _ => false,
        }
    }

    /// The name, as Go's `Location.String`.
    pub fn name(&self) -> &str {
        match self.0.as_deref() {
            None => "UTC",
            Some(Rules::Fixed { abbreviation, .. }) => abbreviation,
            Some(Rules::Named { name, .. }) => name,
        }
    }

    /// Abbreviation and offset in seconds east of UTC at a moment, given in seconds since 1970.
    pub fn at(&self, seconds: i64) -> (String, i32) {
        match self.0.as_deref() {
            None => ("UTC".to_owned(), 0),
            Some(Rules::Fixed { abbreviation, offset }) => (abbreviation.clone(), *offset),
            Some(Rules::Named { zone, .. }) => {
                let info = zone.to_offset_info(clamped(seconds));
                (info.abbreviation().to_owned(), info.offset().seconds())
            }
        }
    }

    /// The offset alone.
    pub fn offset_at(&self, seconds: i64) -> i32 {
        match self.0.as_deref() {
            None => 0,
            Some(Rules::Fixed { offset, .. }) => *offset,
            Some(Rules::Named { zone, .. }) => zone.to_offset(clamped(seconds)).seconds(),
        }
    }

    /// The offset that an abbreviation stands for here, where clocks show `local` (seconds since 1970, as if in UTC): the one that is in force then under this
    /// name, else the first that ever was. `None` if the zone never used the name.
    pub(super) fn offset_named(&self, name: &str, local: i64) -> Option<i32> {
        let zone = match self.0.as_deref()? {
            Rules::Fixed { abbreviation, offset } => return (abbreviation == name).then_some(*offset),
            Rules::Named { zone, .. } => zone,
        };
        let first = zone.to_offset_info(jiff::Timestamp::MIN);
        let first = (first.abbreviation() == name).then(|| first.offset().seconds());
        // Rules that go on forever repeat themselves long before this year.
        let last = jiff::Timestamp::from_second(LAST_CHANGE).unwrap_or(jiff::Timestamp::MAX);
        let changes = zone.following(jiff::Timestamp::MIN).take_while(|change| change.timestamp() < last);
        let later =
            changes.filter(|change| change.abbreviation() == name).map(|change| change.offset().seconds());
        let mut known = None;
        for offset in first.into_iter().chain(later) {
            let (here, in_force) = self.at(local.saturating_sub(offset.into()));
            if here == name {
                return Some(in_force);
            }
            known = known.or(Some(offset));
        }
        known
    }

    /// When the rule that is in force at a moment began to be, in seconds since 1970; `None` where it always was.
    pub(super) fn start_at(&self, seconds: i64) -> Option<i64> {
        let Some(Rules::Named { zone, .. }) = self.0.as_deref() else { return None };
        // The change that happens at this very second counts.
        let start = zone.preceding(clamped(seconds.saturating_add(1))).next()?;
        Some(start.timestamp().as_second())
    }

    /// Whether daylight saving time is in force at a moment.
    pub fn is_dst(&self, seconds: i64) -> bool {
        match self.0.as_deref() {
            Some(Rules::Named { zone, .. }) => zone.to_offset_info(clamped(seconds)).dst().is_dst(),
            _ => false,
        }
    }

    /// The moment, in seconds since 1970, at which clocks here show `local` (also in seconds since 1970, as if in UTC). Where clocks skip or repeat an hour, the
    /// answer is the one Go gives.
    pub(super) fn to_utc(&self, local: i64) -> i64 {
        // As Go: first the offset that the reading would have if it were UTC, then the one at the moment that this gives.
        match i64::from(self.offset_at(local)) {
            0 => local,
            first => local.saturating_sub(i64::from(self.offset_at(local.saturating_sub(first)))),
        }
    }
}

fn clamped(seconds: i64) -> jiff::Timestamp {
    let seconds = seconds.clamp(jiff::Timestamp::MIN.as_second(), jiff::Timestamp::MAX.as_second());
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}

impl From<TimeZone> for Zone {
    /// The zone of the process, named `Local`, or UTC.
    fn from(zone: TimeZone) -> Self {
        if zone == TimeZone::UTC {
            return Self::utc();
        }
        if let Ok(offset) = zone.to_fixed_offset()
            && offset == Offset::UTC
        {
            return Self::utc();
        }
        Self(Some(Arc::new(Rules::Named { name: "Local".to_owned(), zone })))
    }
}

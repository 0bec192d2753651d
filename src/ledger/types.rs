//! How domain types are stored: states and reasons by name, times as text in UTC to the second.

use jiff::Timestamp;
use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, Value, ValueRef};

use crate::domain::bounce::{Class, MessageKind, Reason};
use crate::domain::{HeldReason, IssueName, MemberId, State, SuppressionReason};

use super::{BounceAction, ReviewKind};

/// A time as the ledger stores it, so that texts compare as times do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp(pub Timestamp);

impl std::fmt::Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.strftime("%Y-%m-%dT%H:%M:%SZ").fmt(f)
    }
}

impl ToSql for Stamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(Value::Text(self.to_string())))
    }
}

impl FromSql for Stamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        parse(value).map(Self)
    }
}

impl ToSql for MemberId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl FromSql for MemberId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self)
    }
}

impl ToSql for IssueName {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.as_str().to_sql()
    }
}

impl FromSql for IssueName {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        parse(value)
    }
}

macro_rules! stored_by_name {
    ($($stored:ty),*) => {$(
        impl ToSql for $stored {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(<&'static str>::from(*self).into())
            }
        }

        impl FromSql for $stored {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                parse(value)
            }
        }
    )*};
}

stored_by_name!(State, SuppressionReason, HeldReason, MessageKind, Class, Reason, BounceAction, ReviewKind);

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(value: ValueRef<'_>) -> FromSqlResult<T> {
    let text = value.as_str()?;
    text.parse().map_err(|error| FromSqlError::Other(format!("`{text}`: {error}").into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored<T: ToSql + FromSql>(value: &T) -> (String, T) {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let text = connection.query_row("SELECT CAST(?1 AS TEXT)", [value], |row| row.get(0)).unwrap();
        (text, connection.query_row("SELECT ?1", [value], |row| row.get(0)).unwrap())
    }

    #[test]
    fn names_are_those_that_older_ledgers_hold() {
        assert_eq!(stored(&State::InDoubt), ("in_doubt".to_owned(), State::InDoubt));
        assert_eq!(stored(&SuppressionReason::ByHand), ("by_hand".to_owned(), SuppressionReason::ByHand));
        assert_eq!(stored(&MessageKind::AutoReply), ("auto-reply".to_owned(), MessageKind::AutoReply));
        assert_eq!(stored(&Reason::UserUnknown), ("user-unknown".to_owned(), Reason::UserUnknown));
        assert_eq!(stored(&Class::Hard), ("hard".to_owned(), Class::Hard));
        assert_eq!(stored(&BounceAction::NotOurs), ("not_ours".to_owned(), BounceAction::NotOurs));
        assert_eq!(stored(&ReviewKind::SentToAll), ("sent_to_all".to_owned(), ReviewKind::SentToAll));
        let at = Stamp(Timestamp::from_second(1_800_000_000).unwrap());
        assert_eq!(stored(&at), ("2027-01-15T08:00:00Z".to_owned(), at));
    }

    #[test]
    fn a_name_that_is_not_known_is_said() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        let error = connection.query_row("SELECT 'lost'", (), |row| row.get::<_, State>(0)).unwrap_err();
        assert!(error.to_string().contains("`lost`"), "{error}");
    }
}

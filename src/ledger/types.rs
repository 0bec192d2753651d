//! How domain types are stored: states and reasons by name, times as text in UTC to the second.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::domain::bounce::{Class, MessageKind, Reason};
use crate::domain::{HeldReason, IssueName, MemberId, State, SuppressionReason};

use super::db::{FromValue, ToValue, Value};
use super::{BounceAction, ReviewKind};

/// A time in the form in which the ledger stores it: texts sort like times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp(pub Timestamp);

impl std::fmt::Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.strftime("%Y-%m-%dT%H:%M:%SZ").fmt(f)
    }
}

impl ToValue for Stamp {
    fn to_value(&self) -> Value<'_> {
        Value::Text(Cow::Owned(self.to_string()))
    }
}

impl FromValue for Stamp {
    fn from_value(value: Value<'_>) -> Result<Self, String> {
        parse(&value).map(Self)
    }
}

impl ToValue for MemberId {
    fn to_value(&self) -> Value<'_> {
        self.0.to_value()
    }
}

impl FromValue for MemberId {
    fn from_value(value: Value<'_>) -> Result<Self, String> {
        i64::from_value(value).map(Self)
    }
}

impl ToValue for IssueName {
    fn to_value(&self) -> Value<'_> {
        self.as_str().to_value()
    }
}

impl FromValue for IssueName {
    fn from_value(value: Value<'_>) -> Result<Self, String> {
        parse(&value)
    }
}

macro_rules! stored_by_name {
    ($($stored:ty),*) => {$(
        impl ToValue for $stored {
            fn to_value(&self) -> Value<'_> {
                Value::Text(Cow::Borrowed(<&'static str>::from(*self)))
            }
        }

        impl FromValue for $stored {
            fn from_value(value: Value<'_>) -> Result<Self, String> {
                parse(&value)
            }
        }
    )*};
}

stored_by_name!(State, SuppressionReason, HeldReason, MessageKind, Class, Reason, BounceAction, ReviewKind);

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(value: &Value<'_>) -> Result<T, String> {
    match value {
        Value::Text(text) => text.parse().map_err(|error| format!("`{text}`: {error}")),
        other => Err(format!("{other:?} is not a text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored<T: ToValue + FromValue>(value: &T) -> (String, T) {
        let text = |value| String::from_value(value).unwrap();
        (text(value.to_value()), T::from_value(value.to_value()).unwrap())
    }

    #[test]
    fn names_match_those_in_older_ledgers() {
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
    fn an_unknown_name_is_in_the_error() {
        let error = State::from_value("lost".to_value()).unwrap_err();
        assert!(error.contains("`lost`"), "{error}");
    }
}

//! Values in the server's types.

use std::borrow::Cow;
use std::error::Error;

use ::tokio_postgres::Row;
use ::tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use bytes::BytesMut;

use crate::ledger::LedgerError;
use crate::ledger::db::Value;

type Failure = Box<dyn Error + Sync + Send>;

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(number) => match *ty {
                Type::INT4 => i32::try_from(*number)?.to_sql(ty, out),
                Type::INT8 => number.to_sql(ty, out),
                _ => Err(format!("a number for the type {ty}").into()),
            },
            // A mail server's reply may contain a NUL, which this server cannot store.
            Self::Text(text) if text.contains('\0') => text.replace('\0', "\u{fffd}").to_sql(ty, out),
            Self::Text(text) => {
                out.extend_from_slice(text.as_bytes());
                Ok(IsNull::No)
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A column's value.
struct ColumnValue<'a>(Value<'a>);

impl<'a> FromSql<'a> for ColumnValue<'a> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        Ok(Self(match *ty {
            Type::INT8 => Value::Integer(i64::from_sql(ty, raw)?),
            Type::INT4 => Value::Integer(i64::from(i32::from_sql(ty, raw)?)),
            Type::BOOL => Value::Integer(i64::from(bool::from_sql(ty, raw)?)),
            _ => Value::Text(Cow::Borrowed(str::from_utf8(raw)?)),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Failure> {
        Ok(Self(Value::Null))
    }

    fn accepts(ty: &Type) -> bool {
        [Type::INT8, Type::INT4, Type::BOOL, Type::TEXT, Type::VARCHAR, Type::NAME, Type::JSON, Type::UNKNOWN]
            .contains(ty)
    }
}

/// The value of a column, from 0.
pub(in crate::ledger::db) fn value(row: &Row, index: usize) -> Result<Value<'_>, LedgerError> {
    row.try_get::<_, ColumnValue<'_>>(index).map(|ColumnValue(value)| value).map_err(LedgerError::from)
}

//! The types of columns and parameters: NULL, integer or text.

use std::borrow::Cow;

/// A value as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ledger) enum Value<'a> {
    Null,
    Integer(i64),
    Text(Cow<'a, str>),
}

/// A type that can be a parameter.
pub(in crate::ledger) trait ToValue {
    fn to_value(&self) -> Value<'_>;
}

/// A type that can be read from a column.
pub(in crate::ledger) trait FromValue: Sized {
    /// Converts a value; the error says what is wrong with it.
    fn from_value(value: Value<'_>) -> Result<Self, String>;
}

/// The parameters of a statement, `?1` first: a tuple or an array.
pub(in crate::ledger) trait Parameters {
    /// Calls `work` with the parameters and returns what it returns.
    fn with<R>(&self, work: impl FnOnce(&[Value<'_>]) -> R) -> R;
}

impl Value<'_> {
    fn wrong(&self, wanted: &str) -> String {
        match self {
            Self::Null => format!("nothing, instead of {wanted}"),
            Self::Integer(number) => format!("the number {number}, instead of {wanted}"),
            Self::Text(text) => format!("`{text}`, instead of {wanted}"),
        }
    }
}

impl ToValue for Value<'_> {
    fn to_value(&self) -> Value<'_> {
        self.clone()
    }
}

impl FromValue for Value<'static> {
    fn from_value(value: Value<'_>) -> Result<Self, String> {
        Ok(match value {
            Value::Null => Value::Null,
            Value::Integer(number) => Value::Integer(number),
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
        })
    }
}

impl ToValue for str {
    fn to_value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self))
    }
}

impl ToValue for String {
    fn to_value(&self) -> Value<'_> {
        self.as_str().to_value()
    }
}

impl FromValue for String {
    fn from_value(value: Value<'_>) -> Result<Self, String> {
        match value {
            Value::Text(text) => Ok(text.into_owned()),
            other => Err(other.wrong("a text")),
        }
    }
}

impl ToValue for bool {
    fn to_value(&self) -> Value<'_> {
        Value::Integer(i64::from(*self))
    }
}

impl FromValue for bool {
    fn from_value(value: Value<'_>) -> Result<Self, String> {
        i64::from_value(value).map(|number| number != 0)
    }
}

impl ToValue for i64 {
    fn to_value(&self) -> Value<'_> {
        Value::Integer(*self)
    }
}

impl FromValue for i64 {
    fn from_value(value: Value<'_>) -> Result<Self, String> {
        match value {
            Value::Integer(number) => Ok(number),
            other => Err(other.wrong("a number")),
        }
    }
}

macro_rules! counts {
    ($($number:ty),*) => {$(
        impl ToValue for $number {
            fn to_value(&self) -> Value<'_> {
                Value::Integer(i64::try_from(*self).unwrap_or(i64::MAX))
            }
        }

        impl FromValue for $number {
            fn from_value(value: Value<'_>) -> Result<Self, String> {
                let number = i64::from_value(value)?;
                number.try_into().map_err(|_| format!("{number} is out of range"))
            }
        }
    )*};
}

counts!(u8, u16, u32, u64, usize);

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value<'_> {
        (**self).to_value()
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, ToValue::to_value)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value<'_>) -> Result<Self, String> {
        match value {
            Value::Null => Ok(None),
            some => T::from_value(some).map(Some),
        }
    }
}

impl Parameters for () {
    fn with<R>(&self, work: impl FnOnce(&[Value<'_>]) -> R) -> R {
        work(&[])
    }
}

impl<T: ToValue, const N: usize> Parameters for [T; N] {
    fn with<R>(&self, work: impl FnOnce(&[Value<'_>]) -> R) -> R {
        work(&self.each_ref().map(ToValue::to_value))
    }
}

impl Parameters for [Value<'_>] {
    fn with<R>(&self, work: impl FnOnce(&[Value<'_>]) -> R) -> R {
        work(self)
    }
}

impl<T: Parameters + ?Sized> Parameters for &T {
    fn with<R>(&self, work: impl FnOnce(&[Value<'_>]) -> R) -> R {
        (**self).with(work)
    }
}

macro_rules! tuples {
    ($($names:ident)*) => {
        impl<$($names: ToValue),*> Parameters for ($($names,)*) {
            fn with<Return>(&self, work: impl FnOnce(&[Value<'_>]) -> Return) -> Return {
                #[expect(non_snake_case, reason = "the names of the types are those of the values")]
                let ($($names,)*) = self;
                work(&[$($names.to_value()),*])
            }
        }
    };
}

tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
tuples!(A B C D E F G H I J K L M);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_another_kind_is_named() {
        let text = || Value::Text(Cow::Borrowed("lost"));
        assert_eq!(i64::from_value(text()), Err("`lost`, instead of a number".to_owned()));
        assert_eq!(u16::from_value(Value::Integer(-1)), Err("-1 is out of range".to_owned()));
        assert_eq!(String::from_value(Value::Null), Err("nothing, instead of a text".to_owned()));
        assert_eq!(Option::<String>::from_value(Value::Null), Ok(None));
        assert_eq!(Option::<String>::from_value(text()), Ok(Some("lost".to_owned())));
    }

    #[test]
    fn parameters_keep_their_order() {
        let values = (&"a".to_owned(), None::<i64>, true, 7_u32);
        values.with(|values| {
            let text = Value::Text(Cow::Borrowed("a"));
            assert_eq!(values, [text, Value::Null, Value::Integer(1), Value::Integer(7)]);
        });
    }
}

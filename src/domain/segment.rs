//! Expressions that select members: `typ = "byalag" and område in ["skärgård", "landsbygd"]`.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use winnow::ascii::{Caseless, multispace0};
use winnow::combinator::{alt, cut_err, delimited, opt, preceded, repeat, separated, terminated};
use winnow::error::{ContextError, ErrMode, StrContext, StrContextValue};
use winnow::prelude::*;
use winnow::stream::LocatingSlice;
use winnow::token::{none_of, take_while};

use super::{Member, field};

/// A valid expression over a member's fields.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Segment {
    source: String,
    expression: Expression,
}

/// Why a text is not a valid segment expression, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SegmentError {
    pub message: String,
    /// The range of bytes in the expression.
    pub span: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
enum Expression {
    Any(Vec<Self>),
    All(Vec<Self>),
    Not(Box<Self>),
    Present(SegmentField),
    Compare(SegmentField, Comparison, String),
    OneOf(SegmentField, Vec<String>),
}

#[derive(Debug, Clone, PartialEq)]
struct SegmentField {
    name: String,
    span: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
}

type ParserInput<'a> = LocatingSlice<&'a str>;
type Parsed<T> = Result<T, ErrMode<ContextError>>;

/// Deeper than anybody writes by hand, and far from overflowing the stack.
const MAX_NESTING: usize = 64;

impl Segment {
    /// Parses an expression: `=`, `!=`, `<`, `<=`, `>`, `>=`, `contains`, `in [ … ]`, a field's name alone (the field
    /// has a value), `not`, `and`, `or` and parentheses; field names are Swedish or English.
    ///
    /// # Errors
    /// Says what was expected, and at which bytes.
    pub fn parse(source: &str) -> Result<Self, SegmentError> {
        if deepest_nesting(source) > MAX_NESTING {
            return Err(SegmentError {
                message: format!("brackets and `not` are nested more than {MAX_NESTING} deep"),
                span: 0..source.len(),
            });
        }
        let mut parser = terminated(any, multispace0);
        let expression = parser.parse(LocatingSlice::new(source)).map_err(|error| {
            let start = error.offset();
            SegmentError {
                message: expected(error.inner(), source.get(start..).unwrap_or_default()),
                span: start..(start + 1).max(start),
            }
        })?;
        Ok(Self { source: source.to_owned(), expression })
    }

    /// Parses an expression that uses only the given fields.
    ///
    /// # Errors
    /// Like [`Segment::parse`] and [`Segment::check_fields`].
    pub fn parse_over(source: &str, fields: &BTreeSet<String>) -> Result<Self, SegmentError> {
        let segment = Self::parse(source)?;
        segment.check_fields(|field| fields.contains(field))?;
        Ok(segment)
    }

    /// Checks that `is_known` holds for every field that the expression names.
    ///
    /// # Errors
    /// Names the first unknown field and its place.
    pub fn check_fields(&self, is_known: impl Fn(&str) -> bool) -> Result<(), SegmentError> {
        let mut fields = Vec::new();
        self.expression.fields(&mut fields);
        match fields.into_iter().find(|field| !is_known(&field.name)) {
            None => Ok(()),
            Some(unknown) => Err(SegmentError {
                message: format!("no member has a field `{}`", unknown.name),
                span: unknown.span.clone(),
            }),
        }
    }

    /// Tells whether the member belongs to the segment.
    pub fn matches(&self, member: &Member) -> bool {
        self.expression.matches(member)
    }

    /// The expression as written.
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl TryFrom<String> for Segment {
    type Error = SegmentError;

    fn try_from(source: String) -> Result<Self, Self::Error> {
        Self::parse(&source)
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl Expression {
    fn matches(&self, member: &Member) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.matches(member)),
            Self::All(parts) => parts.iter().all(|part| part.matches(member)),
            Self::Not(part) => !part.matches(member),
            Self::Present(field) => member.field(&field.name).is_some(),
            Self::Compare(field, comparison, value) => {
                comparison.holds(member.field(&field.name).unwrap_or_default(), value)
            }
            Self::OneOf(field, values) => {
                let actual = member.field(&field.name).unwrap_or_default();
                values.iter().any(|value| Comparison::Equal.holds(actual, value))
            }
        }
    }

    fn fields<'a>(&'a self, found: &mut Vec<&'a SegmentField>) {
        match self {
            Self::Any(parts) | Self::All(parts) => parts.iter().for_each(|part| part.fields(found)),
            Self::Not(part) => part.fields(found),
            Self::Present(field) | Self::Compare(field, ..) | Self::OneOf(field, _) => found.push(field),
        }
    }
}

impl Comparison {
    /// Compares without regard to case: as numbers if both are numbers, else as texts (which is right for ISO dates).
    fn holds(self, actual: &str, value: &str) -> bool {
        let (actual, value) = (actual.trim().to_lowercase(), value.trim().to_lowercase());
        if self == Self::Contains {
            return actual.contains(&value);
        }
        if self == Self::Equal || self == Self::NotEqual {
            return (actual == value) == (self == Self::Equal);
        }
        // An empty field is neither before nor after anything.
        if actual.is_empty() {
            return false;
        }
        let order = match (actual.parse::<f64>(), value.parse::<f64>()) {
            (Ok(actual), Ok(value)) => actual.total_cmp(&value),
            _ => actual.cmp(&value),
        };
        match self {
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            _ => order.is_ge(),
        }
    }
}

/// How deep the parser would recurse: open brackets, plus each `not` whose operand has not ended.
fn deepest_nesting(source: &str) -> usize {
    let (mut deepest, mut depth) = (0, 0);
    // For each open bracket, the number of `not`s that wait for an operand.
    let mut waiting = vec![0];
    for token in tokens(source) {
        match token {
            "(" => {
                depth += 1;
                waiting.push(0);
            }
            ")" if waiting.len() > 1 => {
                depth -= 1 + waiting.pop().unwrap_or(0);
                depth -= waiting.last_mut().map_or(0, std::mem::take);
            }
            word if word.eq_ignore_ascii_case("not") => {
                depth += 1;
                waiting.last_mut().into_iter().for_each(|nots| *nots += 1);
            }
            _ => depth -= waiting.last_mut().map_or(0, std::mem::take),
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Words, brackets and quoted values.
fn tokens(source: &str) -> impl Iterator<Item = &str> {
    let mut rest = source;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = rest.chars().next()?;
        let end = match first {
            '"' | '\'' => rest.get(1..)?.find(first).map_or(rest.len(), |end| end + 2),
            _ => rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len()),
        };
        let (token, left) = rest.split_at_checked(end.max(first.len_utf8()))?;
        rest = left;
        Some(token)
    })
}

fn expected(error: &ContextError, rest: &str) -> String {
    let wanted = error.context().filter_map(|context| match context {
        StrContext::Expected(value) => Some(value.to_string()),
        _ => None,
    });
    let wanted: Vec<String> = wanted.collect();
    let here = match rest.split_whitespace().next() {
        Some(word) => format!("at `{word}`"),
        None => "at the end".to_owned(),
    };
    if wanted.is_empty() {
        format!("the expression is not understood {here}; did you mean `and` or `or`?")
    } else {
        format!("expected {} {here}", wanted.join(" or "))
    }
}

fn any(input: &mut ParserInput<'_>) -> Parsed<Expression> {
    let parts: Vec<_> = separated(1.., all, word("or")).parse_next(input)?;
    Ok(one_or(parts, Expression::Any))
}

fn all(input: &mut ParserInput<'_>) -> Parsed<Expression> {
    let parts: Vec<_> = separated(1.., unary, word("and")).parse_next(input)?;
    Ok(one_or(parts, Expression::All))
}

fn one_or(mut parts: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.len() {
        1 => parts.remove(0),
        _ => many(parts),
    }
}

fn unary(input: &mut ParserInput<'_>) -> Parsed<Expression> {
    let negated = preceded(word("not"), cut_err(unary)).map(|part| Expression::Not(Box::new(part)));
    let grouped = delimited(symbol("("), cut_err(any), cut_err(symbol(")")));
    alt((negated, grouped, comparison)).parse_next(input)
}

fn comparison(input: &mut ParserInput<'_>) -> Parsed<Expression> {
    let field = field_name.parse_next(input)?;
    if opt(word("not")).parse_next(input)?.is_some() {
        let test = alt((one_of(field.clone()), compare(field)));
        let part = cut_err(test.context(described("`in` or `contains`"))).parse_next(input)?;
        return Ok(Expression::Not(Box::new(part)));
    }
    let test = opt(alt((one_of(field.clone()), compare(field.clone())))).parse_next(input)?;
    Ok(test.unwrap_or(Expression::Present(field)))
}

fn one_of<'a>(field: SegmentField) -> impl Parser<ParserInput<'a>, Expression, ErrMode<ContextError>> {
    let values = separated(1.., value, symbol(","));
    let list = delimited(cut_err(symbol("[")), cut_err(values), cut_err(symbol("]")));
    preceded(word("in"), list).map(move |values| Expression::OneOf(field.clone(), values))
}

fn compare<'a>(field: SegmentField) -> impl Parser<ParserInput<'a>, Expression, ErrMode<ContextError>> {
    let comparison = alt((
        symbol("!=").value(Comparison::NotEqual),
        symbol("<=").value(Comparison::LessOrEqual),
        symbol(">=").value(Comparison::GreaterOrEqual),
        symbol("<").value(Comparison::Less),
        symbol(">").value(Comparison::Greater),
        alt((symbol("=="), symbol("="))).value(Comparison::Equal),
        word("contains").value(Comparison::Contains),
    ));
    (comparison, cut_err(value)).map(move |(test, value)| Expression::Compare(field.clone(), test, value))
}

fn field_name(input: &mut ParserInput<'_>) -> Parsed<SegmentField> {
    let (name, span) = preceded(multispace0, identifier.verify(|word: &str| !is_keyword(word)))
        .with_span()
        .context(described("a field's name"))
        .parse_next(input)?;
    let start = span.end - name.len();
    Ok(SegmentField { name: field::canonical(name), span: start..span.end })
}

fn value(input: &mut ParserInput<'_>) -> Parsed<String> {
    let quoted = |quote: char| {
        delimited(
            quote,
            repeat(0.., none_of(quote)).fold(String::new, |mut text, c| {
                text.push(c);
                text
            }),
            cut_err(quote).context(described("a closing quote")),
        )
    };
    let bare = take_while(1.., |c: char| c.is_alphanumeric() || "_-.@:+".contains(c)).map(str::to_owned);
    preceded(multispace0, alt((quoted('"'), quoted('\''), bare)))
        .context(described("a value, such as \"byalag\" or 2026-04-15"))
        .parse_next(input)
}

fn identifier<'a>(input: &mut ParserInput<'a>) -> Parsed<&'a str> {
    take_while(1.., |c: char| c.is_alphanumeric() || c == '_' || c == '-').parse_next(input)
}

fn is_keyword(word: &str) -> bool {
    ["and", "or", "not", "in", "contains"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
}

fn word<'a>(keyword: &'static str) -> impl Parser<ParserInput<'a>, &'a str, ErrMode<ContextError>> {
    let ends =
        winnow::combinator::not(take_while(1.., |c: char| c.is_alphanumeric() || c == '_' || c == '-'));
    delimited(multispace0, Caseless(keyword), ends)
}

fn symbol<'a>(text: &'static str) -> impl Parser<ParserInput<'a>, &'a str, ErrMode<ContextError>> {
    preceded(multispace0, text).context(StrContext::Expected(StrContextValue::StringLiteral(text)))
}

fn described(what: &'static str) -> StrContext {
    StrContext::Expected(StrContextValue::Description(what))
}

#[cfg(test)]
mod tests {
    use super::super::member::tests::member;
    use super::*;

    #[test]
    fn expressions_choose_members() {
        let anna = member(
            "Anna Ek",
            &[("type", "Byalag"), ("area", "Skärgård"), ("since", "2019-05-01"), ("size", "9")],
        );
        for (source, want) in [
            (r#"typ = "byalag""#, true),
            ("typ = byalag", true),
            (r#"typ = "byalag" and område in ["skärgård", "landsbygd"]"#, true),
            (r"typ != 'byalag' or område = stad", false),
            ("not (typ = byalag and område = stad)", true),
            ("område not in [stad, förort]", true),
            ("namn contains ek", true),
            ("namn not contains ek", false),
            ("epost and not telefon", true),
            ("since >= 2019-01-01 and since < 2020-01-01", true),
            ("size > 10", false),
            ("TYP = byalag AND NOT område = stad", true),
            ("missing < 5", false),
            ("nothing = ''", true),
        ] {
            assert_eq!(Segment::parse(source).unwrap().matches(&anna), want, "{source}");
        }
    }

    #[test]
    fn errors_point_to_the_position() {
        for (source, at, message) in [
            ("typ =", 5, "expected a value"),
            ("typ = byalag och ort = x", 13, "did you mean"),
            ("", 0, "expected a field's name"),
            ("typ in byalag", 7, "expected `[`"),
            ("(typ = byalag", 13, "expected `)`"),
            ("typ = \"byalag", 13, "expected a closing quote"),
            ("typ not byalag", 8, "expected `in` or `contains`"),
        ] {
            let error = Segment::parse(source).unwrap_err();
            assert_eq!(error.span.start, at, "{source}: {error}");
            assert!(error.message.contains(message), "{source}: {error}");
        }
    }

    #[test]
    fn an_unknown_field_is_named_in_the_error() {
        let segment = Segment::parse("typ = x and stjärntecken = y").unwrap();
        let error = segment.check_fields(|name| name == "type").unwrap_err();
        assert_eq!(error.span, 12..25);
    }

    #[test]
    fn deep_nesting_is_an_error() {
        assert!(Segment::parse(&"(".repeat(100_000)).is_err());
        assert!(Segment::parse(&"not ".repeat(100_000)).is_err());
        assert!(Segment::parse(&"not (".repeat(40)).is_err());
        let deepest = format!("{}a{}", "(".repeat(64), ")".repeat(64));
        assert!(Segment::parse(&deepest).is_ok());
        assert!(Segment::parse(&format!("({deepest})")).is_err());
    }

    #[test]
    fn width_is_not_depth() {
        for part in ["(type = byalag)", "not (area = stad)", "name = \"((((\"", "not not a"] {
            let wide = vec![part; 1_000].join(" or ");
            assert!(Segment::parse(&wide).is_ok(), "{part}");
        }
    }
}

//! The program's nouns, without any input or output: one noun, one type, one file.

pub mod address;
pub mod bounce;
pub mod delivery;
mod digest;
pub mod excerpt;
pub mod field;
pub mod issue;
pub mod letter;
pub mod listed;
pub mod member;
pub mod outcome;
mod quota;
mod search;
pub mod section;
pub mod segment;
pub mod suggest;
pub mod suppression;
pub mod token;
mod traces;

pub use address::{Address, AddressError};
pub use delivery::State;
pub use digest::Sha256;
pub use excerpt::Excerpt;
pub use issue::{Issue, IssueName};
pub use letter::Letter;
pub use listed::{InvalidRow, ListedMember, MemberNumbers, Remark};
pub use member::{Member, MemberId};
pub use outcome::{Outcome, Reply};
pub use quota::Quota;
pub use search::{SearchQuery, SearchedText};
pub use section::{Event, Section};
pub use segment::Segment;
pub use suppression::{Suppression, SuppressionReason};
pub use token::{Token, TokenKey};
pub use traces::Traces;

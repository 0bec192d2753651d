//! Members who share an address and get one letter together.

use super::{Member, MemberId};

/// The members who get one letter together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Household {
    /// The member whose token, Message-ID and fields the letter uses.
    pub lead: Member,
    pub others: Vec<Member>,
}

/// The members who get one letter together, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct Addressees<'a> {
    pub lead: &'a Member,
    pub others: &'a [Member],
}

impl Household {
    /// The others' numbers in the register.
    pub fn other_ids(&self) -> Vec<MemberId> {
        self.others.iter().map(|member| member.id).collect()
    }

    /// All members, the lead first.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        Addressees::from(self).members()
    }
}

impl From<Member> for Household {
    fn from(lead: Member) -> Self {
        Self { lead, others: Vec::new() }
    }
}

impl<'a> Addressees<'a> {
    /// All members, the lead first.
    pub fn members(self) -> impl Iterator<Item = &'a Member> + Clone {
        std::iter::once(self.lead).chain(self.others)
    }
}

impl<'a> From<&'a Member> for Addressees<'a> {
    fn from(lead: &'a Member) -> Self {
        Self { lead, others: &[] }
    }
}

impl<'a> From<&'a Household> for Addressees<'a> {
    fn from(household: &'a Household) -> Self {
        Self { lead: &household.lead, others: &household.others }
    }
}

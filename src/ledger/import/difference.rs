//! The changes of an import, shown before it is kept.

use serde::Serialize;

/// How many members to name for each kind of change; the counts are always complete.
const SAMPLES: usize = 100;

/// The changes of an import.
#[derive(Debug, Default, Serialize)]
pub struct Difference {
    pub added: Changed<String>,
    pub changed: Changed<MemberChange>,
    /// Members who were missing from an earlier file and are back.
    pub returned: Changed<String>,
    /// Active members who are missing from the file.
    pub missing: Changed<String>,
    /// Members on the list whose address is suppressed, with reason and date: an import resubscribes nobody.
    pub suppressed: Changed<String>,
    /// Members who are not mailed until a person has confirmed who they are.
    pub held: Changed<String>,
    /// People on the list who asked to be forgotten, and are not imported.
    pub forgotten: Changed<String>,
    pub unchanged: u64,
    /// Active members before the import.
    pub active_before: u64,
}

/// A count, and the first of the names counted.
#[derive(Debug, Serialize)]
pub struct Changed<T> {
    pub count: u64,
    pub first: Vec<T>,
}

/// A member whose row differs from the register.
#[derive(Debug, Serialize)]
pub struct MemberChange {
    pub name: String,
    pub fields: Vec<FieldChange>,
}

/// One field before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    pub field: String,
    pub old: Option<String>,
    pub new: Option<String>,
}

impl std::fmt::Display for FieldChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { field, old, new } = self;
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "(empty)".to_owned());
        write!(f, "{field}: {} → {}", side(old), side(new))
    }
}

impl<T> Default for Changed<T> {
    fn default() -> Self {
        Self { count: 0, first: Vec::new() }
    }
}

impl<T> Changed<T> {
    pub(super) fn add(&mut self, what: impl FnOnce() -> T) {
        self.count += 1;
        if self.first.len() < SAMPLES {
            self.first.push(what());
        }
    }
}

//! `[report]`: the report to the board.

use serde::Deserialize;

use crate::domain::Address;

use super::values::Age;

/// The report to the board.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReportConfig {
    /// The fields by which to group members.
    pub by: Vec<String>,
    /// The addresses to which `report --due` mails the report.
    pub to: Vec<Address>,
    /// How long after an issue's last letter to mail the report.
    pub after: Age,
}

impl Default for ReportConfig {
    fn default() -> Self {
        Self { by: Vec::new(), to: Vec::new(), after: Age::days(14) }
    }
}

/// Fields that describe a single member.
const PERSONAL: [&str; 6] = ["number", "name", "first_name", "last_name", "email", "phone"];

impl ReportConfig {
    /// Checks that no grouping field describes single members.
    pub(super) fn check(&self) -> Result<(), String> {
        match self.by.iter().find(|field| PERSONAL.contains(&field.as_str())) {
            Some(field) => Err(format!(
                "contains \"{field}\", which describes single members: use a field such as \"type\" or \"area\""
            )),
            None => Ok(()),
        }
    }
}

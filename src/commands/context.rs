//! What a command works on and how it talks.

use crate::report::Terminal;

use super::Project;

/// The opened project and the terminal; the two travel together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub project: &'a Project,
    pub terminal: Terminal,
}

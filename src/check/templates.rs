//! The project's copies of the built-in templates.

use crate::compose::{TemplateState, template_states};
use crate::domain::Excerpt;

use super::{Finding, Subject};

/// Finds copies that lack additions of a newer version of the program.
pub(super) fn outdated(subject: &Subject<'_>) -> Vec<Finding> {
    let folder = &subject.facts.templates;
    let is_old = |state: &TemplateState| matches!(state, TemplateState::OldCopy | TemplateState::OldChanged);
    let finding = |(name, _): (&str, TemplateState)| {
        let message = format!("`{name}` was made from an earlier version's template");
        let advice = "run `medlemsbrev templates --write`, and merge what it writes as .new";
        Finding::warning("template-outdated", message, advice).at(Excerpt::new(&folder.join(name), "", 0..0))
    };
    template_states(folder).into_iter().filter(|(_, state)| is_old(state)).map(finding).collect()
}

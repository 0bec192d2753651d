//! The texts of a language file for mails and lists other than letters.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::ComposeError;
use super::helpers;
use super::language::Language;
use super::template::Templates;

/// The texts of one language; each may be a template.
#[derive(Debug)]
pub struct Texts {
    pub language: Language,
    path: PathBuf,
}

impl Texts {
    /// Loads the texts of the language with this BCP 47 code; the project's own override the built-in ones.
    ///
    /// # Errors
    /// If the language file is missing or invalid.
    pub fn load(code: &str, templates: &Path) -> Result<Self, ComposeError> {
        let path = PathBuf::from(format!("templates/language/{code}.toml"));
        Ok(Self { language: Language::load(code, templates)?, path })
    }

    /// The text, filled in with `data`.
    ///
    /// # Errors
    /// If the text is not a valid template, or uses a value that `data` lacks.
    pub fn fill(&self, key: &str, data: &impl Serialize) -> Result<String, ComposeError> {
        let mut texts = Templates::text();
        helpers::register(texts.registry(), &Arc::from([self.language.clone()]));
        let text = self.language.mails.get(key).map_or_else(|| self.language.text(key), String::as_str);
        texts.add(key, &self.path, text)?;
        texts.render_data(key, &serde_json::json!(data)).map_err(|error| ComposeError::Text {
            path: self.path.clone(),
            key: key.to_owned(),
            message: error.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_of_both_languages_can_be_filled_in() {
        let association = serde_json::json!({ "name": "Byalaget", "contact": "kansliet@example.se" });
        let data = serde_json::json!({
            "association": association, "issue": "2026-1", "due": "15 maj", "today": "1 maj", "late": false, "days": 14,
            "not_begun": false, "sending": false, "sections": ["Möten"], "unfinished": ["Kaffe"],
            "missing": ["Ordföranden"], "last": "2025-2",
        });
        for code in ["sv", "en"] {
            let texts = Texts::load(code, Path::new("/nowhere")).unwrap();
            assert!(texts.fill("unsubscribed_text", &data).unwrap().contains("Byalaget"), "{code}");
            let reminder = texts.fill("reminder_text", &data).unwrap();
            for word in ["15 maj", "14", "  Möten\n", "  Kaffe\n", "2025-2", "  Ordföranden\n"] {
                assert!(reminder.contains(word), "{code}: {word} in {reminder}");
            }
            assert!(!reminder.contains("{{") && !reminder.contains("\n\n\n"), "{reminder}");
            assert_eq!(texts.language.returned["header"].split(';').count(), 6);
        }
    }
}

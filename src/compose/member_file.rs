//! The file that only one member gets, such as an invoice: the member's fields tell which one it is.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use lettre::message::SinglePart;

use crate::domain::{Addressees, Excerpt, Member, MemberId};

use super::images::on_disk;
use super::tags::template_tags;
use super::{ComposeError, Composer, limits, parts, source};

/// The folder of all attachments in an issue's folder.
const FOLDER: &str = "attachments";

/// Which file each member gets, and the name under which it is attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberAttachment {
    /// The folder.
    pub(super) dir: PathBuf,
    pub(super) file: NamePattern,
    /// Default: the file's own name.
    pub(super) name: Option<NamePattern>,
}

/// A file name with fields of a member in it, such as `{{member.number}}.pdf`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamePattern(Vec<NamePiece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum NamePiece {
    Text(String),
    Field(String),
}

/// One member's own file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberFile {
    pub path: PathBuf,
    /// The name that the member sees.
    pub name: String,
}

impl NamePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Tells which tag is more than a member's field.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut end = 0;
        let literal =
            |range: std::ops::Range<usize>| NamePiece::Text(text.get(range).unwrap_or_default().to_owned());
        for tag in template_tags(text) {
            let field = tag.text.strip_prefix("{{").and_then(|inner| inner.strip_suffix("}}"));
            let field = field.and_then(|inner| inner.trim().strip_prefix("member."));
            let is_name = |field: &&str| field.chars().all(|c| c.is_alphanumeric() || "_-".contains(c));
            let field = field.filter(is_name).ok_or_else(|| {
                format!("`{}` is not a member's field such as {{{{member.number}}}}", tag.text)
            })?;
            pieces.extend((end < tag.range.start).then(|| literal(end..tag.range.start)));
            pieces.push(NamePiece::Field(field.to_owned()));
            end = tag.range.end;
        }
        pieces.extend((end < text.len()).then(|| literal(end..text.len())));
        Ok(Self(pieces))
    }

    fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            NamePiece::Field(field) => Some(field.as_str()),
            NamePiece::Text(_) => None,
        })
    }

    /// The name with a member's fields filled in.
    fn filled(&self, member: &Member) -> Result<String, String> {
        let value = |piece: &NamePiece| match piece {
            NamePiece::Text(text) => Ok(text.clone()),
            NamePiece::Field(field) => part_of_a_name(field, member.field(field).unwrap_or_default()),
        };
        self.0.iter().map(value).collect()
    }

    /// Tells whether some member's name could be this.
    fn could_be(&self, name: &str) -> bool {
        let mut rest = name;
        let last = self.0.len().saturating_sub(1);
        self.0.iter().enumerate().all(|(index, piece)| {
            let NamePiece::Text(text) = piece else { return true };
            let found = match index {
                0 => rest.strip_prefix(text.as_str()),
                index if index == last => rest.strip_suffix(text.as_str()).map(|_| ""),
                _ => rest.split_once(text.as_str()).map(|(_, after)| after),
            };
            found.map(|after| rest = after).is_some()
        })
    }
}

/// A field's value if it can be part of a file's name: it must not lead to another folder.
fn part_of_a_name(field: &str, value: &str) -> Result<String, String> {
    let value = value.trim();
    if value.is_empty() {
        return Err(format!("the field `{field}` is empty, so there is no file for this member"));
    }
    if value.contains("..") || value.contains(|c: char| "/\\:".contains(c) || c.is_control()) {
        return Err(format!("`{value}` in the field `{field}` cannot be part of a file name"));
    }
    Ok(value.to_owned())
}

impl MemberAttachment {
    /// Reads the keys `member_attachment` and `member_attachment_name` of the issue in `dir`.
    ///
    /// # Errors
    /// Tells which of the two values is wrong, and why.
    pub fn parse<'a>(dir: &Path, file: &'a str, name: Option<&'a str>) -> Result<Self, (&'a str, String)> {
        let wrong = |message: &str| Err((file, message.to_owned()));
        let pattern = NamePattern::parse(file).map_err(|message| (file, message))?;
        if pattern.fields().next().is_none() {
            return wrong(
                "it names no field: every file in the folder attachments goes to all members anyway",
            );
        }
        let path = Path::new(file);
        let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        if !is_plain || !path.starts_with(FOLDER) {
            return wrong("the file must be in the issue's folder attachments");
        }
        let named = name.map(|name| (name, NamePattern::parse(name)));
        let name = match named {
            None => None,
            Some((name, Err(message))) => return Err((name, message)),
            Some((name, Ok(_))) if name.trim().is_empty() || name.contains(['/', '\\', '\n']) => {
                return Err((name, "it is not a file name".to_owned()));
            }
            Some((_, Ok(pattern))) => Some(pattern),
        };
        Ok(Self { dir: dir.to_owned(), file: pattern, name })
    }

    /// Tells whether a file could be some member's own, and is therefore for nobody else.
    pub fn could_be(&self, path: &Path) -> bool {
        use unicode_normalization::UnicodeNormalization;
        let inside = path.strip_prefix(&self.dir).unwrap_or(path).to_string_lossy();
        self.file.could_be(&inside.nfc().collect::<String>())
    }

    /// The folder that the members' files are in.
    pub fn folder(&self) -> PathBuf {
        let first = match self.file.0.first() {
            Some(NamePiece::Text(text)) => text.as_str(),
            _ => FOLDER,
        };
        self.dir.join(first.rsplit_once('/').map_or(FOLDER, |(folder, _)| folder))
    }

    /// A path as it is written in the folder.
    pub fn inside(&self, path: &Path) -> String {
        path.strip_prefix(&self.dir).unwrap_or(path).display().to_string()
    }

    /// A member's own file, whether or not it is there.
    ///
    /// # Errors
    /// Tells which field cannot be part of a name.
    pub fn of(&self, member: &Member) -> Result<MemberFile, String> {
        let path = on_disk(self.dir.join(self.file.filled(member)?));
        let name = match &self.name {
            Some(name) => name.filled(member)?,
            None => parts::file_name(&path),
        };
        Ok(MemberFile { path, name })
    }

    /// A member's own file and its size in bytes.
    ///
    /// # Errors
    /// Tells why it cannot be attached.
    pub fn usable(&self, member: &Member) -> Result<(MemberFile, u64), String> {
        let file = self.of(member)?;
        let size = file.size().map_err(|problem| format!("`{}` {problem}", self.inside(&file.path)))?;
        Ok((file, size))
    }

    /// Checks that the register has all fields that the names are made of.
    ///
    /// # Errors
    /// Points at the one that it does not have.
    pub(super) fn check_fields(&self, fields: &BTreeSet<String>) -> Result<(), ComposeError> {
        let mut named = self.file.fields().chain(self.name.iter().flat_map(NamePattern::fields));
        match named.find(|field| !fields.contains(*field)) {
            None => Ok(()),
            Some(field) => {
                let path = self.dir.join("issue.toml");
                let text = source::read(&path).unwrap_or_default();
                let message = format!("there is no field `{field}` in the member list");
                Err(wrong_value(&path, &text, &format!("member.{field}"), message))
            }
        }
    }
}

impl MemberFile {
    /// The file's size in bytes.
    ///
    /// # Errors
    /// Tells why it cannot be attached.
    pub fn size(&self) -> Result<u64, String> {
        match std::fs::metadata(&self.path) {
            Ok(file) if !file.is_file() => Err("is not a regular file".to_owned()),
            Ok(file) if file.len() == 0 => Err("is empty".to_owned()),
            Ok(file) => Ok(file.len()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err("is missing".to_owned()),
            Err(error) => Err(format!("cannot be read: {error}")),
        }
    }
}

impl Composer {
    /// Which file each member gets, if the issue has such files.
    pub fn member_attachment(&self) -> Option<&MemberAttachment> {
        self.member_attachment.as_ref()
    }

    /// The file that only these readers get. Those who share an address get none, for each would see the others'; neither
    /// does the neutral reader.
    ///
    /// # Errors
    /// If a field of the member cannot be part of a file's name.
    pub fn own_file<'a>(
        &self,
        readers: impl Into<Addressees<'a>>,
    ) -> Result<Option<MemberFile>, ComposeError> {
        let readers = readers.into();
        let is_neutral = readers.lead.id == MemberId(0);
        let Some(own) = self.member_attachment.as_ref().filter(|_| !is_neutral && readers.others.is_empty())
        else {
            return Ok(None);
        };
        let refused = |message| ComposeError::Letter { member: readers.lead.name.clone(), message };
        own.of(readers.lead).map(Some).map_err(refused)
    }

    /// The names of all files that are attached to these readers' letter.
    ///
    /// # Errors
    /// As [`Composer::own_file`].
    pub fn attached_to<'a>(&self, readers: impl Into<Addressees<'a>>) -> Result<Vec<String>, ComposeError> {
        let own = self.own_file(readers)?.map(|file| file.name);
        Ok(self.attachment_names.iter().cloned().chain(own).collect())
    }

    /// These readers' own file, which can be attached as far as is known without reading it.
    pub(super) fn usable_own_file(
        &self,
        readers: Addressees<'_>,
    ) -> Result<Option<MemberFile>, ComposeError> {
        let Some(file) = self.own_file(readers)? else { return Ok(None) };
        let refused = |problem: String| ComposeError::Letter {
            member: readers.lead.name.clone(),
            message: format!("the attachment `{}` {problem}", file.path.display()),
        };
        file.size().map_err(refused)?;
        Ok(Some(file))
    }

    /// The content of these readers' own file.
    pub(super) fn own_content(
        &self,
        readers: Addressees<'_>,
    ) -> Result<Option<(MemberFile, Vec<u8>)>, ComposeError> {
        let Some(file) = self.usable_own_file(readers)? else { return Ok(None) };
        let content = limits::read_file(&self.setup.project, &file.path)?;
        Ok(Some((file, content)))
    }

    /// These readers' own file as a part of the message; empty if they have none.
    pub(super) fn own_part(&self, readers: Addressees<'_>) -> Result<Option<Vec<u8>>, ComposeError> {
        let Some((file, content)) = self.own_content(readers)? else { return Ok(None) };
        let part: SinglePart = parts::named(&file.path, &file.name, content)?;
        Ok(Some(part.formatted()))
    }
}

/// The error of a value in `issue.toml` that says which file a member gets.
pub(super) fn wrong_value(path: &Path, text: &str, value: &str, message: String) -> ComposeError {
    let start = text.find(value).unwrap_or(0);
    ComposeError::Source {
        message,
        hint: Some("example: member_attachment = \"attachments/{{member.number}}.pdf\"".to_owned()),
        excerpt: Excerpt::new(path, text, start..start + value.len()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn member(number: &str) -> Member {
        Member {
            id: MemberId(1),
            number: Some(number.to_owned()),
            name: "Åsa".to_owned(),
            address: None,
            fields: BTreeMap::from([("area".to_owned(), "stad".to_owned())]),
        }
    }

    #[test]
    fn a_field_names_the_file_and_never_another_folder() {
        let own = MemberAttachment::parse(
            Path::new("/i"),
            "attachments/{{member.area}}-{{ member.number }}.pdf",
            Some("Avgift {{member.number}}.pdf"),
        )
        .unwrap();
        for (number, want) in [
            ("17", Ok("/i/attachments/stad-17.pdf")),
            (" 17 ", Ok("/i/attachments/stad-17.pdf")),
            ("A&B", Ok("/i/attachments/stad-A&B.pdf")),
            ("", Err("`number` is empty")),
            ("../17", Err("`../17` in the field `number`")),
            ("..", Err("`..` in")),
            ("a/b", Err("`a/b` in")),
            ("a\\b", Err("`a\\b` in")),
            ("c:b", Err("`c:b` in")),
            ("a\0", Err("in the field")),
        ] {
            let found = own.of(&member(number));
            match (want, found) {
                (Ok(path), Ok(file)) => {
                    assert_eq!(file.path, Path::new(path));
                    assert_eq!(file.name, format!("Avgift {}.pdf", number.trim()));
                }
                (Err(part), Err(message)) => assert!(message.contains(part), "{message}"),
                (want, found) => panic!("{number}: {want:?} {found:?}"),
            }
        }
    }

    #[test]
    fn keys_that_would_attach_something_else_are_refused() {
        for (file, name, want) in [
            ("attachments/{{member.number}}.pdf", None, None),
            ("attachments/2027/{{member.number}}.pdf", Some("Avgift.pdf"), None),
            ("attachments/avgift.pdf", None, Some("names no field")),
            ("../{{member.number}}.pdf", None, Some("folder attachments")),
            ("attachments/../../{{member.number}}.pdf", None, Some("folder attachments")),
            ("/attachments/{{member.number}}.pdf", None, Some("folder attachments")),
            ("images/{{member.number}}.pdf", None, Some("folder attachments")),
            ("attachments/{{#if member.number}}a{{/if}}.pdf", None, Some("`{{#if member.number}}` is not")),
            ("attachments/{{issue.name}}.pdf", None, Some("`{{issue.name}}` is not")),
            ("attachments/{{member.number}}.pdf", Some("a/b.pdf"), Some("not a file name")),
            ("attachments/{{member.number}}.pdf", Some("{{number}}"), Some("`{{number}}` is not")),
        ] {
            let found = MemberAttachment::parse(Path::new("/i"), file, name).err();
            let found = found.map(|(_, message)| message);
            let is_wanted =
                want.map_or(found.is_none(), |want| found.iter().any(|found| found.contains(want)));
            assert!(is_wanted, "{file} {name:?}: {found:?}");
        }
    }

    #[test]
    fn what_could_be_a_members_file_is_for_nobody_else() {
        let own = MemberAttachment::parse(
            Path::new("/i"),
            "attachments/a{{member.number}}-x{{member.area}}.pdf",
            None,
        );
        let own = own.unwrap();
        for (path, want) in [
            ("/i/attachments/a17-xstad.pdf", true),
            ("/i/attachments/a17-x.pdf", true),
            ("/i/attachments/a17.pdf", false),
            ("/i/attachments/b17-xstad.pdf", false),
            ("/i/attachments/a17-xstad.docx", false),
        ] {
            assert_eq!(own.could_be(Path::new(path)), want, "{path}");
        }
    }
}

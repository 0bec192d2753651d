//! An issue's folder: what is in it, and what is no part of the letter.

use std::path::{Path, PathBuf};

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use crate::domain::{Excerpt, Issue, IssueName, Partner, Section, suggest};

use super::design::Hero;
use super::issue_file::IssueFile;
use super::{ComposeError, MemberAttachment, section_file};

/// The content of an issue's folder, read and checked but not rendered.
#[derive(Debug, Clone)]
pub struct IssueSource {
    pub dir: PathBuf,
    pub issue: Issue,
    /// In the order of the letter.
    pub sections: Vec<Section>,
    /// The picture below the title.
    pub hero: Option<Hero>,
    /// Sponsors of this issue, in addition to the association's partners; their logos are files in the issue's
    /// folder.
    pub partners: Vec<Partner>,
    /// Files to attach, sorted by name.
    pub attachments: Vec<PathBuf>,
    /// Which file only one member gets.
    pub member_attachment: Option<MemberAttachment>,
    /// Files in the folder that are no part of the letter, and why.
    pub left_out: Vec<(PathBuf, LeftOut)>,
}

/// Why a file in an issue's folder is not part of the letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// Neither a section nor `issue.toml`.
    NotASection,
    /// In a folder that is not searched.
    InAFolder,
    /// An attachment that is a program's own file, such as a lock file.
    NotForReaders,
    /// An empty attachment.
    Empty,
}

/// Extensions of section files.
const SECTIONS: [&str; 4] = ["md", "markdown", "mdown", "txt"];
/// Folders of an issue with a special meaning.
const FOLDERS: [&str; 2] = ["images", "attachments"];

impl IssueSource {
    /// Reads the folder `dir` of the issue `name`; `language` is the association's own.
    ///
    /// # Errors
    /// Points to the file and line with the problem.
    pub fn load(dir: &Path, name: &IssueName, language: &str) -> Result<Self, ComposeError> {
        let path = dir.join("issue.toml");
        if !path.is_file() {
            return Err(ComposeError::NoIssue { name: name.to_string(), dir: dir.to_owned() });
        }
        let IssueFile { issue, hero, partners, member_attachment } = IssueFile::read(&path, name, language)?;
        let (section_files, others): (Vec<PathBuf>, Vec<PathBuf>) =
            files(dir)?.into_iter().partition(|path| is_section(path));
        let mut sections =
            section_files.iter().map(|path| section_file::load(path)).collect::<Result<Vec<_>, _>>()?;
        if sections.is_empty() {
            return Err(ComposeError::NoSection { dir: dir.to_owned() });
        }
        sections.sort_by(|a, b| (a.order, &a.path).cmp(&(b.order, &b.path)));
        let others = others.into_iter().filter(|other| *other != path);
        let mut left_out: Vec<_> = others.map(|other| (other, LeftOut::NotASection)).collect();
        left_out.extend(in_folders(dir)?.into_iter().map(|path| (path, LeftOut::InAFolder)));
        let attachments = attachments(dir, member_attachment.as_ref(), &mut left_out)?;
        Ok(Self {
            dir: dir.to_owned(),
            issue,
            sections,
            hero,
            partners,
            attachments,
            member_attachment,
            left_out,
        })
    }
}

/// The files that go to all members; those that do not are added to `left_out` unless they are a member's own.
fn attachments(
    dir: &Path,
    own: Option<&MemberAttachment>,
    left_out: &mut Vec<(PathBuf, LeftOut)>,
) -> Result<Vec<PathBuf>, ComposeError> {
    let folder = dir.join("attachments");
    let mut attached = if folder.is_dir() { files(&folder)? } else { Vec::new() };
    attached.retain(|path| {
        let is_own = own.is_some_and(|own| own.could_be(path));
        let why_not = not_attached(path).filter(|_| !is_own);
        left_out.extend(why_not.map(|why| (path.clone(), why)));
        !is_own && why_not.is_none()
    });
    Ok(attached)
}

fn is_section(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| SECTIONS.contains(&ending.as_str()))
}

/// The files that look like sections in folders that are not searched.
fn in_folders(dir: &Path) -> Result<Vec<PathBuf>, ComposeError> {
    let failed = |source| ComposeError::Read { path: dir.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() && !name.starts_with('.') && !FOLDERS.contains(&name.as_str()) {
            found.extend(files(&entry.path())?.into_iter().filter(|path| is_section(path)));
        }
    }
    found.sort();
    Ok(found)
}

/// Why a file in the attachments folder is not attached: it is a lock file of an office program, or left by a file
/// manager.
fn not_attached(path: &Path) -> Option<LeftOut> {
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    let is_own = name.starts_with("~$") || ["thumbs.db", "desktop.ini"].contains(&name.as_str());
    let is_temporary =
        name.ends_with('~') || path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("tmp"));
    if is_own || is_temporary {
        return Some(LeftOut::NotForReaders);
    }
    let is_empty = std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() == 0);
    is_empty.then_some(LeftOut::Empty)
}

pub(super) fn read(path: &Path) -> Result<String, ComposeError> {
    // A pipe would be waited for.
    if path.exists() && !path.is_file() {
        return Err(ComposeError::NotAFile { path: path.to_owned() });
    }
    let bytes = std::fs::read(path).map_err(|source| ComposeError::Read { path: path.to_owned(), source })?;
    let text = decoded(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// Decodes UTF-8, or the encodings of Windows editors: UTF-16 with a byte order mark, else Windows-1252.
fn decoded(bytes: Vec<u8>) -> String {
    let marked = Encoding::for_bom(&bytes).filter(|(encoding, _)| *encoding != UTF_8);
    if let Some((encoding, length)) = marked {
        return encoding.decode_without_bom_handling(bytes.get(length..).unwrap_or_default()).0.into_owned();
    }
    String::from_utf8(bytes).unwrap_or_else(|error| WINDOWS_1252.decode(error.as_bytes()).0.into_owned())
}

/// The visible files in a folder, without subfolders, sorted by name.
fn files(dir: &Path) -> Result<Vec<PathBuf>, ComposeError> {
    let failed = |source| ComposeError::Read { path: dir.to_owned(), source };
    let entries = std::fs::read_dir(dir).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        !path.is_dir() && !hidden
    });
    paths.sort();
    Ok(paths)
}

pub(super) fn toml_error(path: &Path, text: &str, offset: usize, error: &toml::de::Error) -> ComposeError {
    let span = error.span().unwrap_or(0..0);
    let (message, hint) = suggest::unknown_name(error.message());
    ComposeError::Source {
        message,
        hint,
        excerpt: Excerpt::new(path, text, span.start + offset..span.end + offset),
    }
}

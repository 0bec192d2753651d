//! Attachments: their size, and whether mail servers accept them.

use std::path::{Path, PathBuf};

use crate::compose::LeftOut;
use crate::domain::Excerpt;

use super::{Finding, Subject};

/// Total bytes above which attachments are heavy, and above which many servers refuse them.
const HEAVY: u64 = 5_000_000;
const TOO_HEAVY: u64 = 10_000_000;
/// Extensions of programs and of files with macros, which Gmail, Outlook and most servers refuse.
const DANGEROUS: [&str; 40] = [
    "ade", "adp", "apk", "appx", "bat", "cab", "chm", "cmd", "com", "cpl", "dll", "dmg", "docm", "dotm",
    "exe", "hta", "iso", "img", "jar", "js", "jse", "lnk", "mde", "msc", "msi", "msp", "pif", "potm", "ppam",
    "pptm", "ps1", "reg", "scr", "sh", "vb", "vbe", "vbs", "wsf", "xlsm", "xltm",
];

/// Finds attachments that are too heavy together.
pub(super) fn sizes(subject: &Subject<'_>) -> Vec<Finding> {
    let files = &subject.source.attachments;
    let size: u64 = files.iter().filter_map(|path| std::fs::metadata(path).ok()).map(|file| file.len()).sum();
    let message = format!("the attachments are {}.{} MB in total", size / 1_000_000, size / 100_000 % 10);
    let advice = "put large files on your website and link to them, or save PDF files for the web";
    let finding = match size {
        0..=HEAVY => return Vec::new(),
        size if size > TOO_HEAVY => Finding::error("attachments-heavy", message, advice),
        _ => Finding::warning("attachments-heavy", message, advice),
    };
    vec![finding.at(whole(&subject.source.dir.join("attachments")))]
}

/// Finds attachments, also inside ZIP files, because of which mail servers refuse the whole letter.
pub(super) fn kinds(subject: &Subject<'_>) -> Vec<Finding> {
    let finding = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let message = if is_dangerous(&name) {
            format!("`{name}` is executable or may contain macros: most mail servers refuse such letters")
        } else {
            let inner = packed(path).into_iter().find(|inner| is_dangerous(inner))?;
            format!(
                "`{inner}` in `{name}` is executable or may contain macros: most mail servers refuse such letters"
            )
        };
        let advice = "save it as PDF, .docx or .xlsx, or leave it out";
        Some(Finding::error("attachment-kind", message, advice).at(whole(path)))
    };
    subject.source.attachments.iter().filter_map(finding).collect()
}

fn is_dangerous(name: &str) -> bool {
    // Windows drops dots and spaces at the end of a name.
    let name = name.trim_end_matches(['.', ' ']);
    let ending = Path::new(name).extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| DANGEROUS.contains(&ending.as_str()))
}

/// The names of the files in a ZIP file; empty if it cannot be read.
fn packed(path: &Path) -> Vec<String> {
    let is_zip = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zip"));
    let archive = std::fs::File::open(path)
        .ok()
        .filter(|_| is_zip)
        .and_then(|file| zip::ZipArchive::new(std::io::BufReader::new(file)).ok());
    archive
        .iter()
        .flat_map(|archive| archive.file_names().flatten().map(std::borrow::Cow::into_owned))
        .collect()
}

/// Finds files in the folder that readers do not get.
pub(super) fn left_out(subject: &Subject<'_>) -> Vec<Finding> {
    let finding = |(path, why): &(std::path::PathBuf, LeftOut)| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (what, advice) = match why {
            LeftOut::NotASection => (
                "is not in the letter",
                "name a section `.md`; put pictures into images, files to attach into attachments",
            ),
            LeftOut::InAFolder => ("is in a folder that is not read", "move it up into the issue's folder"),
            LeftOut::NotForReaders => {
                ("is not attached: it is a program's own file", "delete it, or close the program")
            }
            LeftOut::Empty => ("is not attached: it is empty", "save the file again, or delete it"),
        };
        Finding::warning("file-left-out", format!("`{name}` {what}"), advice).at(whole(path))
    };
    subject.source.left_out.iter().map(finding).collect()
}

/// Finds words that promise an attachment if there is none.
pub(super) fn promised(subject: &Subject<'_>) -> Vec<Finding> {
    if !subject.source.attachments.is_empty() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for passage in subject.passages() {
        let lower = passage.text.to_lowercase();
        let words = subject.words.language.iter().flat_map(|language| &language.attachments);
        let found =
            words.filter_map(|word| Some((word, lower.find(word.as_str())?))).min_by_key(|(_, at)| *at);
        if let Some((word, at)) = found {
            let message = format!("`{word}…` promises an attachment, and there is none");
            let advice = "put the file into the folder attachments, or change the text";
            // If lower case changes the length, the position would be wrong.
            let range = if lower.len() == passage.text.len() { at..at + word.len() } else { 0..0 };
            findings.push(Finding::warning("attachment-missing", message, advice).at(passage.place(range)));
        }
    }
    findings
}

fn whole(path: &Path) -> Excerpt {
    Excerpt::new(path, "", 0..0)
}

#[cfg(test)]
mod tests {
    use super::super::Severity::{self, Error, Warning};
    use super::super::tests::{facts, issue};
    use super::*;

    fn judged(name: &str, size: u64) -> Vec<(Severity, &'static str)> {
        let dir = tempfile::tempdir().unwrap();
        let attachments = dir.path().join("attachments");
        std::fs::create_dir(&attachments).unwrap();
        std::fs::File::create(attachments.join(name)).unwrap().set_len(size).unwrap();
        let source = issue(dir.path(), "", "Hej\n");
        let facts = facts();
        let subject = Subject::new(&source, &facts);
        let findings = sizes(&subject).into_iter().chain(kinds(&subject));
        findings.map(|finding| (finding.severity, finding.rule)).collect()
    }

    #[test]
    fn attachments_are_light_and_harmless() {
        for (name, size, want) in [
            ("Program för årsmötet.pdf", 5_000_000, &[][..]),
            ("program.pdf", 5_000_001, &[(Warning, "attachments-heavy")]),
            ("program.pdf", 10_000_001, &[(Error, "attachments-heavy")]),
            ("spel.EXE", 1, &[(Error, "attachment-kind")]),
            ("blankett.docm", 1, &[(Error, "attachment-kind")]),
            ("blankett.docx", 1, &[]),
            ("möte.ics", 1, &[]),
            ("README", 1, &[]),
            ("trasig.zip", 40, &[]),
        ] {
            assert_eq!(judged(name, size), want, "{name}");
        }
    }

    #[test]
    fn programs_in_zip_files_are_named() {
        use std::io::Write;
        let dir = tempfile::tempdir().unwrap();
        for (names, want) in [
            (&["stadgar.pdf", "bilder/gård.jpg"][..], None),
            (&["stadgar.pdf", "spel/Start.EXE"], Some("spel/Start.EXE")),
            (&["faktura.pdf.js"], Some("faktura.pdf.js")),
            (&["faktura.scr. "], Some("faktura.scr. ")),
        ] {
            let path = dir.path().join("Handlingar.ZIP");
            let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
            let options =
                zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
            for name in names {
                archive.start_file(*name, options).unwrap();
                archive.write_all(b"x").unwrap();
            }
            archive.finish().unwrap();
            let found = packed(&path).into_iter().find(|name| is_dangerous(name));
            assert_eq!(found.as_deref(), want);
        }
    }
}

//! Limits that no real letter reaches; without them a file could exhaust the memory or the stack.

use std::cell::Cell;
use std::path::Path;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, TagKind as HtmlTag, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use pulldown_cmark::{Event, Parser};

use crate::domain::Excerpt;

use super::ComposeError;
use super::tags::{TagKind, template_tags};

/// The maximum size of a section file: its letter would be several times larger than Gmail shows.
const LONGEST: usize = 256 * 1024;
/// The maximum size of a picture or attachment; servers accept less.
const HEAVIEST: u64 = 64 * 1024 * 1024;
/// Nesting of quotations, lists and emphasis.
const MARKDOWN_DEPTH: usize = 48;
/// Nesting of HTML elements.
const HTML_DEPTH: usize = 96;
/// Nesting of template blocks.
const BLOCK_DEPTH: usize = 24;
/// Nesting of repetitions: each one multiplies the letter's length.
const EACH_DEPTH: usize = 3;

/// Elements without an end tag.
pub const VOID_ELEMENTS: [&str; 13] =
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"];

/// Checks a section file; `markdown` is the end of `text`.
///
/// # Errors
/// Points to the place that is too long or too deep.
pub(super) fn section(path: &Path, text: &str, markdown: &str) -> Result<(), ComposeError> {
    let offset = text.len() - markdown.len();
    let too = |message: String, hint: &str, at: usize| ComposeError::Source {
        message,
        hint: Some(hint.to_owned()),
        excerpt: Excerpt::new(path, text, offset + at..offset + at + 1).cut(80),
    };
    if text.len() > LONGEST {
        let message =
            format!("the file has {} kB; a section has at most {}", text.len() / 1024, LONGEST / 1024);
        return Err(too(message, "shorten it, or put the text on the web and link to it", 0));
    }
    if let Some((at, message)) = template_depth(markdown) {
        return Err(too(message, "simplify the template tags", at));
    }
    let simpler = "simplify it: mail programs show less than that";
    let mut depth = 0_usize;
    for (event, range) in Parser::new_ext(markdown, super::markdown::options()).into_offset_iter() {
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MARKDOWN_DEPTH {
            let message = format!("quotations, lists or emphasis are nested more than {MARKDOWN_DEPTH} deep");
            return Err(too(message, simpler, range.start));
        }
    }
    if html_depth(markdown) > HTML_DEPTH {
        return Err(too(format!("HTML elements are nested more than {HTML_DEPTH} deep"), simpler, 0));
    }
    Ok(())
}

/// Checks the tags of a template.
///
/// # Errors
/// Points to the first line that is too deep.
pub(super) fn template(path: &Path, text: &str) -> Result<(), ComposeError> {
    let Some((at, message)) = template_depth(text) else { return Ok(()) };
    let hint = Some("simplify the template tags".to_owned());
    Err(ComposeError::Source { message, hint, excerpt: Excerpt::new(path, text, at..at + 2).cut(80) })
}

/// The place of a tag that is nested too deeply or defines a partial, which might call itself, and the problem.
fn template_depth(text: &str) -> Option<(usize, String)> {
    let mut open: Vec<&str> = Vec::new();
    for tag in template_tags(text) {
        let inner = tag.text.trim_start_matches(['{', '~', '#']).trim_start();
        if inner.starts_with('*') {
            return Some((tag.range.start, format!("`{}` defines a partial inside a template", tag.text)));
        }
        match tag.kind() {
            TagKind::Open(name) => open.push(name),
            TagKind::Close(_) => drop(open.pop()),
            _ => {}
        }
        if open.len() > BLOCK_DEPTH {
            return Some((tag.range.start, format!("blocks are nested more than {BLOCK_DEPTH} deep")));
        }
        if open.iter().filter(|name| **name == "each").count() > EACH_DEPTH {
            return Some((tag.range.start, format!("`each` is nested more than {EACH_DEPTH} deep")));
        }
    }
    None
}

/// The maximum number of open elements in a text.
fn html_depth(text: &str) -> usize {
    if !text.contains('<') {
        return 0;
    }
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(text));
    let tokenizer = Tokenizer::new(Depth::default(), TokenizerOpts::default());
    // The tokenizer stops only at scripts, which this sink does not request.
    let _done = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.deepest.get()
}

#[derive(Default)]
struct Depth {
    open: Cell<usize>,
    deepest: Cell<usize>,
}

impl TokenSink for Depth {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        if let Token::TagToken(tag) = token {
            match tag.kind {
                HtmlTag::EndTag => self.open.set(self.open.get().saturating_sub(1)),
                HtmlTag::StartTag if tag.self_closing || VOID_ELEMENTS.contains(&&*tag.name) => {}
                HtmlTag::StartTag => self.open.set(self.open.get() + 1),
            }
            self.deepest.set(self.deepest.get().max(self.open.get()));
        }
        TokenSinkResult::Continue
    }
}

/// Reads a picture or an attachment, which must be a regular file of the project in the folder `project`.
///
/// # Errors
/// If it is outside the project (by `..`, an absolute path or a symbolic link), is a pipe or a device, is too large
/// or cannot be read.
pub(super) fn read_file(project: &Path, path: &Path) -> Result<Vec<u8>, ComposeError> {
    let failed = |source| ComposeError::Read { path: path.to_owned(), source };
    let real = path.canonicalize().map_err(failed)?;
    if !real.starts_with(project.canonicalize().map_err(failed)?) {
        return Err(ComposeError::Outside { path: path.to_owned() });
    }
    let file = real.metadata().map_err(failed)?;
    if !file.is_file() {
        return Err(ComposeError::NotAFile { path: path.to_owned() });
    }
    if file.len() > HEAVIEST {
        return Err(ComposeError::TooBig { path: path.to_owned(), megabytes: HEAVIEST >> 20 });
    }
    std::fs::read(real).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(markdown: &str) -> Option<String> {
        let text = format!("+++\ntitle = \"x\"\n+++\n{markdown}");
        let markdown = &text[text.len() - markdown.len()..];
        section(Path::new("a.md"), &text, markdown).err().map(|error| error.to_string())
    }

    #[test]
    fn input_that_would_exhaust_stack_or_memory_is_rejected() {
        let lists: String = (0..200).map(|depth| "  ".repeat(depth) + "- x\n").collect();
        for (markdown, want) in [
            ("<b>".repeat(10_000), "HTML elements"),
            (">".repeat(10_000) + "x", "quotations"),
            ("*".repeat(20_000) + "x" + &"*".repeat(20_000), "emphasis"),
            (lists, "lists"),
            ("{{#if a}}".repeat(5_000), "blocks are nested"),
            ("{{#each member}}".repeat(8) + "x" + &"{{/each}}".repeat(8), "`each` is nested"),
            ("{{#*inline \"p\"}}{{> p}}{{/inline}}{{> p}}".to_owned(), "defines a partial"),
            ("hej ".repeat(100_000), "the file has"),
        ] {
            let found = refused(&markdown).unwrap_or_default();
            assert!(found.contains(want), "{want}: {found:.200}");
        }
    }

    #[test]
    fn real_letters_stay_below_the_limits() {
        let text = "> > - *a **b*** <p><b>x</b><br></p>\n\n{{#if a}}{{#each b}}{{#each c}}x{{/each}}{{/each}}{{/if}}";
        assert_eq!(refused(text), None);
        assert_eq!(refused(&"<p>a<br>b <img src=x> </p>\n".repeat(3_000)), None);
    }
}

//! `preview --serve`: shows the letter in the browser and reloads it whenever a file is saved.

use crate::commands::Context;
use crate::commands::import::register_as_sent;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use crate::check::Finding;
use crate::cli::PreviewArgs;
use crate::compose::{ComposeError, Composer, IssueSource};
use crate::config::FILE;
use crate::domain::{Excerpt, IssueName};
use crate::error::{Error, Exit};
#[cfg(feature = "paper")]
use crate::preview::browser::PrintOption;
use crate::preview::browser::{
    BrowserMember, BrowserMembers, Edition, Places, PreviewDesk, PreviewServer, watch,
};
use crate::report::{JsonDocument, Terminal};
use crate::send::wait_for_stop;

use super::super::states::words;
use super::super::{Project, check};
use crate::commands::stop::{Hangup, stop_on_signal};

/// The width of error messages on the page, in columns.
const WIDTH: usize = 100;

/// The URL of the page, as JSON.
#[derive(Debug, Serialize)]
struct PageAddress<'a> {
    url: &'a str,
}

/// Runs until a signal arrives.
pub(super) fn run(context: Context<'_>, issue: &IssueName, arguments: &PreviewArgs) -> Result<Exit, Error> {
    // A missing issue is an error at once: there is no folder to watch.
    if let Err(error @ ComposeError::NoIssue { .. }) = context.project.source(issue) {
        return Err(error.into());
    }
    let desk = PreviewDesk::new(context.project.dir.clone());
    let mut rebuilder = Rebuilder::open(&context.project.dir, issue, desk.clone(), context.terminal)?;
    rebuilder.work(true);
    let selected = selected(&rebuilder, arguments)?;
    super::super::runtime()?.block_on(async {
        let mut stop = stop_on_signal(Hangup::StopsUnlessIgnored);
        let server = PreviewServer::listen(arguments.port).await?;
        let url = format!("{}{selected}", server.url());
        let _watch = watch(rebuilder.places(), move |changed| {
            rebuilder.saved(changed);
            rebuilder.places()
        })?;
        announce(&url, issue, context.terminal);
        if arguments.browser {
            super::open(url.as_ref(), context.terminal);
        }
        tokio::select! {
            served = server.serve(desk) => served?,
            // If no handler could be installed, signals end the program by themselves.
            () = wait_for_stop(&mut stop) => {}
        }
        Ok(Exit::Done)
    })
}

fn announce(url: &str, issue: &IssueName, terminal: Terminal) {
    if terminal.json {
        // Print the document now: the caller needs the address before the command ends.
        terminal.json(&PageAddress { url });
        JsonDocument::<()>::new("preview".to_owned(), 0, None).print();
    } else {
        terminal.data(url);
    }
    terminal.say(format!(
        "Open this address in your browser. The page reloads when a file of {issue} changes. Press Ctrl-C to stop."
    ));
}

/// The part of the URL that selects the first member to show.
fn selected(rebuilder: &Rebuilder, arguments: &PreviewArgs) -> Result<String, Error> {
    let Some(who) = &arguments.member else { return Ok(String::new()) };
    let member = {
        let context = Context { project: &rebuilder.project, terminal: rebuilder.terminal };
        super::reader(&register_as_sent(context)?, who)?
    };
    Ok(format!("#member={}", member.id))
}

/// Rebuilds the edition when files were saved.
struct Rebuilder {
    project: Project,
    issue: IssueName,
    readers: Arc<BrowserMembers>,
    fields: BTreeSet<String>,
    desk: PreviewDesk,
    terminal: Terminal,
    /// Whether the member list must be read again: it has changed, or could not be read.
    is_list_stale: bool,
    /// Whether the configuration is invalid at the moment.
    is_config_broken: bool,
}

impl Rebuilder {
    fn open(dir: &Path, issue: &IssueName, desk: PreviewDesk, terminal: Terminal) -> Result<Self, Error> {
        Ok(Self {
            project: Project::open(dir)?,
            issue: issue.clone(),
            readers: Arc::default(),
            fields: BTreeSet::new(),
            desk,
            // No prompts while the page is served.
            terminal: Terminal { unattended: true, ..terminal },
            is_list_stale: true,
            is_config_broken: false,
        })
    }

    /// The files and folders that the letter is made of.
    fn places(&self) -> Places {
        let (config, dir) = (&self.project.config, real(&self.project.dir));
        let keys = config.dkim.iter().map(|dkim| &dkim.key_file);
        let logos = config.partner.iter().filter_map(|partner| partner.logo.as_ref());
        let named = [&config.members.file, &config.association.logo].into_iter().flatten();
        let named = named.chain(logos).chain(keys);
        Places {
            files: named.map(|file| real(&dir.join(file))).chain([real(&dir.join(FILE))]).collect(),
            folders: [real(&dir.join("issues").join(self.issue.as_str())), real(&dir.join("templates"))]
                .into(),
        }
    }

    fn saved(&mut self, changed: &BTreeSet<PathBuf>) {
        let start = Instant::now();
        let dir = real(&self.project.dir);
        let is_config = self.is_config_broken || changed.contains(&real(&dir.join(FILE)));
        let list = self.project.config.members.file.as_ref().map(|file| real(&dir.join(file)));
        self.is_list_stale |= list.is_some_and(|list| changed.contains(&list));
        self.work(is_config);
        if self.terminal.verbose > 0 {
            let names: Vec<String> = changed.iter().map(|path| shown(path, &dir)).collect();
            self.terminal.say(format!("{}: {} ms", names.join(", "), start.elapsed().as_millis()));
        }
    }

    /// Rebuilds the edition, then reports on it.
    fn work(&mut self, is_config: bool) {
        if let Err(error) = self.try_work(is_config) {
            self.desk.trouble(&error.render(false, WIDTH));
            self.desk.remark(vec![finding(&error)]);
        }
    }

    fn try_work(&mut self, is_config: bool) -> Result<(), Error> {
        if is_config {
            self.is_config_broken = true;
            self.project = Project::open(&self.project.dir)?;
            (self.is_config_broken, self.is_list_stale) = (false, true);
        }
        if self.is_list_stale {
            self.read_list()?;
            self.is_list_stale = false;
        }
        let source = self.project.source(&self.issue)?;
        let composer = check::compose(&self.project, &source, self.fields.clone(), true)?;
        self.show(&source, composer)
    }

    fn read_list(&mut self) -> Result<(), Error> {
        let kind = self.project.source(&self.issue)?.issue.kind;
        let ledger = register_as_sent(Context { project: &self.project, terminal: self.terminal })?;
        let mut readers = Vec::new();
        ledger.for_each_member(|row| {
            if row.active {
                readers.push(BrowserMember {
                    skipped: row.skip_of(kind).map(|skip| words(skip.as_str())),
                    member: row.member,
                });
            }
            Ok::<_, Error>(())
        })?;
        (self.readers, self.fields) = (Arc::new(BrowserMembers::new(readers)), ledger.fields()?);
        Ok(())
    }

    /// Shows the edition first, since the check examines every member.
    fn show(&self, source: &IssueSource, composer: Result<Composer, ComposeError>) -> Result<(), Error> {
        let readers = Arc::clone(&self.readers);
        let members = |each: &mut dyn FnMut(&crate::domain::Member)| {
            readers.iter().filter(|reader| reader.skipped.is_none()).for_each(|reader| each(&reader.member));
            Ok(())
        };
        match composer {
            Ok(composer) => {
                self.desk.show(self.edition(composer));
                let Some(edition) = self.desk.edition() else { return Ok(()) };
                let found = check::findings(&self.project, source, Ok(&edition.composer), false, members)?;
                self.desk.remark(found);
                Ok(())
            }
            Err(error) => {
                let mut found = check::findings(&self.project, source, Err(&error), false, members)?;
                check::add_error(&mut found, &error);
                self.desk.trouble(&Error::from(error).render(false, WIDTH));
                self.desk.remark(found);
                Ok(())
            }
        }
    }

    fn edition(&self, composer: Composer) -> Edition {
        let mut segments = self.project.config.segments.clone();
        segments.extend(composer.audiences().map(|(title, audience)| (title.to_owned(), audience.clone())));
        Edition {
            composer,
            readers: Arc::clone(&self.readers),
            segments,
            explain: |error| Error::from(error).render(false, WIDTH),
            #[cfg(feature = "paper")]
            print: Some(self.printing()),
            #[cfg(not(feature = "paper"))]
            print: None,
        }
    }

    #[cfg(feature = "paper")]
    fn printing(&self) -> PrintOption {
        let (association, settings) = (self.project.association(), self.project.config.paper.clone());
        PrintOption(Box::new(move |composer, member| {
            crate::commands::paper::letter(association.clone(), &settings, composer, member)
                .map_err(|error| error.render(false, WIDTH))
        }))
    }
}

/// An error that keeps the letter from being shown, such as a mistake in `issue.toml`, as a finding.
fn finding(error: &Error) -> Finding {
    let document = error.document();
    let finding = Finding::error("source", document.message, document.hint.unwrap_or_default());
    match (document.file, document.line) {
        (Some(file), Some(line)) => {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            finding.at(Excerpt::at(file, &text, line, 1))
        }
        _ => finding,
    }
}

/// The canonical path; unchanged if it does not exist yet.
fn real(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match (std::fs::canonicalize(path), folder, path.file_name()) {
        (Ok(path), ..) => path,
        (Err(_), Some(folder), Some(name)) => real(folder).join(name),
        _ => path.to_owned(),
    }
}

fn shown(path: &Path, dir: &Path) -> String {
    path.strip_prefix(dir).unwrap_or(path).display().to_string()
}

//! The examples in each command's `--help`; `tests/it/terminal.rs` runs them.

/// Lines of an `Examples:` paragraph, whose header looks like clap's own.
macro_rules! examples {
    ($($(#[$attribute:meta])* $name:ident: $($line:literal)+;)+) => {
        $($(#[$attribute])* pub(super) const $name: &str = concat!("\u{1b}[1m\u{1b}[4mExamples:\u{1b}[0m", $("\n  ", $line),+);)+
    };
}

examples! {
    INIT:
        "medlemsbrev init brev"
        "medlemsbrev -C brev preview";
    NEW:
        "medlemsbrev new 2027-1";
    IMPORT:
        "medlemsbrev import --dry-run"
        "medlemsbrev import --skip-bad"
        "medlemsbrev import members.csv --encoding windows-1252 --max-missing 10%";
    MEMBERS:
        "medlemsbrev members list byalag"
        "medlemsbrev members show anna@example.se"
        "medlemsbrev members unsubscribe anna@example.se --why 'asked by phone'";
    MEMBERS_LIST:
        "medlemsbrev members list"
        "medlemsbrev members list 'typ = byalag and område in [skärgård, landsbygd]'"
        "medlemsbrev members list byalag --columns name,email,city"
        "medlemsbrev members list --without-email --csv";
    MEMBERS_HELD:
        "medlemsbrev members held"
        "medlemsbrev members held --json";
    MEMBERS_CONFIRM:
        "medlemsbrev members confirm id:63 --same-as 'Bo Gran'"
        "medlemsbrev members confirm bo@example.org --someone-else";
    MEMBERS_SHOW:
        "medlemsbrev members show anna@example.se"
        "medlemsbrev members show 101"
        "medlemsbrev members show id:7 --json";
    MEMBERS_ADD:
        "medlemsbrev members add --name 'Anna Ek' --email anna@example.se --set område=skärgård"
        "medlemsbrev members add --name Kim --email kim@example.se --consent-source 'phone, 3 May'";
    MEMBERS_SET:
        "medlemsbrev members set anna@example.se email=anna.ek@example.se ort=Åkerhult"
        "medlemsbrev members set 101 telefon=";
    MEMBERS_UNSUBSCRIBE:
        "medlemsbrev members unsubscribe anna@example.se --why 'asked by phone'";
    MEMBERS_RESUBSCRIBE:
        "medlemsbrev members resubscribe anna@example.se --why 'asked to get the letter again'";
    MEMBERS_FORGET:
        "medlemsbrev members forget anna@example.se --yes";
    MEMBERS_EXTRACT:
        "medlemsbrev members extract anna@example.se --json";
    MEMBERS_EXPORT:
        "medlemsbrev members export --output register.csv"
        "medlemsbrev members export byalag";
    #[cfg(feature = "postgres")]
    LEDGER_COPY:
        "medlemsbrev ledger copy --to postgres://brev@db.example.se/byalaget"
        "medlemsbrev ledger copy --to copy.db";
    ORGANISATIONS:
        "medlemsbrev organisations"
        "medlemsbrev organisations --json";
    SEGMENTS:
        "medlemsbrev segments"
        "medlemsbrev segments --json";
    CHECK:
        "medlemsbrev check 2026-1";
    PREVIEW:
        "medlemsbrev preview 2026-1"
        "medlemsbrev preview 2026-1 --member anna@example.se"
        "medlemsbrev preview 2026-1 --part source";
    BUILD:
        "medlemsbrev build 2026-1"
        "medlemsbrev build 2026-1 --member anna@example.se --output letter";
    SEND:
        "medlemsbrev send 2026-1 --dry-run"
        "medlemsbrev send 2026-1 --test you@example.org"
        "medlemsbrev send 2026-1 --segment byalag --limit 10"
        "medlemsbrev send 2026-1 --expect 52 --yes"
        "medlemsbrev send --due --wait 5min";
    APPROVE:
        "medlemsbrev approve 2026-1"
        "medlemsbrev approve 2026-1 --yes";
    CANCEL:
        "medlemsbrev cancel 2026-1"
        "medlemsbrev cancel 2026-1 --undo";
    TEMPLATES:
        "medlemsbrev templates"
        "medlemsbrev templates --write";
    RESOLVE:
        "medlemsbrev resolve 2026-1"
        "medlemsbrev resolve 2026-1 --accepted"
        "medlemsbrev resolve 2026-1 --resend anna@example.se";
    BOUNCES:
        "medlemsbrev bounces"
        "medlemsbrev bounces --dry-run returned.eml"
        "medlemsbrev bounces --move-to handled Maildir"
        "medlemsbrev bounces report --csv";
    UNSUPPRESS:
        "medlemsbrev unsuppress anna@example.se --why 'the mailbox works again'";
    STATUS:
        "medlemsbrev status"
        "medlemsbrev status 2026-1 --json";
    LOG:
        "medlemsbrev log 2026-1"
        "medlemsbrev log --kind bounce --json"
        "medlemsbrev log 2026-1 --kind dry-run --diff";
    REPORT:
        "medlemsbrev report"
        "medlemsbrev report 2026-1 --format html --language en"
        "medlemsbrev report 2026-1 --names";
    ARCHIVE:
        "medlemsbrev archive"
        "medlemsbrev archive 2026-1 --output public";
    PRUNE:
        "medlemsbrev prune --older-than 24m";
    SCHEDULE:
        "medlemsbrev schedule"
        "medlemsbrev schedule --systemd";
    REMIND:
        "medlemsbrev remind";
    COMPLETIONS:
        "medlemsbrev completions bash"
        "medlemsbrev completions zsh"
        "medlemsbrev completions fish";
    MAN:
        "medlemsbrev man"
        "medlemsbrev man --output man";
}

#[cfg(feature = "paper")]
examples! {
    PAPER:
        "medlemsbrev paper 2026-1 --dry-run"
        "medlemsbrev paper 2026-1 --labels"
        "medlemsbrev paper 2026-1 --done"
        "medlemsbrev paper --test-sheet";
}

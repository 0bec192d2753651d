//! Checks whether web links answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_rustls::rustls::crypto::aws_lc_rs;
use ureq::http::StatusCode;
use ureq::tls::TlsConfig;

use crate::check::Finding;

/// How many links to follow at the same time.
const AT_ONCE: usize = 8;
const PATIENCE: Duration = Duration::from_secs(15);

/// Follows each link; returns those with a finding.
pub(super) fn follow(urls: Vec<String>) -> Vec<(String, Finding)> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let tls = TlsConfig::builder().unversioned_rustls_crypto_provider(provider).build();
    let config = ureq::Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .user_agent(concat!("medlemsbrev/", env!("CARGO_PKG_VERSION"), " (link check)"))
        .build();
    let agent = ureq::Agent::new_with_config(config);
    let (left, found) = (Mutex::new(urls.into_iter()), Mutex::new(Vec::new()));
    let next = || left.lock().ok().and_then(|mut urls| urls.next());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(url) = next() {
                    let finding = judge(&url, ask(&agent, &url));
                    if let (Some(finding), Ok(mut found)) = (finding, found.lock()) {
                        found.push((url, finding));
                    }
                }
            });
        }
    });
    found.into_inner().unwrap_or_default()
}

/// Sends HEAD, and GET if that fails, since some sites do not support HEAD.
fn ask(agent: &ureq::Agent, url: &str) -> Result<StatusCode, ureq::Error> {
    match agent.head(url).call() {
        Ok(answer) if answer.status().is_success() => Ok(answer.status()),
        _ => agent.get(url).call().map(|answer| answer.status()),
    }
}

fn judge(url: &str, answer: Result<StatusCode, ureq::Error>) -> Option<Finding> {
    let dead = |message: String| {
        Finding::error("link-dead", message, "correct or remove the link; the letter will be read for months")
    };
    let advice = "open it in a browser; if it works there, ignore this";
    match answer {
        Ok(status) if status == StatusCode::NOT_FOUND || status == StatusCode::GONE => {
            Some(dead(format!("`{url}` does not exist: the site responds with {}", status.as_u16())))
        }
        Ok(status) if status.is_server_error() => {
            let message = format!("`{url}` is unavailable: the site responds with {}", status.as_u16());
            Some(Finding::warning("link-answer", message, advice))
        }
        // 401, 403, 429: the site exists, but rejects programs.
        Ok(_) => None,
        Err(ureq::Error::HostNotFound) => Some(dead(format!("`{url}`: no such website"))),
        Err(error) => {
            Some(Finding::warning("link-answer", format!("`{url}` could not be reached: {error}"), advice))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::check::Severity;

    /// A site without HEAD that answers each path with the status in its name.
    fn site() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let name = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = String::new();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                reader.read_line(&mut request).unwrap();
                let mut line = String::new();
                while reader.read_line(&mut line).unwrap() > 2 {
                    line.clear();
                }
                let status = if request.starts_with("HEAD") { "405" } else { &request[5..8] };
                let _closed =
                    write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            }
        });
        name
    }

    #[test]
    fn links_are_judged_by_the_sites_answer() {
        let site = site();
        let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let urls: Vec<String> = ["200", "403", "404", "410", "500"]
            .iter()
            .map(|path| format!("{site}/{path}"))
            .chain([format!("http://{gone}/")])
            .collect();
        let mut found = follow(urls.clone());
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let found: Vec<(&str, Severity)> =
            found.iter().map(|(url, finding)| (url.rsplit('/').next().unwrap(), finding.severity)).collect();
        let mut want = vec![
            ("404", Severity::Error),
            ("410", Severity::Error),
            ("500", Severity::Warning),
            ("", Severity::Warning),
        ];
        let (mut found, ()) = (found, want.sort());
        found.sort();
        assert_eq!(found, want);
    }
}

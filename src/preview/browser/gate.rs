//! Access control: only a browser on this machine that was given the URL may read the page, and no other site may.

use aws_lc_rs::rand::SecureRandom;
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Request, StatusCode, Uri};

/// Bytes of the token in the URL.
const TOKEN: usize = 16;

/// Lets requests in that have the token and one of this machine's loopback names.
#[derive(Debug)]
pub(super) struct Gate {
    token: String,
    /// The accepted `Host` headers.
    hosts: [String; 2],
}

impl Gate {
    /// A gate with a new token; `None` if the system provides no random bytes.
    pub fn new(port: u16) -> Option<Self> {
        let mut secret = [0; TOKEN];
        aws_lc_rs::rand::SystemRandom::new().fill(&mut secret).ok()?;
        let token = data_encoding::HEXLOWER.encode(&secret);
        // Browsers omit the default port of HTTP.
        let port = if port == 80 { String::new() } else { format!(":{port}") };
        Some(Self { token, hosts: ["127.0.0.1", "localhost"].map(|name| format!("{name}{port}")) })
    }

    /// The URL of the page.
    pub fn url(&self) -> String {
        let [host, _] = &self.hosts;
        format!("http://{host}/{}/", self.token)
    }

    /// The reason to reject a request, if there is one.
    pub fn refuses<B>(&self, request: &Request<B>) -> Option<StatusCode> {
        if !self.is_for_this_machine(request.uri(), request.headers()) {
            // Somebody else's DNS points a name at this machine (DNS rebinding).
            return Some(StatusCode::MISDIRECTED_REQUEST);
        }
        if self.comes_from_elsewhere(request.headers()) {
            return Some(StatusCode::FORBIDDEN);
        }
        (!self.has_token(request.uri().path())).then_some(StatusCode::NOT_FOUND)
    }

    fn is_for_this_machine(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let mut named = headers.get_all(HOST).iter();
        let (host, second) = (named.next(), named.next());
        let is_ours = |name: &str| self.hosts.iter().any(|host| host.eq_ignore_ascii_case(name));
        host.and_then(|host| host.to_str().ok()).is_some_and(is_ours)
            && second.is_none()
            && uri.authority().is_none_or(|authority| is_ours(authority.as_str()))
    }

    /// Tells whether a request comes from another site; only a link to the page may be followed from anywhere.
    fn comes_from_elsewhere(&self, headers: &HeaderMap) -> bool {
        let value = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let is_ours = |origin: &str| self.hosts.iter().any(|host| origin == format!("http://{host}"));
        if value(ORIGIN.as_str()).is_some_and(|origin| !is_ours(origin)) {
            return true;
        }
        let is_followed_link =
            value("sec-fetch-mode") == Some("navigate") && value("sec-fetch-dest") == Some("document");
        match value("sec-fetch-site") {
            None | Some("same-origin" | "none") => false,
            Some(_) => !is_followed_link,
        }
    }

    fn has_token(&self, path: &str) -> bool {
        let given = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        // Every byte is compared, so that the time reveals nothing.
        let pairs = given.bytes().zip(self.token.bytes());
        let different = pairs.fold(0, |different, (a, b)| different | (a ^ b));
        different == 0 && given.len() == self.token.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Gate {
        let hosts = ["127.0.0.1:4000", "localhost:4000"].map(str::to_owned);
        Gate { token: "0123456789abcdef0123456789abcdef".to_owned(), hosts }
    }

    fn answer(path: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        gate().refuses(&request.body(()).unwrap()).map_or(200, |status| status.as_u16())
    }

    #[test]
    fn only_this_machine_with_the_token_is_let_in() {
        const PAGE: &str = "/0123456789abcdef0123456789abcdef/";
        let host = ("host", "127.0.0.1:4000");
        for (path, headers, want) in [
            (PAGE, &[host][..], 200),
            (PAGE, &[("host", "LOCALHOST:4000")], 200),
            (PAGE, &[], 421),
            (PAGE, &[("host", "127.0.0.1")], 421),
            (PAGE, &[("host", "127.0.0.1:4001")], 421),
            (PAGE, &[("host", "evil.example.org:4000")], 421),
            (PAGE, &[host, ("host", "evil.example.org")], 421),
            ("http://evil.example.org/0123456789abcdef0123456789abcdef/", &[host], 421),
            ("/", &[host], 404),
            ("/0123456789abcdef0123456789abcdee/", &[host], 404),
            ("/0123456789abcdef0123456789abcdef0/", &[host], 404),
            ("/0123456789abcdef/", &[host], 404),
            (PAGE, &[host, ("origin", "http://127.0.0.1:4000")], 200),
            (PAGE, &[host, ("origin", "https://evil.example.org")], 403),
            (PAGE, &[host, ("origin", "null")], 403),
            (PAGE, &[host, ("sec-fetch-site", "same-origin")], 200),
            (PAGE, &[host, ("sec-fetch-site", "none")], 200),
            (PAGE, &[host, ("sec-fetch-site", "same-site")], 403),
            (PAGE, &[host, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")], 403),
            (
                PAGE,
                &[
                    host,
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-dest", "document"),
                ],
                200,
            ),
            (
                PAGE,
                &[
                    host,
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-dest", "iframe"),
                ],
                403,
            ),
        ] {
            assert_eq!(answer(path, headers), want, "{path} {headers:?}");
        }
    }

    #[test]
    fn every_gate_has_its_own_token() {
        let (one, other) = (Gate::new(1).unwrap(), Gate::new(1).unwrap());
        assert!(one.token != other.token && one.token.len() == 32);
        assert_eq!(one.hosts, ["127.0.0.1:1", "localhost:1"]);
        assert_eq!(Gate::new(80).unwrap().hosts, ["127.0.0.1", "localhost"]);
    }
}

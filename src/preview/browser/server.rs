//! The page over HTTP, on the loopback address only.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream::{Stream, unfold};
use tokio::net::TcpListener;

use crate::compose::ComposeError;

use super::gate::Gate;
use super::letter::Ask;
use super::{Edition, PreviewDesk};

/// The page may load only its own files: nothing inline, nothing from elsewhere.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     frame-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// A letter in its frame may use only its own styles and images. Its scripts never run.
const LETTER_POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox";
const LETTER_POLICY_WITHOUT_IMAGES: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox";
const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";

/// Browsers show a PDF in a page of their own, which a sandbox would block.
const PDF_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

const PDF: &str = "application/pdf";
const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// How often to send the page a sign of life if nothing changes.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Listens for a browser on this machine.
#[derive(Debug)]
pub struct PreviewServer {
    listener: TcpListener,
    gate: Arc<Gate>,
}

/// Why the page cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    #[error("cannot listen on 127.0.0.1, port {port}: {source}")]
    Listen { port: u16, source: std::io::Error },
    #[error("the system provides no random bytes")]
    NoToken,
    #[error("the preview server stopped: {0}")]
    Serve(std::io::Error),
}

impl PreviewServer {
    /// Listens on a port of the loopback address; 0 chooses a free one.
    ///
    /// # Errors
    /// If the port is taken.
    pub async fn listen(port: u16) -> Result<Self, PageError> {
        let failed = |source| PageError::Listen { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let gate = Arc::new(Gate::new(port).ok_or(PageError::NoToken)?);
        Ok(Self { listener, gate })
    }

    /// The page's URL, including the token.
    pub fn url(&self) -> String {
        self.gate.url()
    }

    /// Serves the content of the desk until it is cancelled.
    ///
    /// # Errors
    /// If the system closes the listener.
    pub async fn serve(self, desk: PreviewDesk) -> Result<(), PageError> {
        axum::serve(self.listener, router(desk, self.gate)).await.map_err(PageError::Serve)
    }
}

fn router(desk: PreviewDesk, gate: Arc<Gate>) -> Router {
    let asset = |kind, text: &'static str| get(move || async move { HttpAnswer::new(kind, text) });
    let page = HttpAnswer::new(HTML, include_str!("assets/preview.html")).policy(PAGE_POLICY);
    Router::new()
        .route("/{token}/", get(move || async move { page }))
        .route("/{token}/preview.css", asset(CSS, include_str!("assets/preview.css")))
        .route("/{token}/preview.js", asset(SCRIPT, include_str!("assets/preview.js")))
        .route("/{token}/letter", get(letter))
        .route("/{token}/letter.json", get(letter_json))
        .route("/{token}/source", get(source))
        .route("/{token}/source/whole", get(whole_source))
        .route("/{token}/letter.pdf", get(pdf))
        .route("/{token}/members.json", get(members))
        .route("/{token}/status.json", get(status))
        .route("/{token}/events", get(events))
        .with_state(desk)
        .layer(middleware::from_fn_with_state(gate, guard))
}

/// Rejects strangers, and tells the browser not to share or cache any answer.
async fn guard(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let mut response = match gate.refuses(&request) {
        Some(status) => status.into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (X_FRAME_OPTIONS, "DENY"),
        (CONTENT_SECURITY_POLICY, DATA_POLICY),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// The answer to a request.
#[derive(Debug, Clone)]
struct HttpAnswer<T> {
    kind: &'static str,
    policy: &'static str,
    frames: &'static str,
    body: T,
}

impl<T> HttpAnswer<T> {
    fn new(kind: &'static str, body: T) -> Self {
        Self { kind, policy: DATA_POLICY, frames: "DENY", body }
    }

    fn policy(self, policy: &'static str) -> Self {
        Self { policy, ..self }
    }

    /// Allows the page to show the answer in a frame.
    fn framed(self) -> Self {
        Self { frames: "SAMEORIGIN", ..self }
    }
}

impl<T: IntoResponse> IntoResponse for HttpAnswer<T> {
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(self.policy));
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static(self.frames));
        (headers, self.body).into_response()
    }
}

async fn letter(State(desk): State<PreviewDesk>, RawQuery(query): RawQuery) -> Response {
    let ask = Ask::read(query.as_deref().unwrap_or_default());
    let policy = if ask.without_images { LETTER_POLICY_WITHOUT_IMAGES } else { LETTER_POLICY };
    let html = |text| HttpAnswer::new(HTML, text).policy(policy).framed().into_response();
    answer(&desk, |edition| edition.letter_html(&ask), html)
}

async fn letter_json(State(desk): State<PreviewDesk>, RawQuery(query): RawQuery) -> Response {
    let ask = Ask::read(query.as_deref().unwrap_or_default());
    answer(&desk, |edition| edition.letter_view(&ask), |text| HttpAnswer::new(JSON, text).into_response())
}

async fn source(State(desk): State<PreviewDesk>, RawQuery(query): RawQuery) -> Response {
    let ask = Ask::read(query.as_deref().unwrap_or_default());
    answer(&desk, |edition| edition.source(&ask, false), |text| HttpAnswer::new(TEXT, text).into_response())
}

async fn whole_source(State(desk): State<PreviewDesk>, RawQuery(query): RawQuery) -> Response {
    let ask = Ask::read(query.as_deref().unwrap_or_default());
    answer(&desk, |edition| edition.source(&ask, true), |text| HttpAnswer::new(TEXT, text).into_response())
}

/// The letter in print layout, in a page of its own.
async fn pdf(State(desk): State<PreviewDesk>, RawQuery(query): RawQuery) -> Response {
    let ask = Ask::read(query.as_deref().unwrap_or_default());
    let Some(edition) = desk.edition() else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    // Layout takes a while; the page stays responsive meanwhile.
    match tokio::task::spawn_blocking(move || edition.pdf(&ask)).await {
        Ok(Some(Ok(pdf))) => HttpAnswer::new(PDF, pdf).policy(PDF_POLICY).into_response(),
        Ok(Some(Err(error))) => {
            (StatusCode::UNPROCESSABLE_ENTITY, HttpAnswer::new(TEXT, error)).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn members(State(desk): State<PreviewDesk>, RawQuery(query): RawQuery) -> Response {
    let ask = Ask::read(query.as_deref().unwrap_or_default());
    match desk.edition() {
        Some(edition) => HttpAnswer::new(JSON, edition.members(&ask)).into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn status(State(desk): State<PreviewDesk>) -> Response {
    HttpAnswer::new(JSON, desk.status(&desk.showing())).into_response()
}

/// The current status and every change of it (server-sent events).
async fn events(State(desk): State<PreviewDesk>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let changes = unfold((desk.follow(), desk), |(mut showing, desk)| async move {
        showing.changed().await.ok()?;
        let now = showing.borrow_and_update().clone();
        Some((Ok(Event::default().event("status").data(desk.status(&now))), (showing, desk)))
    });
    Sse::new(changes).keep_alive(KeepAlive::new().interval(HEARTBEAT))
}

/// Answers from the current edition: 503 before there is one, 404 for an unknown member, 422 with the error's text if
/// the member's letter cannot be composed.
fn answer(
    desk: &PreviewDesk,
    asked: impl FnOnce(&Edition) -> Option<Result<String, ComposeError>>,
    shown: impl FnOnce(String) -> Response,
) -> Response {
    let Some(edition) = desk.edition() else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    match asked(&edition) {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(Ok(text)) => shown(text),
        Some(Err(error)) => {
            let text = HttpAnswer::new(TEXT, (edition.explain)(error));
            (StatusCode::UNPROCESSABLE_ENTITY, text).into_response()
        }
    }
}

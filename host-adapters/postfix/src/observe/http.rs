//! `/metrics` and `/healthz`, for this machine only.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ceralacca_host::Stop;
use tiny_http::{Header, Method, Request, Response, Server};

/// A listening socket.
pub struct Endpoint {
    server: Server,
}

/// An answer: is all well, and a text.
pub type Answer = Result<String, String>;

impl Endpoint {
    /// Listens.
    ///
    /// # Errors
    /// The address cannot be had.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let server = Server::http(address).map_err(io::Error::other)?;
        Ok(Self { server })
    }

    /// Where it listens, if port 0 was asked for.
    pub fn address(&self) -> Option<SocketAddr> {
        self.server.server_addr().to_ip()
    }

    /// Answers until `stop` is requested.
    pub fn serve(&self, stop: &Stop, metrics: impl Fn() -> String, health: impl Fn() -> Answer) {
        while !stop.is_requested() {
            match self.server.recv_timeout(GLANCE) {
                Ok(Some(request)) => answer(request, &metrics, &health),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(%error, "a request for metrics was lost");
                    // Out of file descriptors, for instance: not a reason to burn a core.
                    stop.wait(GLANCE);
                }
            }
        }
    }
}

fn answer(request: Request, metrics: impl Fn() -> String, health: impl Fn() -> Answer) {
    let path = request.url().split('?').next().unwrap_or_default();
    let (status, text) = match (request.method(), path) {
        (Method::Get, "/metrics") => (200, metrics()),
        (Method::Get, "/healthz") => match health() {
            Ok(text) => (200, text + "\n"),
            Err(reason) => (503, reason + "\n"),
        },
        (Method::Get, _) => (404, "/metrics and /healthz are here\n".to_owned()),
        _ => (405, "GET only\n".to_owned()),
    };
    let mut response = Response::from_string(text).with_status_code(status);
    if let Ok(kind) = Header::from_bytes("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
    {
        response.add_header(kind);
    }
    // Whoever asked may have gone away.
    let _ = request.respond(response);
}

/// How soon a request to stop is seen.
const GLANCE: Duration = Duration::from_millis(200);

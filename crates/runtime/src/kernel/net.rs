//! What processes ask of the network, as plain data. The network of the machines decides and answers.
//!
//! A process calls `Sys::network`, gets a [`CallId`] and waits with `Wait::Network`; whoever runs the kernel takes the
//! calls (`Kernel::take_calls`), and answers each with `Kernel::answer` when its time has come. Servers listen with
//! `Sys::listen`; the network hands them a request with `Kernel::deliver`, they `Sys::accept` it and `Sys::reply`.

use std::sync::Arc;
use std::time::Duration;

/// Names one call of one process until it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// Names a request that came in to a listening process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Call {
    /// Opens a TCP connection to a name or an address, to see whether it can.
    Connect { host: String, port: u16 },
    /// The whole exchange: name lookup, connection, request, answer.
    Http(HttpRequest),
    /// Sends bytes over TCP and reads what comes back.
    Exchange { host: String, port: u16, data: Vec<u8> },
    /// A DNS lookup.
    Resolve { name: String },
    /// An ICMP echo.
    Ping { host: String },
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct HttpRequest {
    pub tls: bool,
    pub host: String,
    pub port: u16,
    pub method: String,
    /// With its query.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct HttpResponse {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Arc<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The address that answered.
    Connected {
        address: String,
    },
    Http {
        address: String,
        response: HttpResponse,
    },
    Data {
        address: String,
        data: Vec<u8>,
    },
    Resolved(Resolved),
    /// Round trip.
    Pong {
        address: String,
        took: Duration,
    },
    Failed(Failure),
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Resolved {
    /// The name server that was asked.
    pub server: String,
    /// The full name that had an answer (after search domains).
    pub name: String,
    /// Empty for NXDOMAIN.
    pub addresses: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Failure {
    /// The name has no address.
    BadAddress,
    /// With the address that refused.
    Refused {
        address: String,
    },
    /// Nobody answers: the process waits until its own time-out (or `CONNECT_TIMEOUT`).
    TimedOut {
        address: String,
    },
    /// `Connection reset by peer`.
    Reset {
        address: String,
    },
    Unreachable {
        address: String,
    },
}

/// How long Linux tries to connect where nobody answers.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(127);

/// What comes in to a listening process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Incoming {
    pub id: ConnectionId,
    pub port: u16,
    /// The address of the other side.
    pub from: String,
    pub what: IncomingKind,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum IncomingKind {
    Http(HttpRequest),
    Data(Vec<u8>),
}

/// How a listening process answered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reply {
    Http(HttpResponse),
    Data(Vec<u8>),
    Reset,
}

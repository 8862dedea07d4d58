//! The sockets under the connections, and what the kernel is told about them.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::client::TlsStream;

/// An idle connection is probed, so that firewalls and NAT gateways remember it, and so that the
/// kernel notices one that they forgot.
const PROBE_AFTER: Duration = Duration::from_secs(15);
const PROBE_INTERVAL: Duration = Duration::from_secs(5);

/// A connection's bytes, encrypted or not.
pub type Stream = Box<dyn Transport>;

pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin {
    /// The socket beneath all encryption.
    fn socket(&self) -> &TcpStream;
}

impl Transport for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Transport for Stream {
    fn socket(&self) -> &TcpStream {
        self.as_ref().socket()
    }
}

impl<T: Transport> Transport for TlsStream<T> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0.socket()
    }
}

pub async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    socket.set_nodelay(true)?;
    let probes = TcpKeepalive::new().with_time(PROBE_AFTER).with_interval(PROBE_INTERVAL);
    SockRef::from(&socket).set_tcp_keepalive(&probes)?;
    socket.connect(address).await
}

/// To be done before the first request. `attempt`: how long one may go without an answer.
///
/// Bytes that the kernel has not delivered outlive an ordinary `close`, and the process: it goes on
/// repeating them for minutes, and a request that its caller has long given up moves money when the
/// network comes back. Two settings forbid that.
///
/// - A linger time of zero: closing throws away what is not delivered and resets the connection.
///   It is set before anything is sent and not when a request is given up, because a process that
///   is killed has its sockets closed by the kernel. Every system has it.
/// - A user timeout of an attempt: the kernel itself gives up what was not acknowledged for so
///   long, also where nobody closes (a process that is stopped or starved). Linux alone has it.
///
/// Together they leave the kernel no way to be late. What is beyond this machine's kernel, in a
/// proxy say, they cannot call back.
pub fn forbid_late_delivery(stream: &Stream, attempt: Duration) -> io::Result<()> {
    let socket = SockRef::from(stream.socket());
    socket.set_linger(Some(Duration::ZERO))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(attempt))?;
    #[cfg(not(target_os = "linux"))]
    let _ = attempt;
    Ok(())
}

/// Closes a connection on which nothing is under way: with an end instead of a reset, which some
/// servers log as an error.
pub fn close(stream: &Stream) {
    // Where that fails, a reset does no harm.
    drop(SockRef::from(stream.socket()).set_linger(None));
}

use std::net::Ipv4Addr;
use std::time::Instant as Clock;

use socket2::{Domain, SockRef, Socket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::super::tests::{ANSWER, deadlines, request, take_in};
use super::super::{Client, Unsent};
use super::*;
use crate::store::SendGate;

/// A port on which one address drops who wants to connect, and another one listens.
async fn half_dead_port() -> (u16, IpAddr, TcpListener, Vec<Socket>) {
    let full = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    full.bind(&SocketAddr::from(([127, 0, 0, 2], 0)).into()).unwrap();
    full.listen(0).unwrap();
    let dead = full.local_addr().unwrap().as_socket().unwrap();
    let mut kept = vec![full];
    // As many as fill the queue of those who have not been accepted.
    for _ in 0..4 {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        drop(socket.connect(&dead.into()));
        kept.push(socket);
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, dead.port())).await.unwrap();
    (dead.port(), dead.ip(), listener, kept)
}

fn localhost() -> IpAddr {
    Ipv4Addr::LOCALHOST.into()
}

fn connector(environment: &[(&str, &str)]) -> Connector {
    Connector::new(&variables(environment), deadlines(400, 1000)).unwrap()
}

fn variables(environment: &[(&str, &str)]) -> HashMap<String, String> {
    environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn target(url: &str) -> Target {
    Target::of(&url.parse().unwrap()).unwrap()
}

/// The whole complaint, with what lies beneath.
async fn complaint(connector: &Connector, url: &str) -> String {
    let error = connector.open(&target(url)).await.unwrap_err();
    std::iter::successors(Some(&error as &(dyn std::error::Error + 'static)), |&error| {
        error.source()
    })
    .map(ToString::to_string)
    .collect::<Vec<_>>()
    .join(": ")
}

#[test]
fn the_families_of_addresses_take_turns() {
    let parse = |addresses: &str| -> Vec<IpAddr> {
        addresses.split(' ').map(|address| address.parse().unwrap()).collect()
    };
    for (addresses, order) in [
        ("::1 ::2 ::3 1.1.1.1", "::1 1.1.1.1 ::2 ::3"),
        ("1.1.1.1 1.1.1.2 ::1 ::2", "1.1.1.1 ::1 1.1.1.2 ::2"),
        ("1.1.1.1", "1.1.1.1"),
    ] {
        assert_eq!(alternate(parse(addresses)), parse(order));
    }
}

#[tokio::test]
async fn an_address_that_does_not_answer_costs_a_quarter_of_a_second() {
    let (port, dead, _listener, _kept) = half_dead_port().await;
    let begin = Clock::now();
    let stream = first_to_connect(vec![dead, localhost()], port).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap().ip(), localhost());
    let took = begin.elapsed();
    assert!(took >= ATTEMPT_DELAY && took < ATTEMPT_DELAY * 3, "{took:?}");
}

#[tokio::test]
async fn an_address_that_refuses_costs_nothing() {
    let listener = TcpListener::bind((localhost(), 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let refusing = (2..20).map(|last| IpAddr::from([127, 0, 0, last]));
    let begin = Clock::now();
    first_to_connect(refusing.chain([localhost()]).collect(), port).await.unwrap();
    assert!(begin.elapsed() < ATTEMPT_DELAY, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn if_all_addresses_refuse_that_is_told() {
    let port = TcpListener::bind((localhost(), 0)).await.unwrap().local_addr().unwrap().port();
    let error = first_to_connect(vec![localhost(), [127, 0, 0, 2].into()], port).await;
    assert_eq!(error.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    assert!(first_to_connect(Vec::new(), port).await.is_err());
}

#[tokio::test]
async fn what_hangs_on_the_way_is_named_and_has_sent_nothing() {
    let (port, dead, _listener, _kept) = half_dead_port().await;
    let words = complaint(&connector(&[]), &format!("http://{dead}:{port}")).await;
    assert_eq!(words, format!("connecting to {dead}:{port} was not done within 400ms"));

    let mute = TcpListener::bind((localhost(), 0)).await.unwrap();
    let address = mute.local_addr().unwrap();
    let words = complaint(&connector(&[]), &format!("https://{address}")).await;
    assert_eq!(words, format!("the TLS handshake with {address} was not done within 400ms"));

    let gate = SendGate::default();
    let client = Client::new(&HashMap::new(), deadlines(300, 1000)).unwrap();
    client.send(request(&format!("https://{address}/")), &gate).await.unwrap_err();
    assert!(!gate.has_passed());
}

#[tokio::test]
async fn a_plain_server_behind_https_is_told_so() {
    let listener = TcpListener::bind((localhost(), 0)).await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let connector = connector(&[]);
    let (words, ()) = tokio::join!(complaint(&connector, &url), async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_u8().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    assert!(words.starts_with("the TLS handshake with 127.0.0.1:"), "{words}");
}

#[tokio::test]
async fn what_was_given_up_is_not_delivered_by_the_kernel() {
    let listener = TcpListener::bind((localhost(), 0)).await.unwrap();
    let socket = socket::connect(listener.local_addr().unwrap()).await.unwrap();
    let stream: Stream = Box::new(socket);
    socket::forbid_late_delivery(&stream, Duration::from_secs(3)).unwrap();
    let socket = SockRef::from(stream.socket());
    assert_eq!(socket.linger().unwrap(), Some(Duration::ZERO));
    assert!(socket.keepalive().unwrap() && socket.tcp_nodelay().unwrap());
    #[cfg(target_os = "linux")]
    assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(3)));
    socket::close(&stream);
    assert_eq!(socket.linger().unwrap(), None);
}

#[tokio::test]
async fn a_request_that_is_not_encrypted_goes_to_the_proxy_as_it_is() {
    let proxy = TcpListener::bind((localhost(), 0)).await.unwrap();
    let url = format!("http://somebody:p%40ss@{}", proxy.local_addr().unwrap());
    let client = Client::new(&variables(&[("HTTP_PROXY", &url)]), deadlines(400, 1000)).unwrap();
    let gate = SendGate::default();
    let exchange = client.send(request("http://dynamodb.test:8000/"), &gate);
    let (answer, arrived) = tokio::join!(exchange, async {
        let (mut stream, _) = proxy.accept().await.unwrap();
        let arrived = take_in(&mut stream).await.unwrap();
        stream.write_all(ANSWER.as_bytes()).await.unwrap();
        arrived
    });
    assert_eq!(answer.unwrap().status().as_u16(), 200);
    assert!(arrived.starts_with("post http://dynamodb.test:8000/ http/1.1\r\n"), "{arrived}");
    assert!(arrived.contains("\r\nhost: dynamodb.test:8000\r\n"), "{arrived}");
    // somebody:p@ss
    let authorization = "\r\nproxy-authorization: basic c29tzwjvzhk6cebzcw==\r\n";
    assert!(arrived.contains(authorization), "{arrived}");
}

/// What a proxy is asked that answers like this, and how the attempt to connect ends.
async fn by_proxy(answer: Option<&str>) -> (String, String) {
    let proxy = TcpListener::bind((localhost(), 0)).await.unwrap();
    let url = format!("http://somebody:secret@{}", proxy.local_addr().unwrap());
    let connector = connector(&[("HTTPS_PROXY", &url)]);
    let (words, (arrived, _)) =
        tokio::join!(complaint(&connector, "https://dynamodb.test"), async {
            let (mut stream, _) = proxy.accept().await.unwrap();
            let arrived = take_in(&mut stream).await.unwrap();
            if let Some(answer) = answer {
                stream.write_all(answer.as_bytes()).await.unwrap();
                stream.shutdown().await.unwrap();
            }
            (arrived, stream)
        });
    let address = proxy.local_addr().unwrap().to_string();
    (arrived, words.replace(&address, "PROXY"))
}

#[tokio::test]
async fn a_proxy_is_asked_to_connect_and_named_if_it_does_not() {
    for (answer, complaint) in [
        (None, "the proxy PROXY was not done within 400ms"),
        (
            Some("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"),
            "the proxy PROXY failed: it wants a user name and password (407), or others than it \
             was given",
        ),
        (
            Some("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"),
            "the proxy PROXY failed: it answered CONNECT dynamodb.test:443 with 403 Forbidden",
        ),
        (
            Some("HTTP/1.1 200 OK\r\n\r\nand more"),
            "the proxy PROXY failed: it sent more than an answer to CONNECT",
        ),
        (Some(""), "the proxy PROXY failed: connection closed before message completed"),
    ] {
        let (asked, words) = by_proxy(answer).await;
        assert!(asked.starts_with("connect dynamodb.test:443 http/1.1\r\n"), "{asked}");
        assert!(asked.contains("\r\nproxy-authorization: basic "), "{asked}");
        assert_eq!(words, complaint);
    }
}

#[tokio::test]
async fn a_proxy_that_cannot_be_reached_is_named_without_its_password() {
    let port = TcpListener::bind((localhost(), 0)).await.unwrap().local_addr().unwrap().port();
    let url = format!("http://somebody:secret@127.0.0.1:{port}");
    let words = complaint(&connector(&[("HTTPS_PROXY", &url)]), "https://dynamodb.test").await;
    let expected = format!("by proxy: connecting to 127.0.0.1:{port} failed: ");
    assert!(words.starts_with(&expected), "{words}");
    assert!(!words.contains("secret"), "{words}");
}

#[tokio::test]
async fn the_gate_stays_shut_while_a_proxy_hangs() {
    let proxy = TcpListener::bind((localhost(), 0)).await.unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let client = Client::new(&variables(&[("HTTPS_PROXY", &url)]), deadlines(200, 1000)).unwrap();
    let gate = SendGate::default();
    let error = client.send(request("https://dynamodb.test/"), &gate).await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap();
    assert!(source.downcast_ref::<Unsent>().is_some(), "{error:?}");
    assert!(!gate.has_passed());
}

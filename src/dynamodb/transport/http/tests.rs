use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::spawn;
use tokio::time::{sleep, timeout};

use super::*;

pub(super) const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

pub(super) fn deadlines(connect: u64, attempt: u64) -> Deadlines {
    let [connect, attempt] = [connect, attempt].map(Duration::from_millis);
    Deadlines { connect, attempt, call: attempt }
}

/// Whose attempts end after a second, so that half a second of silence is suspicious.
fn client() -> Client {
    Client::new(&HashMap::new(), deadlines(1000, 1000)).unwrap()
}

pub(super) fn request(url: &str) -> Request<SdkBody> {
    Request::post(url).body(SdkBody::from("{\"a\":1}")).unwrap()
}

/// A request as it arrives, or `None` if the connection ends.
pub(super) async fn take_in(stream: &mut TcpStream) -> Option<String> {
    let mut arrived = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&arrived).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .split("content-length: ")
                .nth(1)
                .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse().unwrap());
            if body.len() >= length {
                return Some(text);
            }
        }
        if stream.read_buf(&mut arrived).await.unwrap_or(0) == 0 {
            return None;
        }
    }
}

/// A server, and how many connections and requests it has seen.
struct Server {
    url: String,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
    /// Those of now and before hear nothing any more; new connections are served.
    dead: Arc<AtomicUsize>,
}

impl Server {
    /// Answers everything.
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let [connections, requests, dead] = std::array::from_fn(|_| Arc::<AtomicUsize>::default());
        let server = Self {
            url: format!("http://{address}/"),
            connections: Arc::clone(&connections),
            requests: Arc::clone(&requests),
            dead: Arc::clone(&dead),
        };
        spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let number = connections.fetch_add(1, Ordering::SeqCst);
                let (requests, dead) = (Arc::clone(&requests), Arc::clone(&dead));
                spawn(async move {
                    while take_in(&mut stream).await.is_some() {
                        requests.fetch_add(1, Ordering::SeqCst);
                        // Long enough for those sent together to need a connection each.
                        sleep(Duration::from_millis(20)).await;
                        if number >= dead.load(Ordering::SeqCst) {
                            stream.write_all(ANSWER.as_bytes()).await.unwrap();
                        }
                    }
                });
            }
        });
        server
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn forget_the_connections(&self) {
        self.dead.store(self.connections(), Ordering::SeqCst);
    }
}

async fn send(client: &Client, url: &str) -> Result<HttpResponse, ConnectorError> {
    client.send(request(url), &SendGate::default()).await
}

/// Sends requests at once, each of which needs a connection of its own.
async fn send_together(client: &Client, url: &str, count: usize) {
    for answer in join_all((0..count).map(|_| send(client, url))).await {
        assert_eq!(answer.unwrap().status().as_u16(), 200);
    }
}

fn cause_of<T: Error + 'static>(error: &ConnectorError) -> Option<&T> {
    std::iter::successors(Some(error as &(dyn Error + 'static)), |&error| error.source())
        .find_map(|error| error.downcast_ref())
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let (server, client) = (Server::open().await, client());
    for _ in 0..3 {
        let answer = send(&client, &server.url).await.unwrap();
        assert_eq!(answer.body().bytes(), Some(b"{}".as_slice()));
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_request_has_its_host_and_path() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let client = client();
    let url = format!("http://{address}/path?q=1");
    let (_, arrived) = tokio::join!(send(&client, &url), async {
        let (mut stream, _) = listener.accept().await.unwrap();
        take_in(&mut stream).await.unwrap()
    });
    assert!(arrived.starts_with("post /path?q=1 http/1.1\r\n"), "{arrived}");
    assert!(arrived.contains(&format!("\r\nhost: {address}\r\n")), "{arrived}");
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_not_used() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let client = client();
    let closed = Notify::new();
    let serve = async {
        for _ in 0..5 {
            let (mut stream, _) = listener.accept().await.unwrap();
            take_in(&mut stream).await.unwrap();
            stream.write_all(ANSWER.as_bytes()).await.unwrap();
            drop(stream);
            closed.notify_one();
        }
    };
    let ask = async {
        for _ in 0..5 {
            send(&client, &url).await.unwrap();
            closed.notified().await;
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::join!(serve, ask);
}

#[tokio::test]
async fn a_request_on_a_connection_that_turns_out_closed_is_given_back_unwritten() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri: http::Uri = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let client = client();
    let opening = client.0.connector.open(&connect::Target::of(&uri).unwrap()).await;
    let mut connection = opening.unwrap();
    drop(listener.accept().await.unwrap());
    sleep(Duration::from_millis(20)).await;
    // Nobody looked whether it is ready: the end arrives as the request leaves.
    let request = request(&uri.to_string());
    let outcome = connection.exchange(request).await;
    let Err(Failure::GivenBack(request)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(request.body().bytes(), Some(b"{\"a\":1}".as_slice()));
}

#[tokio::test]
async fn a_request_that_was_called_back_does_not_leave_and_costs_no_connection() {
    let (server, client) = (Server::open().await, client());
    let gate = SendGate::default();
    assert!(gate.revoke());
    let error = client.send(request(&server.url), &gate).await.unwrap_err();
    assert!(cause_of::<Unsent>(&error).is_some(), "{error:?}");
    send(&client, &server.url).await.unwrap();
    assert_eq!((server.connections(), server.requests.load(Ordering::SeqCst)), (1, 1));
}

#[tokio::test]
async fn the_gate_is_passed_only_with_a_connection_at_hand() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let gate = SendGate::default();
    let error = client().send(request(&format!("http://{address}/")), &gate).await.unwrap_err();
    assert!(cause_of::<Unsent>(&error).is_some(), "{error:?}");
    assert!(!gate.has_passed());
}

#[tokio::test]
async fn a_request_that_nobody_waits_for_any_more_resets_its_connection_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let client = client();
    let waiting = timeout(Duration::from_millis(100), send(&client, &url));
    let (outcome, mut stream) = tokio::join!(waiting, async {
        let (mut stream, _) = listener.accept().await.unwrap();
        take_in(&mut stream).await.unwrap();
        stream
    });
    assert!(outcome.is_err());
    let end = timeout(Duration::from_millis(500), stream.read_u8()).await.expect("it is closed");
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn what_the_kernel_has_not_delivered_is_never_delivered() {
    // A server whose buffer is full stands for a network that does not deliver.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(8).unwrap();
    let mut long = request(&format!("http://{}/", listener.local_addr().unwrap()));
    *long.body_mut() = SdkBody::from(vec![b'x'; 8 << 20]);
    let client = client();
    let gate = SendGate::default();
    assert!(timeout(Duration::from_millis(300), client.send(long, &gate)).await.is_err());
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut arrived = Vec::new();
    let end = timeout(Duration::from_secs(5), stream.read_to_end(&mut arrived)).await.unwrap();
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    assert!(arrived.len() < 8 << 20, "all of it was delivered");
}

#[tokio::test]
async fn after_a_silence_no_connection_from_before_is_tried() {
    let (server, client) = (Server::open().await, client());
    send_together(&client, &server.url, 20).await;
    assert_eq!(server.connections(), 20);
    server.forget_the_connections();
    assert!(timeout(Duration::from_millis(600), send(&client, &server.url)).await.is_err());
    send_together(&client, &server.url, 50).await;
    assert_eq!(server.connections(), 70);
}

#[tokio::test]
async fn many_who_wait_on_dead_connections_are_all_served_by_their_second_attempt() {
    let (server, client) = (Server::open().await, client());
    send_together(&client, &server.url, 20).await;
    server.forget_the_connections();
    let attempts = (0..50).map(|_| timeout(Duration::from_millis(600), send(&client, &server.url)));
    assert_eq!(join_all(attempts).await.iter().filter(|attempt| attempt.is_err()).count(), 20);
    send_together(&client, &server.url, 50).await;
}

#[tokio::test]
async fn a_connection_that_died_says_the_same_of_those_from_before() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let client = client();
    let serve = async {
        let (mut one, _) = listener.accept().await.unwrap();
        let (mut other, _) = listener.accept().await.unwrap();
        for stream in [&mut one, &mut other] {
            take_in(stream).await.unwrap();
            stream.write_all(ANSWER.as_bytes()).await.unwrap();
        }
        // The next request comes over either, and is cut.
        tokio::select! {
            arrived = take_in(&mut one) => { arrived.unwrap(); drop(one); }
            arrived = take_in(&mut other) => { arrived.unwrap(); drop(other); }
        }
        let (mut fresh, _) = listener.accept().await.unwrap();
        take_in(&mut fresh).await.unwrap();
        fresh.write_all(ANSWER.as_bytes()).await.unwrap();
    };
    let ask = async {
        send_together(&client, &url, 2).await;
        let error = send(&client, &url).await.unwrap_err();
        assert!(cause_of::<Unsent>(&error).is_none(), "{error:?}");
        send(&client, &url).await.unwrap();
    };
    timeout(Duration::from_secs(5), async { tokio::join!(serve, ask) }).await.unwrap();
}

#[tokio::test]
async fn a_silence_says_nothing_of_connections_that_have_answered_since() {
    let (server, client) = (Server::open().await, client());
    send_together(&client, &server.url, 2).await;
    // One connection alone goes silent.
    server.dead.store(1, Ordering::SeqCst);
    let hanging =
        join_all((0..2).map(|_| timeout(Duration::from_millis(700), send(&client, &server.url))));
    let (hanging, ()) = tokio::join!(hanging, async {
        sleep(Duration::from_millis(300)).await;
        send(&client, &server.url).await.unwrap();
    });
    assert_eq!(hanging.iter().filter(|attempt| attempt.is_err()).count(), 1);
    send(&client, &server.url).await.unwrap();
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn an_impatient_caller_costs_one_connection() {
    let (server, client) = (Server::open().await, client());
    send_together(&client, &server.url, 3).await;
    assert!(timeout(Duration::from_millis(5), send(&client, &server.url)).await.is_err());
    send_together(&client, &server.url, 2).await;
    assert_eq!(server.connections(), 3);
}

/// How a request ends that is answered by these bytes, after which the connection ends or not.
async fn answered(bytes: &'static [u8], ends: bool) -> Result<HttpResponse, ConnectorError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let client = client();
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        take_in(&mut stream).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        (!ends).then_some(stream)
    };
    let (answer, _open) = tokio::join!(send(&client, &url), serve);
    answer
}

#[tokio::test]
async fn an_answer_that_ends_early_is_unreadable() {
    for bytes in [
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{}".as_slice(),
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n{}\r\n",
    ] {
        let error = answered(bytes, true).await.unwrap_err();
        assert!(cause_of::<Unreadable>(&error).is_some(), "{error:?}");
    }
}

#[tokio::test]
async fn an_answer_in_chunks_is_read() {
    let chunks =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n";
    let answer = answered(chunks, false).await.unwrap();
    assert_eq!(answer.body().bytes(), Some(b"{}".as_slice()));
}

#[tokio::test]
async fn an_answer_that_is_no_http_was_no_answer() {
    let error = answered(b"220 mail.example ESMTP\r\n", true).await.unwrap_err();
    assert!(cause_of::<hyper::Error>(&error).is_some(), "{error:?}");
}

#[tokio::test]
async fn an_answer_that_announces_more_than_the_limit_is_unreadable_at_once() {
    let huge = b"HTTP/1.1 200 OK\r\ncontent-length: 34000000\r\n\r\n{}";
    let error = answered(huge, false).await.unwrap_err();
    assert!(cause_of::<Unreadable>(&error).is_some(), "{error:?}");
}

#[tokio::test]
async fn an_answer_without_end_is_unreadable_at_the_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let client = client();
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        take_in(&mut stream).await.unwrap();
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head).await.unwrap();
        let chunk = [b"100000\r\n".as_slice(), &vec![b' '; 1 << 20], b"\r\n"].concat();
        let mut sent = 0;
        while stream.write_all(&chunk).await.is_ok() {
            sent += 1;
        }
        sent
    };
    let (answer, megabytes) = tokio::join!(send(&client, &url), serve);
    let error = answer.unwrap_err();
    assert!(cause_of::<Unreadable>(&error).is_some(), "{error:?}");
    assert!((32..64).contains(&megabytes), "{megabytes} MB");
}

#[tokio::test]
async fn a_client_that_is_gone_ends_its_connections_politely() {
    let client = client();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (_, mut stream) = tokio::join!(send(&client, &url), async {
        let (mut stream, _) = listener.accept().await.unwrap();
        take_in(&mut stream).await.unwrap();
        stream.write_all(ANSWER.as_bytes()).await.unwrap();
        stream
    });
    drop(client);
    let end = timeout(Duration::from_secs(1), stream.read(&mut [0])).await.expect("it is closed");
    assert_eq!(end.unwrap(), 0);
}

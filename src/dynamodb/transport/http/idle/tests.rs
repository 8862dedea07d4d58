use tokio::net::TcpListener;

use super::super::exchange::ThroughProxy;
use super::super::socket::{self, Stream};
use super::*;

fn target() -> Target {
    Target::of(&"http://localhost:8000/".parse().unwrap()).unwrap()
}

async fn connection(listener: &TcpListener) -> Connection {
    let stream: Stream = Box::new(socket::connect(listener.local_addr().unwrap()).await.unwrap());
    let host = http::HeaderValue::from_static("localhost");
    let mut connection = Connection::new(stream, host, ThroughProxy::default()).await.unwrap();
    // As after an answer.
    poll_fn(|context| Poll::Ready(connection.is_ready(context))).await;
    connection
}

fn count(idle: &IdleConnections) -> usize {
    idle.lock().by_target.values().map(Vec::len).sum()
}

fn ago(time: Duration) -> Moment {
    let now = Moment::now();
    Moment { monotonic: now.monotonic.checked_sub(time).unwrap(), wall: now.wall - time }
}

#[test]
fn a_moment_grows_old_by_either_clock() {
    let minute = Duration::from_mins(1);
    let now = Moment::now();
    let suspended = Moment { wall: now.wall - minute, ..now };
    let set_back = Moment { wall: now.wall + minute, ..ago(minute) };
    for moment in [ago(minute), suspended, set_back] {
        assert!(moment.age() >= minute, "{moment:?}");
    }
    assert!(Moment { wall: now.wall + minute, ..now }.age() < minute);
}

#[tokio::test]
async fn the_connection_used_last_is_taken_first_and_an_old_one_never() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let idle = Arc::new(IdleConnections::new(Duration::from_secs(5)));
    let mut kept = Vec::new();
    for age in [70, 30, 20] {
        let mut connection = connection(&listener).await;
        connection.proven = ago(Duration::from_secs(age));
        kept.push(connection.proven.monotonic);
        idle.keep(&target(), connection);
    }
    for expected in [kept[2], kept[1]] {
        assert_eq!(idle.take(&target()).await.unwrap().proven.monotonic, expected);
    }
    assert!(idle.take(&target()).await.is_none());
}

#[tokio::test]
async fn connections_to_different_hosts_are_different() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let idle = Arc::new(IdleConnections::new(Duration::from_secs(5)));
    idle.keep(&target(), connection(&listener).await);
    for other in ["https://localhost:8000/", "http://localhost:8001/", "http://other.test:8000/"] {
        let other = Target::of(&other.parse().unwrap()).unwrap();
        assert!(idle.take(&other).await.is_none());
    }
}

#[tokio::test]
async fn no_more_are_kept_than_the_limit_and_the_oldest_go() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let idle = Arc::new(IdleConnections::new(Duration::from_secs(5)));
    let mut accepted = Vec::new();
    for _ in 0..MAX_IDLE_PER_HOST + 3 {
        idle.keep(&target(), connection(&listener).await);
        accepted.push(listener.accept().await.unwrap());
    }
    assert_eq!(count(&idle), MAX_IDLE_PER_HOST);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_needs_is_closed_without_being_asked_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let idle = Arc::new(IdleConnections::new(Duration::from_secs(5)));
    for _ in 0..3 {
        idle.keep(&target(), connection(&listener).await);
        drop(listener.accept().await.unwrap());
    }
    let open = connection(&listener).await;
    let _accepted = listener.accept().await.unwrap();
    idle.keep(&target(), open);
    sleep(SWEEP_INTERVAL * 2).await;
    assert_eq!(count(&idle), 1, "the server closed the others");
    sleep(MAX_IDLE_TIME).await;
    assert_eq!(count(&idle), 0);
    assert!(!idle.lock().is_swept, "nothing is left to look after");
}

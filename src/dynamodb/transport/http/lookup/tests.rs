use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::sleep;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::*;

fn resolver(resolve: fn(&str) -> Addresses) -> Arc<Resolver> {
    Arc::new(Resolver::new(resolve))
}

fn address(last: u8) -> IpAddr {
    [192, 0, 2, last].into()
}

#[tokio::test]
async fn an_address_needs_no_lookup() {
    for (host, address) in [("192.0.2.1", "192.0.2.1"), ("[2001:db8::1]", "2001:db8::1")] {
        assert_eq!(addresses(host).await.unwrap(), [address.parse::<IpAddr>().unwrap()]);
    }
}

#[tokio::test]
async fn this_machine_is_found_by_its_name() {
    assert!(addresses("localhost").await.unwrap().iter().all(IpAddr::is_loopback));
}

#[tokio::test]
async fn a_name_that_is_unknown_is_told() {
    let resolver = resolver(|_| Err("no such name".to_owned()));
    assert_eq!(resolver.find("a.test").await.unwrap_err().to_string(), "no such name");
}

#[tokio::test]
async fn one_lookup_serves_all_who_ask_for_a_name() {
    static LOOKUPS: AtomicUsize = AtomicUsize::new(0);
    let resolver = resolver(|_| {
        LOOKUPS.fetch_add(1, Ordering::SeqCst);
        sleep(Duration::from_millis(50));
        Ok(vec![address(1)])
    });
    for found in join_all((0..100).map(|_| resolver.find("a.test"))).await {
        assert_eq!(found.unwrap(), [address(1)]);
    }
    assert_eq!(LOOKUPS.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_name_that_stops_resolving_keeps_its_addresses() {
    static IS_LOST: AtomicBool = AtomicBool::new(false);
    let resolver = resolver(|_| {
        if IS_LOST.load(Ordering::SeqCst) {
            Err("no such name".to_owned())
        } else {
            Ok(vec![address(2)])
        }
    });
    assert_eq!(resolver.find("a.test").await.unwrap(), [address(2)]);
    IS_LOST.store(true, Ordering::SeqCst);
    assert_eq!(resolver.find("a.test").await.unwrap(), [address(2)]);
    assert!(resolver.find("b.test").await.is_err());
}

#[tokio::test]
async fn a_lookup_that_hangs_costs_half_a_second_if_the_name_is_known() {
    static HANGS: AtomicBool = AtomicBool::new(false);
    let resolver = resolver(|_| {
        if !HANGS.load(Ordering::SeqCst) {
            return Ok(vec![address(4)]);
        }
        sleep(Duration::from_secs(2));
        Ok(vec![address(5)])
    });
    resolver.find("a.test").await.unwrap();
    HANGS.store(true, Ordering::SeqCst);
    let begin = Instant::now();
    assert_eq!(resolver.find("a.test").await.unwrap(), [address(4)]);
    assert!(begin.elapsed() < Duration::from_millis(1500), "{:?}", begin.elapsed());
    // What it brings in the end is what counts from then on.
    let mut lookup = resolver.join("a.test");
    lookup.wait_for(Option::is_some).await.unwrap();
    assert_eq!(resolver.known("a.test"), [address(5)]);
}

#[tokio::test]
async fn lookups_that_hang_leave_threads_for_others() {
    static MOST: AtomicUsize = AtomicUsize::new(0);
    static NOW: AtomicUsize = AtomicUsize::new(0);
    let resolver = resolver(|_| {
        MOST.fetch_max(NOW.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        sleep(Duration::from_millis(100));
        NOW.fetch_sub(1, Ordering::SeqCst);
        Ok(vec![address(1)])
    });
    let names: Vec<String> = (0..12).map(|number| format!("{number}.test")).collect();
    for outcome in join_all(names.iter().map(|name| resolver.find(name))).await {
        outcome.unwrap();
    }
    assert_eq!(MOST.load(Ordering::SeqCst), MAX_LOOKUPS);
}

#[tokio::test]
async fn names_are_forgotten_at_the_limit() {
    let resolver = resolver(|_| Ok(vec![address(1)]));
    for number in 0..=MAX_NAMES {
        resolver.find(&format!("{number}.test")).await.unwrap();
    }
    assert!(resolver.names().len() <= MAX_NAMES);
}

#[tokio::test]
async fn the_address_that_worked_is_tried_first() {
    let resolver = resolver(|_| Ok(vec![address(6), address(7)]));
    assert_eq!(resolver.find("a.test").await.unwrap(), [address(6), address(7)]);
    resolver.note("a.test", address(7), true);
    assert_eq!(resolver.find("a.test").await.unwrap(), [address(7), address(6)]);
    resolver.note("a.test", address(7), false);
    assert_eq!(resolver.find("a.test").await.unwrap(), [address(6), address(7)]);
}

use std::future::pending;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::task::yield_now;

use super::*;
use crate::value::Value;

fn user(user_id: &str) -> UserId {
    UserId::validate_for_balance(Value::Text(user_id.to_owned())).unwrap()
}

#[tokio::test]
async fn a_user_whose_pages_hang_leaves_turns_to_others() {
    let turns = Turns::default();
    let (hanging, other) = (user("a"), user("b"));
    let mut pages = Box::pin(join_all((0..1000).map(|_| turns.run(&hanging, pending::<()>()))));
    assert!(pages.as_mut().now_or_never().is_none());
    // Past a budget tokio lets nobody go on before the next go.
    yield_now().await;
    assert!(turns.run(&hanging, async {}).now_or_never().is_none());
    assert!(turns.run(&other, async {}).now_or_never().is_some());
}

#[tokio::test]
async fn so_many_pages_are_read_at_once_and_no_more() {
    let turns = Turns::default();
    let users: Vec<UserId> = (0..MAX_IN_FLIGHT).map(|number| user(&number.to_string())).collect();
    let mut pages = Box::pin(join_all(users.iter().map(|it| turns.run(it, pending::<()>()))));
    assert!(pages.as_mut().now_or_never().is_none());
    let late = user("late");
    yield_now().await;
    assert!(turns.run(&late, async {}).now_or_never().is_none());
    drop(pages);
    assert!(turns.run(&late, async {}).now_or_never().is_some());
}

#[tokio::test]
async fn nothing_is_kept_of_users_whose_pages_are_read_or_given_up() {
    let turns = Turns::default();
    let someone = user("a");
    turns.run(&someone, async {}).await;
    let mut given_up = Box::pin(join_all((0..100).map(|_| turns.run(&someone, pending::<()>()))));
    assert!(given_up.as_mut().now_or_never().is_none());
    assert_eq!(turns.of_users().len(), 1);
    drop(given_up);
    assert_eq!(turns.of_users().len(), 0);
}

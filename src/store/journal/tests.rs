use super::*;

fn note(journal: &Journal, status: Option<u16>) {
    let now = Instant::now();
    journal.note(Exchange {
        operation: "GetItem",
        server: None,
        began: now,
        ended: now,
        status,
        request_id: Some("request-1".to_owned()),
        error: None,
    });
}

fn statuses(journal: &Journal) -> Vec<Option<u16>> {
    journal.take().iter().map(|exchange| exchange.status).collect()
}

#[test]
fn where_nobody_asks_only_refusals_are_noted_down() {
    let journal = Journal::default();
    for status in [Some(200), None, Some(400), Some(500)] {
        note(&journal, status);
    }

    assert_eq!(statuses(&journal), [Some(400), Some(500)]);
    assert!(statuses(&journal).is_empty());
}

#[test]
fn where_somebody_does_everything_is() {
    let journal = Journal::default();
    journal.observe();
    for status in [Some(200), None, Some(400)] {
        note(&journal, status);
    }

    assert_eq!(statuses(&journal), [Some(200), None, Some(400)]);
}

#[test]
fn there_is_a_limit() {
    let journal = Journal::default();
    for _ in 0..=MAX_EXCHANGES {
        note(&journal, Some(400));
    }

    assert_eq!(statuses(&journal).len(), MAX_EXCHANGES);
}

//! The write protocol of docs/protocol.md, in every order in which its steps can happen within some
//! bounds. `cargo test --test protocol -- --nocapture` also says how many states that were.

#![allow(clippy::indexing_slicing, reason = "a model that is wrong had better stop")]

mod client;
mod database;
mod model;
mod rules;
mod scenario;
mod search;
mod state;

use model::{Action, Broken};
use rules::{Design, Mistake};
use scenario::{
    DEBIT_AND_CREDIT, ForeignWriter, REUSED_KEY, Repetition, Scenario, TOGETHER, TWO_CREDITS,
    TWO_PROCESSES, WindowBreach,
};
use search::{Found, Model};

/// Longer than any search lasts.
const NO_WINDOW: u8 = 100;

fn search(name: &str, scenario: &Scenario) -> Found<Scenario> {
    let found = search::search(scenario);
    #[expect(clippy::print_stdout, reason = "docs/protocol.md tells the numbers")]
    {
        println!("{name}: {} states, {:?}", found.states, found.violation.as_ref().map(|it| it.0));
    }
    found
}

fn holds(name: &str, scenario: &Scenario) {
    let found = search(name, scenario);
    assert!(found.violation.is_none(), "{name}: {:#?}", found.violation);
}

fn breaks(name: &str, scenario: &Scenario, expected: Broken) {
    let found = search(name, scenario);
    let broken = found.violation.as_ref().map(|(broken, _)| *broken);
    assert_eq!(broken, Some(expected), "{name}: {:#?}", found.violation);
}

mod every_promise_holds {
    use super::*;

    #[test]
    fn for_two_processes() {
        holds("two processes", &TWO_PROCESSES);
    }

    #[test]
    fn for_a_clock_that_is_a_whole_epoch_ahead() {
        let scenario = Scenario { clocks: [0, 2, 0], window: 4, unanswered: 0, ..TWO_PROCESSES };
        holds("a whole epoch ahead", &scenario);
    }

    #[test]
    fn for_three_processes() {
        let scenario =
            Scenario { callers: 3, clocks: [0, 1, 2], window: 4, unanswered: 0, ..TWO_PROCESSES };
        holds("three processes", &scenario);
    }

    #[test]
    fn for_two_lost_answers_and_late_fences() {
        let scenario = Scenario { unanswered: 2, last_tick: 2, ..TWO_PROCESSES };
        holds("two lost answers", &scenario);
    }

    #[test]
    fn for_a_process_that_starts_again() {
        let scenario = Scenario { restarts: 1, last_tick: 2, ..TWO_PROCESSES };
        holds("a restart", &scenario);
    }

    #[test]
    fn for_a_clock_that_steps_back() {
        let scenario = Scenario { corrections: 1, last_tick: 2, ..TWO_PROCESSES };
        holds("a clock that steps back", &scenario);
    }

    #[test]
    fn for_calls_of_one_client_that_overlap() {
        let scenario = Scenario { calls_at_once: 2, last_tick: 1, ..TWO_PROCESSES };
        holds("calls that overlap", &scenario);
    }

    #[test]
    fn for_calls_that_travel_together() {
        let scenario =
            Scenario { wishes: TOGETHER, default_balance: 2, last_tick: 1, ..TWO_PROCESSES };
        holds("calls that travel together", &scenario);
    }

    #[test]
    fn for_a_key_that_is_used_again_with_another_amount() {
        let scenario = Scenario { wishes: REUSED_KEY, last_tick: 2, ..TWO_PROCESSES };
        holds("a key used again", &scenario);
    }

    #[test]
    fn for_four_calls_of_one_client_of_which_two_end_unknown() {
        let scenario = Scenario {
            callers: 1,
            clocks: [2, 0, 0],
            corrections: 1,
            calls: 4,
            given_up: 2,
            last_tick: 2,
            window: 4,
            ..TWO_PROCESSES
        };
        holds("four calls of one client", &scenario);
    }
}

#[test]
#[ignore = "takes minutes"]
fn every_promise_holds_within_wider_bounds() {
    let one_client =
        Scenario { callers: 1, calls: 4, clocks: [2, 0, 0], corrections: 1, ..TWO_PROCESSES };
    let lost_twice = Scenario { unanswered: 2, ..TWO_PROCESSES };
    let unknown_twice = Scenario { given_up: 2, unanswered: 2, window: 4, ..one_client };
    let overlapping = Scenario { calls_at_once: 2, last_tick: 2, window: 4, ..one_client };
    for (name, scenario) in [
        ("two lost answers", lost_twice),
        ("a restart", Scenario { restarts: 1, ..TWO_PROCESSES }),
        ("a clock that steps back", Scenario { corrections: 1, ..TWO_PROCESSES }),
        ("calls that overlap", Scenario { calls_at_once: 2, ..TWO_PROCESSES }),
        ("calls that travel together", Scenario { wishes: TOGETHER, ..TWO_PROCESSES }),
        ("a key used again", Scenario { wishes: REUSED_KEY, ..TWO_PROCESSES }),
        ("two credits", Scenario { wishes: TWO_CREDITS, ..TWO_PROCESSES }),
        ("four calls of one client, two of them unknown", unknown_twice),
        ("four calls of one client that overlap", overlapping),
    ] {
        holds(name, &scenario);
    }
}

mod the_window {
    use super::*;

    const TOLD: Scenario =
        Scenario { what_breaks_the_window: WindowBreach::RefusedKey, ..TWO_PROCESSES };

    /// One epoch and the difference of the clocks, to the tick: a refused key can be recorded when
    /// the credit was composed one tick before that.
    #[test]
    fn is_one_epoch_and_the_difference_of_the_clocks() {
        for (epoch_length, skew) in [(1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (3, 1)] {
            let window = epoch_length + skew;
            let clocks = [0, skew, 0];
            let scenario = Scenario { epoch_length, clocks, unanswered: 0, last_tick: 5, ..TOLD };
            let name = format!("epochs of {epoch_length}, clocks {skew} apart");
            holds(&name, &Scenario { window, ..scenario });
            let too_short = Scenario { window: window - 1, ..scenario };
            breaks(&format!("{name}, one less"), &too_short, Broken::WindowAcrossProcesses);
        }
    }

    /// What counts is when the credit was composed, not when the refusal was told.
    #[test]
    fn does_not_end_for_a_credit_of_its_time_that_is_still_under_way() {
        let arrive = |client| Action::Arrive { client, call: 0, is_token_remembered: false };
        let (debit, credit) = (0, 1);
        let before = [
            Action::Call { client: 0, wish: debit },
            Action::GiveUp { client: 0, call: 0 },
            Action::Call { client: 0, wish: credit },
        ];
        let waiting = [Action::TimePasses; 8];
        let after = [
            Action::Call { client: 1, wish: debit },
            arrive(1),
            Action::Hear { client: 1, call: 0 },
            arrive(0),
            Action::GhostArrives { ghost: 0 },
        ];
        let actions = before.into_iter().chain(waiting).chain(after);
        let end = actions.fold(TOLD.start(), |state, action| {
            TOLD.step(&state, action).expect("no promise is broken")
        });
        assert!(end.clients[1].is_refused[0], "the other process was told a refusal");
        assert!(end.records[0].is_some_and(|entry| entry.owner == 0), "and the key is recorded");
    }
}

mod what_is_not_promised {
    use super::*;

    #[test]
    fn the_window_when_somebody_writes_without_epochs() {
        let scenario = Scenario {
            foreign_writer: ForeignWriter::IgnoresEpoch,
            calls: 2,
            what_breaks_the_window: WindowBreach::RefusedKey,
            ..TWO_PROCESSES
        };
        breaks("a foreign writer", &scenario, Broken::WindowAcrossProcesses);
        let everything_else = Scenario { window: NO_WINDOW, calls: 3, last_tick: 1, ..scenario };
        holds("a foreign writer, all but the window", &everything_else);
    }

    #[test]
    fn that_a_refusal_stands_when_somebody_replaces_the_item() {
        let scenario =
            Scenario { foreign_writer: ForeignWriter::ReplacesItem, last_tick: 0, ..TWO_PROCESSES };
        breaks("a foreign writer that replaces", &scenario, Broken::RefusedStaysRefused);
    }
}

mod other_designs {
    use super::*;

    #[test]
    fn a_list_of_fences_has_no_window() {
        let scenario = Scenario {
            design: Design::ListOfFences,
            what_breaks_the_window: WindowBreach::RefusedKey,
            last_tick: 5,
            window: 5,
            unanswered: 0,
            ..TWO_PROCESSES
        };
        breaks("a list of fences", &scenario, Broken::WindowAcrossProcesses);
        let in_one_client = Scenario { window: NO_WINDOW, last_tick: 0, unanswered: 1, ..scenario };
        holds("a list of fences, all but the window", &in_one_client);
    }

    /// The allowance has to be a call's deadline and the difference of the clocks, so that it is
    /// longer to begin with. And a late write takes the newest instant back.
    #[test]
    fn two_instants_have_a_longer_window() {
        let two_instants = Design::TwoInstants { allowance: 2 };
        let scenario = Scenario { design: two_instants, unanswered: 0, ..TWO_PROCESSES };
        let told = Scenario {
            wishes: DEBIT_AND_CREDIT,
            what_breaks_the_window: WindowBreach::RefusedKey,
            ..scenario
        };
        breaks("two instants", &told, Broken::WindowAcrossProcesses);
        let late = Scenario { wishes: TWO_CREDITS, window: 5, last_tick: 5, ..scenario };
        breaks("two instants, a late write", &late, Broken::WindowAcrossProcesses);
    }
}

mod repetitions {
    use super::*;

    const NEW_EPOCH: Scenario = Scenario {
        repetition: Repetition::NewEpoch,
        clocks: [0, 2, 0],
        window: 4,
        last_tick: 2,
        ..TWO_PROCESSES
    };

    #[test]
    fn may_carry_a_later_epoch() {
        holds("repeated with a later epoch", &NEW_EPOCH);
    }

    #[test]
    fn must_not_carry_an_earlier_epoch() {
        let scenario = Scenario { corrections: 1, ..NEW_EPOCH };
        breaks("repeated with an earlier epoch", &scenario, Broken::RefusedStaysRefused);
    }
}

/// Each with the promise that it breaks, in a scenario in which all hold without it.
#[test]
fn every_planted_mistake_is_found() {
    let plain = Scenario { window: NO_WINDOW, last_tick: 1, ..TWO_PROCESSES };
    let lost_twice = Scenario { unanswered: 2, given_up: 0, ..plain };
    let overlapping = Scenario { calls_at_once: 2, last_tick: 0, ..plain };
    let stepping_back =
        Scenario { callers: 1, clocks: [2, 0, 0], corrections: 1, last_tick: 0, ..plain };
    let together = Scenario { wishes: TOGETHER, default_balance: 2, last_tick: 0, ..plain };
    for scenario in [plain, lost_twice, overlapping, stepping_back, together] {
        holds("no mistake", &scenario);
    }
    for (mistake, scenario, broken) in [
        (Mistake::WriteIgnoresEpoch, plain, Broken::RefusedStaysRefused),
        (Mistake::FenceMovesEpochBackwards, lost_twice, Broken::RefusedStaysRefused),
        (Mistake::FenceIgnoresRecord, plain, Broken::RefusedStaysRefused),
        (Mistake::FenceChecksFirstRecordOnly, together, Broken::RefusedStaysRefused),
        (Mistake::FenceStopsShort, plain, Broken::RefusedStaysRefused),
        (Mistake::FenceForOwnRequestOnly, stepping_back, Broken::RefusedStaysRefused),
        (Mistake::RefusalWithoutFence, plain, Broken::RefusedStaysRefused),
        (Mistake::AbandonedRequestForgotten, plain, Broken::RefusedStaysRefused),
        (Mistake::AbandonedOnlyWhenInDoubt, plain, Broken::RefusedStaysRefused),
        (Mistake::AbandonedDuringFenceIgnored, overlapping, Broken::RefusedStaysRefused),
        (Mistake::DoubtForgottenOnRepetition, plain, Broken::RefusedStaysRefused),
        (Mistake::OwnRecordTakenForDuplicate, plain, Broken::NotOnesOwnDuplicate),
        (Mistake::RecordIgnored, plain, Broken::BalanceIsTrue),
        (Mistake::BalanceIgnored, plain, Broken::BalanceIsTrue),
        (Mistake::EpochNeverLearnt, plain, Broken::Progress),
    ] {
        breaks(&format!("{mistake:?}"), &Scenario { mistake, ..scenario }, broken);
    }
}

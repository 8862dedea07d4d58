//! Random histories of reads against a model of the database: balances that change over time, and
//! requests that see them at an instant between their departure and their return.

use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::thread;

use super::*;

const HISTORIES: u64 = 200_000;
const THREADS: u64 = 2;

/// A read that has not been answered.
struct Open {
    user: usize,
    deadline: Instant,
    /// Of its balance, when it called.
    version: usize,
    joined: usize,
}

struct Flight {
    batch: u64,
    /// With the version that each had at the departure.
    users: Vec<(usize, usize)>,
    began: Instant,
    until: Instant,
    departed: usize,
}

struct History {
    random: Rng,
    reads: ReadQueue<Ticket>,
    now: Instant,
    /// Rises with everything that happens.
    step: usize,
    versions: Vec<usize>,
    open: BTreeMap<u64, Open>,
    flights: Vec<Flight>,
    next: u64,
    /// The last request that was made up before permission for several users was denied.
    last_together: Option<u64>,
}

impl History {
    fn new(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        // Mostly few users, so that calls meet; now and then more than all requests can take.
        let users = match random.u32(0..20_000) {
            0 => 2500,
            1..=10 => 300,
            11..=200 => 40,
            _ => random.usize(1..6),
        };
        Self {
            random,
            reads: reads(),
            now: Instant::now(),
            step: 0,
            versions: vec![0; users],
            open: BTreeMap::new(),
            flights: Vec::new(),
            next: 0,
            last_together: None,
        }
    }

    fn run(&mut self) {
        for _ in 0..self.random.usize(3..9) {
            self.step += 1;
            match self.random.u32(0..16) {
                0..=5 => self.join(),
                6..=7 => self.change(),
                8..=11 => self.arrive(),
                12 => self.cancel(),
                13 => self.lose(),
                _ => self.pass_time(),
            }
            // The dispatcher takes in what happens at the same time before it sends.
            if self.random.u32(0..4) > 0 {
                self.depart();
            }
            self.check();
        }
        self.finish();
    }

    fn join(&mut self) {
        let count = self.random.usize(1..=self.versions.len() + 1);
        for _ in 0..count {
            self.next += 1;
            let user_number = self.random.usize(0..self.versions.len());
            let reader = reader(self.next, user_number, self.now);
            let open = Open {
                user: user_number,
                deadline: reader.deadline,
                version: self.versions[user_number],
                joined: self.step,
            };
            self.open.insert(self.next, open);
            self.reads.push(Box::new(reader));
        }
    }

    fn change(&mut self) {
        let user_number = self.random.usize(0..self.versions.len());
        self.versions[user_number] += 1;
    }

    fn depart(&mut self) {
        self.step += 1;
        while let Some(attempt) = self.reads.next_attempt(self.now) {
            assert!(!attempt.keys.is_empty(), "a request for nobody");
            assert!(attempt.keys.len() <= MAX_ITEMS, "{} users", attempt.keys.len());
            let may_be_together = self.last_together.is_none_or(|last| attempt.batch <= last);
            assert!(may_be_together || attempt.keys.len() == 1, "together without permission");
            assert!(
                attempt.attempt.until > self.now && attempt.attempt.until <= self.now + ATTEMPT
            );
            let number = |key: &ItemKey| -> usize {
                let ItemKey::Account(user_id) = key else { panic!("only accounts are read") };
                user_id.as_str()[5..].parse().unwrap()
            };
            let mut users: Vec<_> =
                attempt.keys.iter().map(|it| (number(it), self.versions[number(it)])).collect();
            users.sort_unstable();
            assert!(users.windows(2).all(|pair| pair[0].0 != pair[1].0), "a user twice");
            let (batch, until, departed) = (attempt.batch, attempt.attempt.until, self.step);
            self.flights.push(Flight { batch, users, began: self.now, until, departed });
            self.check_flights();
        }
    }

    /// Those that take longer than usual do not count, but there is a limit to all of them, and to
    /// those of one user.
    fn check_flights(&self) {
        let young = |flight: &&Flight| self.now < flight.began + Duration::from_millis(100);
        let young = self.flights.iter().filter(young).count();
        assert!(young <= MAX_REQUESTS, "{young} requests at once");
        for user_number in 0..self.versions.len() {
            let is_of_user = |flight: &&Flight| flight.users.iter().any(|it| it.0 == user_number);
            let count = self.flights.iter().filter(is_of_user).count();
            assert!(count <= MAX_REQUESTS_OF_ITEM, "{count} requests of one user");
        }
    }

    fn arrive(&mut self) {
        if !self.flights.is_empty() {
            let chosen = self.random.usize(0..self.flights.len());
            let flight = self.flights.swap_remove(chosen);
            match self.random.u32(0..12) {
                0..=4 => self.answer(&flight, 1.0),
                5..=6 => self.answer(&flight, 0.5),
                7 => self.fail(&flight, Fault::Contended(reason())),
                8 => self.fail(&flight, Fault::NotTaken(reason())),
                9 => self.fail(&flight, Fault::Unanswered(reason())),
                10 => self.refuse(&flight, Fault::Rejected(error(ErrorCode::ServiceError))),
                _ => {
                    let codes = [ErrorCode::AccessDenied, ErrorCode::TableNotFound];
                    let code = codes[self.random.usize(0..2)];
                    self.refuse(&flight, Fault::Final(error(code)));
                }
            }
        }
    }

    /// The balances at some instant during the flight, of this share of the users.
    fn answer(&mut self, flight: &Flight, share: f64) {
        let mut seen = BTreeMap::new();
        for (user_number, departed) in &flight.users {
            if self.random.f64() < share {
                let current = self.versions[*user_number];
                seen.insert(*user_number, self.random.usize(*departed..=current));
            }
        }
        let mut balances: HashMap<ItemKey, Item> = seen
            .iter()
            .map(|(user_number, number)| (account(*user_number), version(*number)))
            .collect();
        if self.random.u32(0..20) == 0 {
            // Somebody nobody asked for.
            balances.insert(account(2999), version(0));
        }
        let jitter = self.random.f64();
        let answers = self.reads.on_completed(flight.batch, Ok(balances), self.now, jitter);
        for (ticket, outcome) in answers {
            let open = self.open.remove(&ticket).expect("answered twice");
            assert!(open.joined <= flight.departed, "joined a request that had left");
            let seen = seen[&open.user];
            assert!(seen >= open.version, "older than its own call");
            assert_eq!(outcome, Ok(version(seen)), "somebody else's balance");
        }
    }

    /// Whoever is in the request goes again.
    fn fail(&mut self, flight: &Flight, fault: Fault) {
        let jitter = self.random.f64();
        let answers = self.reads.on_completed(flight.batch, Err(fault), self.now, jitter);
        assert!(answers.is_empty(), "a passing fault was told");
    }

    /// With one user it is told, with several they go one by one.
    fn refuse(&mut self, flight: &Flight, fault: Fault) {
        let code = match &fault {
            Fault::Rejected(error) | Fault::Final(error) => error.code,
            _ => unreachable!("neither rejected nor final"),
        };
        // Those who have left since count as well, if all of a user's callers have.
        let staying: Vec<usize> =
            self.reads.batches.get(&flight.batch).iter().map(|it| it.items.len()).collect();
        let may_divide = matches!(fault, Fault::Rejected(_)) || code == ErrorCode::AccessDenied;
        let is_divided = may_divide && staying == [staying[0].max(2)];
        if is_divided && matches!(fault, Fault::Final(_)) {
            self.last_together.get_or_insert(self.reads.next_batch);
        }
        let answers = self.reads.on_completed(flight.batch, Err(fault), self.now, 0.5);
        assert!(!is_divided || answers.is_empty(), "told to several");
        self.check_told(answers, code);
    }

    fn lose(&mut self) {
        if !self.flights.is_empty() {
            let chosen = self.random.usize(0..self.flights.len());
            let flight = self.flights.swap_remove(chosen);
            let answers =
                self.reads.on_lost(flight.batch, &error(ErrorCode::InternalError), self.now);
            self.check_told(answers, ErrorCode::InternalError);
        }
    }

    fn check_told(&mut self, answers: Replies<Ticket>, code: ErrorCode) {
        for (ticket, outcome) in answers {
            self.open.remove(&ticket).expect("answered twice");
            assert_eq!(outcome.unwrap_err().code, code);
        }
    }

    fn cancel(&mut self) {
        let number = self.random.u64(0..=self.next);
        let was_open = self.open.remove(&number).is_some();
        let answer = self.reads.cancel(number);
        assert_eq!(answer.is_some(), was_open);
        if let Some((ticket, outcome)) = answer {
            assert_eq!(ticket, number);
            assert_eq!(outcome.unwrap_err().code, ErrorCode::NothingHappened);
        }
    }

    /// Time goes on to the next event, or a little.
    fn pass_time(&mut self) {
        let little = self.now + Duration::from_millis(self.random.u64(1..4000));
        let wake = self.reads.next_timeout(self.now).filter(|_| self.random.bool());
        self.pass_until(wake.unwrap_or(little));
    }

    fn pass_until(&mut self, then: Instant) {
        // The store ends every attempt in time.
        let until = self.flights.iter().map(|flight| flight.until).min();
        self.now = until.map_or(then, |until| until.min(then)).max(self.now);
        while let Some(ended) = self.flights.iter().position(|flight| flight.until <= self.now) {
            let flight = self.flights.swap_remove(ended);
            self.fail(&flight, Fault::Unanswered(reason()));
        }
        // Where there are very many, some of them at a time.
        while self.reads.next_timeout(self.now).is_some_and(|at| at <= self.now) {
            for (ticket, outcome) in self.reads.on_timeout(self.now) {
                let open = self.open.remove(&ticket).expect("answered twice");
                assert!(open.deadline <= self.now, "before its deadline");
                assert_eq!(outcome.unwrap_err().code, ErrorCode::NothingHappened);
            }
            if self.open.values().all(|open| open.deadline > self.now) {
                break;
            }
        }
        let is_late = |open: &Open| open.deadline <= self.now;
        assert!(!self.open.values().any(is_late), "unanswered past its deadline");
    }

    fn check(&mut self) {
        assert_eq!(self.reads.calls.len(), self.open.len(), "lost, or kept after its answer");
        let queued: usize = self.reads.places.values().map(|place| place.callers.len()).sum();
        let in_batches: usize = self.reads.batches.values().map(|it| it.callers().count()).sum();
        assert_eq!(queued + in_batches, self.open.len(), "a call without a place, or with two");
        let wake = self.reads.next_timeout(self.now);
        assert!(wake.is_none_or(|at| at > self.now), "woken up without end");
        if let Some(deadline) = self.open.values().map(|open| open.deadline).min() {
            assert!(wake.is_some_and(|at| at <= deadline), "slept past a deadline");
        }
    }

    /// From now on everything goes well: everybody is answered soon.
    fn finish(&mut self) {
        for _ in 0..10_000 {
            self.depart();
            self.check();
            if let Some(flight) = self.flights.pop() {
                self.answer(&flight, 1.0);
            } else if let Some(then) = self.reads.next_timeout(self.now) {
                let pause = then.duration_since(self.now);
                assert!(pause <= Duration::from_secs(1), "no pause is as long as {pause:?}");
                self.pass_until(then);
            } else {
                break;
            }
        }
        assert!(self.open.is_empty(), "nobody is left without an answer");
        assert!(self.reads.is_empty(), "nothing is kept for nobody");
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a failure is repeated with its seed")]
fn two_hundred_thousand_histories_keep_the_promises_of_reads() {
    let first = fastrand::u64(..);
    eprintln!("the first of {HISTORIES} seeds: {first}");
    let live = |thread: u64| {
        for offset in (thread..HISTORIES).step_by(usize::try_from(THREADS).unwrap()) {
            let seed = first.wrapping_add(offset);
            let outcome = catch_unwind(|| History::new(seed).run());
            assert!(outcome.is_ok(), "the history with the seed {seed}");
        }
    };
    thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || live(thread));
        }
    });
}

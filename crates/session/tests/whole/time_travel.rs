//! Every instant looks the same however one gets there.

use session::Session;
use session::frame::Command;
use sim::Rng;

use crate::random::{act, pass, run_to};

const SEEDS: u64 = 4;
const ACTS: u32 = 14;

/// A session with its digests at some instants, each after all that happened at it.
fn play(seed: u64) -> (Session, Vec<(u64, u64)>) {
    let mut rng = Rng::from_seed(seed);
    let (mut session, _) = Session::open(&format!("v=1&seed={seed}"));
    let mut seen = Vec::new();
    for _ in 0..ACTS {
        act(&mut session, &mut rng);
        pass(&mut session, &mut rng, 12_000);
        seen.push((session.now().0, session.playground().digest()));
        // What is done at an instant belongs to it: the next comes later.
        if seen.len() < ACTS as usize {
            pass(&mut session, &mut rng, 1_000);
        }
    }
    (session, seen)
}

fn seek(session: &mut Session, at: u64) {
    session.run(Command::SeekTo { at });
    assert_eq!(session.now().0, at);
}

#[test]
fn an_instant_is_the_same_after_seeking() {
    for seed in 0..SEEDS {
        let (mut session, seen) = play(seed);
        let mut rng = Rng::from_seed(seed);
        for _ in 0..10 {
            let (at, digest) = seen[rng.below(seen.len() as u64) as usize];
            seek(&mut session, at);
            assert_eq!(session.playground().digest(), digest, "seed {seed} at {at}");
        }
    }
}

#[test]
fn equal_sessions_are_equal() {
    for seed in [1, 6] {
        assert_eq!(play(seed).1, play(seed).1, "seed {seed}");
    }
}

#[test]
fn a_link_opens_to_the_same_state() {
    for seed in 0..SEEDS {
        let (session, seen) = play(seed);
        let link = session.share_link(Some("en"));
        let (again, error) = Session::open(&link);
        assert_eq!(error, None);
        assert_eq!(again.now(), session.now());
        assert_eq!(again.playground().digest(), seen.last().unwrap().1, "seed {seed}");
        assert_eq!(again.share_link(Some("en")), link);
    }
}

#[test]
fn a_fork_leaves_a_branch_to_return_to() {
    for seed in 0..SEEDS {
        let (mut session, seen) = play(seed);
        let (end, digest) = *seen.last().unwrap();
        let (middle, before) = seen[seen.len() / 2];
        seek(&mut session, middle);
        session.run(Command::Fork);
        session.run(Command::RunLine { line: "kubectl run fork --image=nginx".to_owned() });
        run_to(&mut session, end);
        let other = session.playground().digest();
        assert_ne!(other, digest, "seed {seed}");
        session.run(Command::SwitchBranch { index: 0 });
        assert_eq!(session.now().0, end);
        assert_eq!(session.playground().digest(), digest, "seed {seed}: the old future");
        seek(&mut session, middle);
        assert_eq!(session.playground().digest(), before, "seed {seed}: the common past");
        session.run(Command::SwitchBranch { index: 0 });
        assert_eq!(session.playground().digest(), other, "seed {seed}: the new future");
    }
}

#[test]
fn acting_in_the_past_does_the_same_as_never_having_seen_the_future() {
    let line = || Command::RunLine { line: "kubectl run late --image=nginx".to_owned() };
    let (mut seen, _) = Session::open("v=1");
    seen.run(Command::RunLine { line: "kubectl run early --image=nginx".to_owned() });
    let start = seen.now().0;
    run_to(&mut seen, start + 60_000_000);
    seek(&mut seen, start + 7_000_000);
    seen.run(line());
    run_to(&mut seen, start + 30_000_000);

    let (mut straight, _) = Session::open("v=1");
    straight.run(Command::RunLine { line: "kubectl run early --image=nginx".to_owned() });
    run_to(&mut straight, start + 7_000_000);
    straight.run(line());
    run_to(&mut straight, start + 30_000_000);
    assert_eq!(seen.playground().digest(), straight.playground().digest());
}

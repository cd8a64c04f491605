//! Every lesson through the page's own door: unsolved at first, solved by its own steps.

use session::Session;
use session::frame::{Command, GoalCard, ViewState};

/// Virtual time that one step may take.
const STEP_SECONDS_MAX: u64 = 450;

/// Steps that need what the simulation cannot do yet; this list may only shrink.
const WAITED_FOR: &[(&str, usize)] = &[
    // `kubectl wait`
    ("localhost", 4),
    ("liveness-exec", 4),
    // `kubectl replace --force`
    ("immutable-fields", 4),
    // The workstation reaches no port of a node.
    ("init-war", 3),
    // kubectl complains of the missing kind in other words than the recorded ones.
    ("tolerations", 1),
];

fn goals(session: &mut Session) -> Vec<GoalCard> {
    session.frame(&ViewState::default()).lesson.as_ref().map(|it| it.goals.clone()).unwrap_or_default()
}

#[test]
fn no_lesson_is_solved_at_the_start() {
    for card in Session::scenarios() {
        let (mut session, _) = Session::open(&format!("v=1&scenario={}", card.id));
        crate::random::seconds(&mut session, 20);
        let goals = goals(&mut session);
        assert!(goals.is_empty() || goals.iter().any(|it| !it.done), "{}", card.id);
    }
}

#[test]
fn every_lesson_is_solved_by_its_own_steps() {
    let mut unsolved = Vec::new();
    for card in Session::scenarios() {
        let (mut session, _) = Session::open(&format!("v=1&scenario={}", card.id));
        'steps: for at in 0..goals(&mut session).len() {
            let command = goals(&mut session)[at].command.clone();
            if !command.is_empty() {
                session.run(Command::RunLine { line: command.clone() });
            }
            for _ in 0..STEP_SECONDS_MAX {
                if goals(&mut session)[at].done {
                    continue 'steps;
                }
                let next = session.now().0 + 1_000_000;
                crate::random::run_to(&mut session, next);
            }
            let screen = session.playground().terminal_text();
            let tail: String = screen.lines().rev().take(6).collect::<Vec<_>>().join(" ⏎ ");
            if WAITED_FOR.contains(&(card.id.as_str(), at + 1)) {
                break;
            }
            unsolved.push(format!("{} step {}: {command}\n      {tail}", card.id, at + 1));
            break;
        }
    }
    assert!(unsolved.is_empty(), "{}", unsolved.join("\n"));
}

//! The first seeds of the simulation; `cargo xtask simulate` runs as many as you like.

use suite::simulate::{Act, Plan, Step, Worker, plan_of, run, run_twice};

/// Split, so that the test runner spreads them.
fn seeds(from: u64, to: u64) {
    for seed in from..to {
        if let Err(failure) = run_twice(&plan_of(seed)) {
            panic!("cargo xtask simulate --seed {seed}\nat {:?}: {}", failure.at, failure.what);
        }
    }
}

#[test]
fn seeds_one() {
    seeds(1, 51);
}

#[test]
fn seeds_two() {
    seeds(51, 101);
}

#[test]
fn seeds_three() {
    seeds(101, 151);
}

#[test]
fn seeds_four() {
    seeds(151, 201);
}

/// Each found a mistake of the engine or of a promise.
#[test]
fn seeds_that_failed_once() {
    for seed in [471, 847, 940, 1360, 2402, 3006, 3947, 4670, 5889, 6470] {
        seeds(seed, seed + 1);
    }
}

#[test]
fn a_plan_is_read_as_it_is_written() {
    for seed in 0..50 {
        let plan = plan_of(seed);
        assert_eq!(Plan::read(&plan.write()).as_ref(), Ok(&plan));
    }
    assert!(Plan::read("seed: 1\nworkers: []\nsteps: [{at: 1, act: !nothing x}]").is_err());
}

/// A Pod in a namespace of its own is not touched by words in braces; a line that names nothing is left out.
#[test]
fn what_never_settles_is_a_failure() {
    let step = |at: u64, line: &str| Step { at, act: Act::Run(line.to_owned()) };
    let workers = vec![Worker { cpu_milli: 1_000, memory_mib: 1_024, pods: 10 }];
    let steps = vec![step(1_500, "kubectl delete pod {pod 1}"), step(2_000, "echo {1,2} >x")];
    let plan = Plan { seed: 1, workers, steps };
    assert!(run(&plan).is_ok());
    // Nobody takes this finalizer away.
    let mut stuck = plan;
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: stuck, finalizers: [example.com/never]}\nspec: {containers: [{name: app, image: nginx}]}";
    stuck.steps.push(Step { at: 3_000, act: Act::Apply(manifest.to_owned()) });
    stuck.steps.push(step(9_000, "kubectl delete pod {pod 1} --wait=false"));
    let failure = run(&stuck).expect_err("it never goes");
    assert!(failure.what.contains("what is deleted goes"), "{}", failure.what);
}

/// The grace that is cut short counts from then, although the deletion timestamp tells of an earlier moment.
#[test]
fn a_grace_may_be_cut_short() {
    let step = |at: u64, line: &str| Step { at, act: Act::Run(line.to_owned()) };
    let workers = vec![Worker { cpu_milli: 1_000, memory_mib: 1_024, pods: 10 }];
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: slow}\nspec: {containers: [{name: app, image: busybox, command: [sleep, \"600\"]}]}";
    let steps = vec![
        Step { at: 1_000, act: Act::Apply(manifest.to_owned()) },
        step(10_000, "kubectl delete pod {pod 1} --wait=false"),
        step(25_000, "kubectl delete pod {pod 1} --wait=false --grace-period=1"),
    ];
    assert_eq!(run(&Plan { seed: 1, workers, steps }).map(drop).map_err(|it| it.what), Ok(()));
}

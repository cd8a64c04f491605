//! Random faults break no invariant, and when they are over the cluster comes to rest.

use session::Session;
use session::frame::Command;
use sim::Rng;

use crate::random::{act, heal, pass};

#[test]
fn invariants_hold_and_all_converges() {
    for seed in 100..106 {
        let mut rng = Rng::from_seed(seed);
        let (mut session, _) = Session::open(&format!("v=1&seed={seed}"));
        session.run(Command::RunLine { line: "kubectl create deployment web --image=nginx".to_owned() });
        for _ in 0..25 {
            act(&mut session, &mut rng);
            pass(&mut session, &mut rng, 30_000);
            let broken = session.playground().cluster().check_invariants();
            assert!(broken.is_empty(), "seed {seed} at {:?}: {broken:#?}", session.now());
        }
        heal(&mut session);
        for line in [
            "kubectl uncordon k8s-node-1 k8s-node-2",
            "kubectl taint node k8s-node-1 a-",
            "kubectl scale deployment web --replicas=4",
        ] {
            session.run(Command::RunLine { line: line.to_owned() });
        }
        crate::random::seconds(&mut session, 1_800);
        let cluster = session.playground().cluster();
        assert!(cluster.check_invariants().is_empty(), "seed {seed}");
        let ready = cluster.api().pods().filter(|it| {
            it.metadata.name.as_deref().is_some_and(|it| it.starts_with("web-"))
                && it
                    .status
                    .iter()
                    .flat_map(|it| it.conditions.iter().flatten())
                    .any(|it| it.type_ == "Ready" && it.status == "True")
        });
        assert_eq!(ready.count(), 4, "seed {seed}");
    }
}

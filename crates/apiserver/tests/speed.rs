//! The typed path must be cheap: a cluster writes thousands of objects a minute.

use api::k8s_openapi::api::core::v1::{Container, PodSpec, PodStatus};
use api::{Actor, Because, Cause, ObjectKey, ObjectMeta, Pod};
use apiserver::{ApiServer, DeleteOptions};
use sim::{Rng, SimTime};

fn cause() -> Cause {
    Cause::new(Actor::Scheduler, Because::Asked)
}

#[test]
fn a_thousand_pods_from_creation_to_deletion() {
    let mut api = ApiServer::new(Rng::from_seed(1));
    api.bootstrap(SimTime::ZERO);
    for index in 0..1_000 {
        let now = SimTime::from_secs(index);
        let metadata = ObjectMeta {
            name: Some(format!("web-{index}")),
            namespace: Some("default".to_owned()),
            ..ObjectMeta::default()
        };
        let container =
            Container { name: "c".to_owned(), image: Some("nginx:1.27".to_owned()), ..Container::default() };
        let spec = PodSpec { containers: vec![container], ..PodSpec::default() };
        let pod = Pod { metadata, spec: Some(spec), status: None };
        let key = api.create(pod.into(), cause(), now).expect("a new Pod").key();
        api.bind(&key, "node-1", cause(), now).expect("bound once");
        for phase in ["Pending", "Pending", "Running"] {
            let mut pod = (**api.pod("default", &key.name).expect("there")).clone();
            pod.status = Some(PodStatus { phase: Some(phase.to_owned()), ..pod.status.unwrap_or_default() });
            api.update_status(pod.into(), cause(), now).expect("fresh");
        }
    }
    let key = ObjectKey::pod("default", "web-7");
    let marked =
        api.delete(&key, &DeleteOptions::default(), cause(), SimTime::from_secs(2_000)).expect("there");
    assert_eq!(marked.metadata().deletion_grace_period_seconds, Some(30));
    assert_eq!(marked.metadata().generation, Some(2));
    let at_once = DeleteOptions { grace_period_seconds: Some(0), ..DeleteOptions::default() };
    api.delete(&key, &at_once, cause(), SimTime::from_secs(2_001)).expect("there");
    assert!(api.get(&key).is_none());
}

//! What a frame of the page costs before anything is drawn: time that passes, and the picture of it.

use session::Session;
use session::frame::{Command, ObjectRef, ViewState};

use super::clusters::settings;
use super::{Clock, Figure, measure};

/// A page at 60 frames a second.
const FRAME: u64 = 16_667;
const EVENTS_MAX: u32 = 20_000;
/// Half of what an animation frame has: the browser draws in the other half.
const GOAL: f64 = 8.0;
const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 900
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: app, image: 'nginx:1.25', ports: [{containerPort: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
";

/// Milliseconds of one frame on average, and of the slowest one.
fn frames(session: &mut Session, view: &ViewState, count: u32, clock: Clock) -> (f64, f64) {
    let (mut all, mut worst) = (0.0, 0.0_f64);
    for _ in 0..count {
        session.advance(FRAME, EVENTS_MAX);
        let (_, spent) = measure(clock, || session.frame(view));
        all += spent;
        worst = worst.max(spent);
    }
    (all / f64::from(count), worst)
}

pub fn run(clock: Clock) -> Vec<Figure> {
    let mut session = Session::on_nodes(&settings(24));
    session.advance(10_000_000, u32::MAX);
    let view = ViewState::default();
    session.frame(&view);
    session.run(Command::ApplyManifest { text: DEPLOYMENT.to_owned() });
    let (start, start_worst) = frames(&mut session, &view, 240, clock);
    session.advance(60_000_000, u32::MAX);
    let pods = session.frame(&view).pods.len();
    let (still, still_worst) = frames(&mut session, &view, 120, clock);
    let name = session.frame(&view).pods.first().map(|it| (it.namespace.clone(), it.name.clone()));
    let selected = name.map(|(namespace, name)| ObjectRef::pod(&namespace, &name));
    let (inspected, _) = frames(&mut session, &ViewState { selected, ..view }, 120, clock);
    let named =
        |what: &str, value| Figure::new(format!("a frame of 24 nodes and {pods} Pods, {what}"), value, "ms");
    vec![
        named("while they start", start).goals(GOAL, GOAL),
        named("while they start, the slowest", start_worst),
        named("running", still).goals(GOAL, GOAL),
        named("running, the slowest", still_worst),
        named("running, a Pod inspected", inspected).goals(GOAL, GOAL),
    ]
}

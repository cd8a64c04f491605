//! What happens to Pods, and when: the facts measured on real clusters.

use super::harness::Lab;

fn pod(spec: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n{spec}")
}

#[test]
fn a_pod_with_a_present_image_runs_in_less_than_a_second() {
    let mut lab = Lab::new(1);
    lab.apply(&pod("  containers: [{name: app, image: nginx:1.14.2}]"));
    lab.run_to(10.0);
    let timeline = lab.timeline();
    assert_eq!(lab.rows("p"), ["0/1 Pending 0", "0/1 ContainerCreating 0", "1/1 Running 0"], "{timeline}");
    let running = lab.times("1/1 Running");
    assert!((0.45..1.0).contains(&running[0]), "{timeline}");
    assert_eq!(lab.times("POD p ").len(), 5, "{timeline}");
}

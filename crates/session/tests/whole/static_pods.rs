//! A static Pod, put onto a node from the workstation and by a Pod that has the directory as its hostPath.

use std::time::Duration;

use session::{Headless, Settings};

#[test]
fn a_static_pod_from_the_workstation() {
    let mut cluster = Headless::new(&Settings::default());
    let node = cluster.cluster().node_names().last().expect("a worker").to_owned();
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: app, image: busybox, command: [sh, -c, 'echo hello; sleep 3600']}]}\n";
    cluster.write_file("web.yaml", manifest);
    let put = format!("cat web.yaml | fault static-pod add {node} web.yaml");
    assert_eq!(cluster.sh(&put).as_deref(), Ok(""));
    cluster.advance(Duration::from_secs(10));
    let name = format!("web-{node}");
    assert_eq!(cluster.status_column("default", &name).as_deref(), Some("Running"));
    assert_eq!(cluster.kubectl(&format!("logs {name}")).as_deref(), Ok("hello\n"));
    assert_eq!(cluster.kubectl(&format!("exec {name} -- hostname")), Ok(format!("{name}\n")));
    let described = cluster.kubectl(&format!("describe pod {name}")).expect("it is there");
    assert!(described.contains(&format!("Controlled By:  Node/{node}")), "{described}");
    assert!(described.contains("Container started"), "{described}");
    let listed = cluster.sh(
        &format!("kubectl run look --image=busybox --restart=Never --overrides='{{\"spec\":{{\"nodeName\":\"{node}\",\"containers\":[{{\"name\":\"c\",\"image\":\"busybox\",\"command\":[\"rm\",\"-v\",\"/m/web.yaml\"],\"volumeMounts\":[{{\"name\":\"m\",\"mountPath\":\"/m\"}}]}}],\"volumes\":[{{\"name\":\"m\",\"hostPath\":{{\"path\":\"/etc/kubernetes/manifests\"}}}}]}}}}'"),
    );
    assert_eq!(listed.as_deref(), Ok("pod/look created\n"));
    cluster.advance(Duration::from_mins(1));
    assert_eq!(cluster.status_column("default", &name), None);
    let gone = cluster.run(&format!("fault static-pod remove {node} web.yaml"));
    assert_eq!((gone.code, gone.stderr.as_str()), (1, "error: \"web.yaml\" is no file of a static pod\n"));
    assert!(cluster.cluster().check_settled().is_empty());
}

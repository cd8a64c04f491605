//! What the recording's machines held when a scenario began: images, and Pods that were there before.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use session::{CustomImage, Headless};

use super::Scenario;

/// Images that lay on the recording's machines: all there were, for the registry stand-in answered at once.
const PRESENT: &[&str] = &[
    "nginx:1.14.2",
    "nginx:1.16.1",
    "nginx",
    "busybox:1.28",
    "busybox",
    "registry.k8s.io/busybox",
    "alpine:latest",
    "debian",
    "geektime/tomcat:7.0",
    "geektime/sample:v2",
];
/// The recording's nginx was one version under all tags, Debian's own: it stops on SIGQUIT with code 0, and its workers
/// are www-data's.
const NGINX: &[&str] = &["nginx:1.14.2", "nginx:1.16.1", "nginx"];
const NGINX_LIKE: &str = "nginx:1.22.1";
/// Debian's nginx has no entrypoint of its own.
const NGINX_ENTRYPOINT: (&str, &str) = ("/docker-entrypoint.sh", "#!/bin/sh\nexec \"$@\"\n");
/// They took so long to resolve.
const SLOW: &[&str] = &["slowapp", "slowapp2"];
/// The stand-in for Tomcat lists its applications and is nginx.
const TOMCAT: &str = "geektime/tomcat:7.0";
const TOMCAT_START: (&str, &str) = (
    "/root/apache-tomcat-7.0.42-v2/bin/start.sh",
    "#!/bin/sh\nls -l /root/apache-tomcat-7.0.42-v2/webapps\nnginx -g 'daemon off;'\n",
);
/// The application was a file of twelve bytes.
const SAMPLE: &str = "geektime/sample:v2";
const WAR: &str = "sample war!\n";
/// The registry stood beside the machines: all images came at once.
const SIZE_BYTES: u64 = 2_140_977;

/// The images of a scenario's machines. One that the recording pulled although its Pods only wanted it to be present
/// was not there yet.
pub fn present(scenario: &Scenario) -> Vec<String> {
    let always = scenario.manifests.values().any(|it| it.contains("Always"));
    let pulled = |name: &str| {
        let text = format!("Pulling image \"{name}\"");
        name.contains(':') && !always && scenario.recorded.records.iter().any(|it| it["message"] == *text)
    };
    PRESENT.iter().filter(|it| !pulled(it)).map(|it| (*it).to_owned()).collect()
}

pub fn define_images(cluster: &mut Headless) {
    let conf = "/etc/nginx/nginx.conf";
    let text = cluster.cluster().runtime().image_file(NGINX_LIKE, conf).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).replace("user  nginx;", "user www-data;");
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let nginx = |name: &str, more: &[(&str, &str)]| CustomImage {
        name: name.to_owned(),
        like: NGINX_LIKE.to_owned(),
        size_bytes: Some(SIZE_BYTES),
        delay: Duration::ZERO,
        files: more
            .iter()
            .chain([&NGINX_ENTRYPOINT])
            .map(|it| file(it.0, it.1))
            .chain([file(conf, &text)])
            .collect(),
    };
    let mut images: Vec<CustomImage> = NGINX.iter().map(|it| nginx(it, &[])).collect();
    images.push(nginx(TOMCAT, &[TOMCAT_START]));
    images.push(CustomImage {
        name: SAMPLE.to_owned(),
        like: "busybox:1.35".to_owned(),
        files: vec![file("/sample.war", WAR), file("/src/sample.war", WAR)],
        ..CustomImage::default()
    });
    images.extend(SLOW.iter().map(|name| CustomImage {
        name: (*name).to_owned(),
        like: "busybox:1.35".to_owned(),
        size_bytes: Some(SIZE_BYTES),
        delay: Duration::from_millis(5_300),
        files: Vec::new(),
    }));
    for image in images {
        cluster.define_image(image);
    }
}

/// Makes the Pods that were there before the scenario began: those that the recording shows at its end and never saw
/// come, and what else its node was laden with.
pub fn place_earlier_pods(scenario: &Scenario, cluster: &mut Headless) {
    let seen: BTreeSet<&str> = scenario
        .recorded
        .records
        .iter()
        .filter(|it| it["kind"] == "pod")
        .filter_map(|it| it["name"].as_str())
        .collect();
    let earlier = scenario.pods.iter().filter(|it| {
        let name = it["metadata"]["name"].as_str().unwrap_or("");
        it["metadata"]["ownerReferences"].is_null()
            && !seen.contains(super::normalize::generated_names(name).as_str())
    });
    let mut documents: Vec<Value> = earlier
        .map(|it| {
            let metadata = &it["metadata"];
            let mut spec = it["spec"].clone();
            if let Some(spec) = spec.as_object_mut() {
                spec.remove("volumes");
                for container in spec.get_mut("containers").and_then(Value::as_array_mut).into_iter().flatten() {
                    if let Some(container) = container.as_object_mut() {
                        container.remove("volumeMounts");
                    }
                }
            }
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": metadata["name"], "labels": metadata["labels"]}, "spec": spec})
        })
        .collect();
    if let Some((node, milli)) = other_load(scenario) {
        documents.push(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "earlier", "namespace": "kube-system"},
            "spec": {"nodeName": node, "containers": [{"name": "pause", "image": "registry.k8s.io/pause:3.10",
                "resources": {"requests": {"cpu": format!("{milli}m")}}}]}}));
    }
    if documents.is_empty() {
        return;
    }
    let list = json!({"apiVersion": "v1", "kind": "List", "items": documents});
    let made = cluster.apply(&list.to_string());
    debug_assert!(made.is_ok(), "{made:?}");
    cluster.advance(Duration::from_secs(5));
}

/// What other Pods had asked of a node, by the kubelet's own words about one that did not fit: the CPUs `used` without
/// those of the scenario's own Pods.
fn other_load(scenario: &Scenario) -> Option<(&str, i64)> {
    let refused =
        scenario.recorded.records.iter().find(|it| it["reason"] == "OutOfcpu" && it["kind"] == "event")?;
    let told = refused["message"].as_str()?;
    let used: i64 = told.split("used: ").nth(1)?.split(',').next()?.parse().ok()?;
    let name = refused["object"].as_str()?.split('/').nth(1)?;
    let pod = scenario.pods.iter().find(|it| it["metadata"]["name"] == name)?;
    let node = pod["spec"]["nodeName"].as_str()?;
    let own =
        scenario.pods.iter().filter(|it| it["spec"]["nodeName"] == node && it["status"]["phase"] != "Failed");
    let asked = own.flat_map(|it| it["spec"]["containers"].as_array().into_iter().flatten()).map(|it| {
        let cpu = it["resources"]["requests"]["cpu"].as_str().unwrap_or("0");
        api::quantity::parse(cpu).map_or(0, api::quantity::Amount::milli_value)
    });
    Some((node, used - asked.sum::<i64>())).filter(|it| 0 < it.1)
}

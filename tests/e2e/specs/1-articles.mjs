// What the articles tell, done and seen: a test for each of their examples.
import { check, has, lacks } from "../page.mjs";

const ready = (pods) => `kubectl wait --for=condition=Ready --timeout=300s ${pods.split(" ").map((it) => `pod/${it}`).join(" ")}`;
const PUBLISHED = /10\.244\.\d+\.\d+/;

export default [
  ["A1 three Pods with affinity strand where one Pod of three containers fits", async (it) => {
    await it.open("why-pods");
    has(await it.run("kubectl apply -f one-by-one.yaml"), "pod/qmgr created");
    await it.onStage("Pod qmgr Pending", "1 Insufficient memory", "1 node(s) didn't match pod affinity rules", /pod master, Running/, /pod pickup, Running/);
    const stranded = await it.podsOn("node-2");
    check(stranded.length === 2 && stranded.some((pod) => pod.startsWith("pod master")), `node-2 holds ${stranded}`);
    has(await it.run("kubectl describe pod qmgr"), "FailedScheduling", "0/2 nodes are available: 1 Insufficient memory, 1 node(s) didn't match pod affinity rules.");
    await it.run("kubectl apply -f together.yaml");
    await it.onStage("pod postfix, Running, READY 3/3");
    has((await it.podsOn("node-1")).join(), "pod postfix");
  }],
  ["A2 the pause container holds the Pod's IP and namespaces", async (it) => {
    await it.open("pause-container");
    await it.run("kubectl apply -f pod.yaml");
    await it.run(ready("foundation"));
    const address = async () => (await it.run("kubectl get pod foundation -o jsonpath={.status.podIP}")).match(PUBLISHED)?.[0];
    const before = await address();
    await it.inspect("foundation", "Inside");
    await it.sees("inspector", "shared by all", "net", "ipc", "uts", "pause", `eth0 ${before}`);
    await it.run("fault container kill foundation shell");
    await it.onStage(/pod foundation, Running, READY 2\/2, 1 restarts/);
    check((await address()) === before, "a restarted container keeps the Pod's IP");
    await it.button("Kill the pause container").click();
    await it.onStage(/pod foundation, Running, READY 2\/2, [34] restarts/, "×2");
    check((await address()) !== before, "a new sandbox has a new IP");
    has(await it.run("kubectl describe pod foundation"), "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.");
  }],
  ["A3 containers of a Pod share one IP and talk over localhost", async (it) => {
    await it.open("localhost");
    await it.run("kubectl apply -f pod.yaml");
    await it.run(ready("centos-busybox"));
    const one = await it.run("kubectl exec -it pod/centos-busybox -c busybox -- ip a");
    const other = await it.run("kubectl exec -it pod/centos-busybox -c qyl-centos-buxybox -- ip a");
    const address = one.match(PUBLISHED)?.[0];
    check(address && other.includes(address), `${address} should be in: ${other}`);
    await it.run(`kubectl apply -f web-and-shell.yaml && ${ready("web-and-shell")}`);
    has(await it.run("kubectl exec web-and-shell -c shell -- wget -qO- localhost"), "Welcome to nginx!");
    await it.onStage(address, /pod web-and-shell, Running, READY 2\/2/);
  }],
  ["A4 two containers share a volume", async (it) => {
    await it.open("shared-volume");
    await it.run("kubectl apply -f pod.yaml");
    await it.run(ready("two-containers"));
    const address = (await it.run("kubectl get pod -o wide")).match(PUBLISHED)[0];
    has(await it.run(`curl ${address}`), "Hello this is centos container");
    await it.inspect("two-containers", "Inside");
    await it.sees("inspector", "shared-data", "index.html", "hostPath", "/usr/share/nginx/html", "/pod-data");
    await it.run("kubectl delete pod two-containers --now && kubectl apply -f never.yaml");
    await it.onStage(/pod two-containers, NotReady, READY 1\/2/);
    has(await it.run("kubectl get pods"), /two-containers\s+1\/2\s+NotReady\s+0/);
    has(await it.run("kubectl apply -f flattened.yaml"), "error");
  }],
  ["A5 an init container brings the WAR that Tomcat serves", async (it) => {
    await it.open("init-war");
    has(await it.run("kubectl apply -f one-line.yaml"), "mapping values are not allowed in this context");
    await it.run("kubectl apply -f pod.yaml");
    await it.run(ready("javaweb-2"));
    await it.onStage("pod javaweb-2, Running, READY 1/1", /init container war, Terminated: Completed \(0\)/);
    await it.inspect("javaweb-2", "Inside");
    await it.sees("inspector", "sample.war", "/app", "/root/apache-tomcat-7.0.42-v2/webapps", "hostPort 8001 → 8080");
    has(await it.run("curl -s $(kubectl get pod javaweb-2 -o jsonpath={.status.hostIP}):8001/sample/"), "Hello, World");
    await it.run("kubectl apply -f second.yaml");
    await it.onStage("Pod javaweb-3 Pending", "didn't have free ports for the requested pod ports");
    await it.run("kubectl delete pod javaweb-2 javaweb-3 --now && kubectl apply -f springboot.yaml");
    await it.onStage("pod javaweb-2, Running, READY 1/1");
  }],
  ["A6 init containers run one by one, in order", async (it) => {
    await it.open("init-order");
    await it.run("kubectl get nodes");
    await it.pause();
    await it.typeLine("kubectl apply -f pod.yaml");
    await it.stepUntil("pod steps, Init:0/2");
    await it.stepUntil("init container first, Running");
    lacks(await it.stage(), "init container second, Running");
    await it.stepUntil("pod steps, Init:1/2");
    has(await it.stepUntil("init container second, Running"), "init container first, Terminated: Completed (0)");
    await it.stepUntil("pod steps, PodInitializing");
    await it.stepUntil("pod steps, Running, READY 1/1");
    await it.play();
    has(await it.run("kubectl logs steps -c second"), "checking the data");
  }],
  ["A7 a sidecar forwards the app's log", async (it) => {
    await it.open("sidecar");
    await it.run("kubectl apply -f classic.yaml");
    await it.run(ready("shop"));
    await it.sees(() => it.run("kubectl logs shop -c collector"), "forwarded: order 1");
    await it.run("kubectl apply -f native.yaml");
    await it.onStage(/pod shop-native, Completed/, /sidecar collector, Terminated/);
    has(await it.run("kubectl logs shop-native -c collector"), "order 5");
  }],
  ["A8 each pull policy does what it says", async (it) => {
    await it.open("image-pull-policy");
    await it.run("kubectl apply -f always.yaml -f if-not-present.yaml -f never.yaml");
    await it.run(ready("webmypod web-if-not-present"));
    const events = await it.run("kubectl get events");
    has(events, 'Successfully pulled image "nginx:1.14"', 'Container image "nginx:1.14" already present on machine', "ErrImageNeverPull");
    await it.onStage(/pod web-never, ErrImageNeverPull, READY 0\/1/);
  }],
  ["A9 requests decide where a Pod fits", async (it) => {
    await it.open("resources");
    has(await it.run("kubectl apply -f verbatim.yaml"), 'no matches for kind "Pod" in version "apps/v1"');
    await it.run("kubectl apply -f pod.yaml");
    await it.onStage(/pod webmypod, /, /cpu: \d+ % requested, \d+ % used/);
    const node = (await it.run("kubectl get pods -o wide")).match(/k8s-node-\d/)[0];
    has(await it.run(`kubectl describe node ${node}`), "Allocated resources:", /cpu\s+250m \(\d+%\)\s+500m/, /memory\s+64Mi \(\d+%\)\s+128Mi/);
    await it.run("kubectl apply -f big.yaml");
    await it.onStage("Pod big Pending", "Insufficient cpu");
  }],
  ["A10 restart policies and exit codes", async (it) => {
    await it.open("restart-policy");
    has(await it.run("kubectl apply -f verbatim.yaml"), "did not find expected key");
    await it.run("kubectl apply -f pod.yaml");
    await it.onStage("pod dns-test, Running, READY 1/1, 0 restarts");
    await it.run("kubectl apply -f six.yaml");
    await it.onStage(
      "pod onfailure-0, Completed", "pod never-0, Completed", "pod never-1, Error",
      /pod always-0, \w+, READY [01]\/1, [1-9]/, /pod always-1, \w+, READY [01]\/1, [1-9]/, /pod onfailure-1, \w+, READY [01]\/1, [1-9]/,
    );
    has(await it.run("kubectl get pods"), /never-1\s+0\/1\s+Error\s+0/, /onfailure-0\s+0\/1\s+Completed\s+0/);
  }],
  ["A11 probes kill a container and take a Pod out of its Service", async (it) => {
    await it.open("liveness-exec");
    has(await it.run("kubectl apply -f verbatim.yaml"), "did not find expected key");
    await it.run("kubectl apply -f pod.yaml -f long.yaml");
    await it.onStage(/pod liveness-exec, \w+, READY [01]\/1, [1-9]/, /pod liveness-long, \w+, READY [01]\/1, [1-9]/);
    has(await it.run("kubectl describe pod liveness-long"), "Liveness probe failed: cat: can't open '/tmp/healthy': No such file or directory", "Container liveness failed liveness probe, will be restarted");
    await it.run(`kubectl apply -f readiness.yaml && ${ready("ready")}`);
    const address = (await it.run("kubectl get pod ready -o jsonpath={.status.podIP}")).match(PUBLISHED)[0];
    await it.onStage("Service ready", `ready${address}`);
    await it.run("kubectl exec ready -- rm /tmp/ready");
    await it.onStage(/pod ready, Running, READY 0\/1/, "left out: app is not ready");
    await it.run("kubectl exec ready -- touch /tmp/ready");
    await it.onStage(/pod ready, Running, READY 1\/1/, `ready${address}`);
  }],
  ["A12 a Pod is created hop by hop", async (it) => {
    await it.open("life-of-a-pod");
    await it.run("kubectl get nodes");
    await it.pause();
    const revision = async () => Number((await it.stage()).match(/rev (\d+)/)[1]);
    const before = await revision();
    await it.typeLine("kubectl apply -f pod.yaml");
    await it.stepUntil("pod web, Pending");
    check(before < (await revision()), "etcd has a new revision");
    await it.stepUntil("pod web, ContainerCreating");
    has(await it.stage(), "decision");
    await it.stepUntil("pod web, Running, READY 1/1");
    await it.inspect("web", "Why");
    await it.sees("inspector", "How it came about", "You", "Scheduler", "kubelet on");
    await it.play();
    has(await it.run("kubectl describe pod web"), /Scheduled.*\n.*Pulling.*\n.*Pulled.*\n.*Created.*\n.*Started/);
  }],
  ["A13 a nodeSelector waits for its label", async (it) => {
    await it.open("node-selector");
    await it.run("kubectl apply -f pod.yaml");
    await it.onStage("Pod pod-example Pending", "didn't match Pod's node affinity/selector");
    has(await it.run("kubectl get nodes"), /k8s-master\s+Ready\s+control-plane/, /k8s-node-1\s+Ready\s+<none>/, /k8s-node-2\s+Ready/);
    has(await it.run("kubectl label node k8s-node-1 env=dev"), "node/k8s-node-1 labeled");
    await it.onStage("pod pod-example, Running");
    has((await it.podsOn("k8s-node-1")).join(), "pod pod-example");
  }],
  ["A14 node affinity, and a misspelt field with its fix", async (it) => {
    await it.open("node-affinity");
    has(await it.run("kubectl apply -f misspelt.yaml"), 'unknown field "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringException"');
    await it.take("misspelt.yaml");
    await it.sees("remarks", "Did you mean requiredDuringSchedulingIgnoredDuringExecution?");
    await it.button(/^Use requiredDuring/).first().click();
    await it.button(/^Use preferredDuring/).first().click();
    await it.sees(async () => `<${await it.remarks()}>`, "<>");
    await it.apply();
    await it.onStage("Pod pod-example Pending", "didn't match Pod's node affinity/selector");
    await it.run("kubectl label node k8s-node-2 env=qa");
    await it.onStage("pod pod-example, Running");
    has((await it.podsOn("k8s-node-2")).join(), "pod pod-example");
    await it.run("kubectl label node k8s-node-2 env- && kubectl apply -f preferred.yaml");
    await it.onStage("pod rather-dev, Running");
  }],
  ["A15 a taint keeps new Pods away", async (it) => {
    await it.open("taints");
    has(await it.run("kubectl taint node k8s-node-1 env=dev:NoSchedule"), "node/k8s-node-1 tainted");
    has(await it.run("kubectl describe node k8s-node-1 | grep Taint"), /Taints:\s+env=dev:NoSchedule/);
    has(await it.run("kubectl create deployment web --image=nginx"), "deployment.apps/web created");
    has(await it.run("kubectl scale deployment web --replicas=5"), "deployment.apps/web scaled");
    await it.run("kubectl rollout status deployment web");
    const pods = await it.run("kubectl get pods -o wide");
    check(pods.match(/k8s-node-2/g)?.length === 5 && !pods.includes("k8s-node-1"), pods);
    check((await it.podsOn("k8s-node-2")).length === 5, "five Pods stand on k8s-node-2");
    has(await it.run("kubectl taint nodes k8s-node-1 env:NoSchedule-"), "node/k8s-node-1 untainted");
    await it.run("kubectl scale deployment web --replicas=8 && kubectl rollout status deployment web");
    check((await it.podsOn("k8s-node-1")).length > 0, "new Pods may use k8s-node-1 again");
  }],
  ["A16 a toleration admits, its wrong indentation does not", async (it) => {
    await it.open("tolerations");
    has(await it.run("kubectl apply -f fragment.yaml"), "[apiVersion not set, kind not set]");
    has(await it.run("kubectl apply -f misindented.yaml"), 'unknown field "spec.effect"', 'unknown field "spec.operator"', 'unknown field "spec.value"');
    await it.take("misindented.yaml");
    await it.sees("remarks", "belongs below");
    await it.run("kubectl apply -f pod.yaml -f attracted.yaml");
    await it.onStage("pod tol, Running", "pod attracted, Running");
    has((await it.podsOn("k8s-node-1")).join(), "pod attracted");
  }],
  ["A17 a dead node's Pods are replaced by new ones, bare Pods are lost", async (it) => {
    await it.open("node-failure");
    await it.run(ready("bare"));
    const before = await it.run("kubectl get pods -o wide");
    await it.pace("10");
    await it.button(/^Chaos/).click();
    await it.button("power k8s-node-2").click();
    await it.page.keyboard.press("Escape");
    await it.onStage(/node k8s-node-2, NotReady \(Unknown\)/);
    await it.onStage(/pod bare, Terminating/);
    await it.sees(async () => String((await it.podsOn("k8s-node-1")).filter((pod) => /^pod web.*Running, READY 1/.test(pod)).length), "4");
    const after = await it.run("kubectl get pods -o wide");
    has(after, /bare\s+1\/1\s+Terminating/, /Terminating.*k8s-node-2/);
    const names = (text) => text.match(/web-\w+-\w+(?=\s+1\/1\s+Running)/g) ?? [];
    check(names(after).some((name) => !names(before).includes(name)), `new names in ${after}`);
    has(await it.run("kubectl get nodes"), /k8s-node-2\s+NotReady/);
  }],
  ["A18 every Pod reaches every other by IP", async (it) => {
    await it.open("flat-network");
    await it.run("kubectl apply -f pods.yaml");
    await it.run(ready("server client"));
    has((await it.podsOn("k8s-node-1")).join(), "pod server");
    has((await it.podsOn("k8s-node-2")).join(), "pod client");
    const address = (await it.run("kubectl get pod server -o jsonpath={.status.podIP}")).match(PUBLISHED)[0];
    has(await it.run(`kubectl exec client -- wget -qO- ${address}`), "Welcome to nginx!");
    has(await it.run(`kubectl exec client -- ping -c 2 ${address}`), "2 packets transmitted, 2 packets received, 0% packet loss");
  }],
  ["A19 what containers of a Pod share, and a limit that bites", async (it) => {
    await it.open("namespaces-cgroups");
    await it.run("kubectl apply -f shared-pid.yaml");
    await it.run(ready("shared apart"));
    has(await it.run("kubectl exec shared -c shell -- hostname"), "shared");
    has(await it.run("kubectl exec shared -c shell -- ps"), "/pause", "nginx");
    lacks(await it.run("kubectl exec apart -c shell -- ps"), "/pause", "nginx");
    await it.inspect("shared", "Inside");
    await it.sees("inspector", /shared by all.*pid.*apart.*mnt/);
    await it.inspect("apart", "Inside");
    await it.sees("inspector", /shared by all.*net.*apart.*pid/);
    await it.run("kubectl apply -f port-clash.yaml -f limit.yaml");
    await it.onStage(/pod conflict, \w+, READY [01]\/2, [1-9]/, /pod greedy, (OOMKilled|CrashLoopBackOff), READY 0\/1/);
    has(await it.run("kubectl describe pod greedy"), /Reason:\s+OOMKilled/, /Exit Code:\s+137/);
    has(await it.run("kubectl logs conflict -c two; kubectl logs conflict -c one"), "Address already in use");
  }],
  ["A20 dry run prints a template, a Pod is no apps/v1", async (it) => {
    await it.open("dry-run-and-kinds");
    has(await it.run("kubectl run qyl-centos --image=centos -oyaml --dry-run"), "kind: Pod", "name: qyl-centos", "image: centos", "dnsPolicy: ClusterFirst");
    await it.run("kubectl apply -f template.yaml");
    await it.onStage(/pod qyl-centos, \w+, READY 0\/1, [1-9]/);
    has(await it.run("kubectl apply -f wrong-version.yaml"), 'no matches for kind "Pod" in version "apps/v1"', "ensure CRDs are installed first");
    await it.take("wrong-version.yaml");
    await it.sees("remarks", "Pod lives in v1, not in apps/v1.");
    await it.button(/^Use v1/).first().click();
    await it.apply();
    await it.onStage("pod pod-example, Running");
  }],
];

// Why a Pod is where it is, or nowhere: theatre, table, clauses, smallest changes, queue, preemption.
import { check, clean, has, lacks, view } from "../page.mjs";

const REAL_TIME = "4";

const dialog = (it) => it.page.evaluate(() => document.querySelector("dialog")?.textContent ?? "");
const lit = (it) => it.page.evaluate(() => [...document.querySelectorAll(".node.lit .title")].map((node) => node.textContent));
const theatre = (it) => it.page.evaluate(() => document.querySelector(".theatre")?.textContent ?? "");

async function close(it) {
  await it.page.keyboard.press("Escape");
  await it.page.getByRole("dialog").waitFor({ state: "hidden" });
}

async function pending(it) {
  await it.open("node-selector");
  await view(it, "Terminal");
  await it.run("kubectl apply -f pod.yaml");
  await view(it, "Stage");
  await it.onStage("Pod pod-example Pending", "didn't match Pod's node affinity/selector");
}

const PREEMPTION = `
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: high}
value: 1000
---
apiVersion: v1
kind: Pod
metadata: {name: small}
spec:
  nodeSelector: {kubernetes.io/hostname: k8s-node-1}
  containers: [{name: app, image: nginx, resources: {requests: {cpu: 800m}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: large}
spec:
  nodeSelector: {kubernetes.io/hostname: k8s-node-2}
  containers: [{name: app, image: nginx, resources: {requests: {cpu: 1500m}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: also}
spec:
  nodeSelector: {kubernetes.io/hostname: k8s-node-1}
  containers: [{name: app, image: nginx, resources: {requests: {cpu: 800m}}}]
`;

async function sheets(it) {
  await pending(it);
  await it.pause();
  await it.button("Why?").first().click();
  await it.sees(() => dialog(it), "0/3 nodes are available", "Label a node", "Drop the node selector", "Nothing smaller");
  await clean(it, "decision");
  check(await it.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is wider than the page");
  await close(it);
  await it.page.getByRole("list", { name: "Scheduling queue" }).getByRole("button").first().click();
  await it.sees(() => dialog(it), "pod-example", "turned down by Affinity");
  await clean(it, "queue");
}

export default [
  ["S1 clauses light the nodes that they count", async (it) => {
    await pending(it);
    const clause = it.button(/didn't match Pod's node affinity/).first();
    await clause.focus();
    const nodes = await lit(it);
    check(nodes.join() === "k8s-node-1,k8s-node-2", `lit: ${nodes}`);
    await clause.evaluate((element) => element.blur());
    check((await lit(it)).length === 0, "nothing is lit any more");
    await it.button(/untolerated taint/).first().hover();
    check((await lit(it)).join() === "k8s-master", "the taint counts the control plane");
  }],
  ["S2 the table gives verdicts and scores, raw, normalised and weighted", async (it) => {
    await it.open("node-selector");
    await it.run("kubectl taint node k8s-node-2 slow=yes:PreferNoSchedule && kubectl run web --image=nginx");
    await it.onStage(/pod web, Running/);
    await it.button("decision").click();
    await it.sees(() => dialog(it), "k8s-node-1 was chosen for default/web", "untolerated taint", "TaintToleration ×3", "raw 1, normalised 0, times weight 3: 0", "raw 0, normalised 100, times weight 3: 300");
    const best = await it.page.locator("table.decision tr.best").textContent();
    has(best, "k8s-node-1");
  }],
  ["S3 ties say that the seed decides here", async (it) => {
    await it.open("node-selector");
    await it.run("kubectl run web --image=nginx");
    await it.onStage(/pod web, Running/);
    await it.button("decision").click();
    await it.sees(() => dialog(it), "2 nodes share the best score: k8s-node-1, k8s-node-2", "at random; here the seed decides");
  }],
  ["S4 the smallest change is previewed and made by a click", async (it) => {
    await pending(it);
    await it.button("Smallest fix").first().click();
    await it.sees(() => dialog(it), "kubectl label node k8s-node-1 env=dev", "Then it lands on k8s-node-1", "scheduling runs");
    const fix = it.page.getByRole("group", { name: "Label a node" }).first();
    await fix.hover();
    check((await lit(it)).join() === "k8s-node-1", "the node where it would land is lit");
    await fix.getByRole("button", { name: /^Apply/ }).click();
    await it.onStage(/pod pod-example, Running/);
    has((await it.podsOn("k8s-node-1")).join(), "pod pod-example");
    has(await it.terminal(), "kubectl label node k8s-node-1 env=dev");
  }],
  ["S5 what cannot be changed on a Pod is made anew", async (it) => {
    await pending(it);
    await it.button("Smallest fix").first().click();
    const fix = it.page.getByRole("group", { name: "Drop the node selector" }).first();
    await fix.getByText("Command").click();
    has(await fix.textContent(), "kubectl replace --force -f -", "deleted and made anew");
    await fix.getByRole("button", { name: /^Apply/ }).click();
    await it.onStage(/pod pod-example, Running/);
  }],
  ["S6 a decision is played on the stage, and can be skipped", async (it) => {
    await it.open("node-selector");
    await it.run("kubectl get nodes");
    await it.typeLine("kubectl apply -f pod.yaml");
    await it.sees(() => theatre(it), "default/pod-example", /Filter (NodeUnschedulable|NodeName|TaintToleration)/);
    await it.sees(() => theatre(it), "Filter NodeAffinity", "Has the node the labels");
    await it.onStage("Pod pod-example Pending");
    await it.sees(() => theatre(it), "No node is left");
    await it.sees(async () => (await theatre(it)) || "over", /^over$/);
    await it.typeLine("kubectl run web --image=nginx");
    await it.sees(() => theatre(it), "default/web", "Filter");
    lacks((await it.podsOn("k8s-node-1")).join() + (await it.podsOn("k8s-node-2")).join(), "pod web");
    await it.key("Escape");
    await it.sees(() => theatre(it), "Bound", "has the best score");
    await it.onStage(/pod web, (ContainerCreating|Running)/);
    await it.typeLine("kubectl run other --image=nginx");
    await it.sees(() => theatre(it), "default/other", "Filter");
    await it.button("Do not play").click();
    await it.typeLine("kubectl run third --image=nginx");
    await it.onStage(/pod third, /);
    check((await theatre(it)) === "", "nothing is played any more");
  }, { speed: REAL_TIME, reduced: false }],
  ["S7 without movement the same is told", async (it) => {
    await it.open("node-selector");
    await it.typeLine("kubectl apply -f pod.yaml");
    await it.onStage("Pod pod-example Pending", "untolerated taint", "didn't match Pod's node affinity/selector");
    check((await theatre(it)) === "", "nothing is played");
    await it.button("Why?").first().click();
    await it.sees(() => dialog(it), "Affinity: node(s) didn't match Pod's node affinity/selector");
    lacks(await dialog(it), "Play it on the stage");
  }, { speed: REAL_TIME }],
  ["S8 the queue tells what each Pod waits for", async (it) => {
    await pending(it);
    await it.run(`echo '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"held"},"spec":{"schedulingGates":[{"name":"example.com/wait"}],"containers":[{"name":"c","image":"nginx"}]}}' | kubectl apply -f -`);
    await it.onStage("Held by scheduling gates: example.com/wait");
    await it.page.getByRole("list", { name: "Scheduling queue" }).getByRole("button").first().click();
    const waiting = it.page.getByRole("region", { name: "waiting" });
    has(await waiting.textContent(), "pod-example", "a node's labels change", "at the latest in");
    has(await it.page.getByRole("region", { name: "gated" }).textContent(), "held", "example.com/wait", "its last gate is removed");
    await close(it);
    await it.page.getByRole("group", { name: "Pod held Pending" }).getByRole("button", { name: "Smallest fix" }).click();
    await it.page.getByRole("group", { name: "Remove the scheduling gate" }).getByRole("button", { name: /^Apply/ }).click();
    await it.onStage(/pod held, Running/);
  }],
  ["S9 preemption shows candidates and victims, and why one node", async (it) => {
    await it.open("node-selector");
    await it.write(PREEMPTION);
    await it.apply();
    await it.onStage(/pod small, Running/, /pod large, Running/, /pod also, Running/);
    await it.pause();
    await it.typeLine(`kubectl run vip --image=nginx --overrides='{"spec":{"priorityClassName":"high","containers":[{"name":"c","image":"nginx","resources":{"requests":{"cpu":"1500m"}}}]}}'`);
    await it.stepUntil("Pod vip Pending");
    await it.button("Why?").first().click();
    await it.sees(() => dialog(it), "Preemption", "k8s-node-2 is nominated", "There the priorities of the victims add up to the least", "default/small", "default/also", "default/large", "priority 0");
    await close(it);
    await it.play();
    await it.onStage(/pod vip, Running/);
    has((await it.podsOn("k8s-node-2")).join(), "pod vip");
  }],
  ["S10 axe 1440 light", sheets],
  ["S10 axe 1440 dark", sheets, { dark: true }],
  ["S10 axe 390 light", sheets, { width: 390, height: 844 }],
  ["S10 axe 390 dark", sheets, { width: 390, height: 844, dark: true }],
];

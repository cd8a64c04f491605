// What a kubelet does, as the page shows it: memory, processes, logs, chips, and what can be broken inside a Pod.
import { clean, has, lacks, view } from "../page.mjs";

const LEAK = `apiVersion: v1
kind: Pod
metadata:
  name: leak
  annotations:
    playground.dev/app.memory-curve: 0s:10Mi,20s:40Mi,40s:80Mi
spec:
  containers:
  - name: app
    image: nginx
    resources: {requests: {memory: 64Mi}, limits: {memory: 128Mi}}
  - name: side
    image: busybox
    command: [sh, -c, 'echo hello from the side; sleep 3600']
`;

const PROBED = `apiVersion: v1
kind: Pod
metadata: {name: probed}
spec:
  containers:
  - name: app
    image: busybox
    command: [sh, -c, 'touch /tmp/healthy; sleep 4; rm /tmp/healthy; sleep 600']
    readinessProbe: {exec: {command: ["true"]}, periodSeconds: 2, successThreshold: 2}
    livenessProbe: {exec: {command: [cat, /tmp/healthy]}, periodSeconds: 2}
`;

async function running(it, manifest = LEAK, name = "leak", ready = "2/2") {
  await it.write(manifest);
  await it.apply();
  await it.onStage(`pod ${name}, Running, READY ${ready}`);
}

export default [
  ["memory is drawn against request and limit", async (it) => {
    await running(it);
    await it.inspect("leak", "Inside");
    await it.sees("inspector", "request 64 MiB", "limit 128 MiB: above it the kernel kills");
    await it.sees(() => it.page.locator("#inspector-body .curve polyline").first().getAttribute("points"), /^\d+,\d+( \d+,\d+){5,}$/);
    await it.pause();
    await clean(it, "inside");
  }],

  ["a process is killed by its button, and the command is printed", async (it) => {
    await running(it);
    await it.inspect("leak", "Inside");
    await it.page.getByRole("button", { name: /^Kill process 1 \(.*nginx/ }).first().click();
    await it.sees(() => it.page.locator(".toasts").textContent(), /fault process kill \S+ \d+/);
    await it.onStage(/pod leak, .*1 restarts/);
  }],

  ["logs by container", async (it) => {
    await running(it);
    await it.inspect("leak", "Logs");
    await it.sees("inspector", "hello from the side");
    await it.page.getByRole("group", { name: "Whose logs" }).getByRole("button", { name: "app" }).click();
    await it.sees(async () => String((await it.inspector()).includes("hello from the side")), "false");
    await it.page.getByRole("group", { name: "Whose logs" }).getByRole("button", { name: "side" }).click();
    await it.sees("inspector", "hello from the side");
  }],

  ["labels and taints are edited on the node", async (it) => {
    await it.onStage(/node \S+, Ready/);
    await it.button(/^Add a label or taint to /).first().click();
    await it.page.keyboard.type("env=dev");
    await it.page.keyboard.press("Enter");
    await it.sees("terminal", /kubectl label node \S+ env=dev --overwrite/);
    await it.button("Change env=dev").click();
    await it.page.keyboard.press("Control+a");
    await it.page.keyboard.type("env=prod");
    await it.page.keyboard.press("Enter");
    await it.button("Change env=prod").waitFor();
    await it.button(/^Add a label or taint to /).first().click();
    await it.page.keyboard.type("env=dev:NoSchedul");
    await it.page.keyboard.press("Enter");
    await it.page.getByText("That is neither key=value nor key=value:Effect.").waitFor();
    await clean(it, "a chip that is wrong");
    await it.page.keyboard.type("e");
    await it.page.keyboard.press("Enter");
    await it.button("Remove the taint env=dev:NoSchedule").click();
    await it.sees("terminal", /kubectl taint node \S+ env=dev:NoSchedule-/);
  }],

  ["a container is broken from within, by buttons that are commands", async (it) => {
    await running(it);
    await it.pod("leak").first().getByRole("button").first().click();
    await it.button(/^Chaos/).click();
    await clean(it, "chaos of a Pod");
    await it.button("leak memory: app").click();
    await it.page.keyboard.press("Escape");
    await it.sees("terminal", "kubectl exec -n default leak -c app -- tail /dev/zero", "137");
  }],

  ["a Pod is chosen for chaos where none was", async (it) => {
    await running(it);
    await it.page.keyboard.press("Escape");
    await it.button(/^Chaos/).click();
    await it.page.getByRole("combobox", { name: "Inside a Pod" }).selectOption({ label: "default/leak" });
    await it.button("Kill container side").click();
    await it.onStage(/pod leak, .*1 restarts/);
  }],

  ["probes count, and say when they look next", async (it) => {
    await it.pace("4");
    await it.write(PROBED);
    await it.apply();
    await it.onStage(/ready 1\/2 passed, next in /);
    await it.onStage(/live [12]\/3 failed, next in /);
    await it.inspect("probed", "Now");
    await it.sees("inspector", "STATUS", "phase");
  }],

  ["inside a phone", async (it) => {
    await view(it, "Manifest");
    await it.write(LEAK);
    await it.button(/^Apply/).click();
    await it.onStage("pod leak, Running, READY 2/2");
    await it.inspect("leak", "Inside");
    await it.sees("inspector", "request 64 MiB");
    lacks(String(await it.page.evaluate(() => document.documentElement.scrollWidth > innerWidth)), "true");
    has(await it.inspector(), "pause");
  }, { width: 390, height: 844 }],
];

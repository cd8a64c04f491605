// Takes the pictures of docs/pictures/ from dist/: `node tests/e2e/pictures.mjs`.
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { launch } from "./browser.mjs";
import { Playground } from "./page.mjs";
import { serve } from "./server.mjs";

const OUT = fileURLToPath(new URL("../../docs/pictures/", import.meta.url));
/// JPEG at this quality keeps each picture small and its text readable.
const QUALITY = 36;

const SCENES = {
  a05: ["init-war", "kubectl apply -f pod.yaml -f second.yaml", [/pod javaweb-2, Running/, /javaweb-3/], "javaweb-2", "Inside"],
  a11: ["liveness-exec", "kubectl apply -f long.yaml -f readiness.yaml", [/pod liveness-long, Running, READY 1\/1, [1-9]/, /pod ready, Running/], "liveness-long", "Now"],
  a15: ["taints", "kubectl taint node k8s-node-1 env=dev:NoSchedule; kubectl create deployment web --image=nginx --replicas=5", [/node k8s-node-2, Ready, 5 Pods/, /pod web-.*Running/], null, null],
  a17: ["node-failure", "fault node fail k8s-node-2", [/node k8s-node-2, NotReady/, /pod bare, Terminating/], "bare", "Now"],
};

async function take(browser, server, name, width, dark) {
  const [scenario, line, seen, pod, tab] = SCENES[name];
  const it = await Playground.open(browser, server, { width, height: width < 600 ? 844 : 900, dark, hash: `#v=1&scenario=${scenario}&lang=en` });
  const narrow = width < 600;
  const view = (name) => it.page.getByRole("navigation", { name: "Views" }).getByRole("button", { name }).click();
  if (narrow) await view("Terminal");
  await it.prompt();
  await it.typeLine(line);
  if (narrow) await view("Stage");
  await it.onStage(...seen);
  await it.pause();
  if (pod && !narrow) await it.inspect(pod, tab);
  await it.page.evaluate(() => document.activeElement?.blur());
  const path = `${OUT}${name}-${width}-${dark ? "dark" : "light"}.jpg`;
  await it.page.screenshot({ path, type: "jpeg", quality: QUALITY });
  await it.close();
  console.log(path);
}

await mkdir(OUT, { recursive: true });
const chosen = process.argv.slice(2);
const server = await serve();
const browser = await launch();
for (const name of Object.keys(SCENES).filter((it) => chosen.length === 0 || chosen.includes(it))) {
  for (const width of [1440, 390]) {
    for (const dark of [false, true]) await take(browser, server, name, width, dark);
  }
}
await browser.close();
server.close();

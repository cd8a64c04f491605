// axe finds nothing, in both themes, wide and narrow, on the stage, in every view and sheet.
import { check, clean, view } from "../page.mjs";

async function busy(it) {
  await it.open("liveness-exec");
  await view(it, "Terminal");
  await it.typeLine("kubectl apply -f long.yaml -f readiness.yaml; kubectl create deployment web --image=nginx --replicas=2");
  await view(it, "Stage");
  await it.onStage(/pod liveness-long, Running/, /pod web-.*Running/, "Service ready");
  await it.pause();
}

async function wide(it) {
  await busy(it);
  await clean(it, "stage and lesson");
  await it.write("apiVersion: apps/v1\nkind: Pod\nmetadata:\n  name: x\nspec:\n  containres: []\n");
  await it.sees("remarks", "line");
  await clean(it, "manifest with remarks");
  for (const tab of ["Now", "Why", "Inside", "YAML", "Events", "Logs"]) {
    await it.inspect("liveness-long", tab);
    await clean(it, tab);
  }
  await it.dockTab(/^Events/);
  await clean(it, "events");
  for (const [key, name] of [["/", "Scenarios"], ["?", "What this is"], ["Control+s", "Share this session"]]) {
    await it.key(key);
    await it.page.getByRole("dialog", { name }).waitFor();
    await clean(it, name);
    await it.page.keyboard.press("Escape");
    await it.page.getByRole("dialog").waitFor({ state: "hidden" });
  }
  await it.button(/^Chaos/).click();
  await clean(it, "chaos");
}

async function narrow(it) {
  await busy(it);
  for (const name of ["Lesson", "Manifest", "Inspector", "Timeline", "Terminal", "Stage"]) {
    await view(it, name);
    await clean(it, name);
  }
  check(await it.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "nothing is wider than the page");
}

export default [
  ["axe 1440 light", wide],
  ["axe 1440 dark", wide, { dark: true }],
  ["axe 390 light", narrow, { width: 390, height: 844 }],
  ["axe 390 dark", narrow, { width: 390, height: 844, dark: true }],
];

// What people type and what containers do: the page goes on.
import { deflateRawSync } from "node:zlib";
import { check, has } from "../page.mjs";

const POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n  - name: app\n    image: nginx\n";
const pod = (name, command) => `apiVersion: v1\nkind: Pod\nmetadata:\n  name: ${name}\nspec:\n  containers:\n  - name: app\n    image: busybox\n    command: ${JSON.stringify(command)}\n`;

/// After something bad a good manifest still applies, and the page answers.
async function goesOn(it) {
  await it.answersInTime();
  await it.write(POD);
  await it.apply();
  await it.onStage("pod web, Running, READY 1/1");
}

export default [
  ["a syntax error is underlined on its line", async (it) => {
    await it.write("apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n   labels: {}\n");
    await it.sees("remarks", "line 5", "mapping values are not allowed in this context");
    await it.page.locator(".cm-line", { hasText: "labels" }).locator(".cm-lintRange-error").first().waitFor();
    await it.apply();
    await it.sees(() => it.page.locator(".toasts").textContent(), "error");
    await goesOn(it);
  }],

  ["an unknown field has a fix that one click applies", async (it) => {
    await it.write(POD.replace("containers", "containres"));
    await it.sees("remarks", "line 6", 'unknown field "spec.containres"', "Did you mean containers?");
    await it.button("Use containers").click();
    await it.sees(async () => `<${await it.remarks()}>`, "<>");
    await it.apply();
    await it.onStage("pod web, Running, READY 1/1");
  }],

  ["a kind that does not exist", async (it) => {
    await it.write(POD.replace("kind: Pod", "kind: Pods"));
    await it.sees("remarks", 'no matches for kind "Pods" in version "v1"');
    await it.apply();
    await it.sees(() => it.page.locator(".toasts").textContent(), 'no matches for kind "Pods" in version "v1"');
    await goesOn(it);
  }],

  ["five megabytes", async (it) => {
    const long = `${POD}${"# nothing but words, line after line, and more of them\n".repeat(90_000)}`;
    await it.answersInTime(() => it.write(long));
    await it.answersInTime(() => it.page.waitForTimeout(300));
    await goesOn(it);
  }],

  ["ten thousand levels", async (it) => {
    await it.answersInTime(() => it.write(`a: ${"[".repeat(10_000)}${"]".repeat(10_000)}\n`));
    await it.answersInTime(() => it.page.waitForTimeout(300));
    await it.answersInTime(() => it.write(Array.from({ length: 2_000 }, (_, level) => `${" ".repeat(level)}a:\n`).join("")));
    await it.answersInTime(() => it.page.waitForTimeout(300));
    await it.apply();
    await goesOn(it);
  }],

  ["links that are damaged, or far larger than they look", async (it) => {
    const packed = (text) => deflateRawSync(text).toString("base64url");
    for (const [z, told] of [
      ["$$$", "this link is damaged: z"],
      [packed('{"i":[]}').slice(0, -4), "this link is damaged: z"],
      [packed('{"i":['), "this link is damaged: z"],
      [packed(Buffer.alloc(64 << 20, " ")), "this link is too large"],
    ]) {
      await it.page.goto("about:blank");
      await it.page.goto(`${it.server.url}#v=1&lang=en&z=${z}`);
      await it.page.locator(".toasts", { hasText: told }).waitFor();
    }
    await goesOn(it);
  }],

  ["a browser that neither packs nor unpacks says so", async (it) => {
    const page = await it.context.newPage();
    await page.addInitScript(() => {
      delete globalThis.CompressionStream;
      delete globalThis.DecompressionStream;
    });
    const told = page.locator(".toasts", { hasText: "nothing here packs or unpacks links" });
    await page.goto(`${it.server.url}#v=1&lang=en&z=${deflateRawSync('{"m":"# mine"}').toString("base64url")}`);
    await told.waitFor();
    await told.waitFor({ state: "hidden" });
    await page.locator(".cm-content").click();
    await page.keyboard.type("# mine");
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press("Control+s");
    await told.waitFor();
    await page.close();
  }],

  ["a bomb of aliases", async (it) => {
    const levels = Array.from({ length: 12 }, (_, level) => `l${level + 1}: &l${level + 1} [${Array(9).fill(`*l${level}`).join(", ")}]`);
    await it.answersInTime(() => it.write(`l0: &l0 [bang]\n${levels.join("\n")}\n`));
    await it.answersInTime(() => it.page.waitForTimeout(300));
    await it.apply();
    await goesOn(it);
  }],

  ["a container that loops and one that prints without end", async (it) => {
    await it.write(`${pod("loop", ["sh", "-c", "while true; do :; done"])}---\n${pod("chatter", ["yes"])}---\n${pod("shout", ["sh", "-c", "while true; do echo again; done"])}`);
    await it.apply();
    await it.onStage("pod loop, Running", "pod chatter, Running", "pod shout, Running");
    for (let count = 0; count < 5; count += 1) await it.answersInTime();
    has(await it.run("kubectl get pods"), /chatter\s+1\/1\s+Running/, /loop\s+1\/1\s+Running/);
    has(await it.run("kubectl logs chatter --tail=2"), "y\ny");
    await it.run("kubectl delete pod loop chatter shout --now");
    await it.onStage(/0 Pods$/);
  }, { speed: "5" }],

  ["a loop at the workstation ends at Ctrl+C", async (it) => {
    await it.prompt();
    await it.typeLine("while true; do echo round; done");
    await it.sees("terminal", "round\nround");
    await it.answersInTime();
    await it.page.keyboard.press("Control+c");
    await it.sees("terminal", /\^C\s+~ #\s*$/);
    has(await it.run("echo still here"), "still here");
  }],

  ["hash and address full of nonsense", async (it) => {
    await it.visit("#v=1&scenario=no-such&z=%%%&t=-5&lang=xx");
    await it.onStage("Control plane");
    await it.visit("#v=99&z=AAAA");
    await it.onStage("Control plane");
    check((await it.clock()).startsWith("00:"), "time runs");
  }],

  ["a trap in WebAssembly is told kindly", async (it) => {
    await it.page.evaluate(() => setTimeout(() => {
      const types = [1, 4, 1, 96, 0, 0], functions = [3, 2, 1, 0], exports = [7, 5, 1, 1, 102, 0, 0];
      const unreachable = [10, 5, 1, 3, 0, 0, 11];
      const bytes = [0, 97, 115, 109, 1, 0, 0, 0, ...types, ...functions, ...exports, ...unreachable];
      new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes))).exports.f();
    }));
    await it.page.locator("#crash").waitFor({ state: "visible" });
    await it.answersInTime();
    // Of this trap alone; what else the page complains of still counts.
    it.complaints = it.complaints.filter((text) => text !== "error: unreachable");
  }],
];

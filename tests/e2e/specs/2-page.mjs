// The page itself: how it starts, keys, languages, themes, time.
import { inflateRawSync } from "node:zlib";
import { check, has } from "../page.mjs";

const focused = (it) => it.page.evaluate(() => document.activeElement.closest(".cm-editor, .terminal-host")?.className ?? "");

/// A Pod that has been restarted, at a moment that is paused.
async function restarted(it) {
  await it.open("liveness-exec");
  await it.run("kubectl apply -f pod.yaml");
  await it.onStage(/pod liveness-exec, \w+, READY [01]\/1, [2-9]/);
  await it.pause();
}

/// What the browser says of files that were kept back is no complaint of the page.
function ofTheNetwork(it) {
  it.complaints = it.complaints.filter((text) => !text.startsWith("console: Failed to load resource"));
}

/// What is packed in a link, as any other program reads it.
const unpacked = (link) => inflateRawSync(Buffer.from(/&z=([\w-]+)$/.exec(link)[1], "base64url")).toString();

export default [
  ["first paint says what comes, without scripts", async (it) => {
    await it.page.getByText("A whole Kubernetes cluster starts in this tab.").waitFor();
    await it.page.locator("noscript p").waitFor();
  }, { scripts: false }],

  ["starts at any path, in little time", async (it) => {
    check((await it.page.evaluate(() => location.pathname)) === "/some/folder/", "the server serves from a sub-path");
    await it.onStage("Control plane", /node \S+, Ready/);
    has(await it.page.title(), "Pod Playground");
    has(await it.run("kubectl version"), "Server Version: v1.36");
  }],

  ["keys play, pause, step, go back, change the pace", async (it) => {
    await it.open("life-of-a-pod");
    await it.run("kubectl apply -f pod.yaml");
    await it.onStage("pod web, Running, READY 1/1");
    await it.key("Space");
    await it.button("Play (Space)").waitFor();
    const now = await it.clock();
    await it.key("ArrowLeft");
    await it.sees(async () => String((await it.clock()) < now), "true");
    await it.key("End");
    await it.sees("clock", now);
    await it.key("ArrowLeft");
    await it.sees(async () => String((await it.clock()) < now), "true");
    const earlier = await it.clock();
    await it.key("ArrowRight");
    await it.sees(async () => String(earlier < (await it.clock())), "true");
    await it.key("Home");
    await it.onStage(/ 0 Pods$/);
    const start = await it.clock();
    await it.key("Shift+ArrowRight");
    await it.sees(async () => String(start < (await it.clock())), "true");
    const speed = it.page.getByRole("combobox", { name: "Speed" });
    await it.key("[");
    await it.sees(() => speed.inputValue(), "7");
    await it.key("]");
    await it.sees(() => speed.inputValue(), "8");
    await it.key("?");
    const help = it.page.getByRole("dialog", { name: "What this is" });
    await help.waitFor();
    await it.page.keyboard.press("Escape");
    await help.waitFor({ state: "hidden" });
    await it.key("/");
    const scenarios = it.page.getByRole("dialog", { name: "Scenarios" });
    await scenarios.waitFor();
    await it.page.keyboard.press("Escape");
    await scenarios.waitFor({ state: "hidden" });
    await it.key("Space");
    await it.button("Pause (Space)").waitFor();
  }],

  ["Ctrl+Enter applies from the editor, Escape then Tab leaves it", async (it) => {
    await it.open("life-of-a-pod");
    await it.leftTab("Manifest");
    await it.page.locator(".cm-content").click();
    await it.page.keyboard.press("Control+Enter");
    await it.onStage("pod web, Running, READY 1/1");
    await it.page.locator(".cm-content").click();
    await it.page.keyboard.press("Tab");
    has(await focused(it), "cm-editor");
    await it.page.keyboard.press("Escape");
    await it.page.keyboard.press("Tab");
    check((await focused(it)) === "", "Tab after Escape leaves the editor");
    await it.page.locator(".terminal-host textarea").focus();
    await it.page.keyboard.press("Escape");
    await it.page.keyboard.press("Tab");
    check((await focused(it)) === "", "Tab after Escape leaves the terminal");
  }],

  ["the scenario menu opens a scenario, its commands run by a click", async (it) => {
    await it.page.getByRole("banner").getByRole("button").first().click();
    await it.page.getByRole("searchbox").fill("taint");
    await it.page.getByRole("dialog").getByRole("button", { name: /taint/i }).first().click();
    await it.page.getByRole("region", { name: "Lesson" }).getByRole("button", { name: "kubectl taint node k8s-node-1 env=dev:NoSchedule" }).click();
    await it.onStage("env=dev:NoSchedule");
    await it.sees("terminal", "node/k8s-node-1 tainted");
  }],

  ["light and dark, kept over a reload", async (it) => {
    const theme = () => it.page.evaluate(() => document.documentElement.dataset.theme + getComputedStyle(document.body).backgroundColor);
    const light = await theme();
    has(light, "light");
    await it.button("Light or dark").click();
    await it.sees(theme, "dark");
    check((await theme()).slice(4) !== light.slice(5), "the background follows");
    await it.visit("");
    has(await theme(), "dark");
  }],

  ["Chinese, with the terms of Kubernetes as they are", async (it) => {
    await it.open("init-order");
    await it.run("kubectl apply -f pod.yaml");
    await it.button("中 / EN").click();
    await it.sees(() => it.page.evaluate(() => document.documentElement.lang), "zh-CN");
    has(await it.page.title(), "标签页里的 Kubernetes 集群");
    await it.button("暂停 (空格)").waitFor();
    await it.onStage("pod steps, Running, READY 1/1", "控制平面");
    await it.page.getByRole("tab", { name: "课程" }).click();
    await it.sees(() => it.page.getByRole("region", { name: "课程", exact: true }).textContent(), /[\u4e00-\u9fff]{4}/);
    await it.pod("steps").getByRole("button").first().click();
    await it.sees("inspector", /steps.*(就绪|运行)/);
  }],

  ["only the words of the language that is read are fetched", async (it) => {
    const fetched = [];
    it.page.on("request", (request) => fetched.push(/words[^/]*$/.exec(request.url())?.[0]));
    const words = () => fetched.filter(Boolean).join(" ");
    await it.visit("#v=1&scenario=why-pods&lang=zh-CN");
    has(words(), /^words-\w+\.zh-CN\.json$/);
    has(await it.page.title(), "标签页里的 Kubernetes 集群");
    await it.page.getByRole("tab", { name: "课程" }).click();
    await it.sees(() => it.page.getByRole("list").first().textContent(), /[\u4e00-\u9fff]{4}/);
    await it.button("中 / EN").click();
    await it.page.getByRole("region", { name: "Lesson", exact: true }).waitFor();
    has(words(), /^words-\w+\.zh-CN\.json words-\w+\.en\.json$/);
    await it.button("中 / EN").click();
    await it.page.getByRole("region", { name: "课程", exact: true }).waitFor();
    check(words().split(" ").length === 2, `words were fetched again: ${words()}`);
  }],

  ["words that do not arrive leave the page in its language, with a sentence", async (it) => {
    await it.page.route("**/words*.zh-CN.json", (route) => route.abort());
    await it.button("中 / EN").click();
    await it.page.getByText("The words of the other language could not be fetched.").waitFor();
    check((await it.page.evaluate(() => document.documentElement.lang)) === "en", "the language stays");
    await it.button("Pause (Space)").waitFor();
    await it.page.unroute("**/words*.zh-CN.json");
    await it.button("中 / EN").click();
    await it.button("暂停 (空格)").waitFor();
    ofTheNetwork(it);
  }],

  ["the language may change before the editor and the terminal are there", async (it) => {
    const scripts = [];
    await it.page.route(/(editor|terminal)\.js$/, (route) => scripts.push(route));
    await it.page.goto("about:blank");
    await it.page.goto(`${it.server.url}#v=1&lang=zh-CN`);
    await it.sees(async () => String(scripts.length), "2");
    await it.button("中 / EN").click();
    await it.button("Pause (Space)").waitFor();
    await Promise.all(scripts.map((route) => route.continue()));
    await it.page.locator(".cm-content").waitFor({ state: "attached" });
    has(await it.run("kubectl version"), "Server Version: v1.36");
  }],

  ["without any words the page says so", async (it) => {
    await it.page.route("**/words*.json", (route) => route.fulfill({ status: 503 }));
    await it.page.goto("about:blank");
    await it.page.goto(`${it.server.url}#v=1&lang=zh-CN`);
    await it.page.getByRole("heading", { name: "本页面的文字没有加载成功" }).waitFor();
    await it.page.unroute("**/words*.json");
    await it.button(/重新加载/).click();
    await it.button("暂停 (空格)").waitFor();
    ofTheNetwork(it);
  }],

  ["time goes back and forth to the same states", async (it) => {
    await restarted(it);
    const [clock, stage, terminal] = [await it.clock(), await it.stage(), await it.terminal()];
    await it.seek(0.2);
    await it.sees(async () => String((await it.clock()) < clock), "true");
    await it.sees(async () => String((await it.stage()) !== stage), "true");
    await it.key("End");
    await it.sees("clock", clock);
    check((await it.stage()) === stage, `not the same stage:\n${stage}\n---\n${await it.stage()}`);
    await it.sees("terminal", terminal.trim());
  }],

  ["a link holds the whole session", async (it) => {
    await restarted(it);
    const [clock, stage] = [await it.clock(), await it.stage()];
    const link = await it.link();
    await it.visit(`${link}&paused=1`);
    await it.sees("clock", clock);
    await it.sees("stage", stage);
  }],

  ["a session is shared by the clipboard and as a file", async (it) => {
    await it.context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await restarted(it);
    const [clock, stage] = [await it.clock(), await it.stage()];
    const link = await it.link();
    await it.sees(() => it.page.evaluate(() => navigator.clipboard.readText()), `${it.server.url}${link}`);
    has(unpacked(link), "kubectl apply -f pod.yaml");
    await it.open("life-of-a-pod", "&paused=1");
    await it.key("Control+s");
    const file = { name: "pod-playground.txt", mimeType: "text/plain", buffer: Buffer.from(link.slice(1)) };
    await it.page.locator("input[type=file]").setInputFiles(file);
    await it.sees("clock", clock);
    await it.sees("stage", stage);
  }],

  ["what was typed a moment ago is shared", async (it) => {
    await it.open("life-of-a-pod", "&paused=1");
    await it.page.locator(".cm-content").click();
    await it.page.keyboard.type("# mine");
    has(unpacked(await it.link()), "# mine");
  }],

  ["the way out of an embedded page follows what is done", async (it) => {
    await it.open("life-of-a-pod", "&embed=1&paused=1");
    await it.key("Control+Enter");
    const out = it.page.getByRole("link", { name: "Open in the playground" });
    const address = await it.sees(() => out.getAttribute("href"), "&z=");
    has(unpacked(address), '{"a":{"file":"pod.yaml"');
  }],

  ["a reload loses nothing", async (it) => {
    await restarted(it);
    await it.write("# mine\napiVersion: v1\nkind: Pod\n");
    const stage = await it.stage();
    await it.page.waitForFunction(() => {
      const kept = localStorage["pod-playground.session"];
      const same = kept === globalThis.keptBefore;
      globalThis.keptBefore = kept;
      return kept && same;
    }, null, { polling: 2_200 });
    await it.page.evaluate(() => history.replaceState(null, "", location.pathname));
    await it.visit("");
    await it.pause();
    await it.onStage("pod liveness-exec, ");
    check(stage.includes("liveness-exec"), "it was there before");
    has(await it.page.locator(".cm-content").textContent(), "# mine");
  }],
];

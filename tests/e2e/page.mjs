// The page as somebody uses it: by roles and names, with virtual time that is fast or stepped, never slept through.
import { mkdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { axeSource } from "./browser.mjs";

const OUT = fileURLToPath(new URL("./out/", import.meta.url));
// All waiting is for a state; this only ends a wait for what never comes, on however slow a machine.
const PATIENCE = 45_000;
/// Index of 100× among the speeds of the page.
const FAST = "8";

export class Playground {
  static async open(browser, server, options = {}) {
    const { width = 1440, height = 900, dark = false, scripts = true, speed = FAST, hash, reduced = true } = options;
    const context = await browser.newContext({
      viewport: { width, height }, colorScheme: dark ? "dark" : "light", javaScriptEnabled: scripts, locale: "en-US",
      reducedMotion: reduced ? "reduce" : "no-preference", hasTouch: width < 600, serviceWorkers: "block",
    });
    const it = new Playground(context, server, options);
    await context.addInitScript(keepTerminal);
    await context.addInitScript(keepSpeed, speed);
    it.page = await context.newPage();
    it.page.setDefaultTimeout(PATIENCE);
    it.watch();
    await it.visit(hash ?? "#v=1&lang=en");
    return it;
  }

  constructor(context, server, options) {
    Object.assign(this, { context, server, options, complaints: [] });
  }

  watch() {
    this.page.on("console", (it) => { if (it.type() === "error") this.complaints.push(`console: ${it.text()}`); });
    this.page.on("pageerror", (it) => this.complaints.push(`error: ${it.message}`));
    this.page.on("request", (it) => {
      const foreign = !it.url().startsWith(`${this.server.origin}/`) && !/^(data|blob):/.test(it.url());
      if (foreign) this.complaints.push(`request: ${it.url()}`);
    });
  }

  /// Opens an address of the playground anew; what is saved in the browser stays.
  async visit(hash) {
    await this.page.goto("about:blank");
    await this.page.goto(this.server.url + hash);
    if (this.options.scripts === false) return;
    await this.page.locator("#shell").waitFor({ state: "detached", timeout: PATIENCE });
    await this.page.waitForFunction(() => globalThis.terminalOfPage && document.querySelector(".cm-content"), null, { timeout: PATIENCE });
  }

  close() {
    return this.context.close();
  }

  checkQuiet() {
    if (this.complaints.length > 0) throw new Error(`the page complained:\n${this.complaints.join("\n")}`);
  }

  async photograph(name) {
    await mkdir(OUT, { recursive: true });
    await this.page.screenshot({ path: `${OUT}${name}.png` });
  }

  open(id, more = "") {
    return this.visit(`#v=1&scenario=${id}&lang=en${more}`);
  }

  // --- what one sees ---

  button(name) {
    return this.page.getByRole("button", { name });
  }

  pod(name) {
    return this.page.getByRole("article", { name: new RegExp(`^pod ${name},`) });
  }

  /// What stands on the stage for whoever has it read aloud: every group's and Pod's name, and its text.
  stage() {
    return this.page.evaluate(() => {
      const stage = document.querySelector("#stage").cloneNode(true);
      for (const it of stage.querySelectorAll("[aria-hidden=true]")) it.remove();
      const names = [...stage.querySelectorAll("[aria-label]")].map((it) => it.getAttribute("aria-label"));
      return [...names, stage.textContent].join("\n");
    });
  }

  /// Names of the Pods on a node, or of those that no node has.
  podsOn(node) {
    return this.page.evaluate((node) => {
      const place = node ? document.querySelector(`[data-station="kubelet-${node}"]`) : document.querySelector(".unbound");
      return [...place.querySelectorAll("article")].map((it) => it.getAttribute("aria-label"));
    }, node);
  }

  terminal() {
    return this.page.evaluate(() => globalThis.terminalOfPage.text());
  }

  clock() {
    return this.page.getByRole("timer").textContent();
  }

  /// Waits until `look` (a method's name or a function) answers a text that has all of `parts`.
  async sees(look, ...parts) {
    const until = Date.now() + PATIENCE;
    for (;;) {
      const text = await (typeof look === "string" ? this[look]() : look());
      const missing = parts.find((it) => (it instanceof RegExp ? !it.test(text) : !text.includes(it)));
      if (missing === undefined) return text;
      if (until < Date.now()) throw new Error(`not seen in time: ${missing}\nin: …${String(text).trim().slice(-1500)}`);
      await this.page.waitForTimeout(30);
    }
  }

  onStage(...parts) {
    return this.sees("stage", ...parts);
  }

  // --- what one does ---

  /// A command line at the workstation, to its end; answers what it printed.
  async run(line, { wait = true } = {}) {
    const before = await this.prompt();
    const lines = await this.linesPrinted();
    await this.typeLine(line);
    if (!wait) return "";
    const after = await this.prompt(lines);
    // What has left the terminal at its top is missing there.
    const at = after.startsWith(before) ? before.length + 1 : after.lastIndexOf(line.split("\n").at(-1));
    return after.slice(at + line.length + 1);
  }

  /// How many lines have ever been printed: the terminal itself forgets the first ones.
  linesPrinted() {
    return this.page.evaluate(() => globalThis.terminalLines);
  }

  /// Waits until more than `lines` were printed and the last is a prompt; answers the terminal's text.
  prompt(lines = -1) {
    // Looked at in one go: between two looks a line may be counted that is not on the screen yet.
    const look = (lines) => {
      const it = globalThis.terminalOfPage;
      return it?.settled() && lines < globalThis.terminalLines ? it.text().trimEnd() : "";
    };
    return this.sees(() => this.page.evaluate(look, lines), /[~/]\S* #$|(^|\n)[#$]$/);
  }

  /// Pastes a line and presses Enter, without waiting for anything.
  async typeLine(line) {
    await this.page.evaluate((line) => {
      const clipboardData = new DataTransfer();
      clipboardData.setData("text/plain", line);
      const area = document.querySelector(".terminal-host textarea");
      area.focus({ preventScroll: true });
      area.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
    }, line);
    await this.page.keyboard.press("Enter");
  }

  /// The last command that follows something ends at Ctrl+C.
  async interrupt() {
    await this.page.locator(".terminal-host textarea").focus();
    await this.page.keyboard.press("Control+c");
    await this.prompt();
  }

  leftTab(name) {
    return this.page.getByRole("tablist", { name: "Lesson and manifest" }).getByRole("tab", { name }).click();
  }

  dockTab(name) {
    return this.page.getByRole("tablist", { name: "Timeline, events, terminal" }).getByRole("tab", { name }).click();
  }

  /// Puts a text into the editor, as a drop of a file does.
  async write(text) {
    await this.leftTab("Manifest");
    await this.page.evaluate((text) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([text], "manifest.yaml"));
      document.querySelector(".editor").dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    }, text);
  }

  async apply() {
    await this.leftTab("Manifest");
    await this.button(/^Apply/).click();
  }

  /// One of the scenario's own manifests, from the lesson into the editor.
  async take(document) {
    await this.leftTab("Lesson");
    await this.page.getByRole("button", { name: document, exact: true }).click();
  }

  remarks() {
    return this.page.evaluate(() => document.querySelector(".remarks")?.textContent ?? "");
  }

  async inspect(pod, tab) {
    await this.pod(pod).first().getByRole("button").first().click();
    await this.page.getByRole("tab", { name: tab, exact: true }).click();
  }

  inspector() {
    return this.page.evaluate(() => document.querySelector("#inspector-body").textContent);
  }

  /// A key of the page, wherever the focus was.
  async key(key) {
    await this.page.evaluate(() => document.activeElement?.blur());
    await this.page.keyboard.press(key);
  }

  pause() {
    return this.button("Pause (Space)").click();
  }

  play() {
    return this.button("Play (Space)").click();
  }

  /// One of the page's speeds, by its index: 4 is real time, 10 is 1000×.
  pace(index) {
    return this.page.getByRole("combobox", { name: "Speed" }).selectOption(index);
  }

  /// Steps event by event until the stage shows `part`.
  async stepUntil(part, limit = 400) {
    for (let count = 0; count < limit; count += 1) {
      const text = await this.stage();
      if (part instanceof RegExp ? part.test(text) : text.includes(part)) return text;
      await this.key(".");
      await this.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => done())));
    }
    throw new Error(`never shown within ${limit} steps: ${part}`);
  }

  /// Milliseconds until the page has answered to `act` with two frames.
  async answersAfter(act) {
    const start = Date.now();
    await act();
    await this.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    return Date.now() - start;
  }

  /// The page answers within two seconds on a busy machine; a build for development, ten times as slow, within ten.
  async answersInTime(act = async () => {}) {
    const took = await this.answersAfter(act);
    const limit = this.server.optimised ? 2_000 : 10_000;
    check(took <= limit, `the page answered after ${took} ms, not within ${limit}`);
  }

  /// The address of the whole session, without the part before `#`.
  async link() {
    await this.key("Control+s");
    const address = await this.page.getByRole("textbox", { name: "Address" }).inputValue();
    await this.page.keyboard.press("Escape");
    return address.slice(address.indexOf("#"));
  }

  /// Travels to a share of the timeline.
  async seek(share) {
    const box = await this.page.getByRole("slider", { name: "Instant shown" }).boundingBox();
    await this.page.mouse.click(box.x + box.width * share, box.y + box.height / 2);
  }
}

/// The speed before anybody chose one.
function keepSpeed(speed) {
  if (location.protocol === "http:") localStorage["pod-playground.speed"] ??= speed;
}

/// Keeps the terminal that the page makes, so that tests read what stands in it.
function keepTerminal() {
  let kept;
  Object.defineProperty(globalThis, "PlaygroundTerminal", {
    configurable: true,
    get: () => kept,
    set(value) {
      const { create } = value;
      value.create = (...given) => {
        const made = create(...given);
        const { write } = made;
        globalThis.terminalLines = 0;
        made.write = (text) => {
          globalThis.terminalLines += text.split("\n").length - 1;
          write(text);
        };
        return (globalThis.terminalOfPage = made);
      };
      kept = value;
    },
  });
}

const axe = await readFile(axeSource, "utf8");

/// axe finds nothing.
export async function clean(it, where) {
  await it.page.evaluate(axe);
  const found = await it.page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return violations.flatMap((rule) => rule.nodes.slice(0, 3).map((node) => `${rule.id}: ${node.html.slice(0, 160)} ${node.any[0]?.message ?? node.all[0]?.message ?? ""}`));
  });
  check(found.length === 0, `${where}:\n${found.join("\n")}`);
}

/// A narrow page shows one part at a time.
export async function view(it, name) {
  if ((it.options.width ?? 1440) < 1200) await it.page.getByRole("navigation", { name: "Views" }).getByRole("button", { name }).click();
}

export function check(found, words) {
  if (!found) throw new Error(words);
}

export function has(text, ...parts) {
  for (const it of parts) check(it instanceof RegExp ? it.test(text) : text.includes(it), `no ${it} in: ${String(text).trim().slice(-1500)}`);
}

export function lacks(text, ...parts) {
  for (const it of parts) check(it instanceof RegExp ? !it.test(text) : !text.includes(it), `${it} should not be in: ${String(text).trim().slice(0, 1500)}`);
}

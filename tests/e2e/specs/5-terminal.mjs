// The terminal as one has it in the fingers, and what the editor knows.
import { check, has } from "../page.mjs";

/// Keys to the terminal, one after the other.
async function press(it, ...keys) {
  await it.page.locator(".terminal-host textarea").focus();
  for (const key of keys) {
    if (key.length > 1 && !/^(Arrow|Control|Tab|Enter|Home|End|Backspace|Escape)/.test(key)) await it.page.keyboard.type(key);
    else await it.page.keyboard.press(key);
  }
}

/// What is seen of it, without the scroll-back.
const screen = (it) => it.page.evaluate(() => document.querySelector(".xterm-rows").textContent);

const last = async (it) => (await it.terminal()).trimEnd().split("\n").at(-1);

export default [
  ["arrow keys, Tab and Ctrl keys at the prompt", async (it) => {
    await it.open("taints");
    await it.prompt();
    await press(it, "echo one", "Enter");
    await it.sees("terminal", /\none\n/);
    await it.prompt();
    await press(it, "echo two", "Control+a", "Control+e", "Control+w", "three", "Enter");
    await it.sees("terminal", /\nthree\n/);
    await it.prompt();
    await press(it, "ArrowUp", "ArrowUp");
    await it.sees(() => last(it), /# echo one$/);
    await press(it, "ArrowDown", "Control+u", "kub", "Tab", "des", "Tab", "nod", "Tab", "k8s-node-1", "Enter");
    await it.sees("terminal", /kubectl describe nodes k8s-node-1/, "Name:               k8s-node-1");
    await it.prompt();
    await press(it, "Control+l");
    await it.sees(async () => String((await screen(it)).includes("echo one")), "false");
    await press(it, "abc", "Control+c");
    await it.sees("terminal", "abc^C");
  }],

  ["a shell in a container, to and fro", async (it) => {
    await it.open("life-of-a-pod");
    await it.run("kubectl apply -f pod.yaml");
    await it.onStage("pod web, Running, READY 1/1");
    await it.run("kubectl exec -it web -- sh");
    await it.run("hostname");
    await it.sees("terminal", /\nweb\n/);
    await it.run("exit");
    await it.run("hostname");
    await it.sees("terminal", /\nworkstation\n/);
  }],

  ["several pasted lines run in order", async (it) => {
    await it.prompt();
    await it.typeLine("echo first\necho second");
    await it.sees("terminal", /\nfirst\n[^]*\nsecond\n/);
  }],

  ["why names the command that was typed", async (it) => {
    await it.prompt();
    await press(it, "kubectl run typed --image=nginx", "Enter");
    await it.onStage("pod typed, Running");
    await it.inspect("typed", "Why");
    await it.sees("inspector", "kubectl run typed --image=nginx");
  }],

  ["a future that was left is a grey branch to return to", async (it) => {
    await it.open("life-of-a-pod");
    await it.run("kubectl apply -f pod.yaml");
    await it.onStage("pod web, Running, READY 1/1");
    await it.key("Home");
    await it.onStage(/0 Pods/);
    await it.run("kubectl run other --image=nginx", { wait: false });
    await it.play();
    await it.onStage("pod other, Running");
    await it.page.getByRole("button", { name: /^other future/ }).click();
    await it.onStage("pod web, Running");
    check(!(await it.stage()).includes("pod other,"), "the other future had no such Pod");
  }],

  ["the editor completes fields and values, and tells what a field is", async (it) => {
    await it.write("apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n  - name: app\n    image: nginx\n");
    await it.page.locator(".cm-content").click();
    await it.page.keyboard.press("Control+End");
    await it.page.keyboard.type("  restartP");
    await it.page.locator(".cm-tooltip-autocomplete li", { hasText: "restartPolicy" }).waitFor();
    await it.page.keyboard.press("Escape");
    await it.page.keyboard.type("olicy: Ne");
    await it.page.locator(".cm-tooltip-autocomplete li", { hasText: "Never" }).waitFor();
    await it.page.keyboard.press("Escape");
    await it.page.locator(".cm-line", { hasText: "image: nginx" }).hover({ position: { x: 40, y: 8 } });
    has(await it.page.locator(".cm-about").textContent(), "spec.containers[].image", "string");
  }],

  ["the editor colours, indents, folds and searches YAML", async (it) => {
    await it.write("apiVersion: v1\nkind: Pod # one\nmetadata:\n  name: web\nspec:\n  containers:\n  - name: app\n    image: busybox\n    args: [a, 'b: c']\n    command:\n    - |\n      echo: x\n");
    const colours = () => it.page.evaluate(() => {
      const spans = [...document.querySelectorAll(".cm-line span")];
      return Object.fromEntries(spans.map((span) => [span.textContent.trim(), getComputedStyle(span).color]));
    });
    await it.sees(async () => Object.keys(await colours()).join("\n"), "kind", "Pod", "# one", "'b: c'", "echo: x");
    const { kind, args, Pod, ...rest } = await colours();
    check(kind === args && kind !== Pod, "keys have a colour of their own");
    check(rest["'b: c'"] === Pod && rest["echo: x"] === Pod && rest["# one"] !== Pod, "texts look like texts, comments do not");
    await it.page.locator(".cm-line", { hasText: "args" }).click();
    await it.page.keyboard.press("End");
    await it.page.keyboard.type("\ntty: true");
    await it.sees(() => it.page.locator(".cm-line", { hasText: "tty" }).textContent(), /^ {4}tty: true$/);
    await it.page.locator(".cm-line", { hasText: "containers" }).click();
    await it.page.keyboard.press("Control+Shift+BracketLeft");
    await it.page.locator(".cm-foldPlaceholder").waitFor();
    check((await it.page.locator(".cm-line", { hasText: "name: app" }).count()) === 0, "the list is folded away");
    await it.page.keyboard.press("Control+f");
    await it.page.keyboard.type("busybox");
    await it.page.keyboard.press("Enter");
    await it.page.locator(".cm-searchMatch-selected", { hasText: "busybox" }).waitFor();
  }],
];

// Whole-page tests: `node tests/e2e/run.mjs [NAME…]` against dist/. Prints `ok NAME` or `not ok NAME` a line.
import { readdir } from "node:fs/promises";
import { launch } from "./browser.mjs";
import { Playground } from "./page.mjs";
import { serve } from "./server.mjs";

// Ends a test that hangs; no test waits for time to pass.
const PATIENCE = 180_000;
const chosen = process.argv.slice(2);
const folder = new URL("./specs/", import.meta.url);
const files = (await readdir(folder)).filter((it) => it.endsWith(".mjs")).sort();
const server = await serve();
const browser = await launch();
let failed = 0;

async function attempt(name, test, options) {
  let page;
  let timer;
  try {
    page = await Playground.open(browser, server, options);
    const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`no end after ${PATIENCE} ms`)), PATIENCE); });
    await Promise.race([test(page), late]);
    page.checkQuiet();
    return null;
  } catch (error) {
    await page?.photograph(`failed-${name.replaceAll(/\W+/g, "-")}`).catch(() => {});
    return String(error?.message ?? error).slice(0, 2000).replaceAll("\n", "\n  ");
  } finally {
    clearTimeout(timer);
    await page?.close();
  }
}

for (const file of files) {
  const { default: tests } = await import(new URL(file, folder));
  for (const [name, test, options = {}] of tests) {
    if (chosen.length > 0 && !chosen.some((it) => name.startsWith(it))) continue;
    const error = await attempt(name, test, options);
    if (error) failed += 1;
    console.log(error ? `not ok ${name}\n  ${error}` : `ok ${name}`);
  }
}
await browser.close();
server.close();
process.exit(failed === 0 ? 0 : 1);

// Whole-page tests: `node tests/e2e/run.mjs [NAME…]` against dist/. Prints `ok NAME` or `not ok NAME` a line.
// A test named in known.txt may fail: it prints `known NAME` then and counts neither way. That list only shrinks.
import { readdir, readFile } from "node:fs/promises";
import { launch } from "./browser.mjs";
import { Playground } from "./page.mjs";
import { serve } from "./server.mjs";

const PATIENCE = 60_000;
const chosen = process.argv.slice(2);
const folder = new URL("./specs/", import.meta.url);
const files = (await readdir(folder)).filter((it) => it.endsWith(".mjs")).sort();
const known = new Set((await readFile(new URL("./known.txt", import.meta.url), "utf8")).split("\n").filter(Boolean));
const server = await serve();
const browser = await launch();
let failed = 0;
for (const file of files) {
  const { default: tests } = await import(new URL(file, folder));
  for (const [name, test, options = {}] of tests) {
    if (chosen.length > 0 && !chosen.some((it) => name.startsWith(it))) continue;
    const page = await Playground.open(browser, server, options);
    try {
      let timer;
      const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`no end after ${PATIENCE} ms`)), PATIENCE); });
      await Promise.race([test(page), late]).finally(() => clearTimeout(timer));
      page.checkQuiet();
      console.log(`ok ${name}${known.has(name) ? " (take it out of known.txt)" : ""}`);
    } catch (error) {
      const expected = known.has(name);
      failed += expected ? 0 : 1;
      console.log(`${expected ? "known" : "not ok"} ${name}\n  ${String(error?.message ?? error).slice(0, 2000).replaceAll("\n", "\n  ")}`);
      await page.photograph(`failed-${name.replaceAll(/\W+/g, "-")}`).catch(() => {});
    } finally {
      await page.close();
    }
  }
}
await browser.close();
server.close();
process.exit(failed === 0 ? 0 : 1);

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
// A machine that is busy with something else gets a second try; the line says so.
const TRIES = 2;

async function attempt(name, test, options) {
  const page = await Playground.open(browser, server, options);
  let timer;
  try {
    const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`no end after ${PATIENCE} ms`)), PATIENCE); });
    await Promise.race([test(page), late]);
    page.checkQuiet();
    return null;
  } catch (error) {
    await page.photograph(`failed-${name.replaceAll(/\W+/g, "-")}`).catch(() => {});
    return String(error?.message ?? error).slice(0, 2000).replaceAll("\n", "\n  ");
  } finally {
    clearTimeout(timer);
    await page.close();
  }
}

for (const file of files) {
  const { default: tests } = await import(new URL(file, folder));
  for (const [name, test, options = {}] of tests) {
    if (chosen.length > 0 && !chosen.some((it) => name.startsWith(it))) continue;
    const expected = known.has(name);
    let error = await attempt(name, test, options);
    let tries = 1;
    for (; error && !expected && tries < TRIES; tries += 1) error = await attempt(name, test, options);
    if (error) {
      failed += expected ? 0 : 1;
      console.log(`${expected ? "known" : "not ok"} ${name}\n  ${error}`);
    } else {
      console.log(`ok ${name}${tries > 1 ? " (second try)" : ""}${expected ? " (take it out of known.txt)" : ""}`);
    }
  }
}
await browser.close();
server.close();
process.exit(failed === 0 ? 0 : 1);

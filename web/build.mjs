// Bundles the editor and the terminal into target/web/, one self-contained script each, and each language's words into a file.
// Run by Trunk's pre_build hook and by `cargo xtask build`; needs `npm ci` in this folder first.
import { build } from "esbuild";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { shorten, wordsOf } from "./shorten.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..");
const out = join(root, "target", "web");
const xterm = join(here, "node_modules/@xterm/xterm");
await mkdir(out, { recursive: true });

// xterm.js is built from its own TypeScript: its published bundle has been compiled once already and keeps every name.
const fromSource = {
  name: "xterm",
  setup(build) {
    build.onResolve({ filter: /^(browser|common)\// }, ({ path }) => {
      const unused = /\/(BufferDecorationRenderer|OverviewRulerRenderer|DecorationService|CharacterJoinerService)$/.test(path);
      const file = ["ts", "d.ts"].map((it) => join(xterm, `src/${path}.${it}`)).find(existsSync);
      return { path: unused ? join(here, "src/unused.js") : file, sideEffects: false };
    });
  },
};

// `cargo xtask build`, which makes the published site, names itself here. Shortening takes some seconds.
const published = Boolean(process.env.XTASK);
const { outputFiles } = await build({
  absWorkingDir: here,
  entryPoints: { editor: "src/editor.js", terminal: "src/terminal.js" },
  outdir: out,
  bundle: true,
  write: false,
  minify: !published,
  format: "iife",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  plugins: [fromSource],
  tsconfigRaw: { compilerOptions: { experimentalDecorators: true, useDefineForClassFields: false } },
});
// What our own files name is what the page, our scripts and the packages call each other by.
const ours = new Set();
for (const file of await readdir(join(here, "src"))) wordsOf(await readFile(join(here, "src", file), "utf8"), ours);
for (const { path, text } of outputFiles) await writeFile(path, published ? await shorten(text, ours) : text);
await copyFile(join(xterm, "css/xterm.css"), join(out, "xterm.css"));

// The page's words as they are, and each lesson's Markdown by its id. Titles and summaries of the lessons are in the
// program: the menu searches them in both languages.
const folders = (await readdir(join(root, "lessons"))).filter((it) => /^\d\d-/.test(it)).sort();
for (const language of ["en", "zh-CN"]) {
  const page = JSON.parse(await readFile(join(root, `locales/${language}.json`), "utf8"));
  const lessons = {};
  for (const folder of folders) {
    const text = await readFile(join(root, "lessons", folder, `${language}.md`), "utf8");
    lessons[folder.slice(3)] = text.replace(/^# .*\n+> .*\n+/, "");
  }
  await writeFile(join(out, `words.${language}.json`), JSON.stringify({ page, lessons }));
}

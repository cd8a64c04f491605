// Trunk's post_build hook: what can only be known once the page is built.
//
// - The Content-Security-Policy allows Trunk's inline boot script by its hash: 'sha256-boot' in the meta tag stands for it.
// - The published site's WebAssembly is put into the order that compresses best; its own script and styles are minified.
// - The words' files get a hash into their names: new words and an old program, or the other way round, never meet.
// - worker.js learns which files belong to this version.
import { transform } from "esbuild";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { shortenModule } from "./shorten.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const dist = process.env.TRUNK_STAGING_DIR ?? join(here, "..", "dist");
const index = join(dist, "index.html");
let page = await readFile(index, "utf8");
// `cargo xtask build` names itself here. The page vouches for the hashes of its files.
const xtask = process.env.XTASK;
const seal = (content) => createHash("sha384").update(content).digest("base64");
async function remake(name, make) {
  const file = join(dist, name);
  const before = seal(await readFile(file));
  await make(file);
  page = page.replaceAll(before, seal(await readFile(file)));
}
const css = async (text) => (await transform(text, { loader: "css", minify: true })).code;
for (const name of xtask ? await readdir(dist) : []) {
  if (name.endsWith(".wasm")) await remake(name, (file) => execFileSync(xtask, ["order", file], { stdio: "inherit" }));
  if (name.endsWith(".css")) await remake(name, async (file) => writeFile(file, await css(await readFile(file, "utf8"))));
  if (name.startsWith("pod-playground") && name.endsWith(".js")) {
    await remake(name, async (file) => writeFile(file, await shortenModule(await readFile(file, "utf8"))));
  }
}
if (xtask) {
  for (const [, style] of page.matchAll(/<style>([^]*?)<\/style>/g)) {
    const short = await css(style);
    page = page.replace(style, () => short);
  }
}
for (const language of ["en", "zh-CN"]) {
  const name = `words.${language}.json`;
  const hash = createHash("sha256").update(await readFile(join(dist, name))).digest("hex").slice(0, 16);
  const sealed = `words-${hash}.${language}.json`;
  await rename(join(dist, name), join(dist, sealed));
  page = page.replace(`./${name}`, `./${sealed}`);
}
const inline = [...page.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)].map((it) => it[1]).filter(Boolean);
const hashes = inline.map((it) => `'sha256-${createHash("sha256").update(it).digest("base64")}'`);
page = page.replace("'sha256-boot'", hashes.join(" "));
if (!page.includes("offline.js")) page = page.replace("</body>", '<script src="./offline.js" defer></script></body>');
await writeFile(index, page);

await writeFile(join(dist, "offline.js"), await readFile(join(here, "src/offline.js")));
const files = (await readdir(dist, { recursive: true, withFileTypes: true }))
  .filter((it) => it.isFile() && it.name !== "worker.js")
  .map((it) => join(it.parentPath ?? it.path, it.name))
  .sort();
const version = createHash("sha256");
for (const file of files) version.update(await readFile(file));
const names = files.map((it) => `./${it.slice(dist.length + 1)}`);
const worker = (await readFile(join(here, "src/worker.js"), "utf8"))
  .replace("self.__FILES__", JSON.stringify(names))
  .replace("self.__VERSION__", JSON.stringify(version.digest("hex").slice(0, 16)));
await writeFile(join(dist, "worker.js"), worker);

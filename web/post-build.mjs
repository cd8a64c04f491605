// Trunk's post_build hook: what can only be known once the page is built.
//
// - The Content-Security-Policy allows Trunk's inline boot script by its hash: 'sha256-boot' in the meta tag stands for it.
// - The published site's WebAssembly is put into the order that compresses best.
// - worker.js learns which files belong to this version.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const dist = process.env.TRUNK_STAGING_DIR ?? join(here, "..", "dist");
const index = join(dist, "index.html");
let page = await readFile(index, "utf8");
// `cargo xtask build` names itself here; the page vouches for the file's hash.
const xtask = process.env.XTASK;
for (const name of xtask ? (await readdir(dist)).filter((it) => it.endsWith(".wasm")) : []) {
  const seal = async () => createHash("sha384").update(await readFile(join(dist, name))).digest("base64");
  const before = await seal();
  execFileSync(xtask, ["order", join(dist, name)], { stdio: "inherit" });
  page = page.replaceAll(before, await seal());
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

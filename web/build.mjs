// Bundles the editor and the terminal into target/web/, one self-contained script each.
// Run by Trunk's pre_build hook and by `cargo xtask build`; needs `npm ci` in this folder first.
import { build } from "esbuild";
import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "target", "web");
await mkdir(out, { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: { editor: "src/editor.js", terminal: "src/terminal.js" },
  outdir: out,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
});
await copyFile(join(here, "node_modules/@xterm/xterm/css/xterm.css"), join(out, "xterm.css"));

// Serves dist/ from a sub-path, as a project page of a static host would, and notes every request.
import { createServer } from "node:http";
import { readFile, readdir, stat } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const DIST = fileURLToPath(new URL("../../dist", import.meta.url));
export const SUB_PATH = "/some/folder/";
const TYPES = {
  ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm",
  ".json": "application/json", ".svg": "image/svg+xml", ".png": "image/png", ".webmanifest": "application/manifest+json",
};

/// A build for development is far larger than one that is shipped.
const OPTIMISED_MAX = 8 << 20;

async function isOptimised() {
  const program = (await readdir(DIST)).find((it) => it.endsWith(".wasm"));
  return (await stat(join(DIST, program))).size < OPTIMISED_MAX;
}

export async function serve() {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, "http://localhost").pathname;
    const name = normalize(path.slice(SUB_PATH.length - 1)).replace(/^(\.\.[/\\])+/, "");
    const file = join(DIST, name.endsWith("/") ? `${name}index.html` : name);
    try {
      if (!path.startsWith(SUB_PATH)) throw new Error("outside the sub-path");
      const body = await readFile(file);
      response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return { origin, optimised: await isOptimised(), url: origin + SUB_PATH, close: () => server.close() };
}

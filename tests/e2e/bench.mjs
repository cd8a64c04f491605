// Runs benchmarks in a browser's WebAssembly: node bench.mjs FOLDER NAME…; prints `what<TAB>value` lines.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { launch } from "./browser.mjs";

const [folder, ...names] = process.argv.slice(2);
const TYPES = { ".js": "text/javascript", ".wasm": "application/wasm" };

const server = createServer(async (request, response) => {
  const path = new URL(request.url, "http://localhost").pathname;
  if (path === "/") return response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html>");
  try {
    const body = await readFile(join(folder, path.replace(/\.\./g, "")));
    response.writeHead(200, { "content-type": TYPES[extname(path)] ?? "application/octet-stream" }).end(body);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const browser = await launch();
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  for (const name of names) {
    process.stdout.write(await page.evaluate(async (name) => {
      const program = await import("/bench.js");
      await program.default();
      return program.bench(name);
    }, name));
  }
} finally {
  await browser.close();
  server.close();
}

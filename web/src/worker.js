// Keeps the site's files for later visits. FILES and VERSION are filled in by post-build.mjs.
const FILES = self.__FILES__;
const CACHE = `pod-playground-${self.__VERSION__}`;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (names) => names.filter((it) => it.startsWith("pod-playground-") && it !== CACHE);
  event.waitUntil(caches.keys().then((names) => Promise.all(old(names).map((it) => caches.delete(it)))).then(() => self.clients.claim()));
});

// The page itself comes from the network where there is one, so that a new version is seen at once; its files carry
// a hash in their names or belong to this version's cache.
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || new URL(request.url).origin !== location.origin) return;
  if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(() => caches.match("./index.html", { ignoreSearch: true })));
  } else {
    event.respondWith(caches.match(request, { ignoreSearch: true }).then((found) => found ?? fetch(request)));
  }
});

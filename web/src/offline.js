// Registers the worker that keeps the page for later visits without a network. Loaded after everything else.
if ("serviceWorker" in navigator && location.protocol !== "file:") {
  addEventListener("load", () => navigator.serviceWorker.register("./worker.js").catch(() => {}));
}

// Works without a network: keeps the checking program, the trust files, the status pages and the
// public proofs that were fetched. Never a page or a bundle: those name people. The line before
// this one is the server's: FILES, by version.
const SHELL = `shell ${FILES[0]}`;
const KEPT = "kept";
const MOST = 400;
const KEEP = /^\/(trust\/[a-z.]+|status\/\d+\.tlog-proof|v\/[a-z2-7]{16}\.tlog-proof)$/;

addEventListener("install", (event) => {
  const whole = async () => {
    const shell = await caches.open(SHELL);
    await shell.addAll(FILES);
    // The visit that brings the worker has fetched these already, past it.
    await (await caches.open(KEPT)).addAll(["/trust/log.policy", "/trust/issuers.json"]);
    await skipWaiting();
  };
  event.waitUntil(whole());
});

addEventListener("activate", (event) => {
  const tidy = async () => {
    for (const name of await caches.keys()) {
      if (name !== SHELL && name !== KEPT) await caches.delete(name);
    }
    await clients.claim();
  };
  event.waitUntil(tidy());
});

async function keep(request, response) {
  const kept = await caches.open(KEPT);
  await kept.put(request, response);
  const old = (await kept.keys()).filter(({ url }) => /\/v\//.test(url));
  await Promise.all(old.slice(0, Math.max(0, old.length - MOST)).map((each) => kept.delete(each)));
}

async function answer(request, path) {
  const stored = await caches.match(request, { ignoreSearch: request.mode === "navigate" });
  if (/^\/(assets|static)\//.test(path) && stored) return stored;
  try {
    const response = await fetch(request);
    // The page that is kept is in the language, and the letters, that were chosen last.
    if (/[?&]display=/.test(request.url)) await (await caches.open(SHELL)).add("/offline").catch(() => {});
    // A proof that was compared with its paper says so, and is not put aside for one that was not.
    if (KEEP.test(path) && response.ok && !stored?.headers.has("x-paper")) await keep(request, response.clone());
    return response;
  } catch (error) {
    const page = request.mode === "navigate" && (await caches.match("/offline"));
    if (!stored && !page) throw error;
    return stored ?? page;
  }
}

addEventListener("fetch", (event) => {
  const { origin, pathname } = new URL(event.request.url);
  if (origin === location.origin && event.request.method === "GET") {
    event.respondWith(answer(event.request, pathname));
  }
});

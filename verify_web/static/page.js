// The result page: the visitor's browser checks for itself what the site's server has answered.
// Where it cannot tell, the answer is the server's and labelled so; where its own answer is
// another, the worse one stands. Nothing turns green here that the server did not call valid.
import { readBundle, readProofFile, readQr, readTrust } from "./forms.js";
import { base64, hex, isGood, join, sha256, unhex } from "./log.js";
import { Unsupported, included, reportOf, verify, verifyInLog, verifyQr } from "./verify.js";
import { $, comparePaper, pageShows, put, show, showState, showStep, words } from "./view.js";

const { token, verdict: theirs } = $("#result").dataset;
const POLICY = "log.policy";

// RFC 8032 §7.1, test 1: a browser that has Ed25519 says yes to it, and no to a changed one.
async function hasEd25519() {
  const key = unhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  const signature = unhex(
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  );
  if (!globalThis.crypto?.subtle) return false;
  const none = new Uint8Array();
  const yes = await isGood("ed25519", key, none, signature);
  signature[0] ^= 1;
  return yes === true && (await isGood("ed25519", key, none, signature)) === false;
}

// A finding that ends the checks: the state to show, and the text that says why.
class Ended extends Error {
  constructor(state, key) {
    super(key);
    Object.assign(this, { state, key });
  }
}

async function get(address, options) {
  const response = await fetch(address, { cache: "no-cache", ...options });
  if (!response.ok) throw Object.assign(new Ended("cannot-say", "no-evidence"), { status: response.status });
  return response.text();
}

// The policy that this browser kept from the first visit, or null; a browser may refuse to keep.
function kept(served) {
  try {
    const before = localStorage.getItem(POLICY);
    if (before === null) localStorage.setItem(POLICY, served);
    return before;
  } catch {
    return null;
  }
}

async function trusted() {
  const [policy, issuers] = await Promise.all([get("/trust/log.policy"), get("/trust/issuers.json")]);
  const trust = await readTrust(policy, issuers);
  const before = kept(policy);
  trust.other = before !== null && before !== policy;
  $("#policy").textContent = trust.digest;
  show("#pinned", before === null ? "first-visit" : trust.other ? "other-policy" : "kept-policy");
  if (trust.other) offer(policy);
  return trust;
}

function offer(policy) {
  const button = document.createElement("button");
  put(button, words.say.adopt);
  button.onclick = () => {
    localStorage.setItem(POLICY, policy);
    location.reload();
  };
  $("#by").append(button);
}

// The log's leaves from one on, and the roots before them.
async function tail(start, size) {
  const { edge, entries } = JSON.parse(await get(`/tail/${start}/${size}`));
  return { edge: edge.map(base64), entries: entries.map(base64) };
}

function readPaper(digits) {
  try {
    return readQr(digits);
  } catch {
    throw new Ended("cannot-say", "damaged-qr");
  }
}

// The whole bundle, for whoever has the paper's own signature.
async function bundleFor(qr) {
  const body = join(unhex(qr.keyId), qr.signature);
  try {
    return await get(`/v/${token}.certbundle.json`, { method: "POST", body });
  } catch (error) {
    if (error.status !== 403) throw error;
    // The site says that this is another's paper; what the page shows tells whether that is so.
    throw comparePaper(qr) ? new Ended("cannot-say", "no-evidence") : new Ended("invalid", "other-paper");
  }
}

async function withPaper(digits, trust, when) {
  const qr = readPaper(digits);
  const said = await verifyQr(qr, trust, when);
  const [first, second] = said.steps;
  if (first.reason === "record-foreign-host") throw new Ended("foreign-site", "foreign-site");
  if (said.verdict === "invalid") {
    for (const step of [first, second]) showStep(step, when.now);
    throw new Ended("invalid", "differs");
  }
  const file = await bundleFor(qr);
  const report = await verify(readBundle(file), trust, when);
  report.steps.forEach((step) => showStep(step, when.now));
  const { record } = report;
  const agrees = record && Object.keys(qr).every((name) => !(name in record) || record[name] === qr[name]);
  const shown = comparePaper(qr) && (theirs !== "valid" || (record && pageShows(record)));
  if (!agrees) throw new Ended("invalid", "other-paper");
  if (!shown) throw new Ended("invalid", "other-page");
  const link = $("#bundle > a");
  link.href = URL.createObjectURL(new Blob([file], { type: "application/json" }));
  link.download = "certificate.certbundle.json";
  $("#bundle").hidden = false;
  return { report, by: "by-browser", part: "here", keep: () => remember(file, qr) };
}

// For a later visit without a network: the public proof, and which paper it was compared with.
async function remember(file, qr) {
  const { entry, proof, status } = JSON.parse(file);
  const extra = btoa(JSON.stringify({ entry, status }));
  const written = proof.replace("\n", `\nextra ${extra}\n`);
  const headers = { "X-Paper": hex(await sha256(qr.signed)) };
  const kept = await caches.open("kept");
  await kept.put(`/v/${token}.tlog-proof`, new Response(written, { headers }));
  const page = `/status/${Math.floor(status.index / 4096)}.tlog-proof`;
  const newest = await fetch(page);
  if (newest.ok) await kept.put(page, newest);
}

// Without the paper's code: all but the content and the issuer's signature.
async function withoutPaper(trust, when) {
  const evidence = readProofFile(await get(`/v/${token}.tlog-proof`));
  const told = Object.fromEntries([...document.querySelectorAll("#compared [data-field]")].map((row) => [row.dataset.field, row.dataset.value]));
  const named = { number: told.number, edition: +told.edition, prefix: told.number?.slice(0, 13) };
  const [inclusion, ...rest] = await verifyInLog(evidence, named, trust, when);
  const part = { ...inclusion };
  if (part.reason === "inclusion-no-opening") Object.assign(part, { answer: "valid", reason: included(part) });
  const steps = [part, ...rest];
  steps.forEach((step) => showStep(step, when.now));
  const theirs = ["record", "signature"].map((code) => ({ code, reason: code, answer: $(`[data-step=${code}]`).dataset.answer }));
  return { report: reportOf([...theirs, ...steps], null), by: "by-both", part: "part" };
}

async function check() {
  if (!(await hasEd25519())) throw new Unsupported();
  show("#by > p", "working");
  const [baseUrl] = (location.origin + location.pathname).split("/v/");
  const when = { now: Date.now(), maxAge: words.max_age * 1000, baseUrl, tail };
  const trust = await trusted();
  const digits = location.hash.slice(1);
  const { report, by, part, keep } = digits ? await withPaper(digits, trust, when) : await withoutPaper(trust, when);
  show("#checked", `checked-${part}`);
  show("#trusted", part === "part" ? "trusted-part" : "trusted");
  const mine = report.verdict;
  if (trust.other && mine === "valid") throw new Ended("cannot-say", "other-policy");
  if (mine !== theirs) throw new Ended(mine === "valid" ? theirs : mine, "differs");
  show("#by > p", by);
  // Only a leaf that was opened and found to be of this paper may stand for it later.
  if (report.steps.every(({ code, answer }) => code === "status" || answer === "valid")) await keep?.().catch(() => {});
}

try {
  await check();
} catch (error) {
  if (error instanceof Unsupported) {
    show("#by > p", "no-ed25519");
  } else {
    const { state, key } = error instanceof Ended ? error : new Ended("cannot-say", "no-evidence");
    show("#by > p", key);
    // Bad news from the server stays bad news, whatever the browser could not find out.
    if (state !== "cannot-say" || theirs === "valid") showState(state);
    // What failed must not look official; the comparison shows where it differs.
    if (state === "invalid") $("#registered")?.remove();
  }
}
document.documentElement.dataset.checked = "yes";
navigator.serviceWorker?.register("/sw.js").catch(() => {});

// The page that needs no network: a scanned or photographed QR code, or a file of evidence, is
// checked with what this device has kept. It says how old that is, and refuses other addresses.
import { readBundle, readProofFile, readQr, readTrust } from "./forms.js";
import { hex, sha256 } from "./log.js";
import { readStatusFile, withFile } from "./statusfile.js";
import { PAGE, included, reportOf, verify, verifyInLog, verifyQr } from "./verify.js";
import { $, asPrinted, moment, show, showState, showStep, words } from "./view.js";

const SYMBOL = /^(https?:\/\/[a-z0-9.-]+(?::[0-9]{1,5})?(?:\/[a-z0-9._~-]+)*)\/v\/([a-z2-7]{16})#([0-9]+)$/;

// Network first where there is one; else what was kept, by the worker.
async function kept(address) {
  const response = await fetch(address, { cache: "no-cache" }).catch(() => caches.match(address));
  return response?.ok ? response : null;
}

const textOf = async (address) => (await kept(address))?.text() ?? null;

async function trusted() {
  const [policy, issuers] = await Promise.all([textOf("/trust/log.policy"), textOf("/trust/issuers.json")]);
  const pinned = localStorage.getItem("log.policy") ?? policy;
  const trust = await readTrust(pinned, issuers);
  $("#kept-policy").textContent = trust.digest;
  $("#kept-issuers").replaceChildren(moment(trust.issuedAt));
  return trust;
}

async function statusOf(index) {
  const file = await textOf(`/status/${Math.floor(index / PAGE)}.tlog-proof`).catch(() => null);
  return file && withFile(readStatusFile(file));
}

function reset(state, key, asOf) {
  // The result's word takes the place of the page's title.
  $("#title")?.remove();
  if (!$("#verdict")) $("#result").append($("#blank").content.cloneNode(true));
  $("#result").hidden = false;
  $("#facts").hidden = true;
  $("#all-checks").hidden = true;
  showState(state, asOf);
  show("#by", key);
  $("#verdict").scrollIntoView();
  // What is read aloud next is the answer.
  $("#state").tabIndex = -1;
  $("#state").focus({ preventScroll: true });
}

function showSteps({ steps }, now) {
  for (const step of steps) showStep(step, now);
  $("#all-checks").hidden = false;
}

function present(report, facts, key, now) {
  reset(report.verdict, key, report.asOf);
  showSteps(report, now);
  const list = $("#facts dl");
  list.replaceChildren();
  if (report.steps.slice(0, 2).some(({ answer }) => answer !== "valid")) return;
  for (const [name, label] of Object.entries(words.fields)) {
    const [row, term, value] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
    term.textContent = label;
    value.textContent = asPrinted(facts)[name] ?? "";
    value.lang = "zh-Hans";
    row.append(term, value);
    if (value.textContent) list.append(row);
  }
  $("#facts").hidden = false;
}

async function checkSymbol(symbol, trust) {
  const now = Date.now();
  const [, baseUrl, token, digits] = symbol.match(SYMBOL) ?? [];
  if (!digits) return reset("cannot-say", "no-symbol");
  let qr;
  try {
    qr = readQr(digits);
  } catch {
    return reset("cannot-say", "damaged-qr");
  }
  const said = await verifyQr(qr, trust, { now, baseUrl });
  if (baseUrl !== trust.baseUrl) {
    reset("foreign-site", "foreign-qr");
    $("#by").append(` ${baseUrl}`);
    showSteps(said, now);
    return;
  }
  const found = await caches.match(`/v/${token}.tlog-proof`);
  if (!found || said.verdict === "invalid") return present(said, qr, "offline-signature", now);
  const evidence = readProofFile(await found.text());
  const named = { ...qr, prefix: qr.number.slice(0, 13) };
  const newer = evidence.staple && (await statusOf(evidence.staple.index));
  const maxAge = words.max_age * 1000;
  const [third, fourth, fifth] = await verifyInLog(evidence, named, trust, { now, maxAge, newer });
  // When this browser saw the whole bundle it noted that the leaf commits to this paper's facts.
  const seen = found.headers.get("x-paper") === hex(await sha256(qr.signed));
  if (seen && third.reason === "inclusion-no-opening") Object.assign(third, { answer: "valid", reason: included(third) });
  const report = reportOf([...said.steps.slice(0, 2), third, fourth, fifth], null);
  present(report, qr, seen ? "offline-seen" : "offline-part", now);
}

async function checkFile(file, trust) {
  const now = Date.now();
  const written = await file.text();
  const evidence = written.startsWith("{") ? readBundle(written) : readProofFile(written);
  const newer = evidence.staple && (await statusOf(evidence.staple.index));
  const report = await verify(evidence, trust, { now, maxAge: words.max_age * 1000, newer });
  present(report, report.record ?? {}, "offline-file", now);
}

async function readPicture(picture) {
  const found = await new BarcodeDetector({ formats: ["qr_code"] }).detect(picture);
  return found[0]?.rawValue ?? "";
}

async function useCamera(trust) {
  const video = $("video");
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  video.srcObject = stream;
  video.hidden = false;
  await video.play();
  let symbol = "";
  while (!symbol && stream.active) {
    await new Promise(requestAnimationFrame);
    symbol = await readPicture(video).catch(() => "");
  }
  for (const track of stream.getTracks()) track.stop();
  video.hidden = true;
  if (symbol) await checkSymbol(symbol, trust);
}

function offer(trust) {
  const run = (work) => work.catch(() => reset("cannot-say", "no-file"));
  const canRead = "BarcodeDetector" in globalThis;
  $("#camera").hidden = !(canRead && navigator.mediaDevices);
  $("#no-reader").hidden = canRead;
  $("#camera").onclick = () => run(useCamera(trust));
  $("#file").onchange = ({ target: { files: [file] } }) => {
    if (!file) return;
    const picture = async () => checkSymbol(await readPicture(await createImageBitmap(file)), trust);
    run(!file.type.startsWith("image/") ? checkFile(file, trust) : canRead ? picture() : Promise.reject());
  };
  $("#typed").onsubmit = (event) => {
    event.preventDefault();
    run(checkSymbol($("#address").value.trim(), trust));
  };
}

try {
  const trust = await trusted();
  offer(trust);
  if (location.pathname.includes("/v/") && location.hash) await checkSymbol(location.origin + location.pathname + location.hash, trust);
} catch {
  reset("cannot-say", "nothing-kept");
}
document.documentElement.dataset.checked = "yes";
navigator.serviceWorker?.register("/sw.js").catch(() => {});

// The numbered procedure of signing/verify.py, step by step and reason by reason, in the browser.
import { CHINA, day, importedOn, isIssue, moment, numberAgrees, pae, readEntry, readRecord, recordAgrees, utf8Text } from "./forms.js";
import { SIZES, hex, hmac, isGood, isIncluded, isTail, join, judgeCheckpoint, leafHash, same, unhex, utf8 } from "./log.js";

const RECORD = "application/vnd.certreg.record.v1+json";
const STEPS = ["record", "signature", "inclusion", "checkpoint", "status"];
const SKEW = 5 * 60e3;
const DAY = 864e5;
export const PAGE = 4096;
const STATES = ["in-force", "revoked", "suspended", "superseded"];
export const VERDICTS = { "status-revoked": "revoked", "status-suspended": "suspended", "status-superseded": "corrected" };

// An algorithm of the trust file that this browser does not have: nothing can be said by it.
export class Unsupported extends Error {}

export const say = (code, answer, reason, facts = {}, asOf = null) => ({
  number: STEPS.indexOf(code) + 1, code, answer, reason: `${code}-${reason}`, facts, asOf,
});
const inFuture = (issued, now) => day(issued) > now + SKEW + CHINA;

async function attempt(read) {
  try {
    return await read();
  } catch {
    return null;
  }
}

// Step 2: signed by a key that the issuer of the number had at the time.
async function signatureStep(trust, { number, issued, edition }, keyId, message, signature, place, imported) {
  const prefix = number.slice(0, 13);
  const issuer = trust.issuers.get(prefix);
  const step = (answer, reason, facts) => say("signature", answer, reason, facts);
  const key = issuer?.keys.find((one) => one.id === keyId && one.purpose === "record");
  if (!key) {
    if (issuer?.keys.some((one) => one.id === keyId)) return step("invalid", "other-purpose");
    const known = [...trust.issuers.values()].some(({ keys }) => keys.some((one) => one.id === keyId));
    if (known) return step("invalid", "other-issuer");
    return step("cannot-say", issuer ? "unknown-key" : "unknown-issuer");
  }
  const good = key.algorithm in SIZES ? await isGood(key.algorithm, key.public, message, signature) : null;
  if (good === null) throw new Unsupported();
  const facts = { registered_name: issuer.name };
  if (!good) return step("invalid", "false", facts);
  // A certificate says a day, a key's validity a moment: any moment of the day will do.
  const begins = day(issued) - CHINA;
  const begun = key.from < begins + DAY || edition > 1;
  if (!begun || begins >= key.until) return step("invalid", "key-not-in-force", facts);
  if (place !== null && key.added !== null && place < key.added) return step("invalid", "key-not-announced", facts);
  if (place !== null && key.ended !== null && place >= key.ended) return step("invalid", "key-ended", facts);
  if (key.state !== "revoked") return step("valid", imported ? "imported" : "good", facts);
  if (place !== null && key.ended !== null) return step("valid", "before-revocation", facts);
  return begins >= key.revoked ? step("invalid", "key-revoked", facts) : step("cannot-say", "no-place", facts);
}

// Why an inclusion is valid: issued here, or taken in (补录).
export const included = ({ facts }) => `inclusion-${"imported" in facts ? "imported" : "good"}`;

async function inclusionStep({ envelope, opening, entry: leaf, proof, staple }, entry, record, tree) {
  const step = (answer, reason, facts) => say("inclusion", answer, reason, facts);
  if (!leaf || !proof || !record) return step("cannot-say", "missing");
  if (!isIssue(entry)) return step("invalid", "other-entry");
  if (["number", "edition", "prefix"].some((name) => entry[name] !== record[name])) {
    return step("invalid", "other-certificate");
  }
  if (opening && hex(await hmac(opening, envelope.payload)) !== entry.commit) {
    return step("invalid", "commitment-differs");
  }
  const imported = entry.t === "import";
  const status = staple && readEntry(staple.entry);
  const facts = { batch: entry.batch, index: proof.index, ...(imported && { imported: importedOn(entry.batch, status) }) };
  if (!tree) return step("cannot-say", "no-tree", facts);
  facts.size = tree.size;
  if (!(await isIncluded(await leafHash(leaf), proof.index, tree.size, proof.path, tree.root))) {
    return step("invalid", "path-false", facts);
  }
  return opening ? { ...step("valid", "", facts), reason: included({ facts }) } : step("cannot-say", "no-opening", facts);
}

// The state that a staple proves in a tree, or the reason why it proves none.
export async function proven(staple, tree) {
  const status = readEntry(staple.entry);
  if (status?.t !== "status") return { fault: "false" };
  const { count, before } = status;
  if (staple.index >= count) return { fault: "not-covering" };
  const page = Math.floor(staple.index / PAGE);
  const whole =
    staple.index >= 0 &&
    staple.page.length === PAGE / 4 &&
    staple.pages === Math.ceil(count / PAGE) &&
    before <= staple.entry_index &&
    (await isIncluded(await leafHash(staple.page), page, staple.pages, staple.path, unhex(status.root))) &&
    (await isIncluded(await leafHash(staple.entry), staple.entry_index, tree.size, staple.entry_path, tree.root));
  if (!whole) return { fault: "false" };
  const place = staple.index % PAGE;
  return { state: (staple.page[place >> 2] >> (2 * (place & 3))) & 3, status };
}

export function judge(state, status, { now, maxAge }, facts) {
  const at = moment(status.time);
  const step = (answer, reason) => say("status", answer, reason, { ...facts, time: status.time }, at);
  if (at > now + SKEW) return step("cannot-say", "in-future");
  if (now - at > maxAge && state !== 1 && state !== 3) return step("cannot-say", "too-old");
  return step(state === 0 ? "valid" : "invalid", STATES[state]);
}

async function statusStep({ staple, proof }, entry, tree, when) {
  const step = (answer, reason) => say("status", answer, reason);
  if (!staple || !proof || !isIssue(entry)) return step("cannot-say", "missing");
  if (staple.index !== entry.status) return step("invalid", "other-certificate");
  if (!tree) return step("cannot-say", "no-tree");
  const { fault, state, status } = await proven(staple, tree);
  if (fault) return step(fault === "false" ? "invalid" : "cannot-say", fault);
  // A status from before the certificate shows its place on the page as 0: in force.
  if (proof.index >= status.before) return step("cannot-say", "not-covering");
  return judge(state, status, when, { staple: staple.entry_index });
}

// Whether the log has no change of this certificate behind the status entry. `tail` fetches.
async function unchanged({ entry: status, entry_index: last }, { status: index }, tree, tail) {
  const start = readEntry(status).before;
  if (start === last && last === tree.size - 1) return true;
  const { edge, entries } = await tail(start, tree.size);
  const is = (leaf, word) => utf8Text(leaf).includes(word);
  const changed = entries.some((leaf) => is(leaf, '"status-change"') && is(leaf, `"index":${index},`));
  return !changed && isTail(edge, entries, start, tree);
}

export function reportOf(steps, record) {
  const state = steps.map(({ reason }) => VERDICTS[reason]).find(Boolean);
  const isValid = (code) => steps.some((step) => step.code === code && step.answer === "valid");
  let verdict = "cannot-say";
  if (steps.some(({ answer, reason }) => answer === "invalid" && !(reason in VERDICTS))) verdict = "invalid";
  else if (state) verdict = isValid("inclusion") ? state : verdict;
  else if (STEPS.every(isValid) && steps.every(({ answer }) => answer === "valid")) verdict = "valid";
  const asOf = steps.find(({ code }) => code === "status")?.asOf ?? null;
  return { verdict, steps, record, asOf };
}

// Steps 1 to 5 on a bundle's evidence. `when`: `now` and `maxAge` in milliseconds, perhaps a `tail`
// that fetches the log's end, and a `newer` status file (statusfile.js).
export async function verify(evidence, trust, when) {
  const { envelope, proof } = evidence;
  let record = null;
  let first = say("record", "invalid", "other-type");
  if (envelope?.type === RECORD) {
    record = await attempt(() => readRecord(envelope.payload));
    if (!record) first = say("record", "invalid", "malformed");
    else if (!recordAgrees(record)) first = say("record", "invalid", "disagrees");
    else if (inFuture(record.issued, when.now)) first = say("record", "cannot-say", "in-future");
    else first = say("record", "valid", "good");
  }
  const [third, fourth, fifth] = await verifyInLog(evidence, record, trust, when);
  // Whoever made the evidence chose the index in it: only a proven place counts.
  const place = third.answer === "valid" && fourth.answer === "valid" ? proof.index : null;
  const entry = evidence.entry && readEntry(evidence.entry);
  const imported = entry?.t === "import" && place !== null;
  const message = record && pae(envelope.type, envelope.payload);
  const second = record
    ? await signatureStep(trust, record, envelope.keyId, message, envelope.signature, place, imported)
    : say("signature", "cannot-say", "no-record");
  return reportOf([first, second, third, fourth, fifth], record);
}

// Steps 3 to 5, of a certificate of which `record` tells number, edition and prefix at least.
export async function verifyInLog(evidence, record, trust, when) {
  const { proof } = evidence;
  const head = proof ? await judgeCheckpoint(proof.note, trust.policy, trust.frozen) : null;
  const fourth = head ? say("checkpoint", head.answer, head.reason.slice(11), head.facts) : say("checkpoint", "cannot-say", "missing");
  const tree = head?.tree ?? null;
  const entry = evidence.entry && readEntry(evidence.entry);
  const third = await inclusionStep(evidence, entry, record, tree);
  let fifth = await statusStep(evidence, entry, tree, when);
  // A status list put back from an earlier day does not show what the log has taken up since.
  if (fifth.answer === "valid" && when.tail && !(await unchanged(evidence.staple, entry, tree, when.tail))) {
    fifth = say("status", "cannot-say", "missing");
  }
  if (when.newer) fifth = await when.newer(fifth, evidence, entry, tree, trust, when);
  return [third, fourth, fifth];
}

// Steps 1 and 2 on a QR code's signed facts; never valid as a whole.
export async function verifyQr(qr, trust, { now, baseUrl }) {
  let first = say("record", "valid", "good");
  if (!(await attempt(() => day(qr.issued) >= 0 && numberAgrees(qr)))) first = say("record", "invalid", "malformed");
  else if (baseUrl !== trust.baseUrl) first = say("record", "cannot-say", "foreign-host");
  else if (inFuture(qr.issued, now)) first = say("record", "cannot-say", "in-future");
  const message = join(utf8("certreg/qr/v1\n"), qr.signed);
  const second =
    first.reason === "record-malformed"
      ? say("signature", "cannot-say", "no-record")
      : await signatureStep(trust, qr, qr.keyId, message, qr.signature, null);
  const rest = STEPS.slice(2).map((code) => ({ ...say(code, "cannot-say", ""), reason: "only-offline" }));
  return reportOf([first, second, ...rest], null);
}

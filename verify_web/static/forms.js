// Our own formats (docs/formats.md): canonical JSON, record, entry, bundle, QR, trust.
import { Malformed, SIZES, base64, hex, isGood, join, need, readPolicy, readProof, sha256, text, utf8 } from "./log.js";

// Canonical JSON: what is read is written again, and must be the same. Numbers are whole.
export function readJson(written) {
  let value;
  try {
    value = JSON.parse(written, (_, one) => {
      need(typeof one !== "number" || Number.isSafeInteger(one));
      need(one !== null && !/[\ud800-\udfff]/u.test(one));
      return one;
    });
  } catch {
    throw new Malformed();
  }
  need(JSON.stringify(value) === written);
  return value;
}

// An object of exactly these members in this order; one marked "?" may be absent.
export function members(value, names) {
  const present = names.split(" ").filter((name) => !name.endsWith("?") || name.slice(0, -1) in value);
  need(typeof value === "object" && Object.keys(value).join(" ") === present.join(" ").replaceAll("?", ""));
  return value;
}

const fits = (value, form) => need(typeof value === "string" && form.test(value));
export const whole = (value, least, most = Infinity) => need(Number.isInteger(value) && value >= least && value <= most);

export const isPlain = (words) => words === words.trim() && !/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(words);

function words(value, least, most) {
  need(typeof value === "string" && isPlain(value));
  whole([...value].length, least, most);
}

// Milliseconds of a day or a time that is in the calendar.
export function moment(written) {
  const at = Date.parse(written.length === 10 ? `${written}T00:00:00Z` : written);
  need(at >= 0 && new Date(at).toISOString().startsWith(written.replace("Z", "")));
  return at;
}

export function day(written) {
  fits(written, /^\d{4}-\d\d-\d\d$/);
  return moment(written);
}

export function time(written) {
  fits(written, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  return moment(written);
}

const NUMBER = /^[A-Z]\d{14}[0-9A-Z]\d{6}$/;

export function readRecord(payload) {
  need(payload.length <= 8192);
  const one = members(
    readJson(utf8Text(payload)),
    "admission direction edition id_number id_type issued issuer level name number occupation occupation_code prefix previous v",
  );
  words(one.admission, 0, 40);
  words(one.direction, 0, 60);
  words(one.issuer, 1, 100);
  words(one.name, 1, 60);
  words(one.occupation, 1, 60);
  fits(one.number, NUMBER);
  fits(one.id_number, /^[0-9A-Z]{5,20}$/);
  fits(one.id_type, /^(resident-id|residence-permit|foreign-permanent-resident|passport)$/);
  fits(one.occupation_code, /^[0-9A-Z](-\d\d){3}$/);
  fits(one.previous, /^([0-9a-f]{64})?$/);
  for (const name of [one.prefix, one.level]) fits(name, /^/);
  whole(one.edition, 1, 9999);
  need(one.v === 1);
  day(one.issued);
  return one;
}

export const numberAgrees = ({ number, issued, level }) =>
  NUMBER.test(number) && number.slice(13, 15) === issued.slice(2, 4) && number[15] === level;

export const recordAgrees = (one) =>
  one.number.startsWith(one.prefix) &&
  one.prefix.length === 13 &&
  numberAgrees(one) &&
  (one.edition === 1) === (one.previous === "");

export function utf8Text(bytes) {
  try {
    return text(bytes);
  } catch {
    throw new Malformed();
  }
}

export const isIssue = (entry) => entry?.t === "issue" || entry?.t === "import";

export const CHINA = 8 * 36e5;

// The day that the batch of an import names, if there is such a day and it has come by a status.
export function importedOn(batch, status) {
  const written = /^[A-Z]\d{12}-(20\d{6})-\d{4,}$/.exec(batch)?.[1].replace(/(..)(..)$/, "-$1-$2") ?? "";
  try {
    return day(written) - CHINA <= time(status?.time) ? written : "";
  } catch (error) {
    if (error instanceof Malformed) return "";
    throw error;
  }
}

// An issue, import or status entry; null for any other and for what is none.
export function readEntry(data) {
  try {
    need(data.length <= 65535);
    const one = readJson(utf8Text(data));
    if (isIssue(one)) {
      members(one, "batch commit edition number prefix status t v");
      for (const name of [one.batch, one.number, one.prefix]) fits(name, /^[!-~]{1,128}$/);
      fits(one.commit, /^[0-9a-f]{64}$/);
      whole(one.edition, 1, 9999);
      whole(one.status, 0);
    } else {
      need(one.t === "status");
      members(one, "before count root t time v");
      fits(one.root, /^[0-9a-f]{64}$/);
      whole(one.before, 0);
      whole(one.count, 0);
      time(one.time);
    }
    need(one.v === 1);
    return one;
  } catch (error) {
    if (error instanceof Malformed) return null;
    throw error;
  }
}

export function readEnvelope(value, type) {
  members(value, "payload payloadType signatures");
  need(Array.isArray(value.signatures) && value.signatures.length === 1);
  const [{ keyid, sig }] = [members(value.signatures[0], "keyid sig")];
  fits(keyid, /^[0-9a-f]{16}$/);
  need(typeof value.payloadType === "string" && (!type || value.payloadType === type) && sig);
  return { payload: base64(value.payload), type: value.payloadType, keyId: keyid, signature: base64(sig) };
}

function readStaple(value) {
  members(value, "entry entry_index entry_path index page pages path");
  for (const number of [value.entry_index, value.index, value.pages]) whole(number, -Infinity);
  return {
    ...value,
    entry: base64(value.entry),
    entry_path: value.entry_path.map(base64),
    page: base64(value.page),
    path: value.path.map(base64),
  };
}

const absent = (value, read) => (value === undefined ? null : read(value));

function readOpening(value) {
  const opening = base64(value);
  need(opening.length === 32);
  return opening;
}

function evidence(one, proof) {
  return {
    envelope: absent(one.record, readEnvelope),
    opening: absent(one.opening, readOpening),
    entry: absent(one.entry, base64),
    proof,
    staple: absent(one.status, readStaple),
  };
}

// A bundle's evidence (formats.md §10).
export function readBundle(written) {
  need(utf8(written).length <= 65536);
  const one = members(readJson(written), "entry? opening? proof? record status? v");
  need(one.v === 1);
  const proof = absent(one.proof, readProof);
  need(!proof?.extra);
  return evidence(one, proof);
}

// A proof file's evidence (§8); without a record where that stays with the server.
export function readProofFile(written) {
  const proof = readProof(written);
  const one = proof.extra ? readJson(utf8Text(proof.extra)) : {};
  return evidence(members(one, "entry? opening? record? status?"), proof);
}

const GROUPS = { 3: 1, 5: 2, 8: 3, 10: 4, 13: 5, 15: 6, 17: 7 };

function fromDigits(digits) {
  need(/^\d{1,934}$/.test(digits));
  return (digits.match(/.{1,17}/g) ?? []).flatMap((group) => {
    const size = GROUPS[group.length];
    const bytes = BigInt(group).toString(16).padStart(2 * size, "0");
    need(size && bytes.length === 2 * size);
    return bytes.match(/../g).map((pair) => parseInt(pair, 16));
  });
}

// The QR code's signed facts (§11): CBOR in its shortest form, ten values.
export function readQr(digits) {
  const payload = Uint8Array.from(fromDigits(digits));
  need(payload.length <= 384 && payload.length > 66);
  const end = 2 + payload[0] * 256 + payload[1];
  const [signed, signature] = [payload.slice(2, end), payload.slice(end)];
  need(signature.length === 64);
  let at = 0;
  const take = (size) => {
    at += size;
    need(at <= signed.length);
    return signed.slice(at - size, at);
  };
  const head = (major) => {
    const [first] = take(1);
    need(first >> 5 === major);
    const short = first & 31;
    if (short < 24) return short;
    need(short < 26);
    const number = take(short - 23).reduce((sum, byte) => sum * 256 + byte);
    need(number >= (short === 24 ? 24 : 256));
    return number;
  };
  const string = () => utf8Text(take(head(3)));
  need(head(4) === 10 && head(0) === 1);
  const names = ["number", "name", "occupation", "direction", "level", "issuer", "issued"];
  const qr = Object.fromEntries(names.map((name) => [name, string()]));
  need(Object.values(qr).every(isPlain));
  qr.edition = head(0);
  const key = take(head(2));
  need(key.length === 8 && at === signed.length);
  return { ...qr, keyId: hex(key), signed, signature };
}

const ISSUERS = "application/vnd.certreg.issuers.v1+json";

// DSSE v1: what a signature over a payload covers.
export function pae(type, payload) {
  const head = `DSSEv1 ${utf8(type).length} ${type} ${payload.length} `;
  return join(utf8(head), payload);
}

const keyId = async (algorithm, key) =>
  hex(await sha256(utf8(`${algorithm}\0`), key)).slice(0, 16);

const leaf = (written) => {
  need(/^(0|[1-9]\d{0,15})?$/.test(written));
  return written ? +written : null;
};

async function readKey(one, version) {
  const places = version === 1 ? "" : "added ";
  const more = version === 1 ? "" : "ended ";
  members(one, `${places}algorithm ${more}id not_after not_before public purpose revoked_at state`);
  const key = {
    ...one,
    public: base64(one.public),
    from: time(one.not_before),
    until: time(one.not_after),
    revoked: one.revoked_at ? time(one.revoked_at) : null,
    added: leaf(one.added ?? ""),
    ended: leaf(one.ended ?? ""),
  };
  need(["active", "retired", "revoked"].includes(one.state) && key.from < key.until);
  need((one.state === "revoked") === (key.revoked !== null));
  need(key.ended === null || (one.state !== "active" && key.ended > (key.added ?? -1)));
  need(key.id === (await keyId(key.algorithm, key.public)));
  return key;
}

// All that a verifier believes (§13). Throws Malformed for a list that the policy's log did not sign.
export async function readTrust(policyFile, issuersFile) {
  const policy = await readPolicy(policyFile);
  const { payload, keyId: signer, signature } = readEnvelope(readJson(issuersFile), ISSUERS);
  let good = false;
  for (const log of policy.logs) {
    if (log.type === 1 && (await keyId("ed25519", log.public)) === signer) {
      good = await isGood("ed25519", log.public, pae(ISSUERS, payload), signature);
    }
  }
  need(good === true);
  const one = members(readJson(utf8Text(payload)), "base_url issued_at issuers predecessors? seal_root v");
  need(one.v === 1 || one.v === 2);
  const issuers = new Map();
  const seen = new Set();
  for (const issuer of one.issuers) {
    members(issuer, "keys name prefix uscc");
    need(/^[A-Z]\d{12}$/.test(issuer.prefix) && !issuers.has(issuer.prefix));
    const keys = await Promise.all(issuer.keys.map((key) => readKey(key, one.v)));
    // One key under two issuers would let one of them sign for the other.
    for (const { id } of keys) need(!seen.has(id) && seen.add(id));
    issuers.set(issuer.prefix, { name: issuer.name, keys });
  }
  return {
    policy,
    issuers,
    baseUrl: one.base_url,
    issuedAt: time(one.issued_at),
    frozen: one.predecessors?.split(" ") ?? [],
    digest: hex(await sha256(utf8(policyFile))),
  };
}

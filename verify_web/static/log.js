// Bytes, hashes and signatures, and the log's formats (RFC 9162; C2SP signed-note, checkpoint,
// cosignature, proof and policy). What can be written in two ways is read in one only.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

export const utf8 = (text) => encoder.encode(text);
export const text = (bytes) => decoder.decode(bytes);
export const same = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);
export const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");

// Evidence that is not of the form it must have. Never shown; it ends as an answer.
export class Malformed extends Error {}

export function need(condition) {
  if (!condition) throw new Malformed();
}

export function unhex(digits) {
  need(/^([0-9a-f]{2})*$/.test(digits));
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export function join(...parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

// Standard base64 with padding, in its one form.
export function base64(written) {
  need(typeof written === "string");
  try {
    const raw = atob(written);
    need(btoa(raw) === written);
    return Uint8Array.from(raw, (letter) => letter.charCodeAt(0));
  } catch {
    throw new Malformed();
  }
}

export const sha256 = async (...parts) =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", join(...parts)));

export async function hmac(key, message) {
  const how = { name: "HMAC", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("raw", key, how, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign(how, imported, message));
}

// By algorithm: WebCrypto's name and key format, bytes of a key and of a signature.
export const SIZES = {
  ed25519: ["Ed25519", "raw", 32, 64],
  "ml-dsa-44": ["ML-DSA-44", "raw-public", 1312, 2420],
};

// Whether a signature is good; null where this browser cannot tell.
export async function isGood(algorithm, key, message, signature) {
  const [name, format, keyBytes, signatureBytes] = SIZES[algorithm];
  if (key.length !== keyBytes || signature.length !== signatureBytes) return false;
  let imported;
  try {
    imported = await crypto.subtle.importKey(format, key, name, false, ["verify"]);
  } catch (error) {
    return error.name === "DataError" ? false : null;
  }
  return crypto.subtle.verify(name, imported, signature, message);
}

const KINDS = { 1: "ed25519", 4: "ed25519", 6: "ml-dsa-44" };
const NAME = /^[^\s\x85+\x00-\x1f\ud800-\udfff]+$/u;

export const leafHash = (data) => sha256(Uint8Array.of(0), data);

export function decimal(written) {
  need(/^(0|[1-9][0-9]{0,15})$/.test(written) && Number.isSafeInteger(+written));
  return +written;
}

function hash(written) {
  const bytes = base64(written);
  need(bytes.length === 32);
  return bytes;
}

// RFC 9162 §2.1.3.2: the path has exactly the length that index and size demand.
export async function isIncluded(leaf, index, size, path, root) {
  if (!(index >= 0 && index < size) || path.some((one) => one.length !== 32)) return false;
  let [at, last, node] = [index, size - 1, leaf];
  const up = () => {
    at = Math.floor(at / 2);
    last = Math.floor(last / 2);
  };
  for (const sibling of path) {
    if (last === 0) return false;
    if (at % 2 || at === last) {
      node = await sha256(Uint8Array.of(1), sibling, node);
      while (at && at % 2 === 0) up();
    } else {
      node = await sha256(Uint8Array.of(1), node, sibling);
    }
    up();
  }
  return last === 0 && same(node, root);
}

// Whether these are all leaves from `start` on: with the roots before them they give the tree's.
export async function isTail(edge, entries, start, { size, root }) {
  const peaks = [];
  for (let rest = start, full = 2 ** 52; full >= 1; full /= 2) {
    if (rest < full) continue;
    if (!edge.length) return false;
    peaks.push([full, edge.shift()]);
    rest -= full;
  }
  const merge = async () => {
    const [[, left], [full, right]] = peaks.splice(-2);
    peaks.push([2 * full, await sha256(Uint8Array.of(1), left, right)]);
  };
  for (const entry of entries) {
    peaks.push([1, await leafHash(entry)]);
    while (peaks.at(-1)[0] === peaks.at(-2)?.[0]) await merge();
  }
  while (peaks.length > 1) await merge();
  return start + entries.length === size && same(peaks[0][1], root);
}

async function verifierKey(written) {
  const [, name, id, material] = written.match(/^([^+]+)\+([0-9a-f]{8})\+(.+)$/s) ?? [];
  need(name && NAME.test(name) && written.length <= 4096 && utf8(name).length <= 255);
  const bytes = base64(material);
  const key = { name, id, type: bytes[0], algorithm: KINDS[bytes[0]], public: bytes.slice(1) };
  need(key.algorithm && key.public.length === SIZES[key.algorithm][2]);
  need(hex(await sha256(utf8(`${name}\n`), bytes)).slice(0, 8) === id);
  return key;
}

// C2SP tlog-policy; a line names only what stands above it.
export async function readPolicy(file) {
  need(file.length <= 1 << 20 && file.endsWith("\n") && !/[\x00-\x08\x0b-\x1f\x7f]/.test(file));
  const policy = { logs: [], witnesses: [], groups: [], quorum: null };
  const names = new Set(["none"]);
  const members = new Set(["none"]);
  const define = (name) => need(!names.has(name) && names.add(name));
  for (const line of file.split("\n")) {
    const [kind, ...words] = line.replace(/^[ \t]+|[ \t]+$/g, "").split(/[ \t]+/);
    if (!kind || kind.startsWith("#")) continue;
    if (kind === "log" && (words.length === 1 || words.length === 2)) {
      const key = await verifierKey(words[0]);
      need(key.type !== 4 && !policy.logs.some((log) => same(log.public, key.public)));
      policy.logs.push(key);
    } else if (kind === "witness" && (words.length === 2 || words.length === 3)) {
      const key = await verifierKey(words[1]);
      need(key.type !== 1 && !policy.witnesses.some((one) => same(one.key.public, key.public)));
      define(words[0]);
      policy.witnesses.push({ name: words[0], key });
    } else if (kind === "group" && words.length > 2) {
      const [name, word, ...group] = words;
      for (const member of group) need(names.has(member) && !members.has(member) && members.add(member));
      const threshold = { any: 1, all: group.length }[word] ?? decimal(word);
      need(threshold >= 1 && threshold <= group.length);
      define(name);
      policy.groups.push({ name, threshold, group });
    } else if (kind === "quorum" && words.length === 1 && policy.quorum === null) {
      need(names.has(words[0]));
      policy.quorum = words[0];
    } else {
      throw new Malformed();
    }
  }
  need(policy.quorum !== null && new Set(policy.logs.map((log) => log.name)).size === 1);
  return policy;
}

function satisfied(policy, cosigners) {
  const agreed = new Set(cosigners).add("none");
  for (const { name, threshold, group } of policy.groups) {
    if (group.filter((member) => agreed.has(member)).length >= threshold) agreed.add(name);
  }
  return agreed.has(policy.quorum);
}

// A proof file: index, path, checkpoint note, and its extra line's bytes, if there are any.
export function readProof(file) {
  const gap = file.indexOf("\n\n");
  const lines = file.slice(0, gap).split("\n");
  const proof = { note: file.slice(gap + 2), extra: null };
  need(gap > 0 && proof.note && file.length <= 1 << 18 && lines.shift() === "c2sp.org/tlog-proof@v1");
  if (lines[0]?.startsWith("extra ")) {
    proof.extra = base64(lines.shift().slice(6));
    need(proof.extra.length);
  }
  need(lines[0]?.startsWith("index ") && lines.length <= 64);
  proof.index = decimal(lines.shift().slice(6));
  proof.path = lines.map(hash);
  return proof;
}

// A note's text and signature lines, and the checkpoint that the text is.
function readNote(file) {
  need(!/[\x00-\x09\x0b-\x1f]/.test(file));
  const gap = file.lastIndexOf("\n\n");
  const lines = file.slice(gap + 2).split("\n");
  need(gap > 0 && lines.pop() === "" && lines.length >= 1 && lines.length <= 100);
  const signatures = lines.map((line) => {
    const [dash, name, written, ...more] = line.split(" ");
    need(dash === "—" && NAME.test(name ?? "") && !more.length);
    const bytes = base64(written);
    need(bytes.length > 4);
    return { name, id: hex(bytes.slice(0, 4)), signature: bytes.slice(4) };
  });
  const content = file.slice(0, gap + 1);
  const [origin, size, root, end, ...more] = content.split("\n");
  need(end === "" && !more.length && origin && utf8(origin).length <= 255);
  return { content, signatures, tree: { origin, size: decimal(size), root: hash(root) } };
}

const u64 = (number) => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(number));
  return bytes;
};
const short = (written) => join(Uint8Array.of(utf8(written).length), utf8(written));

async function lineIsGood({ content, tree }, key, signature) {
  if (key.type === 1) return isGood(key.algorithm, key.public, utf8(content), signature);
  if (signature.length <= 8 || signature[0] > 127) return false;
  const [stamp, bare] = [signature.slice(0, 8), signature.slice(8)];
  const time = new DataView(stamp.buffer).getBigUint64(0);
  const message =
    key.type === 4
      ? utf8(`cosignature/v1\ntime ${time}\n${content}`)
      : join(utf8("subtree/v1\n\0"), short(key.name), stamp, short(tree.origin), u64(0), u64(tree.size), tree.root);
  return isGood(key.algorithm, key.public, message, bare);
}

// Step 4: what a checkpoint note is worth under a policy: {tree, answer, reason, facts}.
export async function judgeCheckpoint(file, policy, frozen = []) {
  let note;
  try {
    note = readNote(file);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return { tree: null, answer: "invalid", reason: "checkpoint-malformed", facts: {} };
  }
  const { tree } = note;
  const facts = { origin: tree.origin, size: tree.size };
  const say = (answer, reason, more) => ({ tree, answer, reason: `checkpoint-${reason}`, facts: { ...facts, ...more } });
  const untrusted = () =>
    // Nothing of a frozen log is verified: its tree proves nothing, and neither does its lack.
    frozen.includes(tree.origin) ? { ...say("cannot-say", "frozen-log"), tree: null } : say("invalid", "untrusted");
  const own = policy.logs.filter((log) => log.name === tree.origin);
  const keys = [...policy.logs, ...policy.witnesses.map((one) => one.key)];
  const [good, unchecked] = [new Set(), new Set()];
  if (!own.length) return untrusted();
  for (const { name, id, signature } of note.signatures) {
    const key = keys.find((one) => one.name === name && one.id === id);
    if (!key) continue;
    const answer = await lineIsGood(note, key, signature);
    if (answer === false) return untrusted();
    (answer ? good : unchecked).add(key);
  }
  if (!own.some((key) => good.has(key))) {
    return own.some((key) => unchecked.has(key)) ? say("cannot-say", "uncheckable") : untrusted();
  }
  const named = (some) => policy.witnesses.filter((one) => some.has(one.key)).map((one) => one.name);
  const witnesses = named(good);
  if (!satisfied(policy, witnesses)) {
    const unsure = satisfied(policy, [...witnesses, ...named(unchecked)]);
    return say("cannot-say", unsure ? "uncheckable" : "no-quorum");
  }
  const signatures = [...new Set(own.filter((key) => good.has(key)).map((key) => key.algorithm))];
  const both = signatures.includes("ml-dsa-44");
  return say("valid", both ? "good" : "ed25519-only", { witnesses, signatures });
}

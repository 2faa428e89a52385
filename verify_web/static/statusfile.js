// A status file beside a certificate (signing/statusfile.py, signing/freshstatus.py): newer than what
// its holder brought, fetched and kept without naming anyone.
import { isIssue, members, readEntry, readJson, utf8Text, whole } from "./forms.js";
import { base64, judgeCheckpoint, need, readProof, same } from "./log.js";
import { PAGE, VERDICTS, judge, proven, say } from "./verify.js";

const ENDS = ["status-revoked", "status-superseded"];

// A status file (§9): the proof of one page, as a staple for any certificate on it.
export function readStatusFile(written) {
  const proof = readProof(written);
  need(proof.extra);
  const one = members(readJson(utf8Text(proof.extra)), "entry first page pages path");
  const entry = base64(one.entry);
  const status = readEntry(entry);
  whole(one.first, 0);
  need(status?.t === "status" && one.pages >= 1 && one.pages === Math.ceil(status.count / 4096));
  need(one.first % 4096 === 0 && one.first / 4096 < one.pages);
  const [page, path] = [base64(one.page), one.path.map(base64)];
  need(page.length === 1024 && path.every((each) => each.length === 32));
  const fixed = { entry, entry_index: proof.index, entry_path: proof.path, page, pages: one.pages, path };
  return { first: one.first, status, note: proof.note, at: (index) => ({ ...fixed, index }) };
}

async function fileStep(file, { proof }, entry, tree, trust, when) {
  const unsaid = (reason) => say("status", "cannot-say", reason);
  if (!proof || !isIssue(entry)) return unsaid("missing");
  if (!tree) return unsaid("no-tree");
  if (Math.floor(entry.status / PAGE) !== file.first / PAGE) return unsaid("file-other-page");
  const head = await judgeCheckpoint(file.note, trust.policy);
  if (head.answer !== "valid") return unsaid("file-untrusted");
  if (head.tree.origin !== tree.origin) return unsaid("file-other-log");
  if (head.tree.size === tree.size && !same(head.tree.root, tree.root)) return unsaid("file-contradicts");
  const staple = file.at(entry.status);
  const { fault, state, status } = await proven(staple, head.tree);
  if (fault) return unsaid(fault === "false" ? "file-false" : fault);
  if (proof.index >= status.before) return unsaid("not-covering");
  return judge(state, status, when, { staple: staple.entry_index, source: "status-file" });
}

// What `when.newer` is: of two proven statuses the newer counts; an end that either proves stays.
export const withFile = (file) => async (inside, evidence, ...asked) => {
  const { answer, reason, asOf } = inside;
  if (answer === "invalid" && (ENDS.includes(reason) || !(reason in VERDICTS))) return inside;
  const fresh = await fileStep(file, evidence, ...asked);
  if (ENDS.includes(fresh.reason) || asOf === null || !evidence.staple) return fresh;
  if (fresh.asOf !== null) {
    const newer = fresh.asOf - asOf || fresh.facts.staple - evidence.staple.entry_index;
    return newer >= 0 ? fresh : inside;
  }
  if (fresh.reason === "status-not-covering") return inside;
  return answer === "invalid" ? inside : fresh;
};

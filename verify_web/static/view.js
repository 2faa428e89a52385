// Shows on the page what the procedure found, in the page's language. All texts are the site's.
const language = document.documentElement.lang.slice(0, 2);
export const words = await (await fetch(new URL(`words.${language}.json`, import.meta.url))).json();

export const $ = (selector, within = document) => within.querySelector(selector);

// The switches of the display lead back to this page; what the paper says goes along, in the browser.
for (const link of document.querySelectorAll(".switches a")) link.hash = location.hash;

const CHINA = 8 * 36e5;
const beijing = (at) => new Date(at + CHINA).toISOString();
const parts = (iso) => iso.slice(0, 10).split("-").map(Number);
// A day as the paper prints it, Chinese on every page.
const printed = (iso) => parts(iso).map((part, at) => part + "年月日"[at]).join("");

// A text in the place of an element's first text node; what follows that stays.
export function put(node, text) {
  if (node.firstChild?.nodeType !== Node.TEXT_NODE) node.prepend(new Text());
  node.firstChild.data = text;
}

// What a note says around a time.
function around(key, at) {
  const [before, after] = words.notes[key].split("%(time)s");
  return [before, moment(at), after];
}

export function show(selector, key) {
  const node = $(selector);
  put(node, words.say[key]);
  node.hidden = false;
}

const icon = (name) => $(`[data-icon=${name}] svg`).cloneNode(true);

export function moment(at) {
  const node = document.createElement("time");
  node.dateTime = `${beijing(at).slice(0, 19)}+08:00`;
  const [year, month, day] = parts(beijing(at));
  const date = words.months.length ? `${day} ${words.months[month - 1]} ${year},` : printed(beijing(at));
  node.textContent = `${date} ${beijing(at).slice(11, 16)}`;
  return node;
}

// The one word, its colour, icon and meaning; `asOf` of a proven status.
export function showState(code, asOf = null) {
  const [word, tone, name, meaning] = words.states[code];
  const box = $("#verdict");
  box.className = `verdict ${tone}`;
  $("svg", box).replaceWith(icon(name));
  $("#state").textContent = word;
  $("#state + p").textContent = meaning;
  document.title = document.title.replace(/^.*? · /, `${word} · `);
  $(".asof", box)?.remove();
  if (asOf !== null) {
    const line = Object.assign(document.createElement("p"), { className: "asof" });
    line.append(...around("as-of", asOf));
    $("div", box).append(line);
  }
}

// One check: its answer, reason and time, and whose check it was.
export function showStep({ code, answer, reason, facts, asOf }, now) {
  const item = $(`[data-step=${code}]`);
  const [word, tone, name] = words.answers[answer];
  const pill = $(".answer", item);
  pill.className = `answer ${tone}`;
  pill.replaceChildren(icon(name), word);
  put($(".why", item), `${words.reasons[reason]} `);
  const note = $(".why > .note", item);
  note.replaceChildren(...around(asOf === null ? "checked-at" : "checked-as-of", asOf ?? now));
  const [detail, template] = [$(".detail", item), facts.imported ? words.imported : words.details[code]];
  if (!detail || !template) return;
  detail.textContent = template.replace(/\{(\w+)\}/g, (_, fact) => [facts[fact] ?? "—"].flat().join(", ") || words.no_witness);
  if (facts.registered_name) detail.append(Object.assign(document.createElement("span"), { lang: "zh-Hans", textContent: facts.registered_name }));
}

const masked = (id) =>
  id.length < 8 ? "*".repeat(id.length) : id.slice(0, 3) + "*".repeat(id.length - 7) + id.slice(-4);

// A record's fields as they are printed.
export const asPrinted = (one) => ({
  ...one,
  ...(one.id_number && { id_number: masked(one.id_number), id_type: words.id_types[one.id_type] }),
  direction: one.direction || "--",
  level: words.levels[one.level] ?? one.level,
  issued: printed(one.issued),
  edition: words.edition.replace("{}", one.edition),
});

// Whether the page shows these very facts of the record, and no others.
export function pageShows(record) {
  const right = asPrinted(record);
  const fields = [...document.querySelectorAll("[data-fact]")];
  return (
    fields.length === 10 &&
    fields.every((field) => {
      const copy = field.cloneNode(true);
      $(".aside", copy)?.remove();
      const told = field.dataset.fact === "number" ? copy.textContent.replace(/\s/g, "") : copy.textContent.trim();
      return told === right[field.dataset.fact];
    })
  );
}

// What the paper says, beside the register; true if they agree in every field.
export function comparePaper(qr) {
  const told = asPrinted(qr);
  const rows = [...document.querySelectorAll("#compared [data-field]")];
  for (const row of rows) {
    const { field, value } = row.dataset;
    const same = value === String(qr[field]);
    row.cells[1].textContent = told[field];
    row.classList.toggle("differs", !same);
    if (!same) row.cells[1].append(" ", Object.assign(document.createElement("strong"), { lang: document.documentElement.lang, textContent: words.say.disagrees }));
  }
  if (rows.length) $("#compared").hidden = false;
  return rows.every((row) => !row.classList.contains("differs"));
}

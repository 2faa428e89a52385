// Shows on the page what the procedure found. All texts are the site's, had as words.json.
export const words = await (await fetch(new URL("words.json", import.meta.url))).json();

export const $ = (selector, within = document) => within.querySelector(selector);

const CHINA = 8 * 36e5;
const beijing = (at) => new Date(at + CHINA).toISOString();
const printed = (iso) => iso.slice(0, 10).split("-").map(Number).map((part, at) => part + "年月日"[at]).join("");

// A text and the same in English, in an element's first text node and in its part for English.
export function put(node, [zh, en]) {
  let [first, english] = [node.firstChild, $(":scope > [lang=en]", node)];
  if (first?.nodeType !== Node.TEXT_NODE) node.prepend((first = new Text()));
  if (!english) node.append((english = Object.assign(document.createElement("span"), { lang: "en" })));
  first.data = `${zh} `;
  english.textContent = en;
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
  node.textContent = `${printed(beijing(at))} ${beijing(at).slice(11, 16)}`;
  return node;
}

// The one word, its colour, icon and meaning; `asOf` of a proven status.
export function showState(code, asOf = null) {
  const [zh, en, tone, name, meaning, inEnglish] = words.states[code];
  const box = $("#verdict");
  box.className = `verdict ${tone}`;
  $("svg", box).replaceWith(icon(name));
  put($("#state"), [zh, en]);
  put($("#state + p"), [meaning, inEnglish]);
  document.title = document.title.replace(/^.*? · /, `${zh} · `);
  $(".asof", box)?.remove();
  if (asOf !== null) {
    const line = Object.assign(document.createElement("p"), { className: "asof" });
    line.append(words.notes[0], moment(asOf), words.notes[1]);
    $("div", box).append(line);
  }
}

// One check: its answer, reason and time, and whose check it was.
export function showStep({ code, answer, reason, facts, asOf }, now) {
  const item = $(`[data-step=${code}]`);
  const [zh, en, tone, name] = words.answers[answer];
  const pill = $(".answer", item);
  pill.className = `answer ${tone}`;
  pill.replaceChildren(icon(name), zh);
  put($(".why", item), words.reasons[reason]);
  const note = $(".why > .note", item);
  note.replaceChildren(asOf === null ? words.notes[3] : words.notes[2], moment(asOf ?? now), words.notes[4]);
  const [detail, templates] = [$(".detail", item), words.details[code]];
  if (!detail || !templates) return;
  const filled = templates.map((template, language) =>
    template.replace(/\{(\w+)\}/g, (_, fact) => [facts[fact] ?? "—"].flat().join(", ") || words.no_witness[language]),
  );
  put(detail, filled);
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
    if (!same) row.cells[1].append(" ", Object.assign(document.createElement("strong"), { textContent: words.say.disagrees[0] }));
  }
  if (rows.length) $("#compared").hidden = false;
  return rows.every((row) => !row.classList.contains("differs"));
}

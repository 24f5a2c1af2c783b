// The list of steps, the search, the keys; and the beginning.

const ROWS = 500;  // of the list at most: more take the browser seconds

function fillOutline(chosen = nodes) {
  const steps = chosen.filter((node) => node.kind === "operation"), inputs = chosen.filter((node) => node.kind !== "operation");
  const rows = [];
  let group = -1;
  for (const node of steps.slice(0, ROWS)) {
    if (node.group !== group && groups[node.group].nodes.length > 1) rows.push(heading(groups[node.group].name));
    group = node.group;
    rows.push(rowOf(node));
  }
  if (steps.length > ROWS) rows.push(heading(`${steps.length - ROWS} more steps: search for them`));
  if (inputs.length) rows.push(heading("inputs and parameters"), ...inputs.slice(0, ROWS).map(rowOf));
  find("rows").replaceChildren(...rows);
}

const heading = (text) => make("li", { class: "heading" }, text);

const rowOf = (node) => make("li", {},
  make("button", { id: `row${node.number}`, onclick: () => go(node.number) },
    make("span", { class: "number" }, node.kind === "operation" ? node.number : node.kind === "parameter" ? "θ" : "in"),
    make("span", { class: "name" }, node.name), make("span", { class: "layer" }, node.layer || "")));

const textOf = (node) => [node.name, node.call, node.layer, node.values[0].what,
  node.line === undefined ? "" : `${data.lines[node.line].where} ${data.lines[node.line].text}`].join(" ").toLowerCase();

const search = { found: [], at: -1 };

function look(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  search.found = words.length ? nodes.filter((node) => words.every((word) => textOf(node).includes(word))).map((node) => node.number) : [];
  search.at = -1;
  fillOutline(words.length ? search.found.map((number) => nodes[number]) : nodes);
  find("count").textContent = words.length ? `${search.found.length} found` : "";
}

function nextFound() {
  if (!search.found.length) return;
  search.at = (search.at + 1) % search.found.length;
  go(search.found[search.at]);
  find("count").textContent = `${search.at + 1} of ${search.found.length}`;
}

// Up and down go along the tape.
function neighbour(by) {
  const chain = nodes.filter((node) => !isBeside(node) && (node.kind !== "operation" || !isFolded[node.group])).map((node) => node.number);
  const at = chain.indexOf(view.selected);
  const next = chain[at < 0 ? 0 : Math.min(chain.length - 1, Math.max(0, at + by))];
  if (next === undefined) return;
  go(next);
  view.shown.get(`node${next}`)?.querySelector(".face")?.focus({ preventScroll: true });
}

function onKey(event) {
  const field = event.target.closest("input, textarea, select");
  if (event.ctrlKey || event.metaKey || event.altKey || field) {
    if (event.target !== find("search") || event.key !== "Enter") return;
    event.preventDefault();
    nextFound();
    return;
  }
  const inGraph = event.target === document.body || graph.contains(event.target);
  const keys = {
    ArrowRight: () => stepBy(1), ArrowLeft: () => stepBy(-1), " ": inGraph && event.target.tagName !== "BUTTON" ? () => play(!stepper.playing) : null,
    ArrowDown: inGraph ? () => neighbour(1) : null, ArrowUp: inGraph ? () => neighbour(-1) : null,
    "+": () => zoomTo(view.scale * 1.25), "-": () => zoomTo(view.scale / 1.25), 0: fit, "/": () => find("search").focus(),
    Escape: () => { play(false); if (order.length) goTo(null); },
  };
  const act = keys[event.key];
  if (!act || (event.key.startsWith("Arrow") && !order.length && event.key.length > 9)) return;
  event.preventDefault();
  act();
}

function begin() {
  fillOutline();
  find("facts").replaceChildren(...data.facts.map(([term, value]) => make("div", {}, make("dt", {}, term), make("dd", {}, value))));
  find("note").textContent = data.note;
  find("note").hidden = !data.note;
  listenToStepper();
  listenToView();
  find("closer").addEventListener("click", () => zoomTo(view.scale * 1.25));
  find("farther").addEventListener("click", () => zoomTo(view.scale / 1.25));
  find("fit").addEventListener("click", fit);
  find("width").addEventListener("click", () => fitWidth());
  const many = groups.some((group) => group.nodes.length > 1);
  for (const [id, folded] of [["fold", true], ["unfold", false]]) {
    find(id).hidden = !many;
    find(id).addEventListener("click", () => foldAll(folded));
  }
  find("search").addEventListener("input", (event) => look(event.target.value));
  addEventListener("keydown", onKey);
  view.plan = layOut();
  redraw();
  fitWidth(0.6);
  graph.scrollTop = 0;
  const last = order.length ? order[0] : nodes.length - 1;
  if (nodes.length) { view.selected = last; showNode(last); mark(); }
  document.documentElement.dataset.ready = "true";
}

begin();

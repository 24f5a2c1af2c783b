// The picture: only what is in sight is made of elements, and from far away cards are mere boxes.

const LEAST = 0.05, MOST = 2, FAR = 0.36;
const view = { scale: 1, plan: null, shown: new Map(), selected: null };
const graph = find("graph"), world = find("world"), sheet = find("sheet"), wires = find("edges");
const PAD = innerWidth < 760 ? 10 : 24;

function redraw() {
  view.plan = layOut();
  view.shown.forEach((element) => element.remove());
  view.shown.clear();
  zoomTo(view.scale);
}

function zoomTo(scale, focus) {
  const before = view.scale, at = focus || [graph.clientWidth / 2, graph.clientHeight / 2];
  const point = [(graph.scrollLeft + at[0] - PAD) / before, (graph.scrollTop + at[1] - PAD) / before];
  view.scale = Math.min(MOST, Math.max(LEAST, scale));
  const { width, height } = view.plan;
  world.style.width = `${Math.max(width * view.scale + 2 * PAD, 1)}px`;
  world.style.height = `${height * view.scale + 2 * PAD}px`;
  sheet.style.transform = `translate(${left()}px, ${PAD}px) scale(${view.scale})`;
  wires.setAttribute("width", width);
  wires.setAttribute("height", height);
  graph.scrollLeft = point[0] * view.scale - at[0] + PAD;
  graph.scrollTop = point[1] * view.scale - at[1] + PAD;
  find("scale").textContent = `${Math.round(100 * view.scale)} %`;
  paint();
}

// A narrow picture stands in the middle.
function left() {
  return Math.max(PAD, (graph.clientWidth - view.plan.width * view.scale) / 2);
}

function window_() {
  const margin = 200;
  return {
    left: (graph.scrollLeft - left()) / view.scale - margin, right: (graph.scrollLeft + graph.clientWidth - left()) / view.scale + margin,
    top: (graph.scrollTop - PAD) / view.scale - margin, bottom: (graph.scrollTop + graph.clientHeight - PAD) / view.scale + margin,
  };
}

function paint() {
  const sight = window_(), far = view.scale < FAR, { cards, frames, pills, edges } = view.plan;
  const isIn = (box) => box.x < sight.right && box.x + box.width > sight.left && box.y < sight.bottom && box.y + box.height > sight.top;
  const wanted = new Map();
  for (const box of frames) if (isIn(box)) wanted.set(`frame${box.group}`, () => frameOf(box));
  if (!far) {
    for (const box of cards) {
      if (isIn(box)) wanted.set(box.group === undefined ? `node${box.node.number}` : `group${box.group}`, () => fillCard(box));
    }
    for (const box of pills) if (isIn(box)) wanted.set(`pill${box.operand.node}-${box.user.number}-${box.y}`, () => pillOf(box));
  }
  for (const [key, element] of view.shown) {
    if (!wanted.has(key)) { element.remove(); view.shown.delete(key); }
  }
  for (const [key, fill] of wanted) {
    if (view.shown.has(key)) continue;
    const element = fill();
    view.shown.set(key, element);
    sheet.append(element);
  }
  wires.classList.toggle("is-far", far);
  paintFar(far ? cards.filter(isIn) : []);
  paintEdges(edges.filter((edge) => edge.top < sight.bottom && edge.bottom > sight.top));
  mark();
}

function paintFar(cards) {
  const current = currentNode(), names = [];
  let plain = "", lit = "";
  for (const card of cards) {
    if (cards.length <= 400) {
      const name = card.group === undefined ? shortName(card.node) : groups[card.group].name;
      names.push(make("svg:text", { x: card.x + 12, y: card.y + 82, class: "far-name" }, clipped(name, 12)));
    }
    const isCurrent = current !== null && view.plan.at[current] === card;
    const box = `M${card.x} ${card.y}h${card.width}v${card.height}h${-card.width}z`;
    if (isCurrent) lit += box; else plain += box;
  }
  find("far").setAttribute("d", plain);
  find("lit").setAttribute("d", lit);
  find("names").replaceChildren(...names);
}

function paintEdges(edges) {
  const current = currentNode();
  let plain = "", flow = "";
  const labels = [];
  for (const edge of edges) {
    const pair = current === null ? null : edge.pairs.find(({ user, operand }) => user === current && operand.sent);
    if (!pair) { plain += edge.path; continue; }
    flow += edge.path;
    const sent = sentTo(pair.operand);
    if (view.scale >= FAR) {
      const [x, y] = edge.label;
      labels.push(make("svg:text", { x: x + 8, y: y + 4, class: "label" }, `‖${brief(sent.norm)}‖`));
    }
  }
  find("plain").setAttribute("d", plain);
  find("flow").setAttribute("d", flow);
  find("labels").replaceChildren(...labels);
}

// What is selected and whose pullback runs.
function mark() {
  const current = currentNode();
  const sent = current === null ? [] : nodes[current].operands.filter((operand) => operand.sent && operand.node !== undefined);
  const receivers = new Set(sent.map((operand) => operand.node));
  for (const element of view.shown.values()) {
    const number = Number(element.dataset.node ?? NaN), group = Number(element.dataset.group ?? NaN);
    element.classList.toggle("selected", number === view.selected || (view.selected === `group${group}`));
    element.classList.toggle("receiving", receivers.has(number) || (group >= 0 && groups[group].nodes.some((each) => receivers.has(each))));
    element.classList.toggle("current", number === current || (current !== null && nodes[current].group === group));
  }
  for (const row of document.querySelectorAll("#outline [aria-current]")) row.removeAttribute("aria-current");
  if (typeof view.selected === "number") find(`row${view.selected}`)?.setAttribute("aria-current", "true");
}

// Make all cards anew, as their cotangents have changed; the focus stays.
function refresh() {
  const focused = document.activeElement?.closest?.("#sheet [data-node], #sheet [data-group]");
  const key = focused && [...view.shown].find(([, element]) => element === focused)?.[0];
  view.shown.forEach((element) => element.remove());
  view.shown.clear();
  paint();
  if (key) (view.shown.get(key)?.querySelector(".face") || view.shown.get(key))?.focus({ preventScroll: true });
}

function boxOfNode(number) {
  return view.plan.at[number] || view.plan.pills.find((pill) => pill.operand.node === number) || null;
}

// Bring a box into sight.
function reveal(box) {
  if (!box) return;
  const { scale } = view, sight = [graph.clientWidth, graph.clientHeight];
  const x = left() + box.x * scale, y = PAD + box.y * scale, margin = 30;
  const isSeen = x >= graph.scrollLeft + 8 && x + box.width * scale <= graph.scrollLeft + sight[0] - 8 &&
    y >= graph.scrollTop + margin && y + box.height * scale <= graph.scrollTop + sight[1] - margin;
  if (isSeen) return;
  graph.scrollLeft = x + (box.width * scale - sight[0]) / 2;
  graph.scrollTop = y + (box.height * scale - sight[1]) / 2;
  paint();
}

function setFolded(number, folded) {
  isFolded[number] = folded;
  redraw();
  reveal(view.plan.at[groups[number].nodes[0]]);
}

// As its button does; the focus goes to the button that undoes it.
function fold(number, folded) {
  setFolded(number, folded);
  view.shown.get(folded ? `group${number}` : `frame${number}`)?.querySelector(".fold")?.focus({ preventScroll: true });
}

function foldAll(folded) {
  groups.forEach((group, number) => { isFolded[number] = folded && group.nodes.length > 1; });
  redraw();
}

const BAR = 17;  // of scrolling

function fitWidth(least = LEAST) {
  zoomTo(Math.max(least, Math.min(1, (graph.clientWidth - 2 * PAD - BAR) / view.plan.width)));
}

function fit() {
  const { width, height } = view.plan;
  zoomTo(Math.min(1, (graph.clientWidth - 2 * PAD - BAR) / width, (graph.clientHeight - 2 * PAD) / height));
}

function listenToView() {
  let waiting = false;
  graph.addEventListener("scroll", () => {
    if (!waiting) requestAnimationFrame(() => { waiting = false; paint(); });
    waiting = true;
  }, { passive: true });
  new ResizeObserver(() => zoomTo(view.scale)).observe(graph);
  graph.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const box = graph.getBoundingClientRect();
    zoomTo(view.scale * Math.exp(-event.deltaY / 300), [event.clientX - box.left, event.clientY - box.top]);
  }, { passive: false });
  let grip = null;
  graph.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.pointerType !== "mouse" || event.target.closest("button")) return;
    grip = [event.clientX + graph.scrollLeft, event.clientY + graph.scrollTop];
    graph.classList.add("gripped");
  });
  addEventListener("pointermove", (event) => {
    if (!grip) return;
    graph.scrollLeft = grip[0] - event.clientX;
    graph.scrollTop = grip[1] - event.clientY;
  });
  addEventListener("pointerup", () => { grip = null; graph.classList.remove("gripped"); });
  // From far away a click finds the card by its place.
  graph.addEventListener("click", (event) => {
    if (view.scale >= FAR || event.target.closest("button")) return;
    const box = graph.getBoundingClientRect();
    const x = (event.clientX - box.left + graph.scrollLeft - left()) / view.scale;
    const y = (event.clientY - box.top + graph.scrollTop - PAD) / view.scale;
    const hit = view.plan.cards.find((card) => card.x <= x && x <= card.x + card.width && card.y <= y && y <= card.y + card.height);
    if (hit) { if (hit.group === undefined) select(hit.node.number); else selectGroup(hit.group); }
  });
}

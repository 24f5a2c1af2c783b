// From rows and columns to pixels, and the ways of the edges.

const CARD = { width: 276, height: 157 };
const PILL = { width: 172, height: 44, gap: 12 };
const GAP = { x: 44, y: 40 };
const FRAME = { side: 18, top: 40, bottom: 18 };

// Give boxes {row, column, width, height, anchor} their x and y: boxes of one column have their anchors in line.
function grid(boxes) {
  const columns = new Map(), rows = new Map();
  for (const box of boxes) {
    const column = columns.get(box.column) || { left: 0, right: 0 };
    column.left = Math.max(column.left, box.anchor);
    column.right = Math.max(column.right, box.width - box.anchor);
    columns.set(box.column, column);
    rows.set(box.row, { height: Math.max(box.height, rows.get(box.row)?.height || 0) });
  }
  let width = 0, height = 0;
  for (const key of [...columns.keys()].sort((a, b) => a - b)) {
    const column = columns.get(key);
    column.anchor = width + column.left;
    width += column.left + column.right + GAP.x;
  }
  for (const key of [...rows.keys()].sort((a, b) => a - b)) {
    rows.get(key).y = height;
    height += rows.get(key).height + GAP.y;
  }
  for (const box of boxes) {
    box.x = columns.get(box.column).anchor - box.anchor;
    box.y = rows.get(box.row).y;
  }
  const first = columns.get(Math.min(...columns.keys()));
  return { width: Math.max(width - GAP.x, 0), height: Math.max(height - GAP.y, 0), anchor: first ? first.anchor : 0 };
}

function boxOf(node) {
  const pills = pillsOf(node).length;
  const anchor = pills ? PILL.width + PILL.gap + 14 : 0;
  const height = Math.max(CARD.height, pills * (PILL.height + 6) - 6);
  return { node, row: node.row || 0, column: node.column || 0, anchor, width: anchor + CARD.width, height };
}

// Where everything is, as things stand folded: cards, frames of unfolded groups, pills, edges, and the size of it all.
function layOut() {
  const cards = [], frames = [], pills = [], at = nodes.map(() => null);
  const boxes = groups.map((group, number) => {
    const { row, column } = group;
    if (group.nodes.length > 1 && isFolded[number]) return { number, row, column, anchor: 0, ...CARD };
    const inner = group.nodes.map((each) => boxOf(nodes[each]));
    if (group.nodes.length === 1) return { ...inner[0], number, row, column, inner: null, node: inner[0].node };
    const size = grid(inner);
    return {
      number, row, column, inner, anchor: FRAME.side + size.anchor,
      width: size.width + 2 * FRAME.side, height: size.height + FRAME.top + FRAME.bottom,
    };
  });
  const size = grid(boxes);

  function putCard(box, x, y) {
    const card = { node: box.node, x: x + box.anchor, y, width: CARD.width, height: box.height };
    at[box.node.number] = card;
    cards.push(card);
    pillsOf(box.node).forEach((operand, i) => {
      pills.push({ operand, user: box.node, x, y: y + i * (PILL.height + 6), width: PILL.width, height: PILL.height });
    });
  }
  for (const box of boxes) {
    if (box.inner) {
      frames.push({ group: box.number, x: box.x, y: box.y, width: box.width, height: box.height });
      for (const one of box.inner) putCard(one, box.x + FRAME.side + one.x, box.y + FRAME.top + one.y);
    } else if (box.node) {
      putCard(box, box.x, box.y);
    } else {
      const card = { group: box.number, x: box.x, y: box.y, ...CARD };
      cards.push(card);
      for (const each of groups[box.number].nodes) at[each] = card;
    }
  }
  const edges = connect(cards, at);
  const right = edges.reduce((most, edge) => Math.max(most, edge.right), size.width);
  return { cards, frames, pills, edges, at, width: right, height: size.height };
}

// -- edges --------------------------------------------------------------------------------------------------------------

const SHELF = 256;

function connect(cards, at) {
  const shelves = new Map();              // the cards by height, to see what stands in the way
  for (const card of cards) {
    for (let i = Math.floor(card.y / SHELF); i <= Math.floor((card.y + card.height) / SHELF); i++) {
      if (!shelves.has(i)) shelves.set(i, []);
      shelves.get(i).push(card);
    }
  }
  const between = (top, bottom) => {
    const found = new Set();
    for (let i = Math.floor(top / SHELF); i <= Math.floor(bottom / SHELF); i++) {
      for (const card of shelves.get(i) || []) if (card.y < bottom && card.y + card.height > top) found.add(card);
    }
    return [...found];
  };
  const edges = [], known = new Map(), lanes = [];
  nodes.forEach((node) => {
    for (const operand of node.operands || []) {
      const source = operand.node === undefined ? null : at[operand.node], target = at[node.number];
      if (!source || source === target || !target) continue;
      const key = `${source.x},${source.y},${target.x},${target.y}`;
      let edge = known.get(key);
      if (!edge) {
        edge = { ...route(source, target, between, lanes), pairs: [] };
        known.set(key, edge);
        edges.push(edge);
      }
      edge.pairs.push({ source: operand.node, user: node.number, operand });
    }
  });
  return edges;
}

function route(source, target, between, lanes) {
  const x1 = source.x + source.width / 2, y1 = source.y + source.height;
  const x2 = target.x + target.width / 2, y2 = target.y;
  const middle = (y1 + y2) / 2;
  const cards = between(y1 + 1, y2 - 1).filter((card) => card !== source && card !== target);
  const blocks = (x, top, bottom) =>
    cards.some((card) => card.x - 6 < x && x < card.x + card.width + 6 && card.y < bottom && card.y + card.height > top);
  if (!blocks(x1, y1, middle) && !blocks(x2, middle, y2)) {
    const bend = Math.min(Math.max((y2 - y1) / 2, 16), 120);
    return {
      path: `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`,
      top: y1, bottom: y2, right: Math.max(x1, x2), label: [(x1 + x2) / 2, middle],
    };
  }
  const side = Math.max(source.x + source.width, target.x + target.width,
    ...cards.map((card) => card.x + card.width)) + 24;
  let lane = lanes.findIndex((ends) => ends.bottom <= y1);
  if (lane < 0) lane = lanes.push({ bottom: 0 }) - 1;
  lanes[lane].bottom = y2;
  const x = side + 9 * (lane % 12), r = 14;
  return {
    path: `M${x1} ${y1}C${x1} ${y1 + r} ${x1 + r} ${y1 + r} ${x1 + r} ${y1 + r}H${x - r}Q${x} ${y1 + r} ${x} ${y1 + 2 * r}` +
      `V${y2 - 2 * r}Q${x} ${y2 - r} ${x - r} ${y2 - r}H${x2 + r}Q${x2} ${y2 - r} ${x2} ${y2}`,
    top: y1, bottom: y2, right: x + 4, label: [x, middle],
  };
}

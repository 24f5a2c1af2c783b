// What the page knows: the data, and what follows from them.

const data = JSON.parse(document.getElementById("data").textContent);
const { nodes, groups, order } = data;

const usersOf = nodes.map(() => []);      // by node: {user, operand}
const turnOf = nodes.map(() => 0);        // when the pullback of a node runs, from 1; 0 for never
order.forEach((number, i) => { turnOf[number] = i + 1; });

nodes.forEach((node, number) => {
  node.number = number;
  for (const operand of node.operands || []) {
    if (operand.node !== undefined) usersOf[operand.node].push({ user: number, operand });
  }
});

const isBeside = (node) => node.group < 0;
const pillsOf = (node) => (node.operands || []).filter((o) => o.node !== undefined && isBeside(nodes[o.node]));
const cotangentOf = (node) => (node.cotangents || []).find((g) => g) || null;

// What an operation sent to an operand: figures of its own, or, told by `true`, all of the source's cotangent.
const sentTo = (operand) => (operand.sent === true ? nodes[operand.node].cotangents[operand.output || 0] : operand.sent);
const isFolded = groups.map((group) => group.nodes.length > 1 && nodes.length > 80);

// The pullbacks that send something to a node: by when they run.
const sendersOf = nodes.map((_, number) =>
  usersOf[number].filter(({ user, operand }) => operand.sent && turnOf[user]).map(({ user }) => turnOf[user]));

function shortName(node) {
  if (node.kind === "operation") return node.name;
  const keys = node.name.match(/\[[^\]]*\]|\.\w+/g);
  return keys ? keys.map((key) => key.replace(/^[.[]['"]?|['"]?\]$/g, "")).join(".") : node.name;
}

// The end of a long name tells more than its beginning.
const clipped = (text, most) => (text.length > most ? `…${text.slice(1 - most)}` : text);

// A number in three digits, for cards.
function brief(figure) {
  const value = Number(figure);
  if (!Number.isFinite(value)) return figure;
  const isPlain = value === 0 || (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e5);
  return isPlain ? String(Number(value.toPrecision(3))) : value.toExponential(1).replace("e+", "e");
}

function describe(node) {
  const parts = [node.kind === "operation" ? `step ${node.number}: ${node.name}` : `${node.kind} ${node.name}`];
  if (node.layer) parts.push(`layer ${node.layer}`);
  parts.push(node.values[0].what);
  const g = cotangentOf(node);
  if (g) parts.push(`norm of the cotangent ${g.norm}`);
  return parts.join(", ");
}

// -- making elements: texts only ever become text nodes -----------------------------------------------------------------

function make(tag, attributes = {}, ...children) {
  const element = tag.startsWith("svg:")
    ? document.createElementNS("http://www.w3.org/2000/svg", tag.slice(4))
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

const find = (id) => document.getElementById(id);

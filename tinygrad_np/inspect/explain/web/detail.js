// What is told of the node that was clicked on: its line, its mathematics, and the numbers of its step.

const section = (title, ...children) => make("section", {}, make("h3", {}, title), ...children);
const paragraphs = (text) => text.split(/\n\s*\n/).map((part) => make("p", { class: "math" }, part));

function select(number) {
  view.selected = number;
  showNode(number);
  mark();
}

function selectGroup(number) {
  view.selected = `group${number}`;
  showGroup(number);
  mark();
}

function go(number) {
  const node = nodes[number];
  if (node.group >= 0 && isFolded[node.group]) setFolded(node.group, false);
  select(number);
  reveal(boxOfNode(number));
}

const link = (number) => make("button", { class: "link", onclick: () => go(number) },
  nodes[number].kind === "operation" ? `${nodes[number].name} (step ${number})` : nodes[number].name);

function fill(...children) {
  find("detail").replaceChildren(...children.flat().filter(Boolean));
  find("detail").scrollTop = 0;
}

function showNode(number) {
  const node = nodes[number], op = node.op && data.ops[node.op];
  fill(
    make("p", { class: "kind" }, node.kind === "operation" ? `step ${number}` : node.kind,
      node.layer ? ` · layer ${node.layer}` : "", node.call && node.call !== node.name ? ` · part of ${node.call}` : "",
      node.direction ? ` · made by a derivative inside the function (${node.direction})` : ""),
    make("h2", {}, node.name),
    node.line !== undefined ? showLine(data.lines[node.line]) : null,
    node.time ? showCosts(node) : null,
    op ? showMathematics(op, node) : null,
    section("The numbers of this step", showNumbers(node)),
    usersOf[number].length ? section("Used by", make("ul", {}, [...new Set(usersOf[number].map(({ user }) => user))].slice(0, 12)
      .map((user) => make("li", {}, link(user))))) : null);
}

function showLine(line) {
  return make("figure", { class: "line" },
    make("figcaption", { title: line.path }, line.where), make("code", {}, line.text || "(the file cannot be read)"));
}

function showCosts(node) {
  const rows = [["forward", node.time, node.flops]];
  if (node.back) rows.push(["backward", node.back, node.flopsBack]);
  const facts = make("table", { class: "costs" }, make("tbody", {},
    rows.map(([name, ...cells]) => make("tr", {}, make("th", { scope: "row" }, name), cells.map((cell) => make("td", {}, cell))))));
  return [facts, node.kept ? make("p", { class: "faint" }, `Its pullback keeps ${node.kept} alive.`) : null];
}

function showMathematics(op, node) {
  const parts = [];
  if (op.formula) parts.push(make("p", { class: "formula" }, op.formula));
  if (node.options) parts.push(make("p", { class: "faint" }, `with ${node.options}`));
  if (node.rule) parts.push(make("p", {}, `The rule that ran is that of ${node.rule}, a function with rules of its own.`));
  if (op.text) parts.push(make("h4", {}, op.differentiable ? "The VJP, and where it comes from" : "No derivative"), ...paragraphs(op.text));
  if (op.kept) parts.push(make("p", { class: "math" }, `Kept for the backward pass: ${op.kept}`));
  if (op.conventions && op.conventions.length) {
    parts.push(make("h4", {}, "Conventions"), make("ul", {}, op.conventions.map((text) => make("li", {}, text))));
  }
  if (op.rules.length) {
    parts.push(make("details", {}, make("summary", {}, "The rule as code"), op.rules.map((text) => make("pre", {}, text))));
  }
  return parts.length ? section("The operation", ...parts) : null;
}

function showNumbers(node) {
  const parts = [];
  for (const operand of node.operands || []) {
    const source = operand.node === undefined ? null : nodes[operand.node];
    const numbers = source ? source.values[operand.output || 0] : operand.numbers;
    if (!numbers) continue;
    parts.push(showArray(operand.name, source ? link(operand.node) : "a constant", numbers, "operand"));
  }
  node.values.forEach((numbers, i) => parts.push(showArray(node.values.length > 1 ? `result ${i}` : node.op ? "result" : "value", "", numbers, "value")));
  (node.cotangents || []).forEach((numbers) => {
    const what = node.op ? "the cotangent that arrives" : "gradient";
    if (numbers) parts.push(showArray(what, "", numbers, "cotangent"));
  });
  for (const operand of node.operands || []) {
    if (!operand.sent) continue;
    parts.push(showArray(`sent to ${operand.name}`, link(operand.node), sentTo(operand), "cotangent"));
  }
  if (!cotangentOf(node) && order.length) {
    parts.push(make("p", { class: "faint" }, "No cotangent arrives here: the value does not depend on it in a way that can be differentiated."));
  }
  return parts;
}

function showArray(name, from, numbers, kind) {
  const figures = [["norm", numbers.norm], ["min", numbers.low], ["mean", numbers.mean], ["max", numbers.high], ["zeros", numbers.zeros]];
  return make("div", { class: `array ${kind}` },
    make("div", { class: "title" }, make("strong", {}, name), " ", from, make("span", { class: "what" }, numbers.what)),
    make("div", { class: "pictures" }, numbers.one === undefined ? null : make("span", { class: "one" }, numbers.one),
      numbers.png ? drawThumb(numbers) : null, numbers.bars ? drawBars(numbers.bars, 160, 48) : null),
    numbers.bad ? make("p", { class: "bad" }, numbers.bad) : null,
    numbers.one === undefined ? make("dl", {}, figures.filter(([, value]) => value !== undefined).map(([term, value]) =>
      make("div", {}, make("dt", {}, term), make("dd", {}, value)))) : null,
    numbers.entries ? make("details", {}, make("summary", {}, "entries"), make("div", { class: "wide" },
      make("table", { class: "entries" }, make("tbody", {}, numbers.entries.map((row) =>
        make("tr", {}, row.map((entry) => make("td", {}, entry)))))))) : null);
}

function showGroup(number) {
  const group = groups[number];
  fill(make("p", { class: "kind" }, `${group.nodes.length} operations`), make("h2", {}, group.name),
    make("button", { class: "plain", onclick: () => fold(number, !isFolded[number]) }, isFolded[number] ? "unfold" : "fold"),
    section("Steps", make("ol", { class: "steps" }, group.nodes.slice(0, 200).map((each) =>
      make("li", {}, link(each), make("span", { class: "what" }, ` ${nodes[each].values[0].what}`))))));
}

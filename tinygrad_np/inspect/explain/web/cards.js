// What stands in the picture: cards of nodes and groups, pills of parameters, and the small pictures on them.

function drawBars(bars, width, height) {
  const step = width / bars.length;
  let path = "";
  [...bars].forEach((digit, i) => {
    const tall = (parseInt(digit, 16) / 15) * (height - 2);
    if (tall > 0) path += `M${(i * step).toFixed(1)} ${height}v${(-tall).toFixed(1)}h${(step * 0.82).toFixed(1)}v${tall.toFixed(1)}z`;
  });
  const svg = make("svg:svg", { class: "bars", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  svg.append(make("svg:path", { d: path }), make("svg:path", { class: "ground", d: `M0 ${height - 0.5}H${width}` }));
  return svg;
}

// A picture of an array: the one that came with it, its histogram, or the number itself.
function drawThumb(numbers) {
  if (numbers.png) return make("img", { src: `data:image/png;base64,${numbers.png}`, alt: "", class: "png" });
  if (numbers.bars) return drawBars(numbers.bars, 96, 44);
  return make("span", { class: "one" }, numbers.one ?? (numbers.bad ? "not finite" : "empty"));
}

function thumb(what, numbers, kind) {
  const badge = numbers && numbers.bad ? make("span", { class: "bad" }, numbers.bad) : null;
  return make("span", { class: `thumb ${kind}` },
    make("span", { class: "frame" }, numbers ? drawThumb(numbers) : null),
    make("span", { class: "caption" }, badge || (numbers ? `${what} ‖${brief(numbers.norm)}‖` : what)));
}

function cotangentThumb(node) {
  const g = cotangentOf(node);
  const { state, count, all } = arrivalOf(node);
  if (!g) return thumb(node.op && data.order.length ? "no cotangent" : "", null, "none");
  if (state === "all") return thumb("cotangent", g, "cotangent");
  return thumb(state === "some" ? `${count} of ${all} arrived` : "not yet", null, "waiting");
}

function fillCard(card) {
  return card.group === undefined ? nodeCard(card) : groupCard(card);
}

function placed(element, { x, y, width, height }) {
  element.style.left = `${x}px`;
  element.style.top = `${y}px`;
  element.style.width = `${width}px`;
  element.style.height = `${height}px`;
  return element;
}

function nodeCard({ node, ...box }) {
  const title = node.layer || (node.call && !node.name.includes(node.call) ? node.call : "");
  const line = node.line === undefined ? null : data.lines[node.line];
  const marks = [node.kind, node.direction ? "derived" : "", turnOf[node.number] || node.kind !== "operation" ? "" : "dead"];
  const element = make("div", { class: `card ${marks.join(" ")}`, "data-node": node.number },
    make("button", { class: "face", "aria-label": describe(node), onclick: () => select(node.number) },
      make("span", { class: "head" },
        make("span", { class: "name" }, shortName(node)),
        make("span", { class: "layer" }, node.kind === "operation" ? title : node.kind)),
      make("span", { class: "what" }, node.values[0].what + (node.values.length > 1 ? ` and ${node.values.length - 1} more` : "")),
      make("span", { class: "thumbs" }, thumb("value", node.values[0], "value"), node.kind === "input" ? null : cotangentThumb(node)),
      node.time ? make("span", { class: "foot" }, node.time, node.back ? ` · back ${node.back}` : "", ` · ${node.flops}`) : null,
      node.time ? make("span", { class: "foot", title: line && line.text }, [line && line.where, node.kept && `keeps ${node.kept}`]
        .filter(Boolean).join(" · ")) : null));
  return placed(element, box);
}

function groupCard({ group: number, ...box }) {
  const group = groups[number], members = group.nodes.map((each) => nodes[each]), result = nodes[group.result];
  const names = [...new Set(members.map((node) => node.name))];
  const element = make("div", { class: "card folded", "data-group": number },
    make("button", {
      class: "face", onclick: () => selectGroup(number),
      "aria-label": `group ${group.name}, ${members.length} operations, ${result.values[0].what}`,
    },
      make("span", { class: "head" }, make("span", { class: "name" }, group.name)),
      make("span", { class: "what" }, `${members.length} operations: ${names.slice(0, 4).join(", ")}${names.length > 4 ? ", …" : ""}`),
      make("span", { class: "thumbs" }, thumb("value", result.values[0], "value"), cotangentThumb(result))),
    foldButton(number));
  return placed(element, box);
}

function foldButton(number) {
  const folded = isFolded[number];
  return make("button", {
    class: "fold", "aria-expanded": String(!folded), "aria-label": `${folded ? "unfold" : "fold"} ${groups[number].name}`,
    onclick: () => fold(number, !folded),
  }, folded ? "+" : "−");
}

function frameOf({ group: number, ...box }) {
  const element = make("div", { class: "group", "data-frame": number },
    make("span", { class: "title" }, groups[number].name), foldButton(number));
  return placed(element, box);
}

function pillOf({ operand, user, ...box }) {
  const node = nodes[operand.node], g = cotangentOf(node), { state } = arrivalOf(node);
  const numbers = stepper.at !== null && state !== "none" && g ? g : node.values[0];
  const element = make("button", {
    class: `pill ${node.kind} ${stepper.at !== null && state !== "none" && g ? "arrived" : ""}`, "data-pill": `${node.number}-${user.number}`,
    "data-node": node.number, "aria-label": describe(node), onclick: () => select(node.number),
  },
    make("span", { class: "words" },
      make("span", { class: "name" }, clipped(shortName(node), 15)),
      make("span", { class: "what" }, node.values[0].what.replace(/^\S+ ?/, "") || node.values[0].what)),
    make("span", { class: "frame" }, drawThumb(numbers)));
  return placed(element, box);
}

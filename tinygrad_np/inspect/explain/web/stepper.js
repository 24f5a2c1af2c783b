// The backward pass, step by step. `at` counts the pullbacks that have run; null shows the end of it, with no step lit.

const stepper = { at: null, playing: null };

function currentNode() {
  return stepper.at ? order[stepper.at - 1] : null;
}

// How much of a node's cotangent has arrived.
function arrivalOf(node) {
  const senders = sendersOf[node.number], all = senders.length;
  if (stepper.at === null) return { state: "all", count: all, all };
  if (all === 0) {  // what the pass begins with, or what a function with rules of its own sent: it is there in time
    const due = turnOf[node.number] ? turnOf[node.number] - 1 : order.length;
    return { state: stepper.at >= due ? "all" : "none", count: 0, all };
  }
  const count = senders.filter((turn) => turn <= stepper.at).length;
  return { state: count === all ? "all" : count ? "some" : "none", count, all };
}

function goTo(at) {
  stepper.at = at === null ? null : Math.min(order.length, Math.max(0, at));
  const current = currentNode();
  find("slider").value = stepper.at ?? order.length;
  find("said").textContent = sayStep();
  find("back").disabled = stepper.at === 0;
  find("forth").disabled = stepper.at === order.length;
  if (current !== null) { view.selected = current; showNode(current); }
  refresh();
  if (current !== null) reveal(boxOfNode(current));
}

function sayStep() {
  if (stepper.at === null) return `all ${order.length} steps back are shown`;
  if (stepper.at === 0) return "the backward pass begins: the value's own cotangent stands at the end of the tape";
  const node = nodes[currentNode()];
  const sent = node.operands.filter((operand) => operand.sent);
  const targets = sent.map((operand) => {
    return `${shortName(nodes[operand.node])} ‖${brief(sentTo(operand).norm)}‖`;
  });
  return `${stepper.at} of ${order.length}: the pullback of ${node.rule || node.name}${node.layer ? ` (${node.layer})` : ""} ` +
    (targets.length ? `sends to ${targets.join(", ")}` : "has run");
}

const stepBy = (by) => goTo(stepper.at === null ? (by > 0 ? 0 : order.length) : stepper.at + by);

function play(on) {
  clearInterval(stepper.playing);
  stepper.playing = null;
  if (on) {
    if (stepper.at === null || stepper.at === order.length) goTo(0);
    stepper.playing = setInterval(() => {
      stepBy(1);
      if (stepper.at === order.length) play(false);
    }, 900);
  }
  find("play").textContent = stepper.playing ? "pause" : "play";
  find("play").setAttribute("aria-pressed", String(Boolean(stepper.playing)));
}

function listenToStepper() {
  find("stepper").hidden = order.length === 0;
  if (order.length === 0) return;
  find("slider").max = order.length;
  find("first").addEventListener("click", () => { play(false); goTo(0); });
  find("back").addEventListener("click", () => { play(false); stepBy(-1); });
  find("forth").addEventListener("click", () => { play(false); stepBy(1); });
  find("whole").addEventListener("click", () => { play(false); goTo(null); });
  find("play").addEventListener("click", () => play(!stepper.playing));
  find("slider").addEventListener("input", (event) => { play(false); goTo(Number(event.target.value)); });
  find("slider").value = order.length;
  find("said").textContent = sayStep();
}

/* What is compared, and how its pairs stand, as choices. */

function compareControls({ data }, own, { trained, quantities, onSwap, onHold }) {
  const bar = make("div", "controls");
  const of = makeSwitch("Compare", [["", "Checkpoints"], ["runs", "Runs"]], (value) => own.set({ of: value, left: "", right: "", page: "" }));
  const choose = (side) => (value) => own.set({ left: left.select.value, right: right.select.value, [side]: value, page: "" });
  const left = makeChoice("Left", [], choose("left"));
  const right = makeChoice("Right", [], choose("right"));
  const swapButton = makeButton("compare-swap", "⇄", onSwap);
  swapButton.setAttribute("aria-label", "Swap left and right (S)");
  swapButton.title = "Swap (S)";
  const task = makeChoice("People's task", data.tasks.map((name) => [name, capitalised(name)]), (value) => own.set({ task: value }));
  of.element.hidden = trained.length < 2;
  task.element.hidden = data.tasks.length < 2;
  bar.append(of.element, left.element, swapButton, right.element, task.element);
  const pairsBar = make("div", "controls");
  const by = makeQuantityChoice("Pairs by the difference of", quantities, quantities.length ? null : "nothing", (value) => own.set({ by: value, page: "" }));
  const order = makeSwitch("Order", [["", "Largest change"], ["up", "Right higher"], ["down", "Left higher"]], (value) => own.set({ order: value, page: "" }));
  by.element.hidden = order.element.hidden = !quantities.length;
  const holdButton = makeHold("Hold for the left pictures (B)", onHold);
  pairsBar.append(by.element, order.element, holdButton);
  return { element: bar, of, left, right, task, pairs: pairsBar, by, order, holdButton };
}

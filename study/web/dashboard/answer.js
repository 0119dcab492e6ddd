/* What stands above all views: which checkpoint, and why, and what the last gate said. */

async function showAnswer(section, context) {
  section.replaceChildren(waitingAnswer());
  const [best, alerts] = await Promise.allSettled([context.source.json("best"), context.source.json("alerts")]);
  section.replaceChildren(...[bestAnswer(best, context), gateAnswer(alerts, context)].filter(Boolean));
}

function waitingAnswer() {
  const part = make("div", "answer-best answer-waiting");
  part.append(make("h2", "", "Which checkpoint?"), make("p", "quiet", "Being worked out…"));
  return part;
}

function bestAnswer(result, context) {
  const { make } = context;
  const part = make("div", "answer-best");
  if (result.status === "rejected") {
    part.append(make("h2", "", "Which checkpoint?"), make("p", "", result.reason.message));
    return part;
  }
  const best = result.value;
  context.winner = best.winner ? best.winner.checkpoint : -1; // where other views begin
  const more = best.rows.length ? "See the candidates" : "See Best"; // where another measure may be chosen
  part.append(answerHead("Which checkpoint?", more, "best", context));
  const [first, second] = best.refused ? [best.refused, ""] : [best.headline, best.sentences[1]];
  const note = best.notes.find((words) => !first.includes(words)); // what does not count, or that nobody chose the measure
  part.append(make("p", "answer-sentence", first), ...[second, note].filter(Boolean).map((words) => make("p", "quiet", words)));
  return part;
}

function gateAnswer(result, context) {
  if (result.status === "rejected" || !result.value.runs.length) return null;
  const { make } = context;
  const last = result.value.runs[0];
  const part = make("div", "answer-gate");
  const line = make("p", "answer-sentence");
  line.append(verdictMark(last.verdict), " " + last.sentence);
  part.append(answerHead("The last gate", "See all gates", "alerts", context), line);
  const people = last.metrics.find(({ name, decides }) => name === "people" && !decides);
  if (people) part.append(make("p", "answer-people", "By people's ratings of the same pairs, which did not decide: " + people.verdict + "."));
  part.append(make("p", "quiet", last.candidate + " against " + last.baseline + ", " + momentOf(last.at)));
  return part;
}

function answerHead(words, more, tab, context) {
  const head = make("div", "answer-head");
  head.append(make("h2", "", words), makeButton("answer-more", more + " →", () => context.state.set({ tab })));
  return head;
}

/* A verdict as a mark of its own colour and sign. */
function verdictMark(verdict) {
  const kind = verdict === "worse" ? "bad" : verdict === "not worse" ? "good" : "open";
  return make("span", "mark mark-" + kind, verdict);
}

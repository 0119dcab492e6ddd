/* What stands above all views: which checkpoint, and why, and what the last gate said. */

async function showAnswer(section, context) {
  const [best, alerts] = await Promise.allSettled([context.source.json("best"), context.source.json("alerts")]);
  section.replaceChildren(...[bestAnswer(best, context), gateAnswer(alerts, context)].filter(Boolean));
}

function bestAnswer(result, context) {
  const { make } = context;
  const part = make("div", "answer-best");
  part.append(make("h2", "", "Which checkpoint?"));
  if (result.status === "rejected") {
    part.append(make("p", "", result.reason.message));
    return part;
  }
  const best = result.value;
  const [first, ...others] = best.refused ? [best.refused] : best.sentences;
  part.append(make("p", "answer-sentence", first || ""));
  if (others.length) part.append(make("p", "quiet", others.join(" ")));
  part.append(makeButton("answer-more", "See the candidates", () => context.state.set({ tab: "best" })));
  return part;
}

function gateAnswer(result, context) {
  if (result.status === "rejected" || !result.value.runs.length) return null;
  const { make } = context;
  const last = result.value.runs[0];
  const part = make("div", "answer-gate");
  const line = make("p", "answer-sentence");
  line.append(verdictMark(last.verdict), " " + last.sentence);
  part.append(make("h2", "", "The last gate"), line);
  part.append(make("p", "quiet", last.candidate + " against " + last.baseline + ", " + momentOf(last.at)));
  part.append(makeButton("answer-more", "See the gates", () => context.state.set({ tab: "alerts" })));
  return part;
}

/* A verdict as a mark of its own colour and sign. */
function verdictMark(verdict) {
  const kind = verdict === "worse" ? "bad" : verdict === "not worse" ? "good" : "open";
  return make("span", "mark mark-" + kind, verdict);
}

/* What is compared until the user chooses: two checkpoints, or two runs, of which a difference can be told. */

/* The one called the best against the one before it, else against its base, else any two that can be compared. */
function startingPair(context, winner) {
  const { data } = context;
  const last = data.checkpoints.map((_, index) => index).reverse();
  for (const right of winner >= 0 ? [winner, ...last] : last) {
    const left = comparedWith(context, right);
    if (alignedOf(context).areComparable(left, right)) return { left, right };
  }
  return { left: comparedWith(context, last[0]), right: last[0] };
}

/* What a checkpoint is held against unless the user says. */
function comparedWith(context, checkpoint) {
  const { data } = context;
  const aligned = alignedOf(context);
  const { run } = data.checkpoints[checkpoint];
  const before = data.checkpoints.findLastIndex((one, index) => index < checkpoint && one.run === run);
  const others = data.checkpoints.map((_, index) => index).filter((index) => index !== checkpoint);
  const wished = [before, aligned.originOf[checkpoint], ...others].filter((one) => one >= 0 && one !== checkpoint);
  return wished.find((one) => aligned.areComparable(one, checkpoint)) ?? wished[0];
}

/* The first two of these runs' names that share a place on the axis with a difference to tell, the best one's run first. */
function startingRuns(context, names, winner) {
  const { data } = context;
  const aligned = alignedOf(context);
  const checkpoints = new Map(names.map((name) => [name, data.checkpoints.flatMap(({ run }, index) => (data.runs[run].name === name ? [index] : []))]));
  const isSame = (one, other) => aligned.axis.at[one] !== null && aligned.axis.at[one] === aligned.axis.at[other];
  const share = (one, other) =>
    checkpoints.get(one).some((left) => checkpoints.get(other).some((right) => isSame(left, right) && aligned.areComparable(left, right)));
  const best = winner >= 0 ? data.runs[data.checkpoints[winner].run].name : "";
  const order = names.includes(best) ? [best, ...names.filter((name) => name !== best)] : names;
  for (const right of order) {
    const left = names.find((name) => name !== right && share(name, right));
    if (left !== undefined) return { left, right };
  }
  return { left: names[0], right: names[1] };
}

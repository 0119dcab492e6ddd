/* Values with intervals, drawn along a common scale by HTML alone. */

/* From values to shares of a width, with round ticks. */
function linearScale(values) {
  const [low, high] = values.length ? padded(Math.min(...values), Math.max(...values)) : [0, 1];
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const ticks = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) ticks.push(i * step);
  return {
    of: (value) => (value - low) / (high - low),
    ticks,
    tickDigits: digitsOfTicks(step),
    digits: digitsFor(values),
  };
}

function padded(low, high) {
  const margin = 0.05 * (high - low || Math.abs(high) || 1);
  return [low - margin, high + margin];
}

/* A value with its interval on a track. */
function intervalTrack({ value, low, high }, scale, className) {
  const track = make("span", "track");
  track.setAttribute("aria-hidden", "true");
  track.append(intervalBar(low, high, scale, className));
  if (Number.isFinite(value)) track.append(at(make("i", ("dot " + className).trim()), scale, value));
  return track;
}

function at(node, scale, value) {
  node.style.left = 100 * scale.of(value) + "%";
  return node;
}

function intervalBar(low, high, scale, className) {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return "";
  const bar = at(make("i", ("bar " + className).trim()), scale, low);
  bar.style.width = 100 * (scale.of(high) - scale.of(low)) + "%";
  return bar;
}

/* How lines look: colour, dash and marker together, so that no line needs its colour to be told from another. */

const LINE_COLOURS = 8;
const DASHES = [[], [9, 4], [3, 3], [12, 3, 3, 3]];
const MARKERS = ["circle", "triangle", "square", "diamond", "down", "cross"];
const NEUTRAL = "--quiet";
const BASE_STYLE = { colour: NEUTRAL, dash: [], marker: "square" }; // of a base model, in whichever line

/* From a run's number to {key, words, order, style}, of the runs that have lines. By "n", runs with as many training images
   share one, the fewest first; those whose number is not known keep one of their own, after them. */
function lineGroups(runs, drawn, by) {
  const known = drawn.map((run) => runs[run].n_training_images).filter((count) => count !== null);
  const counts = [...new Set(known)].sort((one, other) => one - other);
  const unknown = drawn.filter((run) => runs[run].n_training_images === null);
  const groupOf = (run, i) => {
    if (by !== "n") return { key: runs[run].name, words: runs[run].name || "the run", order: i, style: lineStyle(i) };
    const count = runs[run].n_training_images;
    const order = count === null ? counts.length + unknown.indexOf(run) : counts.indexOf(count);
    const words = count === null ? runs[run].name + " (number not known)" : counted(count, "training image");
    return { key: count === null ? runs[run].name : String(count), words, order, style: lineStyle(order) };
  };
  return new Map(drawn.map((run, i) => [run, groupOf(run, i)]));
}

function lineStyle(i) {
  return {
    colour: "--line-" + ((i % LINE_COLOURS) + 1),
    dash: DASHES[i % DASHES.length],
    marker: MARKERS[i % MARKERS.length],
  };
}

/* The outline of a marker around a point, as an SVG path that a canvas can draw too. */
function markerPath(marker, x, y, r) {
  const at = (points) => "M" + points.map(([right, down]) => x + r * right + " " + (y + r * down)).join("L") + "Z";
  if (marker === "triangle") return at([[0, -1.2], [1.1, 0.8], [-1.1, 0.8]]);
  if (marker === "down") return at([[0, 1.2], [1.1, -0.8], [-1.1, -0.8]]);
  if (marker === "square") return at([[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]]);
  if (marker === "diamond") return at([[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]]);
  if (marker === "cross") {
    const a = 0.4;
    return at([[-a, -1.1], [a, -1.1], [a, -a], [1.1, -a], [1.1, a], [a, a], [a, 1.1], [-a, 1.1], [-a, a], [-1.1, a], [-1.1, -a], [-a, -a]]);
  }
  return "M" + (x - r) + " " + y + "a" + r + " " + r + " 0 1 0 " + 2 * r + " 0a" + r + " " + r + " 0 1 0 " + -2 * r + " 0Z";
}

/* A short piece of a line with its marker, for legends. */
function lineSample(style, width = 34) {
  const svg = makeSvg("svg", { width, height: 14, viewBox: "0 0 " + width + " 14", "aria-hidden": "true", class: "sample" });
  svg.style.color = "var(" + style.colour + ")";
  if (width > 14) {
    const dash = style.dash.join(" ") || "none";
    svg.append(makeSvg("path", { d: "M0 7H" + width, stroke: "currentColor", "stroke-width": 2, "stroke-dasharray": dash, fill: "none" }));
  }
  svg.append(makeSvg("path", { d: markerPath(style.marker, width / 2, 7, 4.5), fill: "currentColor" }));
  return svg;
}

function colourOf(node, variable) {
  return getComputedStyle(node).getPropertyValue(variable).trim();
}

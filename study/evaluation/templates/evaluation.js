// A table that is wider than the window says so.
const wide = () => document.querySelectorAll(".sideways").forEach((hint) => {
  const table = hint.nextElementSibling;
  hint.hidden = table.scrollWidth <= table.clientWidth + 1;
});
addEventListener("resize", wide);
wide();

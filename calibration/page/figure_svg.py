"""From matplotlib's SVG to a small one that stands in a page.

Colours become CSS variables, so that a figure follows the page's light or dark scheme without a script; styles become
attributes, so that the page's content security policy may forbid inline styles; fonts are the page's; ids are few,
short and the figure's own; coordinates keep a tenth of a pixel.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

_DROPPED = {"metadata", "style", "clipPath"}
_KEPT = {
    "fill",
    "fill-opacity",
    "stroke",
    "stroke-width",
    "stroke-opacity",
    "stroke-dasharray",
    "font-size",
    "font-weight",
    "text-anchor",
}
_USUAL = {("stroke-width", "1"), ("text-anchor", "start"), ("font-weight", "400")}
_HREF = "{http://www.w3.org/1999/xlink}href"
_NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:e[-+]?\d+)?")


def inline_svg(
    markup: str,
    prefix: str,
    label: str,
    colours: Mapping[str, str],
    texts: Sequence[str],
    titles: Mapping[str, Sequence[str]],
    dots: Mapping[str, float],
    font_size: float,
) -> str:
    """A figure's SVG for a page.

    Parameters
    ----------
    markup : str
        What matplotlib wrote, with ``svg.fonttype`` "none".
    prefix : str
        What the ids of this figure start with, unlike any other's in the page.
    label : str
        What a screen reader says of the figure.
    colours : mapping of str to str
        By the colour that was drawn with (``"#010203"``): the name of the CSS variable that takes its place.
    texts : sequence of str
        What stands in place of the texts ``"@0"``, ``"@1"`` and so on.
    titles : mapping of str to sequence of str
        By a marker group's gid: each marker's tooltip, in the order drawn.
    dots : mapping of str to float
        By gid: the diameter of round marks without a tooltip, which become dots of a few paths, some 15 bytes each.
    font_size : float
        The usual one, in pixels, which the page's style gives to figures; it is not said again.

    Returns
    -------
    str
        One ``<svg>`` element without a namespace, as HTML wants it.

    Examples
    --------
    >>> line = '<path d="M 1.23 2 L 3 4" style="stroke: #010203"/>'
    >>> drawn = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{line}</svg>'
    >>> inline_svg(drawn, "a", "a line", {"#010203": "ink"}, [], {}, {}, 12)
    '<svg viewBox="0 0 9 9" role="img" aria-label="a line"><path d="M1.2 2L3 4" stroke="var(--ink)"/></svg>'
    """
    source = ElementTree.fromstring(markup)
    cleaner = _Cleaner(prefix, colours, texts, titles, dots, f"{font_size:g}")
    root = Element("svg", {"viewBox": source.get("viewBox", ""), "role": "img", "aria-label": shown_text(label)})
    for child in source:
        root.extend(cleaner.clean(child))
    return ElementTree.tostring(root, encoding="unicode").replace(" />", "/>")


def shown_text(text: str) -> str:
    r"""A text without the characters that no page can show.

    Examples
    --------
    >>> shown_text("a\x00b\nc")
    'a b c'
    """
    return "".join(character if character.isprintable() else " " for character in str(text))


class _Cleaner:
    """Copies the elements of one figure."""

    def __init__(
        self,
        prefix: str,
        colours: Mapping[str, str],
        texts: Sequence[str],
        titles: Mapping[str, Sequence[str]],
        dots: Mapping[str, float],
        font_size: str,
    ) -> None:
        self.prefix, self.colours, self.texts, self.titles, self.font_size = prefix, colours, texts, titles, font_size
        self.dots = dots
        self.ids: dict[str, str] = {}

    def clean(self, node: Element) -> list[Element]:
        """The element's copy; a group that says nothing of its own is replaced by its children."""
        tag = node.tag.rpartition("}")[2]
        if tag in _DROPPED:
            return []
        if tag == "defs":
            return self._definitions(node)
        children = [copy for child in node for copy in self.clean(child)]
        if tag == "g":
            return self._group(node, children)
        copy = Element(tag, self._attributes(node, tag))
        if copy.get("fill") == "none" and copy.get("stroke", "none") == "none":
            return []
        if tag == "text":
            text = (node.text or "").strip()
            copy.text = shown_text(self.texts[int(text[1:])] if text.startswith("@") else text)
        return [copy]

    def _definitions(self, node: Element) -> list[Element]:
        """The shapes of markers; their colours are said where they are used."""
        copy = Element("defs")
        for child in node:
            if child.get("id") and child.tag.endswith("path"):
                name = self.ids.setdefault(child.get("id", ""), f"{self.prefix}{len(self.ids)}")
                SubElement(copy, "path", {"id": name, "d": _rounded(child.get("d", ""), 2)})
        return [copy] if len(copy) else []

    def _group(self, node: Element, children: list[Element]) -> list[Element]:
        """Markers under one group that has what they share; everything else without a group."""
        gid = node.get("id", "")
        within = [marker for child in children for marker in child.iter("use")]
        if gid in self.dots and within:
            holder = next((child for child in children if child.tag == "g"), within[0])
            return [_dots(within, holder, self.dots[gid])]
        for marker, title in zip(within, self.titles.get(gid, ()), strict=False):
            SubElement(marker, "title").text = shown_text(title)
        markers = [child for child in children if child.tag == "use"]
        if len(markers) < 2:
            return children
        shared = {name: value for name, value in markers[0].attrib.items() if name not in ("href", "x", "y")}
        group = Element("g", shared)
        for marker in markers:
            if any(marker.get(name) != value for name, value in shared.items()):
                return children
        for marker in markers:
            for name in shared:
                del marker.attrib[name]
        group.extend(markers)
        return [child for child in children if child.tag != "use"] + [group]

    def _attributes(self, node: Element, tag: str) -> dict[str, str]:
        """Place and style as attributes."""
        found: dict[str, str] = {}
        if tag == "use":
            found["href"] = f"#{self.ids[node.get(_HREF, '')[1:]]}"
        if tag == "path":
            found["d"] = _rounded(node.get("d", ""), 1)
        for name in ("x", "y"):
            if node.get(name) is not None:
                found[name] = _short(float(node.get(name, "0")), 1)
        for declaration in filter(None, node.get("style", "").split(";")):
            name, _, value = (part.strip() for part in declaration.partition(":"))
            value = value.removesuffix("px")
            if value in self.colours:
                value = f"var(--{self.colours[value]})"
            usual = (name, value) in _USUAL or (name == "font-size" and value == self.font_size)
            if name in _KEPT and not usual:
                found[name] = value
        return found


def _dots(markers: list[Element], holder: Element, diameter: float) -> Element:
    """Marks as ends of lines without length; where several are in one place each is in another path, to look darker."""
    group = Element("g", {"stroke": holder.get("fill", ""), "stroke-width": _short(diameter, 1)})
    if holder.get("fill-opacity"):
        group.set("stroke-opacity", holder.get("fill-opacity", ""))
    group.set("stroke-linecap", "round")
    layers: list[list[str]] = []
    seen: Counter[tuple[str, str]] = Counter()
    for marker in markers:
        place = marker.get("x", ""), marker.get("y", "")
        if seen[place] == len(layers):
            layers.append([])
        layers[seen[place]].append(f"M{place[0]} {place[1]}h.01")
        seen[place] += 1
    for layer in layers:
        SubElement(group, "path", {"d": "".join(layer)})
    return group


def _rounded(path: str, digits: int) -> str:
    """Path data with short numbers and no needless space."""
    short = _NUMBER.sub(lambda number: _short(float(number[0]), digits), path)
    return re.sub(r"\s*([A-Za-z])\s*", r"\1", " ".join(short.split()))


def _short(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}".rstrip("0").rstrip(".")

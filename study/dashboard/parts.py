"""The files that make the dashboard's page, for the server and for the file that opens offline."""

from importlib.resources import files

WEB = files("study") / "web"

PAGE = "dashboard/dashboard.html"
_STYLES = "dashboard lightbox trends best_alerts grid gallery compare"
_SCRIPTS = """
    make source state study_data pictures lightbox answer
    line_styles chart_parts chart chart_card checkpoint_images trends intervals best alerts
    aligned strip_crops grid_view grid_controls grid_table grid_aside grid
    quantities gallery_controls gallery compare_figures compare_start compare_controls compare
    dashboard
"""  # in this order: the last one starts the others
STYLES = (
    "shared/base.css",
    "vendor/uplot/uPlot.min.css",
    *(f"dashboard/{name}.css" for name in _STYLES.split()),
)
SCRIPTS = ("vendor/uplot/uPlot.iife.min.js", *(f"dashboard/{name}.js" for name in _SCRIPTS.split()))


def page() -> str:
    """The page's HTML, with its style."""
    return f"<style>{_all(STYLES)}</style>{_text(PAGE)}"


def script() -> str:
    """All scripts, to be run in one function whose variable `element` holds the page."""
    return _all(SCRIPTS)


def icon() -> str:
    """The icon of all pages, as SVG."""
    return _text("shared/icon.svg")


def _all(names: tuple[str, ...]) -> str:
    return "\n".join(_text(name) for name in names)


def _text(name: str) -> str:
    return (WEB / name).read_text(encoding="utf-8")

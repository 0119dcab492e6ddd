"""What a rater does on the rating page, as its tests share it."""

from playwright.sync_api import expect

BOUNCE_MS = 160


def shown(page, count):
    """Wait for an image to stand there, by its place in the task."""
    expect(page.locator(".count")).to_have_text(count)
    expect(page.locator(".hg")).to_have_attribute("data-state", "rating")


def press(page, keys, first=1, total=12):
    """Press one key an image, having waited for each."""
    for number, key in enumerate(keys):
        shown(page, f"{(first + number - 1) % total + 1} of {total}")
        page.wait_for_timeout(BOUNCE_MS)  # the same key earlier than that is no second answer
        page.keyboard.press(key)


def saved(page, kept=0):
    """Wait until nothing is on its way any more, but for what the browser keeps of other raters.

    The page says "Saved" still while an answer is a moment old, so that its words alone are no sign.
    """
    page.wait_for_function(
        "(kept) => Object.keys(localStorage).filter((key) => key.startsWith('humangrade:')).length === kept", arg=kept
    )
    expect(page.locator(".saving")).to_have_text("Saved")


def prefetched(page, pictures):
    """Wait until so many pictures have come."""
    loaded = "performance.getEntriesByType('resource').filter((entry) => entry.name.includes('/images/')).length"
    page.wait_for_function(f"{loaded} >= {pictures}")

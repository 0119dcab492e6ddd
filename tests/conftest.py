"""Fixtures that every test package shares."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# a busy machine is no fault of the code
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

ROOT = Path(__file__).resolve().parent.parent


def skip_or_fail(reason: str) -> None:
    """Skip where something is missing, unless CI says that everything must be there."""
    if os.environ.get("HUMANGRADE_SKIP_IS_FAILURE") == "1":
        pytest.fail(f"{reason}, and HUMANGRADE_SKIP_IS_FAILURE=1 forbids skipping")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real ratings, images and weights beside the checkout."""
    folder = ROOT.parent / "shared"
    if not (folder / "data").is_dir():
        skip_or_fail("the folder 'shared' with the real data is not beside the checkout")
    return folder


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium (Debian's, or the one that CHROMIUM names), driven by Playwright."""
    executable = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if executable is None:
        skip_or_fail("no chromium on PATH (apt-get install chromium, or set CHROMIUM)")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)  # a busy machine is no fault of the page
    switches = ("no-sandbox", "disable-quic", "no-first-run", "disable-background-networking", "disable-sync")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=[f"--{switch}" for switch in switches])
        yield browser
        browser.close()

import json

import pytest

from tests.calibration.golden.studies import STUDIES
from tests.calibration.page.golden_pages import SUMS, golden_page, sum_of


@pytest.mark.parametrize("name", STUDIES)
def test_a_page_stays_what_it_was(name):
    message = "look at the page; if it is right, run python -m tests.calibration.page.golden_pages"
    assert sum_of(golden_page(name)) == json.loads(SUMS.read_text())[name], message


def test_a_changed_word_is_seen():
    page = golden_page("imagenhub")
    assert sum_of(page.replace("Ceiling of a grade", "Ceiling of grades")) != sum_of(page)
    assert sum_of(page.replace("</svg>", " </svg>")) == sum_of(page)

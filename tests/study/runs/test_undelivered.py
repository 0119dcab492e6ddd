"""What a webhook did not take is sent later: in order, some at a time, and never for ever."""

import json

import pytest

from study.runs.undelivered import FILE, MOST_KEPT, MOST_SENT, Deliveries


class Webhook:
    """One that takes alerts while it is up."""

    def __init__(self):
        self.is_up, self.asked, self.got = False, 0, []

    def __call__(self, url, alert):
        self.asked += 1
        if not self.is_up:
            return "It was not reached."
        self.got.append(alert["key"])
        return ""


@pytest.fixture
def webhook():
    return Webhook()


def deliveries(place, webhook):
    return Deliveries(place, "https://chat.example/hooks/secret", webhook)


def tell(to, *numbers):
    return [to.tell({"key": f"k{number}", "text": f"anna/{number} is worse."}) for number in numbers]


def test_the_oldest_comes_first_and_another_process_goes_on(tmp_path, webhook):
    said = tell(deliveries(tmp_path, webhook), 1, 2)
    assert said == ["It was not reached. The alert is kept, and sent at a later look."] * 2
    assert tell(deliveries(tmp_path, webhook), 2) == ["It was not reached."]  # told again after a crash: kept once
    assert "secret" not in (tmp_path / FILE).read_text(encoding="utf-8")
    webhook.is_up = True
    later = deliveries(tmp_path, webhook)
    assert later.again() == "The webhook took 2 alerts that it had not taken before."
    assert webhook.got == ["k1", "k2"] and not (tmp_path / FILE).exists()
    assert later.again() == "" and tell(later, 3) == [""]


def test_no_more_than_some_are_kept_and_sent_at_once(tmp_path, webhook):
    to = deliveries(tmp_path, webhook)
    said = tell(to, *range(MOST_KEPT + 2))
    assert said[-1] == (
        f"It was not reached. The alert is kept, in the place of the oldest of {MOST_KEPT}, and sent at a later look."
    )
    assert "oldest" not in said[MOST_KEPT - 1]
    webhook.is_up = True
    looks = [to.again() for _ in range(MOST_KEPT // MOST_SENT + 1)]
    assert looks == [f"The webhook took {MOST_SENT} alerts that it had not taken before."] * 5 + [""]
    assert webhook.got == [f"k{number}" for number in range(2, MOST_KEPT + 2)]


def test_while_it_is_down_it_is_asked_less_and_less_and_said_once(tmp_path, webhook):
    to = deliveries(tmp_path, webhook)
    tell(to, 1, 2)
    webhook.asked = 0
    said = [to.again() for _ in range(100)]
    assert said[0] == "It was not reached. 2 alerts from before wait for a later look." and not any(said[1:])
    assert webhook.asked == 7  # after 1, 3, 7, 15, 31 and then every 32 looks
    webhook.is_up = True
    assert [one for one in (to.again() for _ in range(33)) if one] == [
        "The webhook took 2 alerts that it had not taken before."
    ]


def test_what_is_taken_before_it_goes_down_again_is_not_sent_twice(tmp_path, webhook):
    to = deliveries(tmp_path, webhook)
    tell(to, 1, 2, 3)
    webhook.is_up = True

    def one_more(url, alert):
        webhook(url, alert)
        return "" if len(webhook.got) < 2 else "It was not reached."

    assert deliveries(tmp_path, one_more).again() == (
        "The webhook took 1 alert that it had not taken before. It was not reached. 2 alerts from before wait for a "
        "later look."
    )
    kept = [json.loads(line)["key"] for line in (tmp_path / FILE).read_text(encoding="utf-8").splitlines()]
    assert kept == ["k2", "k3"]


def test_a_damaged_file_and_a_full_disk_end_nothing(tmp_path, webhook):
    (tmp_path / FILE).write_bytes(b'\xff{"key": 1}\n')
    assert deliveries(tmp_path, webhook).again() == ""
    (tmp_path / FILE).write_text('{"cut\n[1]\n{"no": "key"}\n{"key": "k9"}\n', encoding="utf-8")
    webhook.is_up = True
    assert deliveries(tmp_path, webhook).again() == "The webhook took 1 alert that it had not taken before."
    webhook.is_up = False
    (tmp_path / "file").touch()
    (said,) = tell(deliveries(tmp_path / "file", webhook), 1)
    assert said.startswith("It was not reached. The alert is not kept for a later look either: ") and FILE in said

"""kill -9 of the server while people rate: what was acknowledged is in the database."""

import threading

import httpx
import pytest

RATERS = ("ann", "bob", "cleo", "dora")
KILL_AFTER = 40

pytestmark = pytest.mark.process


def rate(server, name, ids, acknowledged, enough):
    """Rate in order until the server is gone; what was acknowledged goes into the dictionary."""
    with httpx.Client(base_url=f"{server.base}/api/rater/{server.token(name)}/ratings/") as client:
        for number, public_id in enumerate(ids):
            answer = {"rating": 1 + number % 5, "client_id": f"{name}-{number}", "response_ms": 900}
            try:
                response = client.put(public_id, json=answer)
            except httpx.TransportError:
                return
            assert response.status_code == 200
            acknowledged[name, public_id] = response.json()["rating"]
            if len(acknowledged) >= KILL_AFTER:
                enough.set()


def test_no_acknowledged_rating_is_lost(make_study, serve_study):
    server = serve_study(make_study(images=200, references=0, tasks=("aesthetic",), evaluators=RATERS))
    orders = {name: server.order(name) for name in RATERS}
    acknowledged, enough = {}, threading.Event()
    threads = [
        threading.Thread(target=rate, args=(server, name, orders[name], acknowledged, enough)) for name in RATERS
    ]
    for thread in threads:
        thread.start()
    assert enough.wait(timeout=60)
    server.stop()
    for thread in threads:
        thread.join(timeout=60)
    assert KILL_AFTER <= len(acknowledged) < len(RATERS) * 200

    server.start()
    for name in RATERS:
        stored = server.ratings(name)
        mine = {public_id: rating for (who, public_id), rating in acknowledged.items() if who == name}
        assert mine.items() <= stored.items()
        assert len(stored) <= len(mine) + 1  # at most the one that was under way

        session = httpx.get(f"{server.base}/api/rater/{server.token(name)}/session").json()
        shown = {entry["id"]: entry["rating"] for entry in session["tasks"][0]["assignments"] if entry["rating"]}
        assert shown == stored

    again = {"rating": acknowledged["ann", orders["ann"][0]], "client_id": "ann-0"}
    address = f"{server.base}/api/rater/{server.token('ann')}/ratings/{orders['ann'][0]}"
    assert httpx.put(address, json=again).status_code == 200

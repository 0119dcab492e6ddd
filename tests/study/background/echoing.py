"""A process for the tests of workers: it answers what it is asked in simple ways."""

import json
import os
import sys
import time

from metrics.errors import InputError
from study.background.answering import Answering


def say(text):
    print("a library says something")
    return {"text": text, "process": os.getpid(), "nice": os.nice(0)}


def refuse(why):
    raise InputError(why)


def fail():
    raise RuntimeError("on purpose")


def end(code):
    os._exit(code)


def rest(seconds):
    time.sleep(seconds)
    return "rested"


if __name__ == "__main__":
    answers = {"say": say, "quick": say, "refuse": refuse, "fail": fail, "end": end, "rest": rest}
    Answering(answers, {"quick": 2}, json.loads(sys.argv[1])["idle"]).run()

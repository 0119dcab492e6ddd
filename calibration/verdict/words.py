"""All words of a verdict, made from its claims and their figures and from nothing else.

A number is printed with two digits, or with as many as it takes to stand on the side of the limit on which it is.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from calibration.verdict.claims import Claim, ClaimName, Verdict
from metrics.text import counted

_MOST_DIGITS = 6
_VISIBLE = 0.01  # a smaller loss of skill on new images is not worth words
_MANY_METRICS = 20
_NEVER = "cannot be judged here"


class Parts(NamedTuple):
    """The parts of a verdict's sentence, which follow each other without anything between.

    Attributes
    ----------
    title : str
        The metric's.
    advice : str
        What to do with it, or why it was not judged.
    figures : str
        Those that lead every verdict, in brackets; empty where the metric was not judged.
    scope : str
        The stop, and where images without a score are rated differently, a second sentence that says so.
    """

    title: str
    advice: str
    figures: str
    scope: str


def sentence_parts(verdict: Verdict) -> Parts:
    """What to do with the metric, and the figures that lead every verdict."""
    if verdict.kind == "unknown":
        return Parts(verdict.title, f" {_why_not_judged(verdict)}", "", "")
    return Parts(verdict.title, f" {_advice(verdict)}", f" {_figures(verdict)}", f".{_on_whom(verdict)}")


def by_luck_note(metrics: int) -> list[str]:
    """How many of so many metrics would order images better than chance by luck, as a sentence; none of a few.

    Examples
    --------
    >>> by_luck_note(40)[0].split(":")[0]
    'Of 40 metrics that know nothing about 2 would come out as better than chance'
    >>> by_luck_note(5)
    []
    """
    if metrics < _MANY_METRICS:
        return []
    return [
        f"Of {metrics} metrics that know nothing about {metrics / 20:.0f} would come out as better than chance: a p "
        "below 0.05 happens to one in twenty. Rely on what stands out, or try it on new images."
    ]


def _advice(verdict: Verdict) -> str:
    """What the kind comes to in practice."""
    match verdict.kind:
        case "none":
            return _no_order(verdict)
        case "below":
            return (
                f"{_some_order(verdict)}, and is not shown to predict one person's rating better than one rating for "
                "every image does; do not use it alone"
            )
        case "within":
            use = "to tell models apart" if verdict.fails("not against people within a model") else "to sort"
            return f"{_some_order(verdict)}; use it {use}, and let people decide"
        case "predicts":
            return (
                "predicts one person's rating well enough to take one evaluator's place on images like these; it "
                f"{_some_order(verdict)}"
            )
        case "sorts":
            strict = ", for people differ in strictness" if verdict.holds("people differ in strictness") else ""
            if verdict.claim("skill's interval above 0") is None:
                strict = ": no interval of its skill was computed"
            return (
                f"{_as_well(verdict)}; use it to put them in order, not for the rating that one person would "
                f"give{strict}"
            )
    return f"{_as_well(verdict)}, and on images like these it can stand in for one evaluator"


def sorts_sentence(verdict: Verdict) -> str:
    """Does it sort images as people do? Why this is the answer."""
    if verdict.sorts == "unknown":
        return f"It {_why_not_judged(verdict)}"
    if verdict.sorts == "no":
        return f"It {_no_order(verdict)}."
    rho, against = _claim(verdict, "order above chance").figures, _claim(verdict, "order against people").figures
    lower = ", lower being better," if against["better"] == "lower" else ""
    said = (
        f"Its order is better than chance (Spearman {rounded(rho['spearman'])}{lower} over "
        f"{counted(rho['items'], 'image')}, one-sided {_p(rho)})"
    )
    interval = verdict.claim("order's interval above 0")
    if interval and not interval.holds:
        said += f", though the correlation's {_interval(interval.figures)} holds 0"
    if verdict.fails("mean ratings are comparable"):
        said += ", but images were rated by different people, who differ in strictness, and mean ratings mix the two"
    models = verdict.claim("tells one model's images apart")
    if models and not models.holds:
        figures = models.figures
        how = "is not shown to tell one model's images apart"
        if verdict.fails("not against people within a model"):
            how = "sorts one model's images against people's order"
        said += (
            f", but it {how} (correlation within a model {rounded(figures['within'])}, {_interval(figures)}; between "
            f"models {rounded(figures['between'], figures['within'])})"
        )
    compared = verdict.claim("sorts as well as a person")
    if compared is None:
        return f"{said}; it cannot be compared with a person's."
    return f"{said}. {_pairs(compared)}"


def predicts_sentence(verdict: Verdict) -> str:
    """Does it predict one person's rating? Why this is the answer."""
    if verdict.sorts == "unknown":
        return f"It {_why_not_judged(verdict)}"
    if verdict.predicts == "unknown":
        return f"It {_NEVER}: {_people_who_differ(verdict)}.{_strict(verdict)}"
    if verdict.predicts == "no":
        return f"{_no_rating(verdict)}.{_strict(verdict)}"
    parts = [_skill(verdict), _replaces(verdict)]
    if beaten := verdict.claim("beats half of the evaluators"):
        wins, compared = beaten.figures["wins"], beaten.figures["compared"]
        parts.append(
            f"On new images, and mapped alike, it beats {wins} of the {compared} evaluators that it was compared with "
            "(a draw counts half)."
        )
    median = verdict.claim("not behind the median evaluator")
    if median and not median.holds:
        figures = median.figures
        parts.append(
            f"Its grade is worse than the median evaluator's by more than {rounded(figures['margin'], digits=3)} "
            f"(difference {rounded(figures['difference'], -figures['margin'], digits=3)}, 95 % interval "
            f"{_low_high(figures, -figures['margin'], digits=3)})."
        )
    return " ".join(parts) + ("" if verdict.predicts == "yes" else _strict(verdict))


def rounded(value: float, *limits: float, digits: int = 2) -> str:
    """A number with two digits, or with as many as set it apart from the limits; no minus before a zero.

    Examples
    --------
    >>> rounded(0.0503, 0.05), rounded(0.123, 0.05), rounded(-0.001), rounded(0.0004, 0.0), rounded(0.05, 0.05)
    ('0.0503', '0.12', '0.00', '0.0004', '0.05')
    """
    for places in range(digits, _MOST_DIGITS + 1):
        rounded = round(value, places)
        if all((rounded > limit) == (value > limit) and (rounded < limit) == (value < limit) for limit in limits):
            return f"{rounded + 0.0:.{places}f}"
    return f"{value:.3g}"


def _some_order(verdict: Verdict) -> str:
    """What keeps an order that is better than chance from being a person's."""
    compared = verdict.claim("sorts as well as a person")
    better = "sorts images better than chance"
    if verdict.fails("not against people within a model"):
        return f"{better}, but one model's images against people's order"
    if verdict.fails("mean ratings are comparable"):
        return f"{better}, by mean ratings of different people, who differ in strictness"
    if verdict.fails("tells one model's images apart"):
        return f"{better}, but is not shown to tell one model's images apart"
    if compared is None:
        return f"{better}, but cannot be compared with a person"
    if compared.holds:
        return f"{better}, but the interval of its correlation holds 0"
    if compared.figures["high"] < 0:
        return f"{better}, but less well than a person"
    return f"{better}, but is not shown to do so as well as a person"


def _as_well(verdict: Verdict) -> str:
    """How an order that is a person's compares with it."""
    better = float(_claim(verdict, "sorts as well as a person").figures["low"]) > 0
    return f"sorts images {'better than' if better else 'about as well as'} a person does"


def _claim(verdict: Verdict, name: ClaimName) -> Claim:
    claim = verdict.claim(name)
    assert claim is not None, name
    return claim


def _p(figures: Mapping[str, Any]) -> str:
    """'p = 0.0503, and below 0.05 is asked for'; without the second half where it is below."""
    p, level = figures["p"], figures["level"]
    given = "p < 0.0001" if p < 0.0001 else f"p = {rounded(p, level, 0.0)}"
    return given if p < level else f"{given}, and below {level:g} is asked for"


def _interval(figures: Mapping[str, Any], *limits: float) -> str:
    """'95 % interval 0.10 to 0.20 for people like these'."""
    whose = {"people_like_these": " for people like these", "these": " for these evaluators"}
    return f"95 % interval {_low_high(figures, 0.0, *limits)}{whose.get(figures.get('people') or '', '')}"


def _low_high(figures: Mapping[str, Any], *limits: float, digits: int = 2) -> str:
    return f"{rounded(figures['low'], *limits, digits=digits)} to {rounded(figures['high'], *limits, digits=digits)}"


def _why_not_judged(verdict: Verdict) -> str:
    """Why neither question can be answered."""
    graded, items = _claim(verdict, "a metric can be graded"), _claim(verdict, "enough images")
    if not graded.holds:
        return f"{_NEVER}. {graded.figures['because']}"
    if not items.holds:
        return (
            f"{_NEVER}: only {counted(items.figures['items'], 'rated item')} with a score, and a verdict needs "
            f"{items.figures['needed']} or more."
        )
    if verdict.fails("scores differ"):
        return f"{_NEVER}: it gave every image the same score."
    if verdict.fails("people tell images apart"):
        return f"{_NEVER}: people's mean rating is the same for every image."
    if verdict.fails("evaluators rated common images"):
        sets = _claim(verdict, "evaluators rated common images").figures["sets"]
        return (
            f"{_NEVER}: the evaluators are in {sets} sets that have no image in common, so nobody can tell strictness "
            "from quality; have some images rated by people of every set."
        )
    return f"{_NEVER}: {_people_who_differ(verdict)}."


def _people_who_differ(verdict: Verdict) -> str:
    """Why these people are no measure."""
    agree, apart = _claim(verdict, "people agree"), verdict.claim("people agree but for strictness")
    if not agree.holds:
        alpha, needed = agree.figures["alpha"], agree.figures["needed"]
        if alpha is None:
            return "how far the evaluators agree cannot be computed"
        if verdict.sorts != "unknown":
            return (
                f"the evaluators agree hardly more than by chance on the ratings (ordinal alpha "
                f"{rounded(alpha, needed)}, where {needed:g} is asked for)"
            )
        without = f", {rounded(apart.figures['alpha'], needed)} with strictness taken off" if apart else ""
        return (
            f"the evaluators agree hardly more than by chance (ordinal alpha {rounded(alpha, needed)}{without}, where "
            f"{needed:g} is asked for)"
        )
    figures = _claim(verdict, "people predict each other").figures
    alike = ", mapped alike" if figures["mapped_alike"] else ""
    return (
        "the evaluators predict each other no better than one rating for every image would (skill "
        f"{rounded(figures['person_skill'], 0.0)}{alike}), so agreeing with one of them means nothing"
    )


def _no_order(verdict: Verdict) -> str:
    """That the order is none, or the wrong way round."""
    figures = _claim(verdict, "order above chance").figures
    against = _claim(verdict, "order against people")
    if against.holds:
        return (
            f"sorts the images against people's order (Spearman {rounded(figures['spearman'], 0.0)}, where "
            f"{against.figures['better']} should be better); do not use it"
        )
    return (
        f"shows no sign of sorting the images as people do (Spearman {rounded(figures['spearman'])} over "
        f"{counted(figures['items'], 'item')}, no more than chance may give: one-sided {_p(figures)}); do not use it"
    )


def _pairs(compared: Claim) -> str:
    """The metric and a person as sorters."""
    figures = compared.figures
    who = f"each of the {figures['compared']} evaluators"
    if figures["compared"] < figures["evaluators"]:
        who = f"each of {figures['compared']} of the {figures['evaluators']} evaluators"
    margin = figures["margin"]
    limit = rounded(100 * margin, digits=1)
    ahead, low, high = (
        rounded(100 * figures[name], -100 * margin, 0.0, digits=1) for name in ("difference", "low", "high")
    )
    whose = "people like these" if figures["people"] == "people_like_these" else "these evaluators"
    so = (
        "so it sorts better"
        if figures["low"] > 0
        else f"so it is at most {limit} points worse"
        if compared.holds
        else f"so it may be more than {limit} points worse"
        if float(figures["high"]) > -margin
        else f"so it is more than {limit} points worse"
    )
    return (
        f"Beside {who}, against the mean of the others, it has {_percent(figures['metric'])} of pairs of images in "
        f"their order, the evaluator {_percent(figures['person'])} (a guess has half): a difference of {ahead} points, "
        f"95 % interval {low} to {high} for {whose}, {so}."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _no_rating(verdict: Verdict) -> str:
    """Why it does not predict one person's rating."""
    if verdict.sorts == "no":
        return f"It {_no_order(verdict)}"
    used = verdict.claim("uses two levels or more")
    if used and not used.holds:
        level = used.figures["level"]
        return f"The mapping that fits people best gives every image the rating {level}, whatever its score"
    better = verdict.claim("better than a constant")
    if better and not better.holds:
        figures = better.figures
        return (
            f"It predicts a person no better than the rating {figures['level']} for every image does (skill "
            f"{rounded(figures['skill'])})"
        )
    unseen = verdict.claim("better than a constant on new images")
    if unseen and not unseen.holds:
        figures = unseen.figures
        return (
            f"It predicts a person no better than one rating for every image does, once the {figures['new']} are new "
            f"to its mapping (skill {rounded(figures['unseen_skill'])})"
        )
    seen = _claim(verdict, "skill's interval above 0")
    claim = _claim(verdict, "skill's interval on new images above 0") if seen.holds else seen
    on_new = f" on new {claim.figures['new']}" if seen.holds else ""
    return (
        f"It may be no better than one rating for every image: its skill{on_new} is "
        f"{rounded(claim.figures['skill'], 0.0)}, and the {_interval(claim.figures)} holds 0"
    )


def _skill(verdict: Verdict) -> str:
    """Its skill, with the interval."""
    claim = verdict.claim("skill's interval above 0")
    if claim is None:
        figures = _claim(verdict, "better than a constant").figures
        return f"Its skill is {rounded(figures['skill'], 0.0)}, and no interval of it was computed."
    figures = claim.figures
    skill = rounded(figures["skill"], 0.0)
    return f"It is better than one rating for every image (skill {skill}, {_interval(figures)})."


def _replaces(verdict: Verdict) -> str:
    """The alternative annotator test."""
    claim = verdict.claim("may replace a person")
    if claim is None:
        return "The test of replacing a person could not be made; it takes three evaluators with 30 images each."
    figures = claim.figures
    share = (
        f"it wins against {_percent(figures['winning_rate'])} of the evaluators tested, a constant answer against "
        f"{_percent(figures['constant_winning_rate'])}; {_percent(figures['needed'])} make a pass"
    )
    if claim.holds:
        return f"It passes the test of replacing a person, and a constant answer does not ({share})."
    if figures["passes"]:
        return (
            f"It passes the test of replacing a person, but so does a constant answer, so that says nothing ({share})."
        )
    return f"It does not pass the test of replacing a person ({share})."


def _strict(verdict: Verdict) -> str:
    """That people differ in strictness, where that stands between the two answers."""
    claim = verdict.claim("people differ in strictness")
    if claim is None or not claim.holds or verdict.predicts == "yes" or verdict.sorts in ("no", "unknown"):
        return ""
    figures = claim.figures
    said = f" People differ in strictness (standard deviation {rounded(figures['spread'])} of a rating step)"
    if figures.get("skill_without") is None:
        return f"{said}."
    return (
        f"{said}; with that taken off, skill is {rounded(figures['skill_without'])}, and the average evaluator's "
        f"{rounded(figures['person_skill_without'])}."
    )


def _figures(verdict: Verdict) -> str:
    """'(skill 0.40, 95 % interval 0.10 to 0.70; 0.30 on new images; the average evaluator has 0.50)'."""
    found = verdict.figures
    interval = "" if found["low"] is None else f", 95 % interval {_low_high(found, 0.0)}"
    on_new = ""
    decides = verdict.claim("skill's interval on new images above 0")
    if verdict.holds("skill's interval above 0") and decides and not decides.holds:
        on_new = f"; {rounded(decides.figures['skill'], 0.0)} on new {found['new']}, {_low_high(decides.figures, 0.0)}"
    elif found["unseen_skill"] is not None and found["seen_skill"] - found["unseen_skill"] >= _VISIBLE:
        on_new = f"; {rounded(found['unseen_skill'])} on new {found['new']}"
    people, alike = rounded(found["person_skill"]), found["person_skill_mapped_alike"]
    if alike is not None and found["person_skill"] <= 0:
        people = f"{people}, and {rounded(alike)} when mapped alike"
    return f"(skill {rounded(found['skill'])}{interval}{on_new}; the average evaluator has {people})"


def _on_whom(verdict: Verdict) -> str:
    """Where the images that it left out are rated differently: of which the verdict speaks."""
    claim = verdict.claim("unscored images are rated alike")
    if claim is None or claim.holds:
        return ""
    found = claim.figures
    side = "lower" if found["mean_unscored"] < found["mean_scored"] else "higher"
    low, high = sorted((abs(found["low"]), abs(found["high"])))
    return (
        f" All this holds for the {counted(found['n_scored'], 'image')} that it scored: people rate the "
        f"{found['n_unscored']:,} without a score {side} ({rounded(found['mean_unscored'])} against "
        f"{rounded(found['mean_scored'])} on average; 95 % interval of the difference {rounded(low)} to "
        f"{rounded(high)})."
    )

"""Deleting a person's data, within one transaction of the store."""

from difflib import get_close_matches

from sqlalchemy import Connection, delete, func, select, update

from metrics.errors import InputError
from study.store.run_tables import baselines
from study.store.schema import ANSWERS, assignments, evaluators, ratings


def withdraw(connection: Connection, name: str) -> int:
    """Delete an evaluator, the link, all assignments, ratings and events; gives the number of ratings.

    Raises InputError where nobody has this name.
    """
    known = dict(connection.execute(select(evaluators.c.name, evaluators.c.id).order_by(evaluators.c.id)).all())
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"it has {', '.join(known) or 'none'}."
        raise InputError(f"The study has no evaluator '{name}'; {hint}")
    number = known[name]
    own = select(assignments.c.id).where(assignments.c.evaluator_id == number)
    count = connection.scalar(select(func.count()).select_from(ratings).where(ratings.c.assignment_id.in_(own))) or 0
    for table in ANSWERS:
        connection.execute(delete(table).where(table.c.assignment_id.in_(own)))
    connection.execute(delete(assignments).where(assignments.c.evaluator_id == number))
    connection.execute(delete(evaluators).where(evaluators.c.id == number))
    connection.execute(update(baselines).where(baselines.c.by == name).values(by=""))  # all else is nobody's
    return count

"""The addresses of a study's pages, each with the secret key of the one for whom it is."""


def rater_link(base: str, token: str) -> str:
    """The address of an evaluator's rating page.

    Examples
    --------
    >>> rater_link("http://127.0.0.1:7860", "abc")
    'http://127.0.0.1:7860/rate/?key=abc'
    """
    return f"{base}/rate/?key={token}"


def owner_link(base: str, token: str) -> str:
    """The address of the owner's page.

    Examples
    --------
    >>> owner_link("http://127.0.0.1:7860", "abc")
    'http://127.0.0.1:7860/owner/?key=abc'
    """
    return f"{base}/owner/?key={token}"


def dashboard_link(base: str, token: str) -> str:
    """The address of the dashboard, for the owner.

    Examples
    --------
    >>> dashboard_link("http://127.0.0.1:7860", "abc")
    'http://127.0.0.1:7860/dashboard/?key=abc'
    """
    return f"{base}/dashboard/?key={token}"

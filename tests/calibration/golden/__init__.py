"""Eight reports as they were, so that a change of the code is seen in every figure and word that it moves.

    python -m tests.calibration.golden.studies [NAME ...]

writes them anew; look at the difference that the test shows before that.
"""

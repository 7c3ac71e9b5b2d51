"""Conversations led several times."""

import statistics
import time as clock


def time(asked, fresh, converse):
    """`fresh` makes a new instance; `converse` calls it, and gives the transaction's number."""

    def measured(call):
        start = clock.perf_counter()
        call()
        return clock.perf_counter() - start

    def whole():
        transaction = None
        for call in asked["calls"]:
            transaction = converse(call["function"], call["frame"], transaction)

    instantiate = [measured(fresh) for _ in range(5)]
    seconds = [measured(whole) for _ in range(asked["repeat"])]
    return {
        "instantiate": statistics.median(instantiate),
        "seconds": statistics.median(seconds),
    }

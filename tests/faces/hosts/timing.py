"""Conversations led several times."""

import statistics
import time as clock


def time(asked, fresh, ready, call):
    """`fresh` makes an instance of a module that was compiled beforehand; `ready` makes all that can be made
    beforehand of a call in the conversation of this number in its instance, and `call` makes the call."""

    def measured(deed):
        start = clock.perf_counter()
        deed()
        return clock.perf_counter() - start

    def first():
        begin = ready(asked["first"], 1)

        def deed():
            fresh()
            call(begin)

        return measured(deed)

    def whole(number):
        calls = [ready(one, number) for one in asked["calls"]]
        return measured(lambda: [call(one) for one in calls])

    instantiate = [first() for _ in range(21)]
    seconds = [whole(2)]
    while len(seconds) < asked["repeat"] and sum(seconds) < LONG_ENOUGH:
        seconds.append(whole(len(seconds) + 2))
    return {
        "instantiate": statistics.median(instantiate),
        "seconds": statistics.median(seconds),
    }


# In seconds. One of the hosts takes half a minute for a large message.
LONG_ENOUGH = 10

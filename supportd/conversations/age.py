"""How old what is known of a conversation or ticket is."""

from supportd.clock import Clock


def confirmed_ago_s(confirmed_at: int, all_confirmed_at: float | None, clock: Clock) -> int:
    """Seconds since Intercom confirmed one thing (at `confirmed_at`, ms) or everything (s of the monotonic clock).

    What was confirmed later than now was so before the system's clock went back: nobody knows how long ago.
    """
    alone_s = clock.time() - confirmed_at / 1000
    if all_confirmed_at is None:
        return max(0, int(alone_s))
    all_s = clock.monotonic() - all_confirmed_at
    return int(all_s if alone_s < 0 else min(alone_s, all_s))

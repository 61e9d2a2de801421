"""A stand-in for Intercom: its REST API, its webhooks, and `/_sim/...` to play the operator and to cause trouble.

Run it with `python -m supportd.simulator`, or in-process as `supportd.simulator.app.Simulator`. It shares nothing with
the rest of supportd but the clock, so that it is an independent witness.
"""

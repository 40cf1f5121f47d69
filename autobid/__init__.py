"""The reference service: an autobidder whose every step is logged through `logging_config`.

A marketplace offers jobs; profiles bid on them. `prediction_service` gives how likely a bid is to
succeed, `autobidder` bids where that is likely enough, `outcomes` learns days later whether it did,
and `scheduler` refreshes the profiles' statistics and retrains the model. `scenario` runs all of it
on a simulated clock over weeks, with incidents whose truth is known.

Run it: `python -m mlmon.autobid.train`, `.serve`, `.load`, `.scenario`, each with `--help`.
"""

"""Alertmanager's configuration: the chain of causes as rules of inhibition.

Made of the links by which `causes.py` explains, so that both say the same: a symptom is muted while
a cause of an earlier layer is open that is not milder. Alertmanager judges what is open now, where
`alert.inhibited_by` says what was open when the symptom began.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlmon.alerting.causes import LINKS
from mlmon.alerting.notify.alertmanager import LABELS
from mlmon.analyzers.base.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlmon.alerting.causes import Link

_HEAD = """\
# Made by `mlmon alerts alertmanager-config`: the chain of causes of analyzers/base/alert.py.
# Add to the receiver how you want to be told; group and repeat as you like.
route:
  receiver: people
  # One message for what goes wrong together in one service or model.
  group_by: [namespace, service, model]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 4h
receivers:
  - name: people
# A symptom is muted while a cause of an earlier layer, at least as severe, is open.
inhibit_rules:
"""


def config() -> str:
    """Return the text of `alertmanager.yml`."""
    return _HEAD + "".join(rule for link in LINKS for rule in _rules(link))


def _rules(link: Link) -> Iterator[str]:
    effects = f'layer=~"{"|".join(link.effects)}"'
    equal = ["namespace", *(LABELS[name] for name in link.equal)]
    # What is critical mutes everything, a warning mutes warnings.
    for severity, muted in ((Severity.CRITICAL, ""), (Severity.WARNING, Severity.WARNING.value)):
        source = [f'layer="{link.cause}"', f'severity="{severity}"', _model(named=link.model)]
        target = [effects, *([f'severity="{muted}"'] if muted else [])]
        if link.other_model is not None:
            target.append(_model(named=link.other_model))
        yield (
            f"  - source_matchers: {_matchers(source)}\n"
            f"    target_matchers: {_matchers(target)}\n"
            f"    equal: [{', '.join(equal)}]\n"
        )


def _model(*, named: bool) -> str:
    return 'model!=""' if named else 'model=""'


def _matchers(matchers: list[str]) -> str:
    return "[" + ", ".join(f"'{matcher}'" for matcher in matchers) + "]"

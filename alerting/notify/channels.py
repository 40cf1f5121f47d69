"""The channels there are: the `type` of a route decides which."""

from typing import Annotated, TypeAlias

from pydantic import Field

from mlmon.alerting.notify.email import EmailRoute
from mlmon.alerting.notify.opsgenie import OpsgenieRoute
from mlmon.alerting.notify.pagerduty import PagerDutyRoute
from mlmon.alerting.notify.services import ServiceRoute
from mlmon.alerting.notify.webhook import WebhookRoute

ChannelRoute: TypeAlias = Annotated[
    EmailRoute | WebhookRoute | PagerDutyRoute | OpsgenieRoute | ServiceRoute,
    Field(discriminator="type"),
]

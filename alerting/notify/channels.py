"""The channels there are: the `type` of a route decides which."""

from typing import Annotated, TypeAlias

from pydantic import Field

from mlmon.alerting.notify.apprise_services import AppriseRoute
from mlmon.alerting.notify.email import EmailRoute
from mlmon.alerting.notify.opsgenie import OpsgenieRoute
from mlmon.alerting.notify.pagerduty import PagerDutyRoute
from mlmon.alerting.notify.webhook import WebhookRoute

ChannelRoute: TypeAlias = Annotated[
    EmailRoute | WebhookRoute | PagerDutyRoute | OpsgenieRoute | AppriseRoute,
    Field(discriminator="type"),
]

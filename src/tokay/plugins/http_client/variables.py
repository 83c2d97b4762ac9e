"""The variables of the HTTP client. Source: docs/protocol/network.md, section 9.9."""

from tokay.kernel.value_types import Integer
from tokay.kernel.variables import Variable

RETRIES = Variable(
    "http.client.retries", "ht c r", Integer(0, 255), 3,
    doc="Further attempts to connect before an HTTP command gives up.",
)  # fmt: skip
RETRY_PERIOD = Variable(
    "http.client.retry_period", "ht c p", Integer(0, 65535, unit="ms"), 1000,
    doc="The pause between attempts of an HTTP command to connect.",
)  # fmt: skip

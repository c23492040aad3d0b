"""
The products of Alibaba Cloud that are called, with the version, form and host of each API.
"""

from dataclasses import dataclass

from chaosfailover.alibaba.endpoints import official_endpoint

__all__ = ["CEN", "CMS", "ECR", "STS", "VPC", "Product"]


@dataclass(frozen=True, slots=True)
class Product:
    """
    An API in RPC style. Its `host` may contain `{region}`; without one it is that of the VPC API.

    With `sends_form`, parameters travel in the body instead of the query. With `tells_success`, a
    reply whose `Success` is not true is an error, also with HTTP 200.
    """

    name: str
    version: str
    ram_prefix: str
    host: str = ""
    sends_form: bool = False
    tells_success: bool = False

    def endpoint(self, region_id: str) -> str:
        """
        Return the URL of a region's official endpoint; raises ConfigurationError as the VPC's does.
        """
        vpc = official_endpoint(region_id)
        return f"https://{self.host.format(region=region_id)}" if self.host else vpc

    def ram_action(self, operation: str) -> str:
        """
        Return the permission that an operation needs, as RAM names it.
        """
        return RENAMED.get(operation, f"{self.ram_prefix}:{operation}")


VPC = Product("Vpc", "2016-04-28", "vpc")
ECR = Product(
    "ExpressConnectRouter",
    "2023-09-01",
    "expressconnectrouter",
    "expressconnectrouter.cn-shanghai.aliyuncs.com",
    sends_form=True,
    tells_success=True,
)
CEN = Product("Cbn", "2017-09-12", "cen", "cbn.aliyuncs.com")
CMS = Product("Cms", "2019-01-01", "cms", "metrics.{region}.aliyuncs.com", tells_success=True)
STS = Product("Sts", "2015-04-01", "sts", "sts.{region}.aliyuncs.com")

# Documented under the first name, seen in use under the second.
RENAMED = {"DescribeMetricList": "cms:QueryMetricList and cms:DescribeMetricList"}

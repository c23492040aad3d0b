"""
The products behind the one address of the emulator: each is known by the version of its API.

A new product is a row of `PRODUCTS`, and a section of `operations/table.py` for its operations.
"""

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["CBN", "CMS", "ECR", "PRODUCTS", "STS", "VPC", "Product"]


class Product(NamedTuple):
    """
    One product: its name, its version, and the prefix of its actions in RAM.

    `methods` are the HTTP methods that it takes. With `form`, parameters travel in the form body
    only. `envelope` are the fields of each successful reply beside those of the operation.
    """

    name: str
    version: str
    ram: str
    methods: tuple[str, ...] = ("GET", "POST")
    form: bool = False
    envelope: Mapping[str, object] = {}


VPC = Product("Vpc", "2016-04-28", "vpc")
ECR = Product(
    "ExpressConnectRouter",
    "2023-09-01",
    "expressconnectrouter",
    methods=("POST",),
    form=True,
    envelope={
        "Success": True,
        "Code": "200",
        "Message": "OK",
        "HttpStatusCode": 200,
        "DynamicCode": "",
        "DynamicMessage": "",
        "AccessDeniedDetail": "",
    },
)
CBN = Product("Cbn", "2017-09-12", "cen")
CMS = Product("Cms", "2019-01-01", "cms", envelope={"Success": True, "Code": "200"})
STS = Product("Sts", "2015-04-01", "sts")

PRODUCTS = {each.version: each for each in (VPC, ECR, CBN, CMS, STS)}
"""
Version -> its product.
"""

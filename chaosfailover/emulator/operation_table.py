"""
The operations and their parameters: a table from which requests are read and the coverage is told.
"""

from collections.abc import Callable

from chaosfailover.emulator.parameters import Known, Parameter

__all__ = ["OPERATIONS", "REMARKS", "STS", "WRITES"]


def text(longest: int) -> Callable[[str], bool]:
    """
    Make the rule of Name and Description: length, and no URL at the start.
    """
    return lambda value: len(value) <= longest and not value.startswith(("http://", "https://"))


def within(least: int, most: int) -> Callable[[int], bool]:
    """
    Make the rule of a number from `least` to `most`.
    """
    return lambda value: least <= value <= most


def one_of(*literals: str) -> Callable[[str], bool]:
    """
    Make the rule of a literal.
    """
    return lambda value: value in literals


REGION = Parameter(
    "RegionId",
    known="inferred",
    note="required by the help pages, not by the SDKs; without it, the endpoint's own region",
)
REGION_REQUIRED = Parameter("RegionId", required=True)
TOKEN = Parameter(
    "ClientToken", rule=lambda value: len(value) <= 64 and value.isascii(), note="64 ASCII letters"
)
JOB_ID = Parameter("JobId", required=True)
NAME = Parameter("Name", rule=text(128), note="128 letters, no URL at the start")
DESCRIPTION = Parameter("Description", rule=text(256), note="256 letters, no URL at the start")
DRY_RUN = Parameter("DryRun", "boolean")
DURATION = Parameter("JobDuration", "integer", rule=within(1, 4320), note="minutes, 1 to 4320")
RESOURCES = Parameter("ResourceId", "list", rule=lambda ids: len(ids) <= 16, note="16 at most")
IGNORED = tuple(
    Parameter(name, known="not done", note="accepted and ignored, as it is undocumented")
    for name in ("OwnerAccount", "OwnerId", "ResourceOwnerAccount", "ResourceOwnerId")
)
IGNORED_OF_JOBS = IGNORED[:-1]  # the SDK has no ResourceOwnerId there
JOB = (REGION, TOKEN, JOB_ID, *IGNORED_OF_JOBS)
PAGE = (
    Parameter("PageNumber", "integer", rule=within(1, 2**31 - 1), note="default 1"),
    Parameter("PageSize", "integer", rule=within(1, 50), note="default 10, 50 at most"),
)
FILTER = Parameter("Filter", "filters", note="5 keys and 5 values each at most")
TAGS = Parameter("Tags", "tags", note="20 at most; all must match")
GROUP_ID = Parameter("ResourceGroupId")
ROUTER = (
    Parameter("RouterId"),
    Parameter("BgpGroupId"),
    Parameter("IsDefault", "boolean", note="whether the group is a default one"),
)

OPERATIONS: dict[str, tuple[Parameter, ...]] = {
    "CreateFailoverTestJob": (
        REGION,
        TOKEN,
        Parameter(
            "ResourceType", required=True, note="PHYSICALCONNECTION, VIRTUALBORDERROUTER, BGPPEER"
        ),
        Parameter("ResourceId", "list", True, RESOURCES.rule, note=RESOURCES.note),
        Parameter("JobType", required=True, rule=one_of("StartNow", "StartLater")),
        Parameter("JobDuration", "integer", True, DURATION.rule, note=DURATION.note),
        NAME,
        DESCRIPTION,
        DRY_RUN,
        *IGNORED_OF_JOBS,
    ),
    "StartFailoverTestJob": JOB,
    "StopFailoverTestJob": JOB,
    "UpdateFailoverTestJob": (
        REGION,
        TOKEN,
        JOB_ID,
        NAME,
        DESCRIPTION,
        RESOURCES,
        DURATION,
        DRY_RUN,
        *IGNORED_OF_JOBS,
    ),
    "DeleteFailoverTestJob": JOB,
    "DescribeFailoverTestJob": JOB,
    "DescribeFailoverTestJobs": (
        REGION,
        TOKEN,
        Parameter("MaxResults", "integer", rule=within(1, 100), note="default 20, 100 at most"),
        Parameter("NextToken"),
        FILTER,
        *IGNORED_OF_JOBS,
    ),
    "DescribePhysicalConnections": (
        REGION_REQUIRED,
        TOKEN,
        FILTER,
        Parameter("IncludeReservationData", "boolean", known="not done", note="there is none"),
        GROUP_ID,
        TAGS,
        *PAGE,
        *IGNORED,
    ),
    "DescribeVirtualBorderRouters": (
        REGION_REQUIRED,
        FILTER,
        Parameter("IncludeCrossAccountVbr", "boolean"),
        GROUP_ID,
        TAGS,
        *PAGE,
        *IGNORED,
    ),
    "DescribeVirtualBorderRoutersForPhysicalConnection": (
        REGION_REQUIRED,
        Parameter("PhysicalConnectionId", required=True),
        FILTER,
        *PAGE,
        *IGNORED,
    ),
    "DescribeBgpGroups": (REGION_REQUIRED, *ROUTER, *PAGE, *IGNORED),
    "DescribeBgpPeers": (REGION_REQUIRED, *ROUTER, Parameter("BgpPeerId"), *PAGE, *IGNORED),
    "DescribeRegions": (
        Parameter("AcceptLanguage", note="zh-CN or en-US", known="not done"),
        Parameter("ProductType", known="not done", note="accepted and ignored"),
        *IGNORED,
    ),
    "GetCallerIdentity": (),
}

WRITES = frozenset(name for name in OPERATIONS if not name.startswith(("Describe", "Get")))
STS = frozenset({"GetCallerIdentity"})
"""
Operations of STS, which has a version of its own, and which RAM does not limit.
"""

REMARKS: dict[str, tuple[Known, str]] = {
    "CreateFailoverTestJob": (
        "inferred",
        "the seven refusals are documented, their codes are those of Start",
    ),
    "StartFailoverTestJob": ("documented", "with all 12 error codes"),
    "StopFailoverTestJob": ("documented", "the end of a message is inferred"),
    "UpdateFailoverTestJob": ("inferred", "what it refuses is documented, with which code is not"),
    "DeleteFailoverTestJob": ("documented", "the end of a message is inferred"),
    "DescribeFailoverTestJob": (
        "documented",
        "that StartTime comes with Testing and StopTime with Stopped is inferred",
    ),
    "DescribeFailoverTestJobs": (
        "documented",
        "newest first, exact names and the refusal of wrong filters and tokens are inferred",
    ),
    "DescribePhysicalConnections": ("documented", "how a cut circuit looks is inferred"),
    "DescribeVirtualBorderRouters": ("documented", "how a cut VBR looks is inferred"),
    "DescribeVirtualBorderRoutersForPhysicalConnection": ("documented", ""),
    "DescribeBgpGroups": ("documented", ""),
    "DescribeBgpPeers": ("documented", "how a cut peer looks is inferred"),
    "DescribeRegions": ("documented", "local names are not translated"),
    "GetCallerIdentity": (
        "documented",
        "of STS, version 2015-04-01; that a key is the account itself, no RAM user, is inferred",
    ),
}
"""
Operation -> how sure we are of what it does, beside its parameters.
"""

"""
An error says all that an operator needs.
"""

from chaosfailover.errors import ApiError


def test_api_error_reads_as_one_line() -> None:
    """An API error names code, message, operation, HTTP status and request."""
    error = ApiError(
        "IncorrectStatus.OnlyForInit",
        "Only the init status failover test job can be started.",
        operation="StartFailoverTestJob",
        http_status=400,
        request_id="C44F62BE",
    )

    assert str(error) == (
        "IncorrectStatus.OnlyForInit: Only the init status failover test job can be started. "
        "(StartFailoverTestJob, HTTP 400, request C44F62BE)"
    )

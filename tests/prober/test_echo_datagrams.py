"""
The responder's datagrams: what they tell, and what they can be made to do.
"""

from chaosfailover.outages.directions import BACK, MOST_REPORTED, NOT_KNOWN, OUT
from chaosfailover.prober.echo_datagrams import (
    LENGTH,
    MOST_SENDERS,
    Receipt,
    Report,
    Responder,
    fate,
    new_nonce,
    read_reply,
    request,
)

NONCE = new_nonce()


def reported(responder: Responder, *numbers: int, nonce: bytes = NONCE) -> Report:
    """
    Send requests and return the report that comes with the last answer.
    """
    replies = [responder.answer(request(nonce, number)) for number in numbers]
    receipt = read_reply(replies[-1] or b"", nonce)
    assert receipt
    assert receipt.report
    assert receipt.number == numbers[-1]
    return receipt.report


def test_report_tells_what_was_received() -> None:
    """In any order, also twice; what was not sent yet is not covered."""
    report = reported(Responder(), 1, 2, 5, 4, 4, 7)

    assert [report.has(number) for number in range(9)] == [
        *(None, True, True, False, True, True, False, True, None)
    ]
    assert (report.first, report.latest, report.received) == (1, 7, 6)


def test_report_covers_the_last_requests_only() -> None:
    """What the bitmap no longer covers is not known."""
    report = reported(Responder(), 1, 2, 2 + MOST_REPORTED)

    assert (report.has(2), report.has(3)) == (None, False)
    assert report.has(1) is None


def test_responder_that_was_started_later_knows_nothing_of_before() -> None:
    """A restart is no loss."""
    report = reported(Responder(), 100)

    assert (report.has(99), report.has(100)) == (None, True)


def test_fate_of_a_lost_request() -> None:
    """By the report of the next answer; a request that arrived after it was late, not lost."""
    responder = Responder()
    at_answer = reported(responder, 1, 3)
    later = reported(responder, 2)

    assert fate(at_answer, at_answer, 2) == OUT
    assert fate(at_answer, later, 2) == NOT_KNOWN
    assert fate(at_answer, later, 1) == BACK
    assert fate(None, None, 1) == NOT_KNOWN


def test_no_reply_is_longer_than_its_request() -> None:
    """No datagram makes the responder send more than it received."""
    responder = Responder()
    asked = request(NONCE, 1)
    reply = responder.answer(asked)

    assert reply is not None
    assert len(reply) == len(asked) == LENGTH == 256
    assert [responder.answer(asked[:size]) for size in range(LENGTH)] == [None] * LENGTH
    assert responder.answer(asked + b"\0") is None


def test_replies_and_other_datagrams_are_not_answered() -> None:
    """Two responders, or one and an echo service, never send to each other without end."""
    responder = Responder()
    reply = responder.answer(request(NONCE, 1))

    assert reply is not None
    assert responder.answer(reply) is None
    assert responder.answer(b"x" * LENGTH) is None


def test_senders_are_kept_in_bounded_memory() -> None:
    """Of too many, the one that was silent for longest is forgotten, and then begins anew."""
    responder = Responder()
    reported(responder, 1)
    for _ in range(MOST_SENDERS):
        reported(responder, 1, nonce=new_nonce())

    assert reported(responder, 3).first == 3


def test_other_echo_service_tells_no_directions() -> None:
    """A request that comes back as it was is an answer without a report."""
    asked = request(NONCE, 7)

    assert read_reply(asked, NONCE) == Receipt(7)
    assert read_reply(asked[:-1] + b"x", NONCE) is None
    assert read_reply(asked, new_nonce()) is None
    assert read_reply(b"", NONCE) is None

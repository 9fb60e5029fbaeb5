"""Each durable event arrives exactly once over a bus that loses, from sources that restart."""

import random

from hypothesis import given
from hypothesis import strategies as st

from polybot.messages.codec import decode_body, decode_reply, encode, encode_body
from polybot.messages.commands import ReplayBatch, ReplayFrom, Witness
from polybot.messages.envelope import Reply
from polybot.runtime.inbox import content_hash
from tests.unit.runtime.test_inbox import Case, beat, payload

SOURCES = ("trader", "watchdog")


class Source:
    """A process with its journal; a new life may find it gone."""

    def __init__(self, name: str) -> None:
        self.name, self.lives = name, 1
        self.journal: list[bytes] = []

    @property
    def session(self) -> str:
        return f"s{self.lives}"

    def publish(self) -> bytes:
        self.journal.append(payload(len(self.journal) + 1, self.name, self.session))
        return self.journal[-1]

    def heartbeat(self) -> bytes:
        return beat(len(self.journal), session=self.session, source=self.name)

    def answer(self, question: ReplayFrom) -> ReplayBatch:
        known = question.witness
        fits = known is None or (
            known.seq <= len(self.journal)
            and content_hash(self.journal[known.seq - 1]) == known.hash
        )
        kept = self.journal[question.seq - 1 : question.seq + 9] if fits else []
        return ReplayBatch(
            records=tuple(record.decode() for record in kept),
            last_seq=len(self.journal),
            first_kept=1,
            session=self.session,
            fits=fits,
        )


class LossyFloor:
    """Two sources, a bus that loses, repeats and reorders, and a listener that restarts."""

    def __init__(self, seed: int, count: int) -> None:
        self.dice = random.Random(seed)
        self.count = count
        self.sources = {name: Source(name) for name in SOURCES}
        self.delivered: dict[str, list[Witness]] = {name: [] for name in SOURCES}
        self.underway: list[tuple[str, bytes]] = []
        self.case = Case()
        self.asked = 0

    def run(self) -> None:
        for _ in range(self.count):
            self.step(lossy=True)
            if self.dice.random() < 0.05:
                self.restart()
            for source in self.sources.values():
                if self.dice.random() < 0.05:
                    source.lives += 1
                    if self.dice.random() < 0.5:
                        source.journal.clear()
        for _ in range(60):
            self.step(lossy=False)

    def step(self, *, lossy: bool) -> None:
        fresh = self.publish() if lossy else [s.heartbeat() for s in self.sources.values()]
        if lossy:
            fresh = [p for p in fresh if self.dice.random() < 0.7]
            fresh += [p for p in fresh if self.dice.random() < 0.2]
            self.dice.shuffle(fresh)
        self.answer(lossy=lossy)
        self.case.receiver.payloads += fresh
        for envelope, _, record_hash in self.case.inbox.take_records():
            if envelope.durable:
                self.delivered[envelope.source].append(Witness(seq=envelope.seq, hash=record_hash))
        self.case.clock.advance(0.4)

    def publish(self) -> list[bytes]:
        fresh = []
        for source in self.sources.values():
            fresh += [source.publish() for _ in range(self.dice.randrange(4))]
            if self.dice.random() < 0.3:
                fresh.append(source.heartbeat())
        if self.dice.random() < 0.1:
            fresh.append(b"junk")
        return fresh

    def answer(self, *, lossy: bool) -> None:
        """Answer what was asked; an answer may be lost, or arrive a step later."""
        self.case.asker.replies += self.underway
        self.underway = []
        asked, self.asked = self.case.asker.asked[self.asked :], len(self.case.asker.asked)
        for number, (name, question) in enumerate(asked, self.asked - len(asked) + 1):
            if lossy and self.dice.random() < 0.3:
                continue
            batch = self.sources[name].answer(question)
            reply = Reply(
                id=f"tracker-{number}", type=ReplayBatch.__name__, body=encode_body(batch)
            )
            late = lossy and self.dice.random() < 0.3
            (self.underway if late else self.case.asker.replies).append((name, encode(reply)))

    def restart(self) -> None:
        """Start again from what was stored, which may be older than what was delivered."""
        for events in self.delivered.values():
            del events[max(0, len(events) - self.dice.randrange(4)) :]
        newest = {name: events[-1] for name, events in self.delivered.items() if events}
        self.case, self.asked, self.underway = Case(), 0, []
        self.case.inbox.resume_from({name: known.seq for name, known in newest.items()}, newest)


@given(seed=st.integers(0, 2**32), count=st.integers(1, 60))
def test_each_durable_event_is_delivered_exactly_once_whatever_happens(
    seed: int, count: int
) -> None:
    floor = LossyFloor(seed, count)
    floor.run()
    for name, source in floor.sources.items():
        hashes = [content_hash(record) for record in source.journal]
        kept = set(hashes)
        assert [told.hash for told in floor.delivered[name] if told.hash in kept] == hashes


def test_the_answers_of_the_floor_are_what_a_source_would_say() -> None:
    source = Source("trader")
    records = [source.publish() for _ in range(12)]
    batch = source.answer(ReplayFrom(seq=2, witness=Witness(seq=1, hash=content_hash(records[0]))))
    reply = decode_reply(encode(Reply(id="a-1", type="ReplayBatch", body=encode_body(batch))))
    assert decode_body(reply.type, reply.body) == batch
    assert (batch.fits, len(batch.records), batch.last_seq) == (True, 10, 12)
    assert not source.answer(ReplayFrom(seq=2, witness=Witness(seq=1, hash="other"))).fits

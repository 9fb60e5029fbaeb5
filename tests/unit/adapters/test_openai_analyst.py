"""The analyst through the real openai package, against a stub that speaks its wire format."""

import json
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from polybot.adapters.openai_analyst import (
    LONGEST_INSIGHT,
    AnalystAnswer,
    AnalystRequest,
    AnalystSettings,
    OpenAiAnalyst,
    comment,
    read_insights,
)
from polybot.ports import Comment
from tests.http_stub import Answer, StubRequest, StubServer


class Api:
    """Answers chat completions with a text, or as a test says."""

    def __init__(self) -> None:
        self.text = '{"insights": ["Buys late.", "Loses at noon."]}'
        self.failure: Answer | None = None

    def answer(self, _: StubRequest) -> Answer:
        return self.failure or (200, completion(self.text))


def completion(text: str) -> dict[str, Any]:
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1_787_236_800,
        "model": "gpt-test",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": text},
            }
        ],
    }


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def stub(api: Api) -> Iterator[StubServer]:
    server = StubServer(api.answer)
    yield server
    server.close()


def request(stub: StubServer, **changes: Any) -> AnalystRequest:
    values: dict[str, Any] = {
        "digest": {"trades": 10, "win_rate": 0.9},
        "model": "gpt-test",
        "api_key": "sk-invented",
        "base_url": f"{stub.url}/v1",
        "timeout_s": 5.0,
    }
    return AnalystRequest(**(values | changes))


def ask(analyst: OpenAiAnalyst, woken: threading.Event) -> list[Comment]:
    analyst.ask("m1", {"trades": 10})
    assert woken.wait(60)
    return analyst.take()


def test_a_digest_is_commented_by_a_child_process(stub: StubServer) -> None:
    woken = threading.Event()
    settings = AnalystSettings(
        model="gpt-test", api_key="sk-invented", base_url=f"{stub.url}/v1", timeout_s=5
    )
    analyst = OpenAiAnalyst(settings, wake=woken.set)

    comments = ask(analyst, woken)

    assert comments == [Comment("m1", ("Buys late.", "Loses at noon."))]
    [sent] = stub.requests
    assert sent.path == "/v1/chat/completions"
    assert sent.headers["authorization"] == "Bearer sk-invented"
    body = json.loads(sent.body)
    assert body["model"] == "gpt-test"
    assert body["response_format"] == {"type": "json_object"}
    assert '"trades":10' in body["messages"][1]["content"]
    analyst.stop()


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        ((401, {"error": {"message": "bad key"}}), "AuthenticationError"),
        ((429, {"error": {"message": "slow down"}}), "RateLimitError"),
        ((200, {"choices": []}), "expected a completion"),
    ],
)
def test_a_failing_api_is_an_error_and_no_insight(
    api: Api, stub: StubServer, failure: Answer, error: str
) -> None:
    api.failure = failure

    answer = comment(request(stub))

    assert answer.insights == ()
    assert error in answer.error


def test_an_api_that_is_not_there_is_an_error(stub: StubServer) -> None:
    answer = comment(request(stub, base_url="http://127.0.0.1:9/v1"))

    assert "APIConnectionError" in answer.error


@pytest.mark.parametrize(
    "text", ["", "I think so", '{"insights": "one"}', '{"insights": [1]}', '{"patterns": []}']
)
def test_an_answer_of_another_shape_is_refused(text: str) -> None:
    answer = read_insights(text)

    assert answer.insights == ()
    assert answer.error.startswith('expected {"insights": [...]}')


def test_sentences_are_cut_and_made_printable() -> None:
    told = json.dumps({"insights": ["a\x1b[31m\nb" + "c" * 900, "  ", *["x"] * 20]})

    answer = read_insights(told)

    assert answer.insights[0].startswith("a [31m b")
    assert len(answer.insights[0]) == LONGEST_INSIGHT
    assert len(answer.insights) == 9


def test_a_child_that_dies_is_an_error() -> None:
    woken = threading.Event()
    settings = AnalystSettings(model="gpt-test", api_key="sk-invented")
    analyst = OpenAiAnalyst(
        settings, wake=woken.set, command=(sys.executable, "-c", "raise SystemExit(3)")
    )

    assert ask(analyst, woken) == [Comment("m1", error="the analyst ended with 3")]
    analyst.stop()


def test_stopping_ends_the_question_under_way() -> None:
    settings = AnalystSettings(model="gpt-test", api_key="sk-invented", timeout_s=60)
    command = (sys.executable, "-c", "import time; time.sleep(60)")
    analyst = OpenAiAnalyst(settings, wake=lambda: None, command=command)
    analyst.ask("m1", {})

    analyst.stop()

    assert not any(thread.name == "analyst" for thread in threading.enumerate())


def test_the_key_is_never_shown() -> None:
    settings = AnalystSettings(model="gpt-test", api_key="sk-invented")
    asked = AnalystRequest(digest={}, model="gpt-test", api_key="sk-invented")

    assert "sk-invented" not in f"{settings!r}{asked!r}"
    assert AnalystAnswer().error == ""

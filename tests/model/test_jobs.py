"""Values of a job's payload, which may have been written by another release."""

from __future__ import annotations

from typing import Any

import pytest

from microblog.model.ids import JobId
from microblog.model.jobs import Job, JobState, PermanentFailure
from tests.make import NOW


def job(**payload: Any) -> Job:
    return Job(JobId(1), "a.kind", payload, 1, JobState.RUNNING, NOW, NOW)


def test_ids_and_texts_are_read_from_the_payload() -> None:
    assert job(post="17").id_of("post") == 17
    assert job(domain="b.example").text_of("domain") == "b.example"


@pytest.mark.parametrize("payload", [{}, {"post": None}, {"post": 17}, {"post": ["17"]}, {"post": "-17"}, {"post": "x"}, {"post": ""}])
def test_a_job_without_the_id_that_it_needs_is_not_tried_again(payload: dict[str, Any]) -> None:
    with pytest.raises(PermanentFailure, match="post"):
        job(**payload).id_of("post")


@pytest.mark.parametrize("payload", [{}, {"uri": None}, {"uri": 17}])
def test_a_job_without_the_text_that_it_needs_is_not_tried_again(payload: dict[str, Any]) -> None:
    with pytest.raises(PermanentFailure, match="uri"):
        job(**payload).text_of("uri")

"""What botocore makes of what is written: it carries Amazon's own description of the API. Run where it is installed."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given

from plano_extproc.translate import Profile
from plano_extproc.translate.apis.bedrock_converse import CODEC
from plano_extproc.translate.chat import Request
from plano_extproc.translate.losses import Losses
from tests.translate import eventstream
from tests.translate.golden import ROOT, inputs
from tests.translate.made_up import inline, quick, requests

pytest.importorskip("botocore")


def shape(of: str) -> Any:
    loaders, model = pytest.importorskip("botocore.loaders"), pytest.importorskip("botocore.model")
    told = loaders.Loader().load_service_model("bedrock-runtime", "service-2")
    return model.ServiceModel(told).operation_model("ConverseStream" if of == "stream" else "Converse").input_shape


def check(body: dict[str, Any], known: Any) -> None:
    report = pytest.importorskip("botocore.validate").ParamValidator().validate({"modelId": "m", **body}, known)
    assert not report.has_errors(), report.generate_report()


@pytest.mark.parametrize("path", sorted((ROOT / "requests").glob("*/*.bedrock.converse.*")), ids=lambda path: path.name)
def test_requests_are_such_as_amazon_describes_them(path: Path) -> None:
    check(orjson.loads(path.read_bytes())["body"], shape("whole"))


KNOWN = shape("stream")


@quick
@given(request=requests.map(inline))
def test_any_request_is_such_as_amazon_describes_it(request: Request) -> None:
    check(CODEC.encode_request(request, Profile(cache_control=True, replay_reasoning=True), Losses({})), KNOWN)


@pytest.mark.parametrize("path", inputs("streams", "bedrock.converse"), ids=lambda path: path.name)
def test_frames_are_read_alike(path: Path) -> None:
    data = eventstream.framed(path.read_bytes())
    buffer = pytest.importorskip("botocore.eventstream").EventStreamBuffer()
    buffer.add_data(data)
    ours = CODEC.frames().feed(data)

    kinds = (":event-type", ":exception-type")
    theirs = [(next(frame.headers[kind] for kind in kinds if kind in frame.headers), frame.payload) for frame in buffer]
    assert [(event.name.decode(), event.data) for event in ours] == theirs

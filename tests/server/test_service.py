"""The server over a real gRPC connection."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import orjson
import pytest

from plano_extproc import headers
from plano_extproc._pb import ext_proc_pb2 as pb
from plano_extproc.server import control, service
from tests.gateway.support import gateway

PROCESS = f"/{service.SERVICE}/{service.METHOD}"


@pytest.fixture
async def channel(tmp_path: Path) -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server()
    held = gateway()
    processor = service.ExternalProcessor(lambda: held)

    def reload(text: str, name: str, environ: dict[str, str], generation: int) -> int:
        if "broken" in text:
            raise control.ConfigurationError(f"{name}:1:1: error: broken")
        assert environ == {"A": "1"}
        return generation

    server.add_generic_rpc_handlers((processor.handler(), control.Control(reload).handler()))
    address = f"unix:{tmp_path}/s.sock"
    server.add_insecure_port(address)
    await server.start()
    async with grpc.aio.insecure_channel(address) as opened:
        yield opened
    await server.stop(0)


def headers_message(path: bytes) -> bytes:
    message = pb.ProcessingRequest()
    message.request_headers.headers.headers.add(key=":path", raw_value=path)
    message.request_headers.headers.headers.add(key=":method", raw_value=b"POST")
    return message.SerializeToString()


async def test_an_exchange_answers_each_message_once(channel: grpc.aio.Channel) -> None:
    call = channel.stream_stream(PROCESS)(metadata=((headers.LISTENER, "models"),))
    await call.write(headers_message(b"/v1/chat/completions"))
    first = pb.ProcessingResponse.FromString(await call.read())
    body = b'{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}'
    await call.write(pb.ProcessingRequest(request_body=pb.HttpBody(body=body, end_of_stream=True)).SerializeToString())
    second = pb.ProcessingResponse.FromString(await call.read())
    await call.done_writing()

    assert first.WhichOneof("response") == "request_headers"
    assert second.WhichOneof("response") == "request_body"
    assert second.request_body.response.clear_route_cache
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff\xff\xff",
        b"",
        pb.ProcessingRequest(response_body=pb.HttpBody(body=b"x")).SerializeToString(),
        pb.ProcessingRequest(request_headers=pb.HttpHeaders()).SerializeToString(),
    ],
    ids=["garbage", "no kind", "wrong order", "no path"],
)
async def test_what_breaks_the_protocol_ends_with_an_error_status(channel: grpc.aio.Channel, raw: bytes) -> None:
    call = channel.stream_stream(PROCESS)(metadata=((headers.LISTENER, "models"),))
    await call.write(raw)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()

    assert caught.value.code() is not grpc.StatusCode.OK


async def test_a_listener_that_the_configuration_lacks_is_an_error(channel: grpc.aio.Channel) -> None:
    call = channel.stream_stream(PROCESS)(metadata=((headers.LISTENER, "elsewhere"),))
    await call.write(headers_message(b"/v1/chat/completions"))
    await call.read()
    body = b'{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}'
    await call.write(pb.ProcessingRequest(request_body=pb.HttpBody(body=body)).SerializeToString())

    with pytest.raises(grpc.aio.AioRpcError):
        await call.read()


async def test_a_client_that_goes_away_frees_its_exchange(channel: grpc.aio.Channel) -> None:
    call = channel.stream_stream(PROCESS)(metadata=((headers.LISTENER, "models"),))
    await call.write(headers_message(b"/v1/chat/completions"))
    await call.read()
    call.cancel()
    await asyncio.sleep(0.05)

    again = channel.stream_stream(PROCESS)(metadata=((headers.LISTENER, "models"),))
    await again.write(headers_message(b"/v1/models"))
    answer = pb.ProcessingResponse.FromString(await again.read())
    assert answer.immediate_response.status.code == 200


async def test_reload_answers_the_new_generation(channel: grpc.aio.Channel) -> None:
    call = channel.unary_unary(f"/{control.SERVICE}/{control.METHOD}")
    request = {"config": "version: v0.5.0", "file": "f.yaml", "environment": {"A": "1"}, "generation": 7}

    assert orjson.loads(await call(orjson.dumps(request))) == {"generation": 7}


@pytest.mark.parametrize("request_", [b"", b"[]", b"{}", b'{"config":"broken","file":"f.yaml","generation":2}'])
async def test_a_refused_reload_says_why(channel: grpc.aio.Channel, request_: bytes) -> None:
    call = channel.unary_unary(f"/{control.SERVICE}/{control.METHOD}")

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(request_)

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details()

#: id: chat_agent
#: version: 1.0.0
#: kind: agent
#: title: An agent to begin with: an HTTP server that answers chat completions
#: words: agent python starlette server skeleton chat completions hello
"""An agent: `python agent.py`, then name http://127.0.0.1:10700 under `agents` in the gateway's file."""

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def answer(request: Request) -> JSONResponse:
    """Answer the last thing that was said. The gateway translates for clients of every dialect, streams included."""
    body = await request.json()
    said = body["messages"][-1]["content"]
    message = {"role": "assistant", "content": f"You said: {said}"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return JSONResponse(
        {"id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": "agent", "choices": [choice]}
    )


app = Starlette(routes=[Route("/v1/chat/completions", answer, methods=["POST"])])

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=10700)

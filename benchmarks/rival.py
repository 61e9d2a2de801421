"""What one would write instead: FastAPI, uvicorn and PyJWT, answering a poll from a dictionary.

`rival.py PORT FILE SECRET` answers the file's bytes to whoever has a token under the secret.
"""

import sys
from pathlib import Path
from typing import Annotated

import jwt
import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException, Response


def application(body: bytes, secret: str) -> FastAPI:
    """The application: an authenticated poll, and nothing else."""
    app = FastAPI()
    conversations = {"1": body}

    async def user(authorization: Annotated[str, Header()]) -> str:
        try:
            claims = jwt.decode(authorization.removeprefix("Bearer "), secret, algorithms=["HS256"])
        except jwt.InvalidTokenError:
            raise HTTPException(401) from None
        return str(claims["userId"])

    async def poll(conversation_id: str, caller: Annotated[str, Depends(user)], since: int = 0) -> Response:  # noqa: ARG001
        return Response(conversations[conversation_id], media_type="application/json")

    app.add_api_route("/api/conversations/{conversation_id}/poll", poll, response_model=None)
    return app


if __name__ == "__main__":
    made = application(Path(sys.argv[2]).read_bytes(), sys.argv[3])
    uvicorn.run(made, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)

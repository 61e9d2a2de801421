"""Storages to test, each with a folder of files on their way in."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
import httpx
from moto.server import ThreadedMotoServer

from supportd.files.incoming import Incoming, IncomingFile
from supportd.files.local import LocalStorage
from supportd.files.s3 import S3Storage
from supportd.files.storage import FileStorage, new_key

OWNER = "0123456789ab"
BUCKET = "bucket"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


@dataclass
class Kept:
    """A storage and the folder of temporary files."""

    storage: FileStorage
    incoming: Incoming

    async def arrived(self, data: bytes) -> IncomingFile:
        file = await self.incoming.create()
        await file.write(data)
        return file

    async def put(self, data: bytes, content_type: str = "image/png") -> str:
        key = new_key(OWNER)
        file = await self.arrived(data)
        await self.storage.put(file.path, key, content_type)
        file.discard()
        return key

    async def read(self, key: str, start: int, length: int) -> bytes:
        async with self.storage.reading(key, start=start, length=length) as chunks:
            return b"".join([chunk async for chunk in chunks])


Open = Callable[[], AbstractAsyncContextManager[Kept]]


@asynccontextmanager
async def local(folder: Path) -> AsyncIterator[Kept]:
    storage, incoming = LocalStorage(folder), Incoming(folder)
    storage.prepare()
    incoming.prepare()
    with closing(storage), closing(incoming):
        yield Kept(storage, incoming)


@asynccontextmanager
async def s3(folder: Path, endpoint_url: str, *, bucket: str = BUCKET) -> AsyncIterator[Kept]:
    storage = S3Storage(bucket=bucket, endpoint_url=endpoint_url, region="eu-central-1")
    incoming = Incoming(folder)
    incoming.prepare()
    with closing(storage), closing(incoming):
        yield Kept(storage, incoming)


@contextmanager
def moto() -> Iterator[str]:
    """An S3 with one bucket, over HTTP; its address."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    httpx.post(f"{address}/moto-api/reset", trust_env=False)  # what it keeps is the process's, whichever server made it
    with closing(bucket_client(address)) as client:
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    try:
        yield address
    finally:
        server.stop()


def bucket_client(address: str) -> boto3.client:
    return boto3.client(
        "s3",
        endpoint_url=address,
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


Respond = Callable[[str], bytes]


@asynccontextmanager
async def answering(respond: Respond) -> AsyncIterator[str]:
    """An HTTP server that sends for each method whatever bytes it is told to, and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            lengths = [line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            if b"100-continue" in head:
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await reader.readexactly(int(lengths[0]) if lengths else 0)
            writer.write(respond(head.split()[0].decode()))
        except (asyncio.IncompleteReadError, ConnectionError):  # the client hung up first
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"

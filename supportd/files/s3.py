"""Files in an S3 bucket, Amazon's or another that speaks the same (boto3, in threads)."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from supportd.errors import ConfigError
from supportd.files.storage import CHUNK_BYTES, Served, missing, unavailable
from supportd.files.threads import Threads

THREADS = 16
CONNECTIONS = 64  # a file being read keeps its connection between two chunks
CONNECT_S = 3
READ_S = 10
ATTEMPTS = 2
PART_BYTES = 8 * 2**20  # larger files go in parts of this; S3 takes none below 5 MiB but the last
LINK_S = 60
GONE = frozenset({"404", "NoSuchKey", "NotFound"})
CHECK_KEY = "check/writable"


class S3Storage:
    """`FileStorage` in a bucket. Credentials come from boto3's own chain: the environment, a profile, the instance."""

    def __init__(self, *, bucket: str, endpoint_url: str | None, region: str | None) -> None:
        """Raises `ConfigError` where there can be no client of this kind."""
        self._bucket = bucket
        self._threads = Threads("s3", most=THREADS)
        config = Config(
            connect_timeout=CONNECT_S,
            read_timeout=READ_S,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            max_pool_connections=CONNECTIONS,
            signature_version="s3v4",
            s3={"addressing_style": "auto" if endpoint_url is None else "path"},
            # The length is checked after each upload. More than that isn't understood by all that speak S3.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        try:
            self._client: Any = Session(region_name=region).client("s3", endpoint_url=endpoint_url, config=config)
        except (BotoCoreError, ValueError) as error:
            raise ConfigError(f"S3_ENDPOINT_URL or S3_REGION can't be used ({type(error).__name__})") from None
        self._transfer = TransferConfig(
            multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, use_threads=False
        )

    async def put(self, source: Path, key: str, content_type: str) -> None:
        """Uploads a file, in parts where it is large, and asks S3 for the length that it has there."""
        with _translated("put"):
            await self._threads.run(self._put, source, key, content_type)

    @asynccontextmanager
    async def reading(self, key: str, *, start: int, length: int) -> AsyncIterator[AsyncIterator[bytes]]:
        """Asks S3 for the range and reads the answer in threads."""
        where = {"Bucket": self._bucket, "Key": key}
        wanted = {"Range": f"bytes={start}-{start + length - 1}"} if length else {}
        with _translated("open"):
            answer = await self._threads.run(self._client.get_object, **where, **wanted)
        body = answer["Body"]
        try:
            yield self._chunks(body, length)
        finally:
            body.close()

    async def redirect(self, key: str, served: Served) -> str | None:
        """An address that S3 answers with the headers given (S3's docs, GetObject, overriding response headers)."""
        wanted = {
            "Bucket": self._bucket,
            "Key": key,
            "ResponseContentType": served.content_type,
            "ResponseContentDisposition": served.disposition,
            "ResponseCacheControl": served.cache_control,
        }
        with _translated("redirect"):  # in a thread, since credentials may have to be asked for
            sign = self._client.generate_presigned_url
            return str(await self._threads.run(sign, "get_object", Params=wanted, ExpiresIn=LINK_S))

    async def delete(self, key: str) -> None:
        """Deletes a file; S3 doesn't say whether it was there."""
        with _translated("delete"):
            await self._threads.run(self._client.delete_object, Bucket=self._bucket, Key=key)

    async def owned(self, owner: str) -> list[str]:
        """Lists what begins with the owner. Needs the permission to list the bucket (`s3:ListBucket`)."""
        with _translated("list"):
            return await self._threads.run(self._owned, owner)

    async def check(self) -> None:
        """Writes an object and deletes it."""
        where = {"Bucket": self._bucket, "Key": CHECK_KEY}
        with _translated("check"):
            await self._threads.run(self._client.put_object, **where, Body=b"?")
            await self._threads.run(self._client.delete_object, **where)

    def close(self) -> None:
        """Frees threads and connections."""
        self._threads.close()
        self._client.close()

    def _put(self, source: Path, key: str, content_type: str) -> None:
        more = {"ContentType": content_type}
        self._client.upload_file(str(source), self._bucket, key, ExtraArgs=more, Config=self._transfer)
        stored = self._client.head_object(Bucket=self._bucket, Key=key)["ContentLength"]
        if stored != source.stat().st_size:
            self._client.delete_object(Bucket=self._bucket, Key=key)
            raise unavailable("put", "cut short")

    def _owned(self, owner: str) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=f"{owner}/")
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    async def _chunks(self, body: Any, length: int) -> AsyncIterator[bytes]:
        left = length
        while left > 0:
            with _translated("read"):
                chunk = await self._threads.run(body.read, min(CHUNK_BYTES, left))
            if not chunk:
                raise unavailable("read", "cut short")
            yield chunk
            left -= len(chunk)


@contextmanager
def _translated(operation: str) -> Iterator[None]:
    """Turns boto3's errors into ours."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if operation == "open" and code in GONE:
            raise missing() from None
        raise unavailable(operation, code) from error
    except (BotoCoreError, Boto3Error, OSError) as error:
        raise unavailable(operation, type(error).__name__) from error

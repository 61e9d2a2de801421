"""The place of files: a folder of this machine, or a bucket. A few bytes are written there and taken away."""

from contextlib import closing
from pathlib import Path

from supportd.check.finding import Finding, ok, wrong
from supportd.config import Settings
from supportd.errors import ConfigError, FileStorageUnavailable
from supportd.files.local import LocalStorage
from supportd.files.s3 import S3Storage
from supportd.files.storage import FileStorage

FOLDER, BUCKET = "files.folder", "files.bucket"


async def check_files(settings: Settings) -> list[Finding]:
    """A finding for the folder, which is needed in any case, and one for the bucket where there is one."""
    found = [await _folder(settings)]
    if settings.files_backend == "s3" and settings.s3_bucket is not None:
        found.append(await _bucket(settings, settings.s3_bucket))
    return found


async def _folder(settings: Settings) -> Finding:
    try:
        storage = LocalStorage(Path(settings.files_dir))
        with closing(storage):
            storage.prepare()
            await storage.check()
    except ConfigError:
        return wrong(FOLDER, f"FILES_DIR, {settings.files_dir}, can't be made or isn't ours")
    except FileStorageUnavailable as error:
        return wrong(FOLDER, f"nothing can be written to FILES_DIR, {settings.files_dir} ({error.reason})")
    return ok(FOLDER, f"{settings.files_dir} takes files")


async def _bucket(settings: Settings, bucket: str) -> Finding:
    try:
        storage: FileStorage = S3Storage(
            bucket=bucket, endpoint_url=settings.s3_endpoint_url, region=settings.s3_region
        )
        with closing(storage):
            await storage.check()
    except ConfigError as error:
        return wrong(BUCKET, str(error))
    except FileStorageUnavailable as error:
        return wrong(BUCKET, f"{bucket} took nothing, or gave it back: see S3's error {error.reason}")
    return ok(BUCKET, f"{bucket} takes files")

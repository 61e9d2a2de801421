"""The objects that have to do with files, as `wiring.py` builds the rest."""

import random
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from supportd.clock import Clock
from supportd.config import Settings
from supportd.conversations.attachments import AttachmentLinks
from supportd.conversations.enclosures import Enclosures
from supportd.conversations.sent_files import SentFiles
from supportd.files.admission import Quota, Slots
from supportd.files.incoming import Incoming
from supportd.files.local import LocalStorage
from supportd.files.s3 import S3Storage
from supportd.files.service import FileService
from supportd.files.signing import FileLinks, Signer
from supportd.files.storage import FileStorage
from supportd.files.sweeper import Sweeper
from supportd.metrics import Metrics
from supportd.stores.files import FileStore


@dataclass(frozen=True, kw_only=True)
class FileParts:
    """What is served of files, and what conversations and tickets use."""

    service: FileService
    signer: Signer
    sweeper: Sweeper
    sent: SentFiles
    enclosures: Enclosures
    links: AttachmentLinks


def build_files(
    settings: Settings, *, store: FileStore, clock: Clock, rng: random.Random, metrics: Metrics, stack: AsyncExitStack
) -> FileParts:
    """Builds them. Raises `ConfigError` where a setting can't be used after all."""
    incoming = Incoming(Path(settings.files_dir))
    stack.callback(incoming.close)
    incoming.prepare()
    storage = _storage(settings, stack)
    signer = Signer(secrets=_secrets(settings), clock=clock)
    service = FileService(
        store=store,
        storage=storage,
        incoming=incoming,
        signer=signer,
        slots=Slots(most=settings.max_uploads, rng=rng),
        quota=Quota(store=store, most_bytes=settings.max_upload_mb_per_day * 2**20, clock=clock, rng=rng),
        max_file_bytes=settings.max_file_mb * 2**20,
        clock=clock,
        metrics=metrics,
    )
    stack.callback(service.close)
    links = FileLinks(signer=signer, ttl_s=settings.file_url_ttl, clock=clock)
    enclosures = Enclosures(
        store=store,
        storage=storage,
        links=links,
        public_url=settings.public_address,
        max_files=settings.max_files_per_msg,
        clock=clock,
    )
    return FileParts(
        service=service,
        signer=signer,
        sweeper=Sweeper(store=store, storage=storage, clock=clock),
        sent=SentFiles(store=store),
        enclosures=enclosures,
        links=AttachmentLinks(links=links, public_url=settings.public_address),
    )


def _storage(settings: Settings, stack: AsyncExitStack) -> FileStorage:
    storage: FileStorage
    if settings.s3_bucket is not None and settings.files_backend == "s3":
        storage = S3Storage(bucket=settings.s3_bucket, endpoint_url=settings.s3_endpoint_url, region=settings.s3_region)
    else:
        storage = local = LocalStorage(Path(settings.files_dir))
        local.prepare()
    stack.callback(storage.close)
    return storage


def _secrets(settings: Settings) -> tuple[str, ...]:
    if settings.file_url_secret is None:
        return secrets_of(settings.jwt_secret, settings.jwt_secret_previous)
    return secrets_of(settings.file_url_secret, settings.file_url_secret_previous)


def secrets_of(current: str, previous: str | None) -> tuple[str, ...]:
    """A secret, and the one before it while it is being rotated."""
    return (current,) if previous is None else (current, previous)

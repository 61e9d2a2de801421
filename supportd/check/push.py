"""Push: whether Google and Telegram take what we have for them. Nobody is told anything."""

from contextlib import AsyncExitStack

import msgspec

from supportd.check.finding import Finding, ok, unknown, wrong
from supportd.clock import Clock
from supportd.config import Settings
from supportd.intercom.breaker import Breaker
from supportd.push.access import AccessRefused, AccessTokens
from supportd.push.calling import Answer, Calling, NotSent, Uncertain
from supportd.push.service_account import ServiceAccount, service_account

FCM, TELEGRAM = "push.fcm", "push.telegram"
NO_DEVICE = "supportd-check"  # a token that is none: of a message to it, FCM says only whether we might send it


async def check_push(settings: Settings, clock: Clock) -> list[Finding]:
    """A finding for each way to devices. Raises `ConfigError`."""
    async with AsyncExitStack() as stack:
        calling = Calling(breaker=Breaker(clock=clock))
        stack.push_async_callback(calling.close)
        if settings.fcm_service_account is None:
            fcm = ok(FCM, "off: FCM_SERVICE_ACCOUNT isn't set")
        else:
            fcm = await _fcm(settings, service_account(settings.fcm_service_account), calling, clock)
        return [fcm, await _telegram(settings, calling)]


async def _fcm(settings: Settings, account: ServiceAccount, calling: Calling, clock: Clock) -> Finding:
    access = AccessTokens(account=account, calling=calling, clock=clock)
    try:
        token = await access.get()
    except AccessRefused as refusal:
        return wrong(FCM, f"Google refuses the account access {refusal.reason}".strip() + ": its key, or this clock")
    except NotSent:
        return wrong(FCM, f"no answer from the token_uri of FCM_SERVICE_ACCOUNT, {account.token_uri}")
    url = f"{settings.fcm_base_url}/v1/projects/{account.project_id}/messages:send"
    content = msgspec.json.encode({"validate_only": True, "message": {"token": NO_DEVICE}})
    try:
        answer = await calling.post(url, content=content, headers={"Authorization": f"Bearer {token}"})
    except (NotSent, Uncertain):
        return wrong(FCM, f"no answer from FCM_BASE_URL, {settings.fcm_base_url}")
    return _of_sending(answer, account.project_id)


def _of_sending(answer: Answer, project_id: str) -> Finding:
    if answer.status in {200, 400}:  # 400: of the token, which is none
        return ok(FCM, f"the account may send for the project {project_id}")
    if answer.status in {401, 403, 404}:
        why = f"{answer.status}: its role, or an API that isn't turned on"
        return wrong(FCM, f"the account may not send for the project {project_id} ({why})")
    return unknown(FCM, f"FCM answered {answer.status}")


async def _telegram(settings: Settings, calling: Calling) -> Finding:
    if settings.telegram_bot_token is None:
        return ok(TELEGRAM, "off: TELEGRAM_BOT_TOKEN isn't set")
    try:
        answer = await calling.post(f"{settings.telegram_base_url}/bot{settings.telegram_bot_token}/getMe")
    except (NotSent, Uncertain):
        return wrong(TELEGRAM, f"no answer from TELEGRAM_BASE_URL, {settings.telegram_base_url}")
    if answer.status == 200:
        return ok(TELEGRAM, "the bot's token is accepted")
    if answer.status in {401, 404}:
        return wrong(TELEGRAM, "TELEGRAM_BOT_TOKEN isn't accepted; @BotFather has the one that is")
    return unknown(TELEGRAM, f"Telegram answered {answer.status}")

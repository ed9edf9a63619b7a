"""Django's settings, made from the one Config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from igsite.broker import BROKER_OPTIONS, broker_url, redis_host
from igsite.config import from_environment
from igsite.kept_secret import kept_secret
from igsite.log_format import logging_settings
from igsite.parsers import BASE_DIR
from server.listen_addresses import own_names

CONFIG = from_environment()

SECRET_KEY = CONFIG.secret_key or kept_secret(BASE_DIR / "data" / "secret_key")
DEBUG = CONFIG.debug
# A probe on this machine asks by its address, whatever name the world uses.
ALLOWED_HOSTS = [*(CONFIG.allowed_hosts or own_names(CONFIG.bind)), "localhost", "127.0.0.1", "[::1]"]

INSTALLED_APPS = [
    "igsite",
    "access",
    "backtests",
    "bars",
    "realism",
    "exports",
    "alerts",
    "monitoring",
    "streaming",
    "recorder",
    "corsheaders",
    "igsite.admin_app.Admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "monitoring.requests.RequestCounts",
    "django.middleware.security.SecurityMiddleware",
    "streaming.http.content_security.ContentSecurityPolicy",
    "server.static.StaticFiles",
    "corsheaders.middleware.CorsMiddleware",
    "streaming.http.error_pages.ErrorPages",
    # Below those that set headers: an error it writes anew keeps them.
    "runtime.http_errors.JsonErrors",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "igsite.urls"
ASGI_APPLICATION = "igsite.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": CONFIG.database}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    Path(DATABASES["default"]["NAME"]).parent.mkdir(parents=True, exist_ok=True)
    DATABASES["default"]["OPTIONS"] = {
        # The recorder's thread writes while pages read: WAL lets both go on, and a writer that begins its
        # transaction as one waits its turn instead of failing when it upgrades.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        "transaction_mode": "IMMEDIATE",
        "timeout": 5,
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

if CONFIG.redis_url:
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "streaming.group.redis_layer.RedisLayer",
            "CONFIG": {"hosts": [redis_host(CONFIG.redis_url)]},
        }
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "streaming.group.in_process.InProcessLayer"}}

CELERY_BROKER_URL = broker_url(CONFIG.redis_url) if CONFIG.redis_url else "memory://"
CELERY_BROKER_TRANSPORT_OPTIONS = BROKER_OPTIONS if CONFIG.redis_url else {}
CELERY_TASK_IGNORE_RESULT = True
# Periodic tasks work on files, so they belong to a worker of the machine that has the disk.
CELERY_TASK_DEFAULT_QUEUE = CONFIG.task_queue
# A backtest takes up to an hour, and keeps none of them waiting where its queue has a worker of its own. Any other
# worker serves both queues.
_BACKTESTS = f"{CONFIG.task_queue}.backtests"
CELERY_TASK_QUEUES = {name: {"exchange": name, "routing_key": name} for name in (CONFIG.task_queue, _BACKTESTS)}
CELERY_TASK_ROUTES = {"backtests.tasks.run": {"queue": _BACKTESTS}}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# For ever, as the other processes: Celery's own 100 attempts are over after 46 minutes, and with them worker or beat.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# A Redis that is full, or a replica of another one, refuses what it is asked: else a worker ends of it.
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
CELERY_BEAT_SCHEDULER = "igsite.beat:Scheduler"
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "forget-alerts": {"task": "alerts.tasks.forget_alerts", "schedule": 3600.0},
    "forget-audit": {"task": "access.tasks.forget_audit", "schedule": 3600.0},
    "clean-up": {"task": "recorder.tasks.clean_up", "schedule": 60.0},
    "take-stock": {"task": "recorder.tasks.take_stock", "schedule": 3600.0},
    "copies": {"task": "recorder.tasks.copy_segments", "schedule": 15.0},
    "digests": {"task": "recorder.tasks.digest", "schedule": 15.0},
    "backtests": {"task": "backtests.tasks.look_after", "schedule": 5.0},
}
if CONFIG.cold_store is not None and CONFIG.cold_open_seconds:
    CELERY_BEAT_SCHEDULE["open-copies"] = {
        "task": "recorder.tasks.copy_open_segments",
        "schedule": CONFIG.cold_open_seconds,
    }
if CONFIG.export_dir is not None:
    CELERY_BEAT_SCHEDULE["exports"] = {"task": "exports.tasks.keep_current", "schedule": CONFIG.export_seconds}
for _entry in CELERY_BEAT_SCHEDULE.values():
    # Not sooner: a task that others keep waiting for minutes, run after run, would never be run. Of those that wait
    # one is run (monitoring.task_runs).
    _entry["options"] = {"expires": max(3600.0, _entry["schedule"])}

SESSION_ENGINE = "access.sessions"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
# Dates as every list and file name has them, to the second.
FORMAT_MODULE_PATH = "igsite.formats"
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
# Served from where they lie: a fresh checkout needs no collectstatic.
WHITENOISE_USE_FINDERS = True

CORS_ALLOW_ALL_ORIGINS = True
CORS_URLS_REGEX = r"^/(?!admin/).*$"
CORS_ALLOW_METHODS = ("GET", "HEAD", "OPTIONS")
CORS_ALLOW_HEADERS = (
    "accept",
    "authorization",
    "content-type",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "last-event-id",
    "range",
)
CORS_EXPOSE_HEADERS = (
    "Accept-Ranges",
    "Allow",
    "Content-Disposition",
    "Content-Length",
    "Content-Range",
    "ETag",
    "Gap",
    "Last-Modified",
    "Market-Camera-First-T",
    "Market-Camera-Prices",
    "Market-Camera-Store",
    "Retry-After",
    "WWW-Authenticate",
    "X-Request-ID",
)

# Whether a request came over TLS the server tells, by what trusted proxies say (server/protocols/http_request.py) or
# its own socket.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = CONFIG.tls
SECURE_SSL_REDIRECT = CONFIG.tls
# Probes and Prometheus ask on this machine, past the proxy; there is no secret in the answers.
SECURE_REDIRECT_EXEMPT = [r"^health$", r"^healthz/(live|ready)$", r"^metrics$"]
SECURE_HSTS_SECONDS = 365 * 86_400 if CONFIG.tls else 0
# Subdomains and the browsers' own lists concern other hosts than this one: whoever has the domain decides.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

LOGGING = logging_settings(CONFIG.log_format, CONFIG.log_file)

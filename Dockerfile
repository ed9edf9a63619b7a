# Market Camera as one image: what it runs is decided by the command, as in compose.yaml.
FROM python:3.13-slim AS build
WORKDIR /opt/market-camera
COPY requirements.lock ./
COPY client ./client
# Nothing is fetched whose hash is not in the lock file; the client is built with what came from it.
RUN python -m venv .venv && .venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock \
    && .venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation ./client

# Files keep the rights that they have on the host, where others may have none.
FROM python:3.13-slim AS project
COPY . /project
RUN chmod -R a+rX /project

FROM python:3.13-slim
# The store of a market belongs to this user alone, so its number is the same in every version.
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin market-camera \
    && install -d -o market-camera -g market-camera /data /opt/market-camera/data
WORKDIR /opt/market-camera
COPY --from=build /opt/market-camera/.venv ./.venv
COPY --from=project /project ./
ENV PATH=/opt/market-camera/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    IG_CAM_STORE_DIR=/data/ig_cam IG_BIND=0.0.0.0 PORT=8000
USER market-camera
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "deploy/answers.py"]
CMD ["python", "manage.py", "serve"]

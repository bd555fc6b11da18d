# One image for every process: web, workers, clock, migration. Plain on purpose: the same steps
# make a virtual environment on any machine (tests/test_image.py does so).
FROM python:3.13-slim-bookworm AS build
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv /app/.venv \
    && /app/.venv/bin/pip install --no-cache-dir --require-hashes -r requirements.txt

FROM python:3.13-slim-bookworm
# A number and not a name, so that a cluster can see that it is not root.
RUN groupadd --gid 10001 mailposture \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data mailposture \
    && install -d -o 10001 -g 10001 -m 0700 /data /vantage
WORKDIR /app
COPY --from=build /app/.venv /app/.venv
COPY manage.py ./
COPY mailposture mailposture
COPY templates templates
COPY static static
COPY docs/glossary.md docs/glossary.md
RUN /app/.venv/bin/python -m compileall -q mailposture
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DATA_DIR=/data
USER 10001:10001
VOLUME /data
EXPOSE 8000
# Of the site alone: workers have no address to ask, their queue shows whether they live.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=4 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["python", "-m", "uvicorn", "mailposture.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--no-server-header", "--lifespan", "off", "--timeout-graceful-shutdown", "10"]

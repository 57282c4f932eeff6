# syntax=docker/dockerfile:1
# Two stages: the pinned packages are installed with their hashes, then only what runs is kept.
FROM python:3.13-slim AS packages
COPY requirements/run.lock /tmp/run.lock
RUN python -m venv /opt/retabli/.venv \
 && /opt/retabli/.venv/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r /tmp/run.lock

FROM python:3.13-slim
LABEL org.opencontainers.image.title="Retabli" \
      org.opencontainers.image.description="Watches the flows a hospital re-opens after a cyberattack" \
      org.opencontainers.image.licenses="EUPL-1.2"
RUN useradd --system --uid 9877 --home-dir /var/lib/retabli --create-home retabli
WORKDIR /opt/retabli
COPY --from=packages /opt/retabli/.venv .venv
COPY LICENSE daemon.py ./
COPY commands commands
COPY config config
COPY probes probes
COPY retabli retabli
COPY simulator simulator
ENV PATH=/opt/retabli/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER retabli
VOLUME /var/lib/retabli
EXPOSE 9877
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9877/-/healthy', timeout=4)"]
ENTRYPOINT ["python", "daemon.py"]
CMD ["run", "--config", "/etc/retabli", "--listen", "0.0.0.0:9877"]

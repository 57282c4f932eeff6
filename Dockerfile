# syntax=docker/dockerfile:1
# Built from a clone, or from the bundle's share: `docker build -t retabli .`
# Without a package index: `docker build --build-context wheels=WHEELS --build-arg PIP_NO_INDEX=1 -t retabli .`, where
# WHEELS is a folder made before by `pip download --require-hashes --only-binary :all: -r requirements/run.lock -d WHEELS`.
FROM scratch AS wheels

FROM python:3.13-slim AS packages
ARG PIP_NO_INDEX
COPY requirements/run.lock /tmp/run.lock
# Each package is the very one that was locked, by its hash, from wherever it comes. The tests that some bring along,
# with their private keys, stay behind.
RUN --mount=type=bind,from=wheels,target=/wheels \
    python -m venv /opt/retabli/.venv \
 && /opt/retabli/.venv/bin/pip install --no-cache-dir --no-compile --disable-pip-version-check \
      --require-hashes --only-binary :all: --find-links /wheels -r /tmp/run.lock \
 && /opt/retabli/.venv/bin/pip uninstall --yes pip \
 && find /opt/retabli/.venv -type d -name tests -prune -exec rm -r {} +
COPY LICENSE daemon.py /opt/retabli/
COPY commands /opt/retabli/commands
COPY config /opt/retabli/config
COPY probes /opt/retabli/probes
COPY retabli /opt/retabli/retabli
COPY simulator /opt/retabli/simulator
COPY deploy/image/alive.py /opt/retabli/alive.py
# Compiled once, here, whatever becomes of the files' dates: the root is read-only where it runs.
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/retabli \
 && mkdir -m 0700 /opt/state

FROM python:3.13-slim
LABEL org.opencontainers.image.title="Retabli" \
      org.opencontainers.image.description="Watches the flows that a hospital re-opens after a cyberattack" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="EUPL-1.2"
# What installs packages has done its work; and nothing here may give its caller another's rights.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/ensurepip /usr/local/lib/python3*/site-packages/pip* \
 && find / -xdev -type f -perm /6000 -exec chmod a-s {} +
COPY --from=packages /opt/retabli /opt/retabli
COPY --from=packages --chown=9877:9877 /opt/state /var/lib/retabli
# WATCHDOG_USEC: a daemon that has stood still for thirty seconds ends itself, saying where, and is started again.
ENV PATH=/opt/retabli/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 WATCHDOG_USEC=30000000
WORKDIR /opt/retabli
# A number: nothing has to be looked up, and Kubernetes can see that it is not root.
USER 9877:9877
VOLUME /var/lib/retabli
EXPOSE 9877
STOPSIGNAL SIGTERM
# Whether it lives, and nothing else: a daemon whose channels fail must go on watching.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-I", "alive.py"]
ENTRYPOINT ["python", "daemon.py"]
CMD ["run", "--config", "/etc/retabli", "--listen", "0.0.0.0:9877"]

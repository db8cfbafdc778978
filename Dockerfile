# One image for both ways in a container: `planoai up` (the default), and the two containers of config/k8s/.
# tests/test_image.py runs the RUN steps of the build stage in an empty folder, so that they hold without a container engine.

FROM python:3.13-slim AS build
ARG PREFIX=/opt/plano
WORKDIR /src
COPY . .
RUN python3 -m venv "$PREFIX"
RUN "$PREFIX/bin/pip" install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
RUN "$PREFIX/bin/pip" install --no-cache-dir --disable-pip-version-check --no-build-isolation --no-deps .

FROM python:3.13-slim
COPY --from=build /opt/plano /opt/plano
RUN useradd --uid 65532 --create-home --home-dir /var/lib/plano plano && install -d -o plano -g plano /var/lib/plano/state
ENV PATH=/opt/plano/bin:$PATH \
    PLANO_HOME=/var/lib/plano \
    PLANO_LISTEN_ADDRESS=0.0.0.0
USER 65532
WORKDIR /app
EXPOSE 10000 12000
# `status` asks every listener's /readyz, which a worker answers.
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s CMD ["planoai", "status"]
# PID 1 is planoai, which runs supervisord in the foreground: it reaps, and passes SIGTERM on as a drain.
ENTRYPOINT ["planoai"]
CMD ["up", "--foreground", "/app/plano_config.yaml"]

# smol_dev without a model: about 100 MB on top of Python, and no root.
# The model server is another container, or the host: see compose.yaml.

FROM python:3.13-slim-trixie AS build
WORKDIR /src
COPY . .
RUN python -m venv /opt/smol_dev \
    && PIP_CONSTRAINT=.ci/constraints.txt /opt/smol_dev/bin/pip install --no-cache-dir .

FROM python:3.13-slim-trixie
COPY --from=build /opt/smol_dev /opt/smol_dev
ENV PATH=/opt/smol_dev/bin:$PATH PYTHONDONTWRITEBYTECODE=1
# Any other user id works as well: `docker run --user $(id -u):$(id -g) …`.
USER 1000:1000
WORKDIR /work
# The whole method against the built-in scripted server: healthy means that it works here, model or not.
HEALTHCHECK --interval=5m --timeout=60s CMD ["sh", "-c", "smol_dev --quiet demo \"$(mktemp -d)/demo\""]
ENTRYPOINT ["smol_dev"]
CMD ["demo", "/tmp/smol-demo"]

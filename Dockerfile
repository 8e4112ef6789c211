# One image for everything that is ours: rushes worker, flower, sandbox, submit. See docker-compose.yml.

# ---- what is built with tools that nobody needs later
FROM python:3.13-slim-trixie AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/rushes
ENV PATH=/opt/rushes/bin:$PATH
WORKDIR /build

# What we depend on, in a layer of its own: it is built again only when one of these two files changes.
COPY pyproject.toml constraints.txt ./
# With them what sends traces, which is loaded only where the OTEL_* variables say where to.
RUN python -c "import tomllib; made = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
        print(*made['dependencies'], *made['optional-dependencies']['otel'], sep='\n')" \
        > requirements.txt \
    && pip install --constraint constraints.txt --requirement requirements.txt

COPY README.md ./
COPY jobs jobs
COPY workers workers
COPY rushes rushes
RUN pip install --no-deps .

# ---- what runs
FROM python:3.13-slim-trixie

# A number, and not only a name: then an orchestrator can see for itself that it is not root.
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin rushes \
    && install --directory --owner=10001 --group=10001 /var/spool/rushes
COPY --from=build /opt/rushes /opt/rushes

# Videos are checked in the spool before they are stored. A volume made there belongs to our user as well.
ENV PATH=/opt/rushes/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    RUSHES_SPOOL=/var/spool/rushes
USER 10001:10001
WORKDIR /home/rushes

# No HEALTHCHECK: what is healthy differs by command. `python -m workers.monitoring.health` tells, with the address
# to ask for flower and sandbox, and without one for a worker; docker-compose.yml shows each.
ENTRYPOINT ["rushes"]
CMD ["--help"]

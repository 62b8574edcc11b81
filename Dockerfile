# syntax=docker/dockerfile:1
# The release and the image hold the same bytes: see .ci/release.
FROM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=docker
ARG COMMIT=
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 go build -trimpath -buildvcs=false \
    -ldflags "-s -w -buildid= -X main.version=$VERSION -X main.commit=$COMMIT" -o /out/resellerd ./cmd/resellerd && \
    install -d -o 65532 -g 65532 /out/data /out/tmp && chmod 1777 /out/tmp

# Nothing but the binary, the certificates to fetch a key set with, and two
# folders of the user that runs it. There is no shell, and so no HEALTHCHECK:
# let the orchestrator ask /livez and /readyz.
FROM scratch
ARG VERSION=docker
ARG COMMIT=
LABEL org.opencontainers.image.title="resellerd" \
      org.opencontainers.image.description="Decides what a carrier's users and its resellers' users may see and do" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT" \
      org.opencontainers.image.documentation="deploy/README.md of the same revision"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/resellerd /resellerd
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build --chown=65532:65532 /out/tmp /tmp
USER 65532:65532
ENV RESELLERD_LISTEN=0.0.0.0:8080 \
    RESELLERD_DATABASE=sqlite:/data/resellerd.db
EXPOSE 8080
VOLUME /data
ENTRYPOINT ["/resellerd"]
CMD ["serve"]

# A static binary in an empty image, run by nobody: no shell, no package manager, nothing to write to.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates musl-tools \
    && rustup target add "$(uname -m)-unknown-linux-musl"
WORKDIR /src
COPY . .
RUN cargo build --release --locked --target "$(uname -m)-unknown-linux-musl" --bin dodona \
    && cp "target/$(uname -m)-unknown-linux-musl/release/dodona" /dodona

FROM scratch
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Dodona" \
      org.opencontainers.image.description="Tells people what happened to their deployments" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /dodona /usr/local/bin/dodona
USER 65532:65532
EXPOSE 9001
ENTRYPOINT ["/usr/local/bin/dodona"]
CMD ["controller"]

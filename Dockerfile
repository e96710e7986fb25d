# A static binary in an empty image, run by nobody: no shell, no package manager.
#
#   docker build -t dodona .
#
# It is built for the machine that builds it. `tests/tidy/image.rs` compares this file with the rest of the project.

# The toolchain of `rust-toolchain.toml`. Debian brings a C compiler for musl (cryptography is partly C) and the certificate
# authorities.
FROM rust:1.95.0-slim-bookworm AS toolchain
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates musl-tools \
    && rm -rf /var/lib/apt/lists/* \
    && rustup target add "$(uname -m)-unknown-linux-musl"
WORKDIR /src

# The same workspace with empty programs. It stays the same while only code changes, and so does what is built from it.
FROM toolchain AS skeleton
COPY . .
RUN find . -type f ! -name 'Cargo.*' ! -path '*/src/lib.rs' ! -path '*/src/main.rs' ! -path '*/benches/*' -delete \
    && find . -type d -empty -delete \
    && find . -name '*.rs' -exec sh -c 'for file; do echo "fn main() { }" >"$file"; done' sh {} +

FROM toolchain AS build
# First the libraries.
COPY --from=skeleton /src .
RUN cargo build --release --locked --target "$(uname -m)-unknown-linux-musl" --bin dodona
# Then the program. What the skeleton left behind is newer than the sources: cargo goes by the time of a file.
COPY . .
RUN find src crates -name '*.rs' -exec touch {} + \
    && cargo build --release --locked --target "$(uname -m)-unknown-linux-musl" --bin dodona \
    && install -m 0755 "target/$(uname -m)-unknown-linux-musl/release/dodona" /dodona

# What the image is made of. The controller writes nothing; `/tmp` is for the demo, which makes a folder of manifests.
RUN install -D -m 0755 /dodona /image/usr/local/bin/dodona \
    && install -D -m 0644 /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt \
    && install -d -m 1777 /image/tmp

FROM scratch
COPY --from=build /image /
USER 65532:65532
EXPOSE 9001
ENTRYPOINT ["/usr/local/bin/dodona"]
CMD ["controller"]
# What `docker inspect` tells about an image in a cluster; the release sets all four.
ARG VERSION
ARG REVISION
ARG CREATED
ARG SOURCE
LABEL org.opencontainers.image.title="Dodona" \
      org.opencontainers.image.description="Tells people what happened to their deployments" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}"

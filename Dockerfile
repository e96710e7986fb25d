# A static binary in an empty image, run by nobody.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends musl-tools && rustup target add x86_64-unknown-linux-musl
WORKDIR /src
COPY . .
RUN cargo build --release --locked --target x86_64-unknown-linux-musl --bin dodona

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/target/x86_64-unknown-linux-musl/release/dodona /usr/local/bin/dodona
USER 65532:65532
EXPOSE 9001
ENTRYPOINT ["/usr/local/bin/dodona"]
CMD ["controller"]

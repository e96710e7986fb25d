//! The world outside of the cluster: whatever HTTPS address Dodona asks for, the receiver of the test answers, under a
//! certificate for that name. So the pages' configurations run as they stand, without an address of the test in them.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use dodona_recorder::Authority;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Starts it for these host names, with `receiver` behind; returns the variables that lead a process there. `folder` takes
/// the authority's certificate, in a file for each name as Argo CD keeps them.
pub(crate) async fn start(
    names: &[String],
    receiver: String,
    folder: &Path,
) -> anyhow::Result<Vec<(String, String)>> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let authority = Authority::for_names(&names);
    std::fs::create_dir_all(folder)?;
    for name in &names {
        std::fs::write(folder.join(name), authority.pem())?;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let proxy = format!("http://{}", listener.local_addr()?);
    let acceptor = TlsAcceptor::from(authority.server());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, receiver) = (acceptor.clone(), receiver.clone());
            // A connection that fails is the business of its two ends.
            tokio::spawn(async move { connect(stream, &acceptor, &receiver).await });
        }
    });
    Ok(vec![
        ("HTTPS_PROXY".into(), proxy),
        ("ARGOCD_TLS_DATA_PATH".into(), folder.to_string_lossy().into_owned()),
    ])
}

/// One `CONNECT`: to this machine as asked, to any other as its receiver.
async fn connect(stream: TcpStream, acceptor: &TlsAcceptor, receiver: &str) -> anyhow::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let address = head.split(' ').nth(1).context("no address")?.to_owned();
    stream.get_mut().write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    if address.starts_with("127.0.0.1:") {
        let mut there = TcpStream::connect(&address).await?;
        copy_bidirectional(&mut stream, &mut there).await?;
    } else {
        serve(stream, acceptor, receiver).await?;
    }
    Ok(())
}

/// Takes TLS off and hands on to the plain server at `address`.
async fn serve<S>(stream: S, acceptor: &TlsAcceptor, address: &str) -> anyhow::Result<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut plain = acceptor.accept(stream).await?;
    let mut there = TcpStream::connect(address).await?;
    copy_bidirectional(&mut plain, &mut there).await?;
    Ok(())
}

/// A TLS server on a port of this machine, in front of the plain one at `address`; returns the port.
pub(crate) async fn front(address: String) -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let acceptor = Arc::new(TlsAcceptor::from(Authority::new().server()));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, address) = (Arc::clone(&acceptor), address.clone());
            tokio::spawn(async move { serve(stream, &acceptor, &address).await });
        }
    });
    Ok(port)
}

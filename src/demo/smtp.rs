//! The inbox as a mail server: as much of SMTP as a sender without TLS and without a password needs.

use mail_parser::{Address, MessageParser};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::clock;
use super::inbox::{Inbox, Note};

/// Longest mail that is read; a demo sends short ones.
const LONGEST_MAIL: usize = 1 << 20;

/// Takes mails on `listener` until the task is dropped.
pub(crate) async fn serve(listener: TcpListener, inbox: Inbox) {
    while let Ok((connection, _)) = listener.accept().await {
        let inbox = inbox.clone();
        tokio::spawn(async move {
            if let Err(error) = converse(connection, &inbox).await {
                tracing::debug!(%error, "a mail connection broke off");
            }
        });
    }
}

async fn converse(connection: TcpStream, inbox: &Inbox) -> std::io::Result<()> {
    let mut connection = BufReader::new(connection);
    say(&mut connection, "220 inbox.demo ESMTP").await?;
    let mut recipients = Vec::new();
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let verb = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => say(&mut connection, "250-inbox.demo\r\n250 8BITMIME").await?,
            "RCPT" => {
                recipients.push(line.trim().to_owned());
                say(&mut connection, "250 ok").await?;
            }
            "DATA" => {
                say(&mut connection, "354 end with a dot").await?;
                let mail = read_mail(&mut connection).await?;
                receive(inbox, &mail, recipients.len());
                recipients.clear();
                say(&mut connection, "250 taken").await?;
            }
            "QUIT" => return say(&mut connection, "221 bye").await,
            "HELO" | "MAIL" | "RSET" | "NOOP" => say(&mut connection, "250 ok").await?,
            _ => say(&mut connection, "502 not here").await?,
        }
    }
}

async fn say(connection: &mut BufReader<TcpStream>, line: &str) -> std::io::Result<()> {
    connection.write_all(format!("{line}\r\n").as_bytes()).await?;
    connection.flush().await
}

async fn read_mail(connection: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let mut mail = Vec::new();
    loop {
        let mut line = Vec::new();
        if connection.read_until(b'\n', &mut line).await? == 0 || mail.len() > LONGEST_MAIL {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == b".\r\n" {
            return Ok(mail);
        }
        // A leading dot is doubled on the wire (RFC 5321, 4.5.2).
        mail.extend_from_slice(
            line.strip_prefix(b".").filter(|rest| rest.first() == Some(&b'.')).unwrap_or(&line),
        );
    }
}

fn receive(inbox: &Inbox, mail: &[u8], recipients: usize) {
    let Some(message) = MessageParser::default().parse(mail) else { return };
    let to: Vec<String> = message.to().map(addresses).unwrap_or_default();
    inbox.receive(Note {
        service: "email",
        to: if to.is_empty() { format!("{recipients} recipients") } else { to.join(", ") },
        title: message.subject().unwrap_or_default().to_owned(),
        text: message.body_text(0).unwrap_or_default().trim_end().to_owned(),
        fields: Vec::new(),
        link: None,
        color: None,
        at: clock::time_of_day(),
    });
}

fn addresses(address: &Address<'_>) -> Vec<String> {
    address.iter().filter_map(|one| one.address()).map(str::to_owned).collect()
}

//! Lines of a streamed answer, without copying those that arrive in one piece and with a bound on those that do not.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use kube::client::Body;

use super::ApiError;
use crate::model::with_causes;

/// Objects are limited to a few megabytes by etcd; a line above this is not one and is skipped.
const LINE_LIMIT: usize = 32 << 20;

/// The lines of one answer.
pub(super) struct Lines {
    body: Body,
    frame: Bytes,
    pending: Vec<u8>,
    skipping: bool,
    limit: usize,
}

impl Lines {
    pub(super) fn new(body: Body) -> Self {
        Self { body, frame: Bytes::new(), pending: Vec::new(), skipping: false, limit: LINE_LIMIT }
    }

    /// The next line without its end; `None` when the answer is over. Half a line at the end is dropped: it is what a broken
    /// connection leaves. A future that is dropped loses nothing.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            if let Some(line) = self.buffered() {
                return Ok(Some(line));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(ApiError::Connection(with_causes(&error))),
                Some(Ok(frame)) => self.frame = frame.into_data().unwrap_or_default(),
            }
        }
    }

    /// A line that is there already. If there is none, all of the frame has been moved to `pending`.
    fn buffered(&mut self) -> Option<Bytes> {
        while let Some(end) = memchr::memchr(b'\n', &self.frame) {
            let mut head = self.frame.split_to(end + 1);
            head.truncate(end);
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            if !self.pending.is_empty() {
                self.pending.extend_from_slice(&head);
                head = std::mem::take(&mut self.pending).into();
            }
            if !head.trim_ascii().is_empty() {
                return Some(head);
            }
        }
        if !self.skipping {
            self.pending.extend_from_slice(&self.frame);
        }
        self.frame = Bytes::new();
        if self.pending.len() > self.limit {
            tracing::warn!(
                bytes = self.pending.len(),
                "skipped a line of a watch that is too long for an object"
            );
            self.pending = Vec::new();
            self.skipping = true;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(limit: usize, frames: &[&str]) -> Vec<String> {
        let mut lines = Lines { limit, ..Lines::new(Body::empty()) };
        let mut out = Vec::new();
        for frame in frames {
            lines.frame = Bytes::copy_from_slice(frame.as_bytes());
            while let Some(line) = lines.buffered() {
                out.push(String::from_utf8(line.to_vec()).unwrap());
            }
        }
        out
    }

    #[test]
    #[expect(clippy::string_slice, reason = "the text is ASCII")]
    fn lines_are_found_wherever_the_frames_are_cut() {
        let text = "{\"a\":1}\n{\"b\":22}\n\n{\"c\":333}\r\nrest";
        for cut in 0..text.len() {
            for second in cut..text.len() {
                let frames = [&text[..cut], &text[cut..second], &text[second..]];
                assert_eq!(
                    feed(100, &frames),
                    ["{\"a\":1}", "{\"b\":22}", "{\"c\":333}\r"],
                    "{cut} {second}"
                );
            }
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_the_next_one_is_read() {
        assert_eq!(feed(8, &["aaaa", "aaaa", "aaaa", "aaaa\nbb\n", "cc\n"]), ["bb", "cc"]);
    }
}

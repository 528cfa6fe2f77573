//! The text being written: lines, indentation, and the comments that wait for their place. A comment belongs before what
//! stands below it, or behind the line that its own line becomes.

use super::place::{Place, Places};
use crate::ast::{Comment, Module, Name, Source};
use crate::error::Error;
use std::collections::HashSet;

/// Comments that are still to be written, in their order.
pub(super) type Comments<'a> = &'a [&'a Comment];

/// What is written stops: a second comment wants to be behind the same line.
#[derive(Debug)]
pub(super) struct Halt<'a> {
    pub left: Comments<'a>,
}

impl Halt<'_> {
    /// As OPA has it where it no longer knows what is left; the reader of the result finds what is missing.
    pub(super) fn lost(self) -> Self {
        Halt { left: &[] }
    }
}

/// The comments that are left.
pub(super) type Written<'a> = Result<Comments<'a>, Halt<'a>>;

/// What the imports and the dialect ask for.
#[derive(Debug, Default)]
pub(super) struct Style {
    pub v1: bool,
    pub contains: bool,
    pub ifs: bool,
    /// A rule of the module has a head that is more than a name and a key.
    pub ref_heads: bool,
    /// Words that are no plain names.
    pub keywords: Vec<Name>,
    /// Wildcards that occur more than once, by copies of a head.
    pub repeated: HashSet<Name>,
}

/// The state of writing.
#[derive(Debug)]
pub(super) struct Writer<'a> {
    pub module: &'a Module,
    pub source: &'a Source,
    pub places: Places<'a>,
    pub style: Style,
    pub out: String,
    pub errors: Vec<Error>,
    pub line: Line<'a>,
    /// Where everything seems to stand: within what OPA moves to one place.
    pub pin: Option<Place<'a>>,
}

/// Where in a line the text is, and what is to come at its end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Line<'a> {
    pub level: usize,
    /// A line has been started.
    pub open: bool,
    /// The comment at the end of the line.
    pub comment: Option<&'a Comment>,
    /// That comment comes only at the end of the line after this one.
    pub delay: bool,
    /// A text that is not laid out has its last line's comment with it.
    pub last_comment: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(module: &'a Module, style: Style) -> Self {
        Self {
            module,
            source: &module.source,
            places: Places::new(module),
            style,
            out: String::new(),
            errors: Vec::new(),
            line: Line::default(),
            pin: None,
        }
    }

    pub(super) fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// Starts a line with its indentation.
    pub(super) fn start_line(&mut self) {
        self.line.open = true;
        for _ in 0..self.line.level {
            self.out.push('\t');
        }
    }

    /// Ends a line, with its comment.
    pub(super) fn end_line(&mut self) {
        self.line.open = false;
        if !self.line.delay
            && let Some(comment) = self.line.comment.take()
        {
            self.out.push(' ');
            self.put_comment(comment);
        }
        self.line.delay = false;
        self.out.push('\n');
    }

    /// An empty line, after the end of the one that is open.
    pub(super) fn blank_line(&mut self) {
        if self.line.open {
            self.end_line();
        }
        self.out.push('\n');
    }

    /// On a line of its own. Where one waits for the end of the line and nothing else is in it, that one comes before;
    /// OPA makes one comment of the two.
    pub(super) fn comment_line(&mut self, comment: &Comment) {
        if !self.line.open {
            self.start_line();
        }
        if !self.line.delay
            && self.out.ends_with(['\t', '\n'])
            && let Some(waiting) = self.line.comment.take()
        {
            self.put_comment(waiting);
            self.end_line();
            self.start_line();
        }
        self.put_comment(comment);
        self.end_line();
    }

    fn put_comment(&mut self, comment: &Comment) {
        self.out.push('#');
        self.out.push_str(comment.text.trim_end());
    }

    pub(super) fn up(&mut self) {
        self.line.level += 1;
    }

    pub(super) fn down(&mut self) {
        self.line.level = self.line.level.saturating_sub(1);
    }

    /// Comments one below the other, with at most one empty line where there were some.
    pub(super) fn comment_lines(&mut self, comments: Comments<'a>) {
        let mut last = None;
        for comment in comments {
            if last.is_some_and(|row| comment.location.row > row + 1) {
                self.blank_line();
            }
            self.comment_line(comment);
            last = Some(comment.location.row);
        }
    }

    /// What stands above a row, and the comment of the row itself for the end of the line.
    pub(super) fn comments_to(&mut self, row: i64, comments: Comments<'a>) -> Written<'a> {
        let (above, at, left) = split(comments, row);
        self.comment_lines(above);
        if above.last().is_some_and(|last| row - i64::from(last.location.row) > 1) {
            self.blank_line();
        }
        match at {
            Some(_) if self.line.comment.take().is_some() => Err(Halt { left }),
            Some(comment) => {
                self.line.comment = Some(comment);
                Ok(left)
            }
            None => Ok(left),
        }
    }

    /// Within another place for everything.
    pub(super) fn pinned<T>(&mut self, place: Option<Place<'a>>, write: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.pin;
        self.pin = place.or(before);
        let out = write(self);
        self.pin = before;
        out
    }

    /// A text as it stands, with the comments in it.
    pub(super) fn verbatim(&mut self, place: Place<'a>, comments: Comments<'a>) -> Comments<'a> {
        self.put(place.text);
        let last = place.row + place.height();
        let mut left = comments;
        while let Some((comment, rest)) = left.split_first() {
            let row = i64::from(comment.location.row);
            if self.line.last_comment && row == last {
                let text = self.source.at(comment.location);
                self.put(" ");
                self.put(text);
            } else if row >= last {
                break;
            }
            left = rest;
        }
        left
    }
}

/// The comments above a row, that of the row, and those below.
pub(super) fn split<'a>(comments: Comments<'a>, row: i64) -> (Comments<'a>, Option<&'a Comment>, Comments<'a>) {
    let above = comments.partition_point(|comment| i64::from(comment.location.row) < row);
    let (above, rest) = comments.split_at(above);
    match rest.split_first() {
        Some((at, below)) if i64::from(at.location.row) == row => (above, Some(at), below),
        _ => (above, None, rest),
    }
}

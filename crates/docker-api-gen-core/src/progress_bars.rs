//! Bars for what is pulled, pushed, built and loaded.

use std::collections::HashMap;
use std::fmt;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::shortcuts::Progress;

/// An image has at most 127 layers; what is named beyond this is not shown.
const ROWS: usize = 256;
/// The longest piece of a line that is waited for.
const LINE: usize = 8 * 1024;

const SIZED: &str = "{prefix}: {msg} [{bar:32}] {bytes}/{total_bytes}";
const UNSIZED: &str = "{prefix}: {msg} {bytes}";
const PLAIN: &str = "{prefix}: {msg}";

/// What a terminal shows of a pull, push, build or load: a row for each layer, and above them what is said otherwise,
/// such as the output of a build.
///
/// It is shown on the standard error. Where that is no terminal, nothing is shown at all.
///
/// ```
/// # #[cfg(unix)]
/// # async fn example(mut messages: docker_api_gen_core::JsonLines<docker_api_gen_core::shortcuts::Progress>)
/// #     -> Result<(), docker_api_gen_core::Error> {
/// use docker_api_gen_core::ProgressBars;
///
/// let mut bars = ProgressBars::new();
/// while let Some(message) = messages.try_next().await? {
///     bars.update(&message);
/// }
/// # Ok(())
/// # }
/// ```
///
/// Operations whose messages have another type give these with
/// [`JsonLines::into_progress`](crate::JsonLines::into_progress). What is shown last stays when this is dropped.
pub struct ProgressBars {
    all: MultiProgress,
    rows: HashMap<String, ProgressBar>,
    /// The output of a build that is not a line yet.
    line: String,
    sized: ProgressStyle,
    unsized_: ProgressStyle,
    plain: ProgressStyle,
}

impl ProgressBars {
    /// Bars on the standard error.
    pub fn new() -> Self {
        Self::on(ProgressDrawTarget::stderr())
    }

    fn on(target: ProgressDrawTarget) -> Self {
        let style = |template| ProgressStyle::with_template(template).expect("a template of ours");
        Self {
            all: MultiProgress::with_draw_target(target),
            rows: HashMap::new(),
            line: String::new(),
            sized: style(SIZED).progress_chars("=> "),
            unsized_: style(UNSIZED),
            plain: style(PLAIN),
        }
    }

    /// Shows what a message says.
    pub fn update(&mut self, message: &Progress) {
        if let Some(text) = &message.text {
            self.write(text);
        }
        let Some(status) = message.status.as_deref().map(one_line) else {
            return;
        };
        match message.id.as_deref().map(one_line) {
            Some(id) if !id.is_empty() => self.show(&id, status, message),
            _ => self.print(&status),
        }
    }

    /// Has a row say something.
    fn show(&mut self, id: &str, status: String, message: &Progress) {
        if !self.rows.contains_key(id) {
            if self.rows.len() == ROWS {
                return;
            }
            let row = ProgressBar::no_length().with_style(self.plain.clone());
            let row = self.all.add(row.with_prefix(id.to_owned()));
            self.rows.insert(id.to_owned(), row);
        }
        let row = &self.rows[id];
        let amount = |amount: Option<i64>| amount.and_then(|amount| u64::try_from(amount).ok());
        let (current, total) = (amount(message.current), amount(message.total));
        let (style, status) = match (current, total, &message.units) {
            (Some(current), _, Some(units)) => {
                let status = format!("{status} {current} {}", one_line(units));
                (&self.plain, status)
            }
            (Some(_), Some(1..), None) => (&self.sized, status),
            (Some(1..), _, None) => (&self.unsized_, status),
            _ => (&self.plain, status),
        };
        // Each of these may draw, and none what no longer holds.
        if row.message() != status {
            row.set_style(self.plain.clone());
            row.set_message(status);
        }
        row.set_style(style.clone());
        row.update(|state| {
            if let Some(total) = total {
                state.set_len(total);
            }
            state.set_pos(current.unwrap_or_default());
        });
    }

    /// Shows the output of a build, line by line.
    fn write(&mut self, text: &str) {
        for piece in text.split_inclusive('\n') {
            self.line.push_str(piece);
            if piece.ends_with('\n') || self.line.len() > LINE {
                let line = std::mem::take(&mut self.line);
                self.print(line.trim_end_matches(['\r', '\n']));
            }
        }
    }

    /// Shows a line above the rows.
    fn print(&self, line: &str) {
        // A terminal that is gone is no reason to give up what it would show.
        let _ = self.all.println(line);
    }
}

impl Default for ProgressBars {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for ProgressBars {
    fn drop(&mut self) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.print(&line);
        }
        self.rows.values().for_each(ProgressBar::abandon);
    }
}

impl fmt::Debug for ProgressBars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgressBars")
            .field("rows", &self.rows.len())
            .finish_non_exhaustive()
    }
}

/// What a row can hold: a daemon that sends more must not move the others.
fn one_line(text: &str) -> String {
    text.trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use indicatif::TermLike;

    use super::*;

    /// A terminal that remembers all that was written to it.
    #[derive(Clone, Debug, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl Screen {
        fn bars(&self) -> ProgressBars {
            ProgressBars::on(ProgressDrawTarget::term_like(Box::new(self.clone())))
        }

        fn text(&self) -> String {
            self.0.lock().unwrap().clone()
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            100
        }
        fn height(&self) -> u16 {
            400
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(&format!("{text}\n"))
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn layer(id: &str, status: &str, current: Option<i64>, total: Option<i64>) -> Progress {
        Progress {
            id: Some(id.to_owned()),
            status: Some(status.to_owned()),
            current,
            total,
            ..Progress::default()
        }
    }

    #[test]
    fn each_layer_has_its_row() {
        let screen = Screen::default();
        let mut bars = screen.bars();
        bars.update(&layer("aa", "Downloading", Some(5 << 20), Some(10 << 20)));
        bars.update(&layer("bb", "Waiting", None, None));
        bars.update(&layer("cc", "Downloading", Some(2048), None));
        bars.update(&Progress {
            units: Some("s".to_owned()),
            ..layer("dd", "Extracting", Some(3), None)
        });
        bars.update(&Progress {
            status: Some("Digest: sha256:1".to_owned()),
            ..Progress::default()
        });
        assert_eq!(bars.rows.len(), 4);
        drop(bars);
        let text = screen.text();
        for shown in [
            "aa: Downloading [================>               ] 5.00 MiB/10.00 MiB",
            "bb: Waiting",
            "cc: Downloading 2.00 KiB",
            "dd: Extracting 3 s",
            "Digest: sha256:1",
        ] {
            assert!(text.contains(shown), "{shown:?} is not in {text}");
        }
    }

    #[test]
    fn a_row_says_what_was_said_last() {
        let screen = Screen::default();
        let mut bars = screen.bars();
        bars.update(&layer("aa", "Downloading", Some(1), Some(2)));
        bars.update(&layer("aa", "Pull\ncomplete", None, None));
        // Amounts that make no sense are not shown.
        bars.update(&layer("bb", "Odd", Some(-1), Some(-1)));
        bars.update(&layer("cc", "Odd", Some(7), Some(0)));
        drop(bars);
        let text = screen.text();
        for shown in ["aa: Pull complete", "bb: Odd", "cc: Odd 7 B"] {
            assert!(text.contains(shown), "{shown:?} is not in {text}");
        }
    }

    /// Every call may draw, so that what was said before could be seen beside what is said now.
    #[test]
    fn a_row_never_shows_half_of_a_change() {
        let screen = Screen::default();
        let mut bars = screen.bars();
        bars.update(&layer("aa", "Downloading", Some(10), Some(10)));
        bars.update(&layer("aa", "Complete", None, None));
        bars.update(&layer("aa", "Extracting", Some(5), Some(20)));
        drop(bars);
        let text = screen.text();
        for half in ["Complete [", "Complete 0", "10 B/20 B", " 0 B/"] {
            assert!(!text.contains(half), "{half:?} is in {text}");
        }
        assert!(text.contains("5 B/20 B"), "{text}");
    }

    #[test]
    fn the_output_of_a_build_comes_line_by_line() {
        let screen = Screen::default();
        let mut bars = screen.bars();
        let mut say = |text: &str| {
            bars.update(&Progress {
                text: Some(text.to_owned()),
                ..Progress::default()
            });
        };
        for text in ["Step 1/2 : FROM", " alpine", "\n", " ---> 1\r\nlast"] {
            say(text);
        }
        say(&"x".repeat(LINE));
        say("end");
        drop(bars);
        let text = screen.text();
        // The rest of a line is filled up with blanks.
        for shown in ["Step 1/2 : FROM alpine  ", " ---> 1  ", "lastxxx", "end"] {
            assert!(text.contains(shown), "{shown:?} is not in {text}");
        }
    }

    #[test]
    fn no_daemon_can_fill_the_memory_with_rows() {
        let screen = Screen::default();
        let mut bars = screen.bars();
        for id in 0..10 * ROWS {
            bars.update(&layer(&id.to_string(), "Waiting", None, None));
        }
        assert_eq!(bars.rows.len(), ROWS);
    }

    #[test]
    fn without_a_terminal_nothing_is_shown() {
        // What `cargo test` gives its tests is none, or is not looked at.
        let bars = ProgressBars::on(ProgressDrawTarget::hidden());
        assert!(bars.all.is_hidden());
    }
}

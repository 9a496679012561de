//! The terminal while something is going on: one line per download, one per build. Plain lines where
//! nobody watches.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{HumanBytes, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::OutputOptions;
use super::context::{Context, variable};
use super::settings::switch;
use crate::event::{Event, Observer};

/// How much is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    /// Errors only.
    Quiet,
    /// Lines.
    Plain,
    /// Lines, with every detail.
    Verbose,
    /// Moving bars.
    Bars,
}

/// Parts of a build's bar.
const BAR_LENGTH: u64 = 1000;

/// Plain lines tell of a build's progress each time it came this much further, in percent.
const PLAIN_STEP: u64 = 10;

/// An estimate is shown when at least this share of the work was seen.
const FIRST_ESTIMATE: f64 = 0.03;

/// Shows events on stderr.
pub struct Progress {
    level: Level,
    bars: MultiProgress,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    downloads: HashMap<String, ProgressBar>,
    builds: HashMap<String, Build>,
}

/// One build under way.
struct Build {
    bar: ProgressBar,
    started: Instant,
    /// The share of the work that was done when it started.
    first_share: Option<f64>,
    stage: String,
    last_told: u64,
}

impl Progress {
    /// As the options, the variables and the terminal say.
    pub fn new(context: &Context, output: OutputOptions) -> Result<Self> {
        let is_on = |name| switch(context, name).map(|on| on.unwrap_or(false));
        let no_progress = output.no_progress || is_on(variable::NO_PROGRESS)?;
        let watched = context.terminal && !no_progress && context.variable("CI").is_none();
        // A flag says more than a variable.
        let quiet = output.quiet || (!output.verbose && is_on(variable::QUIET)?);
        let verbose = output.verbose || is_on(variable::VERBOSE)?;
        let level = match (quiet, verbose, watched) {
            (true, ..) => Level::Quiet,
            (_, true, _) => Level::Verbose,
            (_, _, true) => Level::Bars,
            _ => Level::Plain,
        };
        let target = if level == Level::Bars { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Ok(Self { level, bars: MultiProgress::with_draw_target(target), state: Mutex::default() })
    }

    /// Prints a line above the bars.
    pub fn say(&self, line: &str) {
        if self.level != Level::Quiet {
            self.always_say(line);
        }
    }

    fn always_say(&self, line: &str) {
        self.bars.suspend(|| {
            let _ = writeln!(std::io::stderr(), "{line}");
        });
    }

    /// Takes the bars away, before data is printed.
    pub fn finish(&self) {
        let _ = self.bars.clear();
    }

    fn detail(&self, line: &str) {
        if self.level == Level::Verbose {
            self.say(line);
        }
    }

    fn plain(&self, line: &str) {
        if matches!(self.level, Level::Plain | Level::Verbose) {
            self.say(line);
        }
    }

    fn download_started(&self, state: &mut State, file: &str, origin: &str, have: u64, total: Option<u64>) {
        let size = total.map(|total| format!(", {}", HumanBytes(total))).unwrap_or_default();
        let resumed = if have > 0 { format!(", going on at {}", HumanBytes(have)) } else { String::new() };
        self.plain(&format!("downloading {file} from {origin}{size}{resumed}"));
        if self.level != Level::Bars {
            return;
        }
        let bar = state.downloads.entry(file.to_owned()).or_insert_with(|| self.bars.add(ProgressBar::no_length()));
        bar.set_style(style(match total {
            Some(_) => "{msg:40!} [{bar:24}] {bytes:>11} of {total_bytes:<11} {bytes_per_sec:>12}  {eta} left",
            None => "{msg:40!} {bytes:>11} {bytes_per_sec:>12}",
        }));
        if let Some(total) = total {
            bar.set_length(total);
        }
        bar.set_message(file.to_owned());
        bar.reset();
        bar.set_position(have);
        bar.reset_eta();
    }

    fn stage_started(&self, state: &mut State, toolchain: &str, stage: &str, number: usize, count: usize) {
        self.plain(&format!("{toolchain}: stage {number} of {count}, {stage}"));
        let build = self.build(state, toolchain);
        build.stage = format!("{stage} ({number}/{count})");
        build.bar.set_message(format!("{toolchain}  {}", build.stage));
    }

    fn build<'a>(&self, state: &'a mut State, toolchain: &str) -> &'a mut Build {
        state.builds.entry(toolchain.to_owned()).or_insert_with(|| {
            let bar = self.bars.add(ProgressBar::new(BAR_LENGTH));
            bar.set_style(style("{msg:50!} [{bar:24}] {percent:>3} %  {elapsed}{prefix}"));
            if self.level == Level::Bars {
                bar.enable_steady_tick(Duration::from_millis(250));
            }
            Build { bar, started: Instant::now(), first_share: None, stage: String::new(), last_told: 0 }
        })
    }

    fn build_progress(&self, state: &mut State, toolchain: &str, share: f64) {
        let build = self.build(state, toolchain);
        let first = *build.first_share.get_or_insert(share);
        let left = time_left(build.started.elapsed(), (share - first) / (1.0 - first).max(f64::EPSILON));
        let left = left.map(|left| format!(", about {} left", roughly(left))).unwrap_or_default();
        build.bar.set_position((share * BAR_LENGTH as f64) as u64);
        build.bar.set_prefix(left.clone());
        let percent = (share * 100.0) as u64;
        if percent >= build.last_told + PLAIN_STEP {
            build.last_told = percent - percent % PLAIN_STEP;
            let line =
                format!("{toolchain}: {}, {percent} % after {}{left}", build.stage, roughly(build.started.elapsed()));
            self.plain(&line);
        }
    }
}

impl Observer for Progress {
    fn event(&self, event: Event<'_>) {
        if self.level == Level::Quiet && !matches!(event, Event::Refused { .. }) {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Busy { doing } => self.say(doing),
            Event::DownloadStarted { file, origin, have, total } => {
                self.download_started(&mut state, file, origin, have, total);
            }
            Event::DownloadProgress { file, have, total } => {
                if let Some(bar) = state.downloads.get(file) {
                    bar.set_position(have);
                    total.inspect(|total| bar.set_length(*total));
                }
            }
            Event::DownloadDone { file, origin } => {
                if let Some(bar) = state.downloads.remove(file) {
                    bar.finish_and_clear();
                }
                self.detail(&format!("{file} from {origin} is what it should be"));
                if self.level == Level::Bars || self.level == Level::Plain {
                    self.say(&format!("verified {file}"));
                }
            }
            Event::DownloadRetry { file, origin, reason, after } => {
                self.say(&format!("{file}: {origin}: {reason}; trying again in {}", roughly(after)));
            }
            Event::OriginFailed { file, origin, reason } => self.detail(&format!("{file}: {origin}: {reason}")),
            Event::Unpacking { toolchain, file } => self.detail(&format!("{toolchain}: unpacking {file}")),
            Event::Waiting { what, holder } => self.say(&format!("waiting for {what}: {holder} has it")),
            Event::StageReused { toolchain, stage } => self.plain(&format!("{toolchain}: {stage} was finished before")),
            Event::StageStarted { toolchain, stage, number, count, log } => {
                self.stage_started(&mut state, toolchain, stage, number, count);
                self.detail(&format!("{toolchain}: {stage} writes to {}", log.display()));
            }
            Event::BuildProgress { toolchain, share } => self.build_progress(&mut state, toolchain, share),
            Event::StageDone { toolchain, stage, elapsed } => {
                self.plain(&format!("{toolchain}: {stage} took {}", roughly(elapsed)));
            }
            Event::BuildDone { toolchain } => {
                if let Some(build) = state.builds.remove(toolchain) {
                    build.bar.finish_and_clear();
                }
            }
            Event::Refused { file, why } => {
                if let Some(bar) = state.downloads.remove(file) {
                    self.bars.remove(&bar);
                }
                self.always_say(&format!("refused: {why}"));
            }
            Event::Note(line) => self.say(line),
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates are constants").progress_chars("=> ")
}

/// How long the rest takes if it goes on as it went for this share.
fn time_left(elapsed: Duration, share: f64) -> Option<Duration> {
    (share >= FIRST_ESTIMATE).then(|| elapsed.mul_f64((1.0 - share) / share))
}

/// A duration as people say it.
fn roughly(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        ..10.0 => format!("{seconds:.1} s"),
        ..90.0 => format!("{seconds:.0} s"),
        _ => format!("{:.0} min", seconds / 60.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_is_what_is_left_at_the_pace_so_far() {
        assert_eq!(time_left(Duration::from_secs(60), 0.25), Some(Duration::from_secs(180)));
        assert_eq!(time_left(Duration::from_secs(60), 0.01), None);
    }

    #[test]
    fn durations_are_said_in_the_unit_that_fits() {
        let said: Vec<String> = [0.25, 42.0, 600.0].map(|s| roughly(Duration::from_secs_f64(s))).to_vec();
        assert_eq!(said, ["0.2 s", "42 s", "10 min"]);
    }
}

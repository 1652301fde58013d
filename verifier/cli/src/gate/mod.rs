//! `bpfsign gate`: may these objects go on? For CI.

mod judge;
mod signed;
mod waive;
mod walk;

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use platform_click::{ExitCode, Platform};

use self::judge::Judge;
use self::signed::Loader;
use crate::args::{Format, Gate, ReportFormat, VerifyOptions};
use crate::error::{CliError, codes};
use crate::output::Output;
use crate::policy::{self, PolicyFile, Search};
use crate::report::{self, ObjectReport, Problem, Report};
use crate::show::text;
use crate::{clock, files};

/// How long a run takes before progress is shown.
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) fn run(args: &Gate, output: &Output) -> Result<ExitCode, CliError> {
    if args.print_default {
        output.print(policy::DEFAULT);
        return Ok(ExitCode::Accepted);
    }
    if args.print_schema {
        output.print(&format!("{:#}\n", report::schema()));
        return Ok(ExitCode::Accepted);
    }
    let search = match (&args.policy.config, args.policy.no_config) {
        (Some(file), _) => Search::File(file),
        (None, true) => Search::Nowhere,
        (None, false) => Search::Above(&args.paths),
    };
    let file = policy::find(search)?;
    let signed = file.policy.signature.required || args.policy.require_signed;
    let loader = if signed && !args.policy.verify_only {
        Some(Loader::new(&file)?)
    } else {
        None
    };
    let judge = Judge {
        policy: &file.policy,
        options: options(args, &file)?,
        loader,
    };
    let found = walk::objects(&args.paths);
    let jobs = args.jobs.map_or_else(processors, usize::from);
    let objects = judge_all(&judge, &found.objects, jobs, output);
    let report = conclude(&file, objects, found)?;
    for (format, path) in &args.report {
        let text = match format {
            ReportFormat::Json => format!("{:#}\n", report.json()),
            ReportFormat::Sarif => format!("{:#}\n", report::sarif(&report)),
            ReportFormat::Junit => report::junit(&report),
        };
        files::write(path, text.as_bytes())?;
    }
    show(&report, output);
    Ok(report.exit_code())
}

/// What is proved of every object, whatever a policy says.
///
/// # Errors
/// The clock shows no possible time.
pub(crate) fn survey(paths: &[PathBuf], output: &Output) -> Result<Report, CliError> {
    let file = PolicyFile::default();
    let judge = Judge {
        policy: &file.policy,
        options: usual()?,
        loader: None,
    };
    let found = walk::objects(paths);
    let objects = judge_all(&judge, &found.objects, processors(), output);
    conclude(&file, objects, found)
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

fn usual() -> Result<VerifyOptions, CliError> {
    VerifyOptions::usual().map_err(|error| CliError::message(codes::INTERNAL, error.to_string()))
}

/// What the command line says comes before the policy.
fn options(args: &Gate, file: &PolicyFile) -> Result<VerifyOptions, CliError> {
    let settings = &file.policy.verify;
    let usual = usual()?;
    Ok(VerifyOptions {
        kind: settings.bpffilter.0,
        time: args.time.unwrap_or(settings.time),
        memory: args.memory.unwrap_or(settings.memory),
        trial_time: settings.trial_time,
        loops: settings.loops,
        ..usual
    })
}

/// Judges every object, several at a time; the results are in the order of the paths.
fn judge_all(
    judge: &Judge<'_>,
    paths: &[PathBuf],
    jobs: usize,
    output: &Output,
) -> Vec<ObjectReport> {
    let progress = Progress::new(paths.len(), output);
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    let serve = || {
        while let Some((index, path)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            paths.get(index).map(|path| (index, path))
        } {
            let report = judge.judge(path);
            progress.step();
            // Nobody panics while he holds the lock.
            if let Ok(mut done) = done.lock() {
                done.insert(index, report);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..jobs.min(paths.len()) {
            // Where the system has no thread left, this one does all the work.
            let _ = thread::Builder::new().spawn_scoped(scope, serve);
        }
        serve();
    });
    progress.end();
    done.into_inner()
        .map(|done| done.into_values().collect())
        .unwrap_or_default()
}

/// A bar on a terminal, once it takes a while.
struct Progress {
    bar: ProgressBar,
    start: std::time::Instant,
}

impl Progress {
    fn new(objects: usize, output: &Output) -> Self {
        let bar = ProgressBar::hidden();
        bar.set_length(u64::try_from(objects).unwrap_or(u64::MAX));
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos} of {len} objects") {
            bar.set_style(style);
        }
        let shown = std::io::stderr().is_terminal() && !output.is_quiet();
        let start = std::time::Instant::now();
        if shown {
            bar.set_message("shown");
        }
        Self { bar, start }
    }

    fn step(&self) {
        if self.bar.message() == "shown" && self.bar.is_hidden() && self.start.elapsed() > PATIENCE
        {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.inc(1);
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}

fn conclude(
    file: &PolicyFile,
    mut objects: Vec<ObjectReport>,
    found: walk::Found,
) -> Result<Report, CliError> {
    let mut problems = found.problems;
    let platform = Platform.digest();
    if let Some((code, message)) = policy::other_platform(&file.policy, platform) {
        problems.push(Problem::new(code, &message));
    }
    if objects.is_empty() {
        let message = "there is no object for eBPF below the paths";
        problems.push(Problem::new(codes::NO_PROGRAMS, message));
    }
    let expired = waive::apply(file, &found.objects, &mut objects, clock::now()?);
    problems.extend(expired);
    let mut report = Report {
        version: report::VERSION,
        tool: concat!("bpfsign ", env!("CARGO_PKG_VERSION")).into(),
        platform: Platform::NAME.into(),
        platform_sha256: platform.to_string(),
        policy: file.path.as_deref().map(text::path),
        passed: false,
        exit: 0,
        objects,
        problems,
        passed_over: found
            .passed_over
            .iter()
            .map(|path| text::path(path))
            .collect(),
    };
    let exit = report.exit_code();
    report.exit = exit.number();
    report.passed = exit == ExitCode::Accepted;
    Ok(report)
}

fn show(report: &Report, output: &Output) {
    match output.format() {
        Format::Json => output.print(&format!("{:#}\n", report.json())),
        Format::Sarif => output.print(&format!("{:#}\n", report::sarif(report))),
        Format::Junit => output.print(&report::junit(report)),
        Format::Github => output.print(&report::github(report)),
        Format::Text => {
            for (object, problem) in report.problems() {
                output.diagnostic(&[report::describe(object, problem, output.verbosity())]);
            }
            if !output.is_quiet() {
                output.print(&report::text(report));
            }
        }
    }
}

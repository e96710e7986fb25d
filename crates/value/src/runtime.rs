//! What an evaluation gets from the host, and how much it may use.
//!
//! Both evaluators charge one [`Budget`]: steps, memory, nesting and time. The limits are not configuration: a program that reaches one fails, and nothing
//! else does.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::time::{Time, Zone};

/// The clock of the host.
pub trait Clock: Send + Sync {
    /// The present moment, in the local zone of the process.
    fn now(&self) -> Time;

    /// Time since some fixed moment, never going back; used for the deadline of an evaluation.
    fn monotonic(&self) -> std::time::Duration;
}

/// Where random bytes come from.
pub trait Random: Send + Sync {
    /// Fills `buffer` with bytes that nobody can guess.
    fn fill(&self, buffer: &mut [u8]);
}

/// Name resolution for `getHostByName`.
pub trait Resolver: Send + Sync {
    /// The addresses of `name`.
    fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, String>;
}

/// What the host gives to an evaluation. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of random bytes.
    pub random: Arc<dyn Random>,
    /// The local zone (`TZ`).
    pub zone: Zone,
    /// The limits of one evaluation.
    pub limits: Limits,
    /// Name resolution; `None` refuses `getHostByName`, as for tenants.
    pub resolver: Option<Arc<dyn Resolver>>,
    /// Whether `genPrivateKey` and the certificate functions may be used; refused for tenants, because they burn seconds of CPU.
    pub allow_key_generation: bool,
}

impl Runtime {
    /// A runtime with the default limits, UTC, no name resolution and no key generation.
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self {
            clock,
            random,
            zone: Zone::utc(),
            limits: Limits::default(),
            resolver: None,
            allow_key_generation: false,
        }
    }

    /// A runtime for tests: a fixed moment, and random bytes that are the same every time.
    pub fn fixed(now: Time) -> Self {
        let mut runtime = Self::new(Arc::new(FixedClock(now)), Arc::new(CountingRandom::default()));
        runtime.allow_key_generation = true;
        runtime
    }

    /// The budget of one evaluation that starts now.
    pub fn budget(&self) -> Budget {
        let deadline =
            self.limits.wall.map(|wall| Deadline { clock: Arc::clone(&self.clock), wall, at: None });
        Budget {
            steps: self.limits.steps,
            memory: self.limits.memory,
            depth: self.limits.depth,
            output: self.limits.output,
            deadline,
            next_look: self.limits.steps.saturating_sub(LOOK_EVERY),
        }
    }
}

/// A clock that stands still.
struct FixedClock(Time);

impl Clock for FixedClock {
    fn now(&self) -> Time {
        self.0.clone()
    }

    fn monotonic(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
}

/// Bytes that look random and are the same in every run (SplitMix64 from a fixed start).
#[derive(Default)]
struct CountingRandom(std::sync::atomic::AtomicU64);

impl Random for CountingRandom {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let step = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed).wrapping_add(1);
            let mut mixed = step.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^= mixed >> 31;
            chunk.copy_from_slice(mixed.to_le_bytes().get(..chunk.len()).unwrap_or_default());
        }
    }
}

/// How much one evaluation may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Steps: roughly one for each node evaluated, element visited or kibibyte moved.
    pub steps: u64,
    /// Bytes of values made (not: alive).
    pub memory: usize,
    /// Nesting of calls, templates and values.
    pub depth: u32,
    /// Bytes of output.
    pub output: usize,
    /// Time on the host's clock.
    pub wall: Option<std::time::Duration>,
}

impl Default for Limits {
    /// 10 million steps, 256 MiB made, 1,000 levels, 16 MiB of output, 5 seconds.
    fn default() -> Self {
        Self {
            steps: 10_000_000,
            memory: 256 << 20,
            depth: 1_000,
            output: 16 << 20,
            wall: Some(std::time::Duration::from_secs(5)),
        }
    }
}

/// Which limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of Limits")]
pub enum Limit {
    Steps,
    Memory,
    Depth,
    Output,
    Wall,
}

/// A limit of the evaluation was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitError(pub Limit);

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Limit::Steps => "too many steps: the program does more work than one evaluation may",
            Limit::Memory => "memory budget exceeded: the program makes more data than one evaluation may",
            Limit::Depth => "nested too deep",
            Limit::Output => "output too long",
            Limit::Wall => "deadline exceeded: the program takes longer than one evaluation may",
        })
    }
}

impl std::error::Error for LimitError {}

/// Steps between two looks at the clock.
const LOOK_EVERY: u64 = 4_096;

struct Deadline {
    clock: Arc<dyn Clock>,
    wall: std::time::Duration,
    /// Set at the first look: asking the clock at the start would cost a short evaluation a third of its time.
    at: Option<std::time::Duration>,
}

/// What is left of the limits of one evaluation.
pub struct Budget {
    steps: u64,
    memory: usize,
    depth: u32,
    output: usize,
    deadline: Option<Deadline>,
    next_look: u64,
}

impl Budget {
    /// A budget without a deadline; for tests and for work outside an evaluation.
    pub fn new(limits: Limits) -> Self {
        Self {
            steps: limits.steps,
            memory: limits.memory,
            depth: limits.depth,
            output: limits.output,
            deadline: None,
            next_look: 0,
        }
    }

    /// Takes `count` steps.
    #[inline]
    pub fn step(&mut self, count: u64) -> Result<(), LimitError> {
        self.steps = self.steps.checked_sub(count).ok_or(LimitError(Limit::Steps))?;
        if self.steps < self.next_look { self.look() } else { Ok(()) }
    }

    #[cold]
    fn look(&mut self) -> Result<(), LimitError> {
        self.next_look = self.steps.saturating_sub(LOOK_EVERY);
        let Some(deadline) = &mut self.deadline else { return Ok(()) };
        let now = deadline.clock.monotonic();
        if now > *deadline.at.get_or_insert(now + deadline.wall) {
            return Err(LimitError(Limit::Wall));
        }
        Ok(())
    }

    /// Takes `bytes` of memory, and a step for each kibibyte.
    #[inline]
    pub fn memory(&mut self, bytes: usize) -> Result<(), LimitError> {
        self.memory = self.memory.checked_sub(bytes).ok_or(LimitError(Limit::Memory))?;
        self.step(bytes as u64 >> 10)
    }

    /// Goes one level down; [`Budget::leave`] goes up again.
    #[inline]
    pub fn enter(&mut self) -> Result<(), LimitError> {
        self.depth = self.depth.checked_sub(1).ok_or(LimitError(Limit::Depth))?;
        Ok(())
    }

    /// Goes one level up.
    #[inline]
    pub const fn leave(&mut self) {
        self.depth += 1;
    }

    /// How many bytes may still be made; a bound for a text that is about to be built.
    pub const fn memory_left(&self) -> usize {
        self.memory
    }

    /// How many bytes of output are allowed in all.
    pub const fn output_limit(&self) -> usize {
        self.output
    }
}
